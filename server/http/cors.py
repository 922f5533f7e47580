"""Requests that a browser sends for a page of another site.

Such a request needs no login where a caller without a token may change something, so any page that somebody who
reaches the server visits could change stock. Browsers mark it ``Sec-Fetch-Site: cross-site``. It is refused unless
it has a bearer token, which no page gets by itself, or the origin of its page is in CORS_ORIGINS. The pages of these
origins may also read the answers: https://fetch.spec.whatwg.org/#http-cors-protocol.
"""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler

from server.http.errors import Problem

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

_REQUEST_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Inventory-Position, X-Request-Id"
)
_RESPONSE_HEADERS = (
    "ETag, Idempotent-Replayed, Inventory-Position, Location, RateLimit, RateLimit-Limit, RateLimit-Policy,"
    " RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-Id"
)
_PREFLIGHT_SECONDS = "600"  # for which a browser caches the answer to a preflight


class Cors:
    """What the pages of other sites may do. ``origins``: of CORS_ORIGINS."""

    def __init__(self, origins: frozenset[str]) -> None:
        self._origins = origins

    def start(self, app: web.Application) -> None:
        """Let pages of the allowed origins read the answers."""
        if self._origins:
            app.on_response_prepare.append(self._add_headers)

    def _is_allowed(self, request: web.Request) -> bool:
        return request.headers.get("Origin", "").lower() in self._origins

    async def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers.add("Vary", "Origin")
        if self._is_allowed(request):
            response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
            response.headers["Access-Control-Expose-Headers"] = _RESPONSE_HEADERS

    def protected(self, handler: Handler) -> Handler:
        """Wrap a handler that changes something: it then refuses cross-site requests."""

        async def refuse_cross_site(request: web.Request) -> web.StreamResponse:
            if (
                request.headers.get("Sec-Fetch-Site") == "cross-site"
                and not request.headers.get("Authorization", "").lower().startswith("bearer ")
                and not self._is_allowed(request)
            ):
                raise Problem("CROSS_SITE_REQUEST", "A page of another site may not send this request without a token.")
            return await handler(request)

        return refuse_cross_site

    def preflight(self, request: web.Request, methods: str) -> web.Response | None:
        """The answer to a CORS preflight; None where the request is not one, or its origin is not allowed."""
        if (
            request.method != "OPTIONS"
            or "Access-Control-Request-Method" not in request.headers
            or not self._is_allowed(request)
        ):
            return None
        return web.Response(
            status=204,
            headers={
                "Access-Control-Allow-Methods": methods,
                "Access-Control-Allow-Headers": _REQUEST_HEADERS,
                "Access-Control-Max-Age": _PREFLIGHT_SECONDS,
            },
        )
