"""The world that these tests run in is the one that its name says."""

from __future__ import annotations

import psycopg
from psycopg.conninfo import make_conninfo

from tests import worlds
from tests.conftest import Database, Server


def test_the_world_is_what_its_name_says(database: Database, server: Server) -> None:
    server.client().get("/temporary-blocks")
    # What only a superuser takes away.
    kept = "select has_function_privilege('inventory_reporting', 'pg_advisory_lock(bigint)', 'execute')"
    assert database.one(kept) == (worlds.WORLD == "owner")
    if worlds.WORLD == "owner":
        assert database.rows("select rolsuper from pg_roles where rolname = %s", worlds.OWNER) == [(False,)]
    if worlds.WORLD == "no-cron":
        assert database.one("show shared_preload_libraries") == ""
    if worlds.WORLD == "pooler":
        pools = make_conninfo(worlds.served(database.conninfo), user="postgres", dbname="pgbouncer")
        with psycopg.connect(pools, autocommit=True) as console:
            found = {row[:2]: row[-2] for row in console.execute("show pools")}
        assert found[database.admin.info.dbname, "inventory_operator"] == "transaction"
