"""The console blocks of the pages, run for real. A walk is some pages, in order, with one service.

A block is ```` ```console ```` with commands behind ``$ `` (a shell) or ``inventory=# `` (psql), and what they print.
Ids and times differ from run to run: a UUID of a page stands for the one that came in its place, and is replaced by it
in the commands after; a time is compared by its form. Any other block whose paragraph before ends with a name
(``… `receive.py`:``) is a file, which is there when the page's commands run.

    python -m tests.readme.walk --write     put what the commands print now into the pages
    python -m tests.readme.walk --write docs/howto/spreadsheet.md      the same for the walk of this page
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.process import LAST_LINE, ROOT, run, said_until

README = ROOT / "README.md"
HOWTO = ROOT / "docs" / "howto"
Pages = tuple[Path, ...]
FIRST: Pages = (README, ROOT / "docs" / "walk.md", ROOT / "docs" / "operations.md")
# In this order: the reports show what came before.
GUIDES: Pages = tuple(
    HOWTO / f"{name}.md"
    for name in ("webhooks", "spreadsheet", "other-system", "reports", "testing", "changes", "carts", "kits")
)
# With programs that the other tests do not need: `make test-docs`.
HEAVY: Pages = tuple(HOWTO / f"{name}.md" for name in ("webhooks-javascript", "testing-javascript", "pandas", "dbt"))
PROGRAMS = Path(sys.executable).parent
HEAVY_PROGRAMS = ROOT / ".venv-docs" / "bin"
WALKS = (FIRST, GUIDES, *((page,) for page in HEAVY))

_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_TIME = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00)?")
_SECONDS = re.compile(r"\bin \d+[.]\d+s\b")
_TOKEN = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+")
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
_FILE = re.compile(r"`([\w./-]+)`:\n\n```(?!console)\w+\n(.*?)```", re.DOTALL)
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


def files(text: str) -> dict[str, str]:
    """The files of a page, by name."""
    return dict(_FILE.findall(text))


class Walk:
    """Runs steps against one service, with the pages' ids replaced by those that came in their place.

    A variable that one shell command sets is there for those after it. What a step leaves running ends with the walk.
    """

    def __init__(self, url: str, psql: str, directory: Path, programs: Path = PROGRAMS) -> None:
        self._psql = psql
        self._directory = directory / "work"
        self._directory.mkdir()
        self._ids: dict[str, str] = {}
        self._groups: list[int] = []
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            receiver = str(probe.getsockname()[1])
        # What the pages write, and what stands in its place here: the service, and a receiver of webhooks.
        self._places = {"http://127.0.0.1:8000": url, "9000": receiver}
        self._variables = directory / "variables"
        self._variables.touch()
        conninfo = shlex.split(psql)[1]
        self._environment = os.environ | {
            "DATABASE_URL": conninfo,
            "INVENTORY": str(ROOT),
            "LC_ALL": "C.UTF-8",
            "PAGER": "",
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PGHOST": str(conninfo_to_dict(conninfo)["host"]),
            "REPORTS_URL": make_conninfo(conninfo, user="inventory_reporting"),
        }

    def write(self, page: Path) -> None:
        """Write the files of the page."""
        for name, content in files(page.read_text()).items():
            path = self._directory / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(self._placed(content))

    def _placed(self, text: str) -> str:
        for written, here in self._places.items():
            text = text.replace(written, here)
        return text

    def close(self) -> None:
        """End what the steps have left running."""
        for group in self._groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGTERM)

    def run(self, step: Step) -> None:
        """Run the step, and learn which ids stand for which."""
        command = _UUID.sub(lambda match: self._ids.get(match[0], match[0]), step.command)
        command = self._placed(command)
        if step.prompt == "$":
            # As a person would see it: the progress meter of curl aside.
            script = (
                f'. {self._variables}\ncurl() {{ command curl --silent --show-error "$@"; }}\n{command}\n'
                f"declare -p | grep '^declare -- [a-z]' > {self._variables}"
            )
            arguments, given = ["bash", "-c", script], ""
        else:
            arguments, given = ["bash", "-c", f"{self._psql} --no-psqlrc --quiet"], command
        with subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self._directory,
            env=self._environment,
            start_new_session=True,
        ) as process:
            if " & " in command:
                self._groups.append(process.pid)
            try:
                step.actual, _ = process.communicate(given, timeout=60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        for written, here in self._places.items():
            step.actual = step.actual.replace(here, written)
        if step.actual and not step.actual.endswith("\n"):
            step.actual += "\n"
        for theirs, ours in zip(_UUID.findall(step.expected), _UUID.findall(step.actual), strict=False):
            self._ids.setdefault(theirs, ours)

    def comparable(self, text: str, *, is_expected: bool) -> str:
        """The text with everything that differs from run to run made the same."""
        if is_expected:
            text = _UUID.sub(lambda match: self._ids.get(match[0], match[0]), text)
        text = _SECONDS.sub("in <seconds>", _TOKEN.sub("<token>", _TIME.sub("<time>", text)))
        # psql's columns are as wide as what stands in them, a time's microseconds included.
        return "\n".join(
            re.sub(r" +", " ", re.sub(r"-{3,}", "---", line)).strip() for line in text.strip().splitlines()
        )


@contextmanager
def walking(pages: Pages, directory: Path) -> Iterator[Walk]:
    """The pages' walk, over a service of its own."""
    with service(directory / "data") as (url, psql):
        walk = Walk(url, psql, directory, HEAVY_PROGRAMS if pages[0] in HEAVY else PROGRAMS)
        # The logins that the guides make: the cluster knows its own roles alone, and has no passwords.
        rules = directory / "data" / "cluster" / "pg_hba.conf"
        rules.write_text("local all +inventory_reporting trust\n" + rules.read_text())
        walk.run(Step("inventory=#", "select pg_reload_conf();", ""))
        try:
            yield walk
        finally:
            walk.close()


def check(pages: Pages, directory: Path) -> None:
    """Fail where a command of these pages prints something else than its page says."""
    by_page = {page: steps(page.read_text()) for page in pages}
    assert all(by_page.values())
    with walking(pages, directory) as walk:
        for page, walked in by_page.items():
            walk.write(page)
            for step in walked:
                assert "ERROR:" not in step.expected, (page.name, step.command)
                walk.run(step)
                expected = walk.comparable(step.expected, is_expected=True)
                assert walk.comparable(step.actual, is_expected=False) == expected, (page.name, step.command)


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
    wanted = {Path(argument).resolve() for argument in sys.argv[1:] if argument != "--write"}
    for pages in WALKS:
        if not (wanted & set(pages) if wanted else pages[0] not in HEAVY):
            continue
        found = {page: steps(page.read_text()) for page in pages}
        with (
            tempfile.TemporaryDirectory(prefix="inventory-walk-") as directory,
            walking(pages, Path(directory)) as walk,
        ):
            for page, walked in found.items():
                walk.write(page)
                for step in walked:
                    walk.run(step)
                    # What is written back are this run's ids: the commands must name them too.
                    step.command = _UUID.sub(lambda match: walk._ids.get(match[0], match[0]), step.command)
        for page, walked in found.items():
            if "--write" in sys.argv:
                page.write_text(rewritten(page.read_text(), walked))
            else:
                print("".join(f"{step.prompt} {step.command}\n{step.actual}" for step in walked))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
