"""Writes docs/openapi.json, from the catalog of a throw-away cluster."""

from __future__ import annotations

import psycopg

from server.app import SPECIFICATION
from server.database.interface import read
from tools.openapi import text
from tools.scratch import scratch_cluster


def main() -> int:
    with scratch_cluster() as cluster, psycopg.connect(cluster.dsn()) as connection:
        row = connection.execute("select http.catalog()::text").fetchone()
    assert row is not None
    SPECIFICATION.write_text(text(read(row[0])))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
