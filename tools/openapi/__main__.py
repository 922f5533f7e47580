"""Writes docs/openapi.json, from the catalog of a throw-away cluster."""

from __future__ import annotations

import tempfile
from pathlib import Path

import psycopg

from db.apply import apply
from server.app import SPECIFICATION
from server.database.interface import read
from tools.cluster import Cluster
from tools.openapi import text


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        with Cluster(Path(directory) / "data", throwaway=True) as cluster:
            apply(cluster.dsn(), jobs=False)
            with psycopg.connect(cluster.dsn()) as connection:
                row = connection.execute("select http.catalog()::text").fetchone()
    assert row is not None
    SPECIFICATION.write_text(text(read(row[0])))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
