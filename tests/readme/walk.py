"""The console blocks of some pages, run for real, in this order: each page goes on where the one before it ends.

A block is ```` ```console ```` with commands behind ``$ `` (a shell) or ``inventory=# `` (psql), and what they print.
Ids and times differ from run to run: a UUID of a page stands for the one that came in its place, and is replaced by it
in the commands after; a time is compared by its form.

    python -m tests.readme.walk --write     put what the commands print now into the pages
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.process import LAST_LINE, ROOT, run, said_until

README = ROOT / "README.md"
PAGES = (README, ROOT / "docs" / "walk.md", ROOT / "docs" / "operations.md")  # in the order in which they are run

_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_TIME = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00)?")
_TOKEN = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+")
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
_PROMPT = re.compile(r"^(\$|inventory=#) (.*)$")


@dataclasses.dataclass
class Step:
    """One command, what the page says that it prints, and what it printed."""

    prompt: str
    command: str
    expected: str
    actual: str = ""


def steps(text: str) -> list[Step]:
    """All steps of all console blocks. A shell's command goes on after a backslash, psql's until its semicolon."""
    found: list[Step] = []
    for block in _BLOCK.findall(text):
        goes_on = False
        for line in block.splitlines():
            match = _PROMPT.match(line)
            if match and not goes_on:
                found.append(Step(match[1], match[2], ""))
            elif goes_on:
                found[-1].command += "\n" + line
            else:
                found[-1].expected += line + "\n"
                continue
            step = found[-1]
            goes_on = step.command.endswith("\\") if step.prompt == "$" else not step.command.rstrip().endswith(";")
    return found


class Walk:
    """Runs steps against one service, with the pages' ids replaced by those that came in their place.

    A variable that one shell command sets is there for those after it.
    """

    def __init__(self, url: str, psql: str, directory: Path) -> None:
        self._url = url
        self._psql = psql
        self._ids: dict[str, str] = {}
        self._variables = directory / "variables"
        self._variables.touch()

    def run(self, step: Step) -> None:
        """Run the step, and learn which ids stand for which."""
        command = _UUID.sub(lambda match: self._ids.get(match[0], match[0]), step.command)
        command = command.replace("http://127.0.0.1:8000", self._url)
        if step.prompt == "$":
            # As a person would see it: the progress meter of curl aside.
            script = (
                f'. {self._variables}\ncurl() {{ command curl --silent --show-error "$@"; }}\n{command}\n'
                f"declare -p | grep '^declare -- [a-z]' > {self._variables}"
            )
            arguments, given = ["bash", "-c", script], None
        else:
            arguments, given = ["bash", "-c", f"{self._psql} --no-psqlrc --quiet"], command
        done = subprocess.run(
            arguments,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
            env=os.environ | {"LC_ALL": "C.UTF-8", "PAGER": ""},
        )
        step.actual = done.stdout.replace(self._url, "http://127.0.0.1:8000")
        if step.actual and not step.actual.endswith("\n"):
            step.actual += "\n"
        for theirs, ours in zip(_UUID.findall(step.expected), _UUID.findall(step.actual), strict=False):
            self._ids.setdefault(theirs, ours)

    def comparable(self, text: str, *, is_expected: bool) -> str:
        """The text with everything that differs from run to run made the same."""
        if is_expected:
            text = _UUID.sub(lambda match: self._ids.get(match[0], match[0]), text)
        text = _TOKEN.sub("<token>", _TIME.sub("<time>", text))
        # psql's columns are as wide as what stands in them, a time's microseconds included.
        return "\n".join(
            re.sub(r" +", " ", re.sub(r"-{3,}", "---", line)).strip() for line in text.strip().splitlines()
        )


@contextmanager
def service(directory: Path) -> Iterator[tuple[str, str]]:
    """`make run` with a DATA_DIR of its own: its URL and its psql line."""
    with run(DATA_DIR=str(directory)) as (url, process):
        banner = said_until(process, LAST_LINE)
        psql = re.search(r"database +(psql .*)", banner)
        assert psql is not None, banner
        yield url, psql[1]
    assert process.returncode == 0, f"the service ended with status {process.returncode}"


def rewritten(text: str, walked: list[Step]) -> str:
    """The page with what the steps printed."""
    remaining = iter(walked)

    def block(match: re.Match[str]) -> str:
        lines = []
        for _ in steps(match[0]):
            step = next(remaining)
            lines.append(f"{step.prompt} {step.command}\n{step.actual}")
        return "```console\n" + "".join(lines) + "```"

    return _BLOCK.sub(block, text)


def main() -> int:
    texts = {page: page.read_text() for page in PAGES}
    found = {page: steps(text) for page, text in texts.items()}
    with tempfile.TemporaryDirectory(prefix="inventory-walk-") as directory, service(Path(directory)) as (url, psql):
        walk = Walk(url, psql, Path(directory))
        for step in itertools.chain.from_iterable(found.values()):
            walk.run(step)
            # What is written back are this run's ids: the commands must name them too.
            step.command = _UUID.sub(lambda match: walk._ids.get(match[0], match[0]), step.command)
    for page, walked in found.items():
        if "--write" in sys.argv:
            page.write_text(rewritten(texts[page], walked))
        else:
            print("".join(f"{step.prompt} {step.command}\n{step.actual}" for step in walked))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
