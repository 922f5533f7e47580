"""`make test-docs`: the guides that need programs of .venv-docs. Not part of `make test`: they take long to install."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.readme.walk import HEAVY, check


@pytest.mark.parametrize("page", HEAVY, ids=lambda page: page.stem)
def test_the_guide_prints_what_it_says(tmp_path: Path, page: Path) -> None:
    check((page,), tmp_path)
