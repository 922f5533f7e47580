"""The documentation pages /docs and /redoc, and their scripts and styles as files of their own.

The package offapi has each page as one text with everything inside, so that it needs no internet. Here the parts are
taken out of it: a browser keeps them, gets them compressed, and runs no script that stands in a page.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
import threading
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from aiohttp import web

from server.http.body import takes_gzip
from server.http.errors import Problem

SPECIFICATION = "/openapi.json"
FILES = "/docs/files/{name}"
PAGES = {"/docs": "SWAGGER", "/redoc": "REDOC"}

_PART = re.compile(r"<(?P<tag>script|style)(?P<attributes>[^>]*)>(?P<text>.*?)</(?P=tag)>", re.DOTALL)
_TYPES = {"script": ("js", "text/javascript"), "style": ("css", "text/css")}
_FOREVER = "public, max-age=31536000, immutable"

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src data:;"
        " connect-src 'self'; worker-src blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Asset:
    """A file that is sent often: its bytes, compressed once, and its ETag."""

    def __init__(
        self,
        text: str,
        content_type: str,
        cache_control: str = "no-cache",
        headers: Mapping[str, str] = MappingProxyType(HEADERS),
    ) -> None:
        self._plain = text.encode()
        self._gzip = gzip.compress(self._plain, 9, mtime=0)
        self._content_type = f"{content_type}; charset=utf-8"
        self._tag = hashlib.sha256(self._plain).hexdigest()[:20]
        self._headers = {
            "ETag": f'W/"{self._tag}"',
            "Cache-Control": cache_control,
            "Vary": "Accept-Encoding",
            **headers,
        }

    @property
    def tag(self) -> str:
        """A hash of the text."""
        return self._tag

    async def respond(self, request: web.Request) -> web.Response:
        """The answer to a GET: 304 where the client has this version."""
        tags = request.if_none_match or ()
        if any(tag.value in (self._tag, "*") for tag in tags):
            return web.Response(status=304, headers=self._headers)
        headers = self._headers | {"Content-Type": self._content_type}
        if takes_gzip(request):
            return web.Response(body=self._gzip, headers=headers | {"Content-Encoding": "gzip"})
        return web.Response(body=self._plain, headers=headers)


@cache
def _assets() -> tuple[dict[str, Asset], dict[str, Asset]]:
    """The pages by their path, and their parts by the name of the file."""
    from offapi import OpenAPITemplate  # imports megabytes of scripts: only for those who look

    parts: dict[str, Asset] = {}

    def taken_out(match: re.Match[str]) -> str:
        extension, content_type = _TYPES[match["tag"]]
        asset = Asset(match["text"], content_type, _FOREVER)
        name = f"{asset.tag}.{extension}"
        parts[name] = asset
        path = FILES.format(name=name)
        if match["tag"] == "style":
            return f'<link rel="stylesheet" href="{path}">'
        return f'<script src="{path}"{match["attributes"]}></script>'

    made = {}
    for path, name in PAGES.items():
        text = str(OpenAPITemplate[name].value).format(spec_url=SPECIFICATION)
        made[path] = Asset(_PART.sub(taken_out, text), "text/html")
    return made, parts


_LOCK = threading.Lock()


def _locked() -> tuple[dict[str, Asset], dict[str, Asset]]:
    with _LOCK:
        return _assets()


async def page(request: web.Request) -> web.Response:
    """One of PAGES."""
    pages, _ = await asyncio.to_thread(_locked)  # the first time takes a second
    return await pages[request.path].respond(request)


async def file(request: web.Request) -> web.Response:
    """A part of a page. Raises Problem 404."""
    _, parts = await asyncio.to_thread(_locked)
    asset = parts.get(request.match_info["name"])
    if asset is None:
        raise Problem("NOT_FOUND", "Not Found")
    return await asset.respond(request)
