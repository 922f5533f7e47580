"""What Lighthouse says of the pages: `make test-scores` installs and runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.board.conftest import PROGRAMS
from tests.board.test_look import PAGES
from tests.conftest import Server

LIGHTHOUSE = Path(__file__).resolve().parent / "node_modules" / ".bin" / "lighthouse"
LEAST = 95
CATEGORIES = ("accessibility", "best-practices")


@pytest.fixture
def program() -> str:
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    assert found, "no Chromium"
    return found


@pytest.mark.parametrize("name", [name for name in PAGES if name != "missing"])
@pytest.mark.parametrize("device", ["mobile", "desktop"])
def test_the_scores_are_high(shown: Server, products: dict[str, int], program: str, name: str, device: str) -> None:
    command = [
        *(str(LIGHTHOUSE), f"{shown.url}/board{PAGES[name].format(chair=products['CHAIR-3'])}"),
        *("--quiet", "--output=json", f"--only-categories={','.join(CATEGORIES)}"),
        *("--chrome-flags=--headless --no-sandbox", *(["--preset=desktop"] if device == "desktop" else [])),
    ]
    environment = os.environ | {"CHROME_PATH": program}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    wrong = [audit["title"] for audit in report["audits"].values() if audit["score"] == 0]
    scores = {category: round(100 * report["categories"][category]["score"]) for category in CATEGORIES}
    assert min(scores.values()) >= LEAST, (scores, wrong)
