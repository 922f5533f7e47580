"""The walks of the README and of docs/walk.md, from a shell and from psql, print what the pages say."""

from __future__ import annotations

from pathlib import Path

from tests.readme.walk import PAGES, Step, Walk, service, steps


def test_the_walks_print_what_the_pages_say(tmp_path: Path) -> None:
    by_page = [steps(page.read_text()) for page in PAGES]
    assert all(by_page)
    walked = [step for page in by_page for step in page]
    assert {step.prompt for step in walked} == {"$", "inventory=#"}
    with service(tmp_path / "data") as (url, psql):
        walk = Walk(url, psql, tmp_path)
        for step in walked:
            walk.run(step)
            expected = walk.comparable(step.expected, is_expected=True)
            assert walk.comparable(step.actual, is_expected=False) == expected, step.command


def test_a_second_start_keeps_the_data_and_stops_cleanly(tmp_path: Path) -> None:
    for run in (1, 2):
        with service(tmp_path / "data") as (url, line):
            walk = Walk(url, line, tmp_path)
            psql = "inventory=#"
            walk.run(Step(psql, "select inventory.create_product('RUN-' || count(*), 'Kept') from store.product;", ""))
            count = Step(psql, "select count(*) from store.product;", "")
            walk.run(count)
            # Three of the demo stock, made once, and one a run.
            assert count.actual.split()[2] == str(3 + run)
        assert not (tmp_path / "data" / "cluster" / "postmaster.pid").exists()
