"""Which handler a path has. aiohttp's router goes by the words before a parameter; what it would then try one by one,
/sku/{sku_id}, /sku/{sku_id}/temporary-block and so on, is one look here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Handler

_ONE_PARAMETER = re.compile(r"(?P<prefix>/[^{}]+)/\{(?P<name>\w+)\}(?P<rest>[^{}]*)")

_Resolved = tuple[web.UrlMappingMatchInfo | None, set[str]]


class _BelowPrefix(web.PlainResource):
    """The paths of one prefix, a parameter, and what follows it."""

    def __init__(self, prefix: str) -> None:
        super().__init__(prefix)
        self._start = len(prefix) + 1
        self._by_rest: dict[str, tuple[str, dict[str, web.ResourceRoute]]] = {}

    def add(self, name: str, rest: str, handlers: Mapping[str, Handler]) -> None:
        routes = {method: web.ResourceRoute(method, handler, self) for method, handler in handlers.items()}
        self._by_rest[rest] = (name, routes)

    async def resolve(self, request: web.Request) -> _Resolved:
        # A slash or a percent sign that was sent encoded still is: no slash in it ends the value.
        value, slash, rest = request.rel_url.path_safe[self._start :].partition("/")
        found = self._by_rest.get(slash + rest)
        if found is None or not value:
            return None, set()
        name, routes = found
        if "%" in value:
            value = value.replace("%2F", "/").replace("%25", "%")
        return web.UrlMappingMatchInfo({name: value}, routes.get(request.method) or routes["*"]), set()


class _Anything(web.PlainResource):
    """Any path, those without a slash too."""

    def __init__(self, handler: Handler) -> None:
        super().__init__("/")
        self._route = web.ResourceRoute("*", handler, self)

    async def resolve(self, request: web.Request) -> _Resolved:
        return web.UrlMappingMatchInfo({}, self._route), set()


def add_routes(router: web.UrlDispatcher, paths: Mapping[str, Mapping[str, Handler]], not_found: Handler) -> None:
    """Give each path its handlers by method (``*``: any other method), and all other paths the last one."""
    below: dict[str, _BelowPrefix] = {}
    for path, handlers in paths.items():
        if match := _ONE_PARAMETER.fullmatch(path):
            prefix = match["prefix"]
            if prefix not in below:
                below[prefix] = _BelowPrefix(prefix)
                router.register_resource(below[prefix])
            below[prefix].add(match["name"], match["rest"], handlers)
    for path, handlers in paths.items():
        if not _ONE_PARAMETER.fullmatch(path):
            resource = router.add_resource(path)
            for method, handler in handlers.items():
                resource.add_route(method, handler)
    router.register_resource(_Anything(not_found))
