"""The wrapper of every handler: errors in the API's form, request ids, metrics, the access log."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import random
import re
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

from server import traces
from server.http import errors
from server.http.errors import Api, Problem, TooSlowError
from server.http.rate_limits import HEADERS

REQUEST_ID: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")
"""The id of the request that is being answered: its client's X-Request-Id, or a new one. Empty outside of requests."""

ROLE: contextvars.ContextVar[str] = contextvars.ContextVar("role", default="")
"""The database role that the request runs as, once that is known: for log lines. Empty outside of requests."""

ID_HEADER = "X-Request-Id"
_IDS = random.Random()
_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")

log = logging.getLogger("server")
access_log = logging.getLogger("server.access")


class Series(Protocol):
    """Where the requests of one method and route are counted."""

    def observe(self, status: int, seconds: float) -> None: ...


class Drain:
    """Counts the requests under way, so that a stop can wait for them.

    ``is_leaving``: the process is about to stop, and /ready says so. ``is_stopping``: answers close their connections.
    """

    def __init__(self) -> None:
        self.is_leaving = False
        self.is_stopping = False
        self.count = 0
        self._is_empty = asyncio.Event()

    def began(self) -> None:
        self.count += 1

    def ended(self) -> None:
        self.count -= 1
        if self.is_stopping and self.count == 0:
            self._is_empty.set()

    async def wait(self, seconds: float) -> None:
        """Let answers close their connections from now on. Return when no request is under way, or the time is over."""
        self.is_stopping = True
        if self.count == 0:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._is_empty.wait()


class Guard:
    """Wraps handlers. ``access_share``: the share of requests that the access log shows, from 0 to 1."""

    def __init__(
        self, drain: Drain, series: Callable[[str], Mapping[str, Series]], *, is_limited: bool, access_share: float
    ) -> None:
        self._drain = drain
        self._series = series
        self._is_limited = is_limited
        self._access_share = access_share

    def __call__(self, api: Api, handler: Handler, route: str) -> Handler:
        """The handler of a route, guarded."""
        drain, is_limited, by_method = self._drain, self._is_limited, self._series(route)

        async def guarded(request: web.Request) -> web.StreamResponse:
            start = time.perf_counter()
            name = request_id(request)
            REQUEST_ID.set(name)
            ROLE.set("")
            drain.began()
            try:
                try:
                    response = await handler(request)
                except ConnectionError:
                    raise  # the client is gone
                except Exception as error:  # noqa: BLE001 - what is not foreseen is logged
                    response = _refusal(error, request, api, name)
                if is_limited and (headers := request.get(HEADERS)):
                    response.headers.update(headers)
                response.headers[ID_HEADER] = name
                seconds = time.perf_counter() - start
                by_method[request.method].observe(response.status, seconds)
                if self._access_share and random.random() < self._access_share:
                    _log_access(request, route, response, seconds)
                if drain.is_stopping:
                    response.force_close()
                return response
            finally:
                drain.ended()

        return _traced(guarded, route) if traces.tracer() is not None else guarded


def _traced(handler: Handler, route: str) -> Handler:
    async def traced(request: web.Request) -> web.StreamResponse:
        attributes = {
            "http.request.method": request.method,
            "http.route": route,
            "url.path": request.path,
        }
        with traces.span(f"{request.method} {route}", "SERVER", attributes, request.headers) as span:
            response = await handler(request)
            span.set_attribute("http.response.status_code", response.status)
            span.set_attribute("request.id", response.headers[ID_HEADER])
            if response.status >= 500:
                traces.set_failed(span)
            return response

    return traced


def request_id(request: web.BaseRequest) -> str:
    """The id that the client gave the request, or a new one."""
    sent = request.headers.get(ID_HEADER)
    if sent is not None and _ID.fullmatch(sent):
        return sent
    return f"{_IDS.getrandbits(96):024x}"


def _log_access(request: web.Request, route: str, response: web.StreamResponse, seconds: float) -> None:
    access_log.info(
        "%s %s %s",
        request.method,
        request.rel_url.raw_path,
        response.status,
        extra={
            "method": request.method,
            "route": route,
            "status": response.status,
            "milliseconds": round(seconds * 1000, 3),
            "bytes": response.body_length or getattr(response, "content_length", None),
            "client": request.remote,
            "actor": request.get(ACTOR),
        },
    )


ACTOR = web.RequestKey("actor", str)
"""Who sent the request, once that is known: for the access log."""


def _refusal(error: Exception, request: web.Request, api: Api, request_id: str) -> web.Response:
    match error:
        case Problem():
            return errors.response(error, api)
        case web.HTTPRequestEntityTooLarge():
            return errors.response(Problem("PAYLOAD_TOO_LARGE", "The body is larger than 1 MiB."), api)
        case TooSlowError():
            response = errors.response(Problem("REQUEST_TIMEOUT", "The body did not arrive in time."), api)
            response.force_close()
            return response
        case web.RequestPayloadError():
            response = errors.response(Problem("INVALID_JSON", "The body cannot be read."), api)
            # The next request on this connection cannot be told from the rest of the body.
            response.force_close()
            return response
        case _:
            log.error("%s %s failed", request.method, request.rel_url.raw_path, exc_info=error)
            return errors.response(Problem("INTERNAL_ERROR", f"Internal server error. Request {request_id}."), api)
