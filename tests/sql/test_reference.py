"""docs/reference says what is in the catalog, in the table of errors and in the metrics."""

from __future__ import annotations

import re

import pytest

from tests.conftest import Database
from tools.reference import PAGES, pages


def test_the_reference_is_up_to_date(database: Database, subtests: pytest.Subtests) -> None:
    written = pages(database.admin)
    for name, text in written.items():
        with subtests.test(page=name):
            assert (PAGES / name).read_text() == text, "python -m tools.reference writes it"
    # Every function with a grant is there, and every view of the reports.
    granted = database.rows(
        "select distinct p.oid::regproc::text from pg_proc as p, aclexplode(p.proacl) as a"
        " where a.grantee <> p.proowner and p.pronamespace = any('{inventory,report,maintenance}'::regnamespace[])"
    )
    assert len(granted) > 50
    assert {name for (name,) in granted} == set(re.findall("^#### (.+)$", written["functions.md"], re.MULTILINE))
    views = database.rows("select oid::regclass::text from pg_class where relnamespace = 'report'::regnamespace")
    assert {view for (view,) in views} == set(re.findall("^## (.+)$", written["views.md"], re.MULTILINE))
