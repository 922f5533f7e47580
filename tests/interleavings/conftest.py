"""One instrumented database for the interleavings of a pytest worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import new_database
from tests.interleavings.search import Explorer


@pytest.fixture(scope="session")
def explorer(template_database: str) -> Iterator[Explorer]:
    """An explorer. What a test plants it takes back."""
    with new_database(template_database) as conninfo:
        explorer = Explorer(conninfo)
        yield explorer
        explorer.close()
