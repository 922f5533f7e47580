"""HTTP below the routes: connections, their time-outs, and JSON answers to requests that the parser refuses.

aiohttp answers what its parser refuses in plain text, and logs a traceback. Its hooks for that are methods of the
connection's protocol, which an application cannot choose: the runner does.
"""

from __future__ import annotations

import array
import asyncio
import collections
import contextlib
import fcntl
import itertools
import logging
import re
import resource
import termios
from typing import Any

from aiohttp import http_exceptions, web
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from server.http import errors
from server.http.errors import Api, Problem, TooSlowError
from server.http.guard import ID_HEADER, REQUEST_ID, request_id
from server.settings import Settings

MAXIMUM_LINE = 8190  # bytes of a request's address
MAXIMUM_FIELD = 8192  # bytes of a header. Another number, for the parser's error names only the limit
OTHER_FILES = 100  # file descriptors for other things than clients: the database, webhooks, files
LEAST_ARRIVING = 1024 * 1024  # bytes of a large body that must arrive within each REQUEST_SECONDS

UNKNOWN_METHOD = "NOT_IMPLEMENTED", "The request's method is not known."
LOOKED_AT = 100  # connections, beginning with the longest idle, in the search for one to close

_TOO_MANY_HEADERS = "Too many headers received"
_LENGTH_TOO_LARGE = "Content-Length overflow"
# A request line that is valid but for its method. The parser quotes it in its message.
_REQUEST_LINE = re.compile(r"\n  b['\"][!#$%&'*+.^_`|~0-9A-Za-z-]+ \S+ HTTP/1\.[01]")

MALFORMED = web.AppKey("malformed", collections.Counter[str])
"""Where the requests that the parser refused are counted, by code."""

log = logging.getLogger("server.protocol")


def problem_of(error: BaseException | None) -> Problem:
    """Convert an error of the parser into the problem that the client is told."""
    message = getattr(error, "message", "")
    match error:
        case Problem():
            return error
        case http_exceptions.LineTooLong() if error.args[1] == MAXIMUM_LINE:
            told = "URI_TOO_LONG", f"The request's address is longer than {MAXIMUM_LINE} bytes."
        case http_exceptions.LineTooLong():
            told = "HEADERS_TOO_LARGE", f"A header is longer than {MAXIMUM_FIELD} bytes."
        case http_exceptions.ContentEncodingError():
            told = "UNSUPPORTED_MEDIA_TYPE", "The body's Content-Encoding is not known."
        case http_exceptions.BadHttpMethod() if _REQUEST_LINE.search(message):
            told = UNKNOWN_METHOD
        case http_exceptions.HttpProcessingError() if message.startswith(_TOO_MANY_HEADERS):
            told = "HEADERS_TOO_LARGE", "The request has too many headers."
        case http_exceptions.HttpProcessingError() if message.startswith(_LENGTH_TOO_LARGE):
            told = "PAYLOAD_TOO_LARGE", "The body is too large."
        case http_exceptions.HttpProcessingError():
            told = "BAD_REQUEST", "The request is not valid HTTP."
        case _:
            told = "INTERNAL_ERROR", "Internal server error."
    return Problem(*told)


class _Protocol(web.RequestHandler):
    """A connection. A request that takes longer than REQUEST_SECONDS to arrive is not waited for.

    A body of more than 1 MiB has that time for each MiB. A client that does not read its answer for that time loses the
    connection.
    """

    __slots__ = ("_arrived", "_body", "_malformed", "_reader_timer", "_seconds", "_timer")

    def __init__(
        self, manager: web.Server, seconds: float, malformed: collections.Counter[str], **options: Any
    ) -> None:
        super().__init__(manager, **options)
        self._malformed = malformed
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None
        self._reader_timer: asyncio.TimerHandle | None = None
        self._body: StreamReader = EMPTY_PAYLOAD  # the last request's
        self._arrived = 0  # bytes since the timer was set

    def data_received(self, data: bytes) -> None:
        count, was_arriving = self._request_count, not self._body.is_eof()
        super().data_received(data)
        if self._request_count != count:
            # The dictionary is in order of the last request, for _Server.connection_made.
            assert self._manager is not None
            connections = self._manager._connections
            if (transport := connections.pop(self, None)) is not None:
                connections[self] = transport
            # The parser would never finish a body that it cannot read.
            if was_arriving and not self._body.is_eof():
                self._body.set_exception(web.RequestPayloadError("The body cannot be read."))
            self._body = self._messages[-1][1]
        if self._body.is_eof() and (was_arriving or self._request_count != count):
            self._stop_timer()
        elif self._timer is None and data:
            self._start_timer()
        self._arrived += len(data)

    def pause_writing(self) -> None:
        """Called when the client reads more slowly than the answer is written."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        self._stop_reader_timer()
        super().resume_writing()

    def _watch_reader(self) -> None:
        self._reader_timer = asyncio.get_running_loop().call_later(self._seconds, self._look_at_reader, self._unread())

    def _look_at_reader(self, unread: int) -> None:
        """End the connection of a client that has read nothing since the last look."""
        if self._unread() < unread:
            self._watch_reader()
        elif self.transport is not None:
            self.transport.abort()

    def _unread(self) -> int:
        """Bytes that the client has not got yet: those that the transport holds, and those in the socket."""
        if self.transport is None:
            return 0
        transport = self.transport
        in_socket = array.array("i", [0])
        with contextlib.suppress(OSError):
            fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, in_socket)
        return transport.get_write_buffer_size() + in_socket[0]

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_timer()
        self._stop_reader_timer()
        super().connection_lost(exc)

    def _stop_reader_timer(self) -> None:
        if self._reader_timer is not None:
            self._reader_timer.cancel()
            self._reader_timer = None

    def _start_timer(self) -> None:
        self._arrived = 0
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._look)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._body.is_eof():  # the head is late, not the body
            if self._current_request is None and not self._messages:
                self.force_close()
            else:
                self._start_timer()  # an answer is under way: the head has time until it is sent
        elif self._arrived >= LEAST_ARRIVING:
            self._start_timer()
        else:
            self._body.set_exception(TooSlowError("The body did not arrive in time."))

    def log_exception(self, *args: Any, **kw: Any) -> None:
        # The request with such a body has been answered already.
        if not isinstance(kw.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **kw)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that was refused before it had a route, or that failed outside of its handler."""
        problem = problem_of(exc)
        name = request_id(request)
        REQUEST_ID.set(name)
        if problem.code == "INTERNAL_ERROR":
            log.error("%s %s failed", request.method, request.path, exc_info=exc)
        else:
            log.debug("refused a request from %s: %s", request.remote, exc)
            self._malformed[problem.code] += 1
        if request.writer.output_size > 0:
            raise ConnectionError("A part of an answer is sent already.")
        response = errors.response(problem, Api.SERVICE)
        response.headers[ID_HEADER] = name
        response.force_close()
        return response


class _Server(web.Server):
    """Makes a protocol for each connection.

    At MAX_CONNECTIONS the one that has sent no request for the longest time makes room, but for those under way.
    """

    def __init__(self, server: web.Server, settings: Settings, malformed: collections.Counter[str]) -> None:
        super().__init__(self._handle, request_factory=server.request_factory)
        self._routed = server.request_handler
        self._settings = settings
        self._malformed = malformed
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = max(1, min(settings.max_connections, files - OTHER_FILES))

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        if len(self._connections) >= self._most:
            oldest = itertools.islice(self._connections, LOOKED_AT)
            waiting = next((each for each in oldest if each._current_request is None and not each._messages), handler)
            waiting.force_close()
            self._connections.pop(waiting, None)  # at once: others may come before it is gone
        super().connection_made(handler, transport)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "CONNECT":  # its target has no path: aiohttp's router would answer by itself
            raise Problem(*UNKNOWN_METHOD)
        return await self._routed(request)

    def __call__(self) -> web.RequestHandler:
        return _Protocol(
            self,
            self._settings.request_seconds,
            self._malformed,
            loop=asyncio.get_running_loop(),
            access_log=None,
            keepalive_timeout=self._settings.keep_alive_seconds,
            max_line_size=MAXIMUM_LINE,
            max_field_size=MAXIMUM_FIELD,
        )


class Runner(web.AppRunner):
    """Runs an application, like aiohttp's own."""

    __slots__ = ("_settings",)

    def __init__(self, app: web.Application, settings: Settings, **options: Any) -> None:
        super().__init__(app, **options)
        self._settings = settings

    async def _make_server(self) -> web.Server:
        malformed = self.app.get(MALFORMED, collections.Counter())
        return _Server(await super()._make_server(), self._settings, malformed)
