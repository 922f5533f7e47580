"""One instrumented database for the interleavings of a pytest worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo
from pytest_postgresql.janitor import DatabaseJanitor

from tests.interleavings.search import Explorer


@pytest.fixture(scope="session")
def explorer(postgresql_noproc: Any) -> Iterator[Explorer]:
    """An explorer. What a test plants it takes back."""
    names = {"host": postgresql_noproc.host, "port": postgresql_noproc.port, "user": postgresql_noproc.user}
    name = f"{postgresql_noproc.dbname}_interleavings"
    with DatabaseJanitor(**names, dbname=name, template_dbname=postgresql_noproc.template_dbname):
        explorer = Explorer(make_conninfo(**names, dbname=name))
        yield explorer
        explorer.close()
