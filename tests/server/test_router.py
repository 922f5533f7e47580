"""Every path finds its handler, with its parameters as aiohttp's own router has them."""

from __future__ import annotations

import asyncio
from itertools import product
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from server.router import add_routes
from server.routes import FILE_ROUTES, ROUTES, TOKEN_ROUTES
from tests.server.conftest import play

# In place of a parameter.
VALUES = ("1", "x", "a%2Fb", "a%252Fb", "100%25", "caf%C3%A9", "a%20b", "a%0Ab", "..", "purchases", "import", "")


def handler(name: object) -> Any:
    async def handle(request: web.Request) -> web.Response:
        raise AssertionError(name)

    handle.__name__ = str(name)
    return handle


@pytest.fixture(scope="module")
def routers() -> tuple[web.UrlDispatcher, web.UrlDispatcher]:
    """aiohttp's, with the paths that have no parameter first, and ours."""
    paths: dict[str, dict[str, Any]] = {}
    for route in (*ROUTES, *TOKEN_ROUTES, *FILE_ROUTES):
        for path in route.paths:
            paths.setdefault(path, {})[route.method] = handler((route.method, path))
    for path, methods in paths.items():
        methods["*"] = handler(("*", path))
    theirs, ours = web.UrlDispatcher(), web.UrlDispatcher()
    for path in sorted(paths, key=lambda path: "{" in path):
        resource = theirs.add_resource(path)
        for method, handle in paths[path].items():
            resource.add_route(method, handle)
    add_routes(ours, paths, handler("not found"))
    return theirs, ours


def requested() -> set[str]:
    """Each path, with values for its parameters and words of other paths, and what is near it."""
    paths = {path for route in (*ROUTES, *TOKEN_ROUTES, *FILE_ROUTES) for path in route.paths}
    filled = set()
    for path in paths:
        segments = [VALUES if "{" in segment else (segment,) for segment in path.split("/")]
        filled |= {"/".join(each) for each in product(*segments)}
    return filled | {f"{path}/" for path in filled} | {path.rpartition("/")[0] or "/" for path in filled}


def test_a_path_finds_what_it_finds_in_aiohttps_router(
    routers: tuple[web.UrlDispatcher, web.UrlDispatcher],
) -> None:
    found: set[str] = set()

    async def scenario() -> None:
        for path, method in product(requested(), ("GET", "POST", "PATCH", "TRACE")):
            request = make_mocked_request(method, path)
            expected, resolved = [await router.resolve(request) for router in routers]
            if expected.http_exception is not None:
                assert resolved.handler.__name__ == "not found", path
            else:
                assert resolved.handler is expected.handler, path
                assert dict(resolved) == dict(expected), path
            found.add(resolved.handler.__name__)
            await asyncio.sleep(0)

    play(scenario())
    assert len(found) > 100
