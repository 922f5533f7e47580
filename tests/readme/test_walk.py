"""The commands of the pages, from a shell and from psql, print what the pages say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.readme.walk import FIRST, GUIDES, Pages, Step, Walk, check, service


@pytest.mark.parametrize("pages", [FIRST, GUIDES], ids=["first", "guides"])
def test_the_walks_print_what_the_pages_say(tmp_path: Path, pages: Pages) -> None:
    check(pages, tmp_path)


def test_a_second_start_keeps_the_data_and_stops_cleanly(tmp_path: Path) -> None:
    for run in (1, 2):
        with service(tmp_path / "data") as (url, line):
            directory = tmp_path / str(run)
            directory.mkdir()
            walk = Walk(url, line, directory)
            psql = "inventory=#"
            walk.run(Step(psql, "select inventory.create_product('RUN-' || count(*), 'Kept') from store.product;", ""))
            count = Step(psql, "select count(*) from store.product;", "")
            walk.run(count)
            # Three of the demo stock, made once, and one a run.
            assert count.actual.split()[2] == str(3 + run)
        assert not (tmp_path / "data" / "cluster" / "postmaster.pid").exists()
