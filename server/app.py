"""The application: the routes, what stands around them, and how it starts and stops."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import signal
import socket
import time
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import psycopg
import simplejson
import uvloop
from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CONTENT_TYPE_LATEST

from db.apply import migration_names
from server import authentication, catalog, errors, files, openapi
from server.caller import Caller, DatabaseError, OutcomeUnknownError, UnavailableError
from server.cors import SAFE_METHODS, Cors
from server.endpoint import MAXIMUM_BODY, Endpoint, Service
from server.errors import Api, Problem
from server.limits import HEADERS, Limits
from server.metrics import Drain, Metrics
from server.peers import Member, Peers
from server.protocol import Runner, TooSlowError
from server.router import add_routes
from server.routes import FILE_ROUTES, ROUTES, TOKEN_ROUTES
from server.settings import Settings, SettingsError
from server.tokens import Tokens
from server.webhooks import Worker

BACKLOG = 1024  # connections that wait to be accepted: a burst of clients
GARBAGE = 10_000  # objects more than before, after which Python looks for cycles
DRAIN_SECONDS = 15  # for requests under way, before a stop closes what is open

log = logging.getLogger("server")


DRAIN = web.AppKey("drain", Drain)
WORKER = web.AppKey("worker", Worker)


async def create_app(settings: Settings, conninfo: str, member: Member | None = None) -> web.Application:
    """The application over the database that ``conninfo`` names; ``member`` where it is one of several workers.

    Raises CatalogError where the database's functions are not what the routes need, SettingsError where a limit
    cannot be read or a production server would start with the development admin, UnavailableError where the database
    cannot be reached.
    """
    limits = Limits(settings)
    caller = Caller(
        conninfo,
        settings.database_role_password,
        pool_size=settings.pool_size,
        queue_size=settings.queue_size,
        queue_seconds=settings.queue_seconds,
    )
    try:
        return await _create_app(settings, caller, limits, member)
    except BaseException:
        await caller.close()
        await limits.close()
        raise


async def _create_app(settings: Settings, caller: Caller, limits: Limits, member: Member | None) -> web.Application:
    await caller.connect("inventory_public")
    (document,) = await caller.fetch("inventory_public", "select http.catalog()")
    functions = catalog.read(json.loads(document or "{}"))
    _check_codes(functions)
    if settings.is_production:
        await caller.connect("inventory_admin")
        (has_development_admin,) = await caller.fetch("inventory_admin", "select inventory.has_development_admin()")
        if has_development_admin == "t":
            raise SettingsError(
                "The development admin (admin, admin) can log in: "
                "select maintenance.change_password('admin', '…') or maintenance.disable_user('admin')."
            )
    tokens = Tokens(settings.secret_key, settings.access_token_seconds, settings.refresh_token_seconds)
    service = Service(functions, caller, tokens, limits, settings)
    endpoints = [Endpoint(route, service) for route in ROUTES]
    drain = Drain()
    metrics = Metrics(caller, limits, drain)
    peers = Peers(member, metrics.registry) if member else None

    app = web.Application(client_max_size=MAXIMUM_BODY)
    app[DRAIN] = drain
    worker = app[WORKER] = Worker(
        caller,
        metrics.registry,
        poll_seconds=settings.webhook_poll_seconds,
        allow_private_addresses=settings.webhook_allow_private_addresses,
    )
    handlers: dict[tuple[str, str], tuple[Api, Handler]] = {
        (e.route.method, path): (e.route.api, e.__call__) for e in endpoints for path in e.route.paths
    }
    special = authentication.handlers(service) | files.handlers(service)
    for route in (*TOKEN_ROUTES, *FILE_ROUTES):
        handlers |= {(route.method, path): (route.api, special[route.function]) for path in route.paths}
    specification = simplejson.dumps(openapi.document(endpoints, functions)).encode()
    handlers |= {
        ("GET", path): (Api.SERVICE, handler)
        for path, handler in {
            "/": _index,
            "/health": _health,
            "/ready": lambda _: _ready(caller, metrics),
            "/metrics": lambda _: _metrics(metrics, peers),
            "/openapi.json": lambda _: _static(specification, "application/json"),
            "/docs": lambda _: _static(_page("SWAGGER"), "text/html"),
            "/redoc": lambda _: _static(_page("REDOC"), "text/html"),
        }.items()
    }
    cors = Cors(settings.allowed_origins)
    cors.start(app)
    _add_routes(app, handlers, cors, partial(_guarded, metrics=metrics, drain=drain, is_limited=limits.are_set))

    async def start(_: web.Application) -> None:
        await worker.start()
        if peers:
            await peers.start()

    async def close(_: web.Application) -> None:
        await worker.stop()
        if peers:
            await peers.stop()
        await caller.close()
        await limits.close()

    app.on_startup.append(start)
    app.on_cleanup.append(close)
    return app


def _check_codes(functions: catalog.Catalog) -> None:
    known = {entry["code"] for entry in functions.errors.values()}
    if unknown := known - errors.STATUS.keys():
        raise catalog.CatalogError(f"These codes have no line in server/errors.py: {sorted(unknown)}.")


def _add_routes(
    app: web.Application,
    handlers: dict[tuple[str, str], tuple[Api, Handler]],
    cors: Cors,
    guard: Callable[..., Handler],
) -> None:
    by_path: dict[str, dict[str, tuple[Api, Handler]]] = {}
    for (method, path), entry in handlers.items():
        api, handler = entry
        by_path.setdefault(path, {})[method] = (api, handler if method in SAFE_METHODS else cors.protected(handler))
    paths: dict[str, dict[str, Handler]] = {}
    for path, methods in by_path.items():
        guarded = {method: guard(*entry, path) for method, entry in methods.items()}
        if "GET" in guarded:
            guarded["HEAD"] = guarded["GET"]
        api = next(iter(methods.values()))[0]
        guarded["*"] = guard(api, _wrong_method(sorted(guarded), cors), path)
        paths[path] = guarded
    add_routes(app.router, paths, _not_found)


def _guarded(api: Api, handler: Handler, path: str, *, metrics: Metrics, drain: Drain, is_limited: bool) -> Handler:
    """The handler with its errors in the API's form, measured."""
    by_method = metrics.of(path)

    async def guarded(request: web.Request) -> web.StreamResponse:
        start = time.perf_counter()
        drain.count += 1
        try:
            try:
                response = await handler(request)
            except ConnectionError:
                raise  # the client is gone
            except Exception as error:  # noqa: BLE001 - what is not foreseen is logged
                response = _refusal(error, request, api)
            if is_limited and (headers := request.get(HEADERS)):
                response.headers.update(headers)
            by_method[request.method].observe(response.status, time.perf_counter() - start)
            if drain.is_stopping:
                response.force_close()
            return response
        finally:
            drain.count -= 1
            if drain.is_stopping:
                drain.ended()

    return guarded


def _refusal(error: Exception, request: web.Request, api: Api) -> web.Response:
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
            # What else comes on this connection cannot be made out.
            response.force_close()
            return response
        case _:
            log.error("%s %s failed", request.method, request.path, exc_info=error)
            return errors.response(Problem("INTERNAL_ERROR", "Internal server error."), api)


def _wrong_method(methods: list[str], cors: Cors) -> Handler:
    allowed = ", ".join(methods)

    async def refuse(request: web.Request) -> web.StreamResponse:
        if preflight := cors.preflight(request, allowed):
            return preflight
        raise Problem("METHOD_NOT_ALLOWED", f'Method "{request.method}" not allowed.', headers={"Allow": allowed})

    return refuse


async def _not_found(_: web.Request) -> web.Response:
    return web.json_response({"detail": "Not Found"}, status=404)


async def _index(_: web.Request) -> web.Response:
    return web.json_response(
        {
            "title": openapi.TITLE,
            "version": openapi.VERSION,
            "documentation": "/docs",
            "reference": "/redoc",
            "openapi": "/openapi.json",
            "health": "/health",
        }
    )


async def _health(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _ready(caller: Caller, metrics: Metrics) -> web.Response:
    try:
        (text,) = await caller.fetch("inventory_public", "select http.ready($1)", [migration_names()])
        checks = json.loads(text or "{}")
    except (UnavailableError, OutcomeUnknownError, DatabaseError) as error:
        checks = {"database": f"failed: {error}"}
    metrics.checked(checks)
    if any(check.startswith("failed") for check in checks.values()):
        return web.json_response({"status": "unavailable", "checks": checks}, status=503, headers={"Retry-After": "1"})
    return web.json_response({"status": "ready", "checks": checks})


async def _metrics(metrics: Metrics, peers: Peers | None) -> web.Response:
    text = await peers.text() if peers else metrics.text()
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _static(body: bytes, content_type: str) -> web.Response:
    return web.Response(body=body, content_type=content_type, charset="utf-8")


@cache
def _page(name: str) -> bytes:
    """A documentation page with all its files inside, so that it works with no internet."""
    from offapi import OpenAPITemplate  # imports megabytes of scripts: only for those who look

    return str(OpenAPITemplate[name].value).format(spec_url="/openapi.json").encode()


async def serve(
    settings: Settings, conninfo: str, on_start: Callable[[str], Any], member: Member | None = None
) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are finished first. ``on_start`` gets the base URL.

    As one of several workers: on their port, and until the supervisor is gone.

    Raises what create_app raises, and OSError where the port is taken.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if member:
        loop.add_reader(member.supervisor, _end_of, member.supervisor, stop)
    app = await create_app(settings, conninfo, member)
    runner = Runner(app, settings, shutdown_timeout=1)
    await runner.setup()
    try:
        port, reuse_port = (member.port, True) if member else (settings.port, None)
        site = web.TCPSite(runner, settings.host, port, backlog=BACKLOG, reuse_port=reuse_port)
        await site.start()
        # What is there now stays; and of a request little is garbage that only a search finds.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE)
        on_start(url(settings.host, runner.addresses[0][1]))
        await stop.wait()
        log.info("stopping")
        await site.stop()
        # Before aiohttp closes what is open: it would leave a request alone whose body is still arriving.
        await asyncio.gather(app[DRAIN].wait(DRAIN_SECONDS), app[WORKER].stop())
    finally:
        await runner.cleanup()


def _end_of(line: socket.socket, stop: asyncio.Event) -> None:
    """What is never written to can be read at its end."""
    asyncio.get_running_loop().remove_reader(line)
    stop.set()


def url(host: str, port: int) -> str:
    name = "localhost" if host in ("0.0.0.0", "::", "") else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}"


new_event_loop = uvloop.new_event_loop
"""The event loop that serves; the tests of HTTP, connections and webhooks run on it too."""


def run(settings: Settings, conninfo: str, on_start: Callable[[str], Any], member: Member | None = None) -> int:
    """Serve, and return the process's exit status: 0 after a signal, 1 where it could not start."""
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(serve(settings, conninfo, on_start, member))
    except (SettingsError, catalog.CatalogError, UnavailableError, DatabaseError, OSError, psycopg.Error) as error:
        log.error("cannot start: %s", error)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def configure_logging(level: str) -> None:
    """Log lines to standard error; yoyo's steps only where something is wrong."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("yoyo").setLevel(logging.WARNING)
