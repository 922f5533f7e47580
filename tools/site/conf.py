"""Sphinx's configuration: the site is made of the repository's pages, where they are. `make docs` builds it.

Every warning is an error: a link or an anchor that leads nowhere, a page that is in no table of contents. Nothing on
the site comes from elsewhere, its search included, so it works offline and from a folder.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from server import TITLE, VERSION  # noqa: E402
from tools.site.pages import fill  # noqa: E402

project = TITLE
release = VERSION
copyright = "the authors"

extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = ["*.md", "bench/**.md", "db/*.md", "docs/**.md", "pgcalls/*.md", "deploy/**.md", "server/**.md"]
exclude_patterns = [".*", "**/node_modules"]

nitpicky = True
myst_heading_anchors = 4
myst_enable_extensions = ["deflist"]
# Console blocks show psql's sessions too, and JSON blocks sketches.
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "furo"
html_title = f"{TITLE} {VERSION}"
html_copy_source = False
html_show_sphinx = False
html_use_index = False
html_show_copyright = False
templates_path = ["templates"]
html_additional_pages = {"index": "start.html"}


def check_is_self_contained(app: Sphinx, error: Exception | None) -> None:
    """Fail where a page takes a script, a style or a picture from another site."""
    for page in app.outdir.rglob("*.html") if error is None else ():
        if found := re.search(r"<(script|link|img)\b[^>]*?\b(src|href)=\"(https?:)?//[^>]*>", page.read_text()):
            raise ExtensionError(f"{page} takes something from elsewhere: {found[0]}")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", fill)
    app.connect("build-finished", check_is_self_contained)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
