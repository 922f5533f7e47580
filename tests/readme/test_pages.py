"""The pages of the documentation name what there is: every endpoint, setting, metric and page, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import db.settings
from pgcalls import Limits as QueueLimits
from server.database.calls import Database
from server.http.guard import Drain
from server.http.rate_limits import Limits
from server.http.routes import FILE_ROUTES, ROUTES, TOKEN_ROUTES
from server.operation.metrics import FIGURES, Metrics
from server.settings import Settings
from server.webhooks.sender import Sender
from tests.process import ROOT
from tests.readme.walk import GUIDES, HEAVY, HOWTO, README, files, steps
from tools.site.pages import MARK, name_of, specification
from tools.site.pictures import PICTURES, drawn

API = ROOT / "docs" / "api.md"
LLMS = ROOT / "llms.txt"
OPERATIONS = ROOT / "docs" / "operations.md"
FOLDERS = (
    ".",
    "bench",
    "bench/peers",
    "db",
    "deploy",
    "deploy/patroni",
    "docs",
    "docs/howto",
    "docs/reference",
    "pgcalls",
)
THREE_SCREENS = 120
# Their commands are run by tests/operations.
FOR_OPERATORS = {HOWTO / f"{name}.md" for name in ("failover", "point-in-time", "upgrade")}

_ENDPOINT = re.compile(r"`(GET|POST|PUT|PATCH|DELETE)(?: (/[^`]*))?`")
_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def pages() -> list[Path]:
    """All pages, but for those of packages that are installed below a folder."""
    return [page for folder in FOLDERS for page in sorted((ROOT / folder).glob("*.md"))]


def section(page: Path, title: str) -> str:
    return page.read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def names(text: str) -> set[str]:
    """What stands as code in the first cells of the tables."""
    return {name for row in re.findall(r"^\| (.*?) \|", text, re.MULTILINE) for name in _CODE.findall(row)}


def anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_the_readme_is_three_screens() -> None:
    assert len(README.read_text().splitlines()) <= THREE_SCREENS


def test_the_table_has_every_endpoint_with_its_function() -> None:
    routes = (*ROUTES, *TOKEN_ROUTES, *FILE_ROUTES)
    endpoints, functions = set(), {}
    for row in re.findall(r"^\| .*\|$", section(API, "Endpoints"), re.MULTILINE):
        methods: list[str] = []
        in_row = set()
        for method, path in _ENDPOINT.findall(row):
            methods.append(method)
            if path:
                in_row |= {(each, path) for each in methods}
                methods = []
        endpoints |= in_row
        functions |= {endpoint: set(re.findall(r"`http\.(\w+)`", row)) for endpoint in in_row}
    assert endpoints == {(route.method, route.path) for route in routes}
    for route in routes:
        assert route.function in functions[route.method, route.path], route
    assert set().union(*functions.values()) == {route.function for route in routes}


def test_the_table_has_every_setting_and_no_other() -> None:
    settings = {name.upper() for name in Settings.model_fields | db.settings.Settings.model_fields}
    settings.add("POSTGRESQL_BIN")  # tools/cluster.py reads it
    assert {name for name in names(section(OPERATIONS, "Settings")) if name.isupper()} == settings
    for file in (".env.dev", ".env.prod"):
        assert set(re.findall(r"^#? ?([A-Z_]+)=", (ROOT / file).read_text(), re.MULTILINE)) <= settings


def test_the_table_has_every_metric_and_no_other() -> None:
    queues = Database("", None, QueueLimits(1, 1, 1))
    metrics = Metrics(queues, Limits(Settings()), Drain(), Sender(queues), {}, standbys=None)
    metrics.figures = dict.fromkeys(FIGURES, 0)
    # Not the time at which each counter began.
    shown = set(re.findall(r"^# HELP (inventory_\w+)", metrics.text().decode(), re.MULTILINE))
    assert names(section(OPERATIONS, "Metrics")) - {"process_…", "python_…"} == {
        name for name in shown if not name.endswith("_created")
    }


def test_every_link_leads_somewhere() -> None:
    for page in pages():
        text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
        for link in _LINK.findall(text):
            target, _, part = link.partition("#")
            if "://" in target:
                continue
            leads_to = (page.parent / target) if target else page
            assert leads_to.exists(), f"{page}: {link}"
            if part and leads_to.suffix == ".md":
                headings = re.findall(r"^#+ (.*)$", leads_to.read_text(), re.MULTILINE)
                assert part in map(anchor, headings), f"{page}: {link}"


def test_the_readme_leads_to_every_page() -> None:
    linked = {(README.parent / link.partition("#")[0]).resolve() for link in _LINK.findall(README.read_text())}
    assert set((ROOT / "docs").glob("*.md")) <= linked


def test_the_index_for_models_is_of_its_form_and_leads_to_every_page() -> None:
    """https://llmstxt.org: a title, a summary, paragraphs without headings, and lists of links with notes."""
    title, summary, *rest = LLMS.read_text().split("\n\n")
    assert re.fullmatch(r"# \w+", title)
    assert all(line.startswith("> ") for line in summary.splitlines())
    sections = "\n\n".join(rest).partition("\n## ")[2].split("\n## ")
    for section in sections:
        _, *links = filter(None, section.splitlines())
        assert links
        assert all(re.fullmatch(r"- \[[^]]+\]\([^)\s]+\): .+", link) for link in links)
    linked = [ROOT / link for link in _LINK.findall(LLMS.read_text())]
    assert all(page.is_file() for page in linked)
    assert {*(ROOT / "docs").glob("*.md"), README, ROOT / "docs" / "openapi.json"} <= set(linked)


def test_every_block_of_the_guides_is_run() -> None:
    """As a command, or as a file that one reads: nothing else stands in them."""
    assert {*GUIDES, *HEAVY, *FOR_OPERATORS} == set(HOWTO.glob("*.md"))
    for page in (*GUIDES, *HEAVY):
        text = page.read_text()
        commands = "".join(step.command for step in steps(text))
        kinds = re.findall(r"^```(\w+)$", text, re.MULTILINE)
        assert len(kinds) == kinds.count("console") + len(files(text)), page
        # A command names each file, or a program does that a command runs; or it is one that such a program looks for.
        used = commands + "".join(files(text).values())
        looked_for = re.compile(r"conftest|test_|[.]yml$|^models/")
        assert all(name in used or looked_for.search(name) for name in files(text)), page
    for page in FOR_OPERATORS:
        assert set(re.findall(r"^```(\w+)$", page.read_text(), re.MULTILINE)) == {"sh"}, page
    for page in HOWTO.glob("*.md"):
        assert "\n\n    " not in re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL), page


def test_every_api_has_a_page() -> None:
    shown = [tag for page in (ROOT / "docs" / "reference").glob("*.md") for tag in MARK.findall(page.read_text())]
    operations = [each for methods in specification()["paths"].values() for each in methods.values()]
    assert sorted(shown) == sorted({name_of(tag) for operation in operations for tag in operation["tags"]})


def test_the_pictures_are_up_to_date(subtests: pytest.Subtests) -> None:
    pictures = drawn()
    assert set(pictures) == {path.name for path in PICTURES.glob("*.svg")}
    for name, picture in pictures.items():
        with subtests.test(picture=name):
            assert (PICTURES / name).read_text() == picture, "python -m tools.site.pictures draws it"
