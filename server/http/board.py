"""The board: pages for people who look at the stock and work with it, at /board.

The files stand in server/board. They run in the browser, and use the documented endpoints alone. No page has a script
or a style of its own, so the policy allows none.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from server.http.errors import Problem
from server.http.pages import Asset

FOLDER = Path(__file__).resolve().parent.parent / "board"
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
_NAME = re.compile(r"[a-z-]+\.[a-z]+")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none';"
        " require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def _asset(name: str) -> Asset:
    """A script, the style, the texts of a language. Raises Problem 404."""
    path = FOLDER / name
    if not _NAME.fullmatch(name) or path.suffix not in TYPES or not path.is_file():
        raise Problem("NOT_FOUND", "Not Found")
    return Asset(path.read_text(), TYPES[path.suffix], headers=HEADERS)


def handlers(*, reads_anew: bool) -> dict[str, Handler]:
    """The handlers by path; what stands first is tried first. ``reads_anew``: what is changed is served at once."""
    asset = _asset if reads_anew else cache(_asset)

    async def page(request: web.Request) -> web.Response:
        # Every page is the same file: the script in it shows what the address names.
        return await asset("index.html").respond(request)

    async def file(request: web.Request) -> web.Response:
        return await asset(request.match_info["name"]).respond(request)

    return {"/board": page, "/board/files/{name}": file, "/board/{page:.*}": page}
