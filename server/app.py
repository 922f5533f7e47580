"""Puts the rooms together: every route with its handler, and what stands around it."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import functools
import logging
from collections.abc import Callable
from pathlib import Path

from aiohttp import HttpVersion11, web
from aiohttp.typedefs import Handler

from pgcalls import Limits as QueueLimits
from server.database import interface
from server.database.calls import Database
from server.database.interface import Interface
from server.database.standbys import Standbys, hosts_of
from server.http import authentication, board, errors, files, pages
from server.http.body import MAXIMUM_BODY
from server.http.cors import SAFE_METHODS, Cors
from server.http.endpoint import Endpoint, operations
from server.http.errors import Api, Problem
from server.http.guard import ID_HEADER, Drain, Guard, request_id
from server.http.protocol import MALFORMED
from server.http.rate_limits import Limits
from server.http.routes import FILE_ROUTES, ROUTES, TOKEN_ROUTES
from server.http.service import Service
from server.http.tokens import Tokens
from server.operation import probes
from server.operation.jobs import Jobs
from server.operation.metrics import Metrics
from server.operation.probes import Probes
from server.settings import Settings, SettingsError
from server.webhooks.sender import Sender

log = logging.getLogger("server")

SPECIFICATION = Path(__file__).resolve().parent.parent / "docs" / "openapi.json"


@dataclasses.dataclass(frozen=True)
class Parts:
    """What starting and stopping the application needs. ``admin``: the application of ADMIN_PORT, where that is set."""

    drain: Drain
    metrics: Metrics
    sender: Sender
    jobs: Jobs
    admin: web.Application | None


PARTS = web.AppKey("parts", Parts)

Handlers = dict[tuple[str, str], tuple[Api, Handler]]
"""A handler and the API in whose form it answers, by method and path."""


async def create_app(settings: Settings, conninfo: str) -> web.Application:
    """The application over the database that ``conninfo`` names.

    Raises InterfaceError where the database's functions are not what the routes need, SettingsError where a limit
    cannot be read or a production server would start with the development admin, UnavailableError where the database
    cannot be reached.
    """
    limits = Limits(settings)
    bounds = QueueLimits(settings.pool_size, settings.queue_size, settings.queue_seconds)
    database = Database(conninfo, settings.database_role_password, bounds, role_prefix=settings.role_prefix)
    try:
        return await _create_app(settings, database, limits, bounds)
    except BaseException:
        await database.close()
        await limits.close()
        raise


async def _create_app(settings: Settings, database: Database, limits: Limits, bounds: QueueLimits) -> web.Application:
    offered = await _read_interface(database)
    if settings.is_production:
        await _check_no_development_admin(database)
    tokens = Tokens(settings.secret_keys, settings.access_token_seconds, settings.refresh_token_seconds)
    drain = Drain()
    standbys = _standbys(settings, database, bounds)
    service = Service(offered, database, tokens, limits, settings, drain=drain, standbys=standbys)
    sender = Sender(
        database,
        poll_seconds=settings.webhook_poll_seconds,
        allow_private_addresses=settings.webhook_allow_private_addresses,
        proxy=str(settings.webhook_proxy) if settings.webhook_proxy else None,
    )
    jobs = Jobs(database, settings.run_jobs, settings.job_poll_seconds)
    malformed: collections.Counter[str] = collections.Counter()
    metrics = Metrics(database, limits, drain, sender, malformed, standbys=standbys)
    for route in (*ROUTES, *TOKEN_ROUTES, *FILE_ROUTES):
        metrics.of(route.path)[route.method].expect(route.status)
    handlers = _handlers(service, settings)
    admin: web.Application | None = None
    probe_handlers = Probes(database, metrics, drain).handlers()
    if settings.admin_port:
        admin = web.Application()
        admin.add_routes([web.get(path, handler) for path, handler in probe_handlers.items()])
        del probe_handlers["/metrics"]
    handlers |= {("GET", path): (Api.SERVICE, handler) for path, handler in probe_handlers.items()}

    app = web.Application(client_max_size=MAXIMUM_BODY)
    app[PARTS] = Parts(drain, metrics, sender, jobs, admin)
    app[MALFORMED] = malformed
    cors = Cors(settings.allowed_origins)
    cors.start(app)
    guard = Guard(drain, metrics.of, is_limited=limits.are_set, access_share=settings.access_log_share)
    _add_routes(app, handlers, cors, guard)

    async def start(_: web.Application) -> None:
        if standbys is not None:
            await standbys.start()
        await sender.start()
        await jobs.start()

    async def close(_: web.Application) -> None:
        await asyncio.gather(sender.stop(), jobs.stop())
        if standbys is not None:
            await standbys.stop()
        await database.close()
        await limits.close()

    app.on_startup.append(start)
    app.on_cleanup.append(close)
    return app


def _standbys(settings: Settings, primary: Database, bounds: QueueLimits) -> Standbys | None:
    if settings.database_read_url is None:
        return None
    databases = {
        name: Database(conninfo, settings.database_role_password, bounds, role_prefix=settings.role_prefix)
        for name, conninfo in hosts_of(settings.database_read_url).items()
    }
    return Standbys(primary, databases, settings.database_read_wait_seconds)


async def _read_interface(database: Database) -> Interface:
    await database.connect("inventory_public")
    (text,) = await database.fetch("inventory_public", "select http.catalog()")
    offered = interface.read(text or "{}")
    known = {entry["code"] for entry in offered.errors.values()}
    if unknown := known - errors.STATUS.keys():
        log.warning("the database is newer than this server: %s will be answered with 409", ", ".join(sorted(unknown)))
    return offered


async def _check_no_development_admin(database: Database) -> None:
    await database.connect("inventory_admin")
    (has_development_admin,) = await database.fetch("inventory_admin", "select inventory.has_development_admin()")
    if has_development_admin == "t":
        raise SettingsError(
            "The development admin (admin, admin) can log in: "
            "select maintenance.change_password('admin', '…') or maintenance.disable_user('admin')."
        )


@functools.cache
def _specification() -> pages.Asset:
    return pages.Asset(SPECIFICATION.read_text(), "application/json")


def _handlers(service: Service, settings: Settings) -> Handlers:
    handlers: Handlers = {}
    for operation in operations(service.interface):
        route = operation.route
        handlers |= {(route.method, path): (route.api, Endpoint(operation, service).__call__) for path in route.paths}
    special = authentication.handlers(service) | files.handlers(service)
    for route in (*TOKEN_ROUTES, *FILE_ROUTES):
        handlers |= {(route.method, path): (route.api, special[route.function]) for path in route.paths}
    plain: dict[str, Handler] = {
        "/": probes.index,
        pages.SPECIFICATION: _specification().respond,
        pages.FILES: pages.file,
        **dict.fromkeys(pages.PAGES, pages.page),
        **(board.handlers(reads_anew=not settings.is_production) if settings.board else {}),
    }
    return handlers | {("GET", path): (Api.SERVICE, handler) for path, handler in plain.items()}


def _add_routes(app: web.Application, handlers: Handlers, cors: Cors, guard: Callable[..., Handler]) -> None:
    by_path: dict[str, dict[str, tuple[Api, Handler]]] = {}
    for (method, path), (api, handler) in handlers.items():
        by_path.setdefault(path, {})[method] = (api, handler if method in SAFE_METHODS else cors.protected(handler))
    # A path without a parameter first: /products/import is no product.
    for path, methods in sorted(by_path.items(), key=lambda item: "{" in item[0]):
        guarded = {method: guard(*entry, path) for method, entry in methods.items()}
        if "GET" in guarded:
            guarded["HEAD"] = guarded["GET"]
        api = next(iter(methods.values()))[0]
        guarded["*"] = guard(api, _wrong_method(sorted(guarded), cors), path)
        resource = app.router.add_resource(path)
        for method, handler in guarded.items():
            resource.add_route(method, handler, expect_handler=_expect)
    app.router.register_resource(_Anything(guard(Api.SERVICE, _not_found, "none")))


class _Anything(web.PlainResource):
    """Any path, and targets that are none, like the * of OPTIONS."""

    def __init__(self, handler: Handler) -> None:
        super().__init__("/")
        self._route = web.ResourceRoute("*", handler, self, expect_handler=_expect)

    async def resolve(self, request: web.Request) -> tuple[web.UrlMappingMatchInfo | None, set[str]]:
        return web.UrlMappingMatchInfo({}, self._route), set()


async def _expect(request: web.Request) -> web.Response | None:
    """Let a client that asks first send its body; refuse what else it may expect."""
    if request.version < HttpVersion11:
        return None
    if request.headers["Expect"].lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
        return None
    refused = errors.response(Problem("EXPECTATION_FAILED", "The request's Expect is not known."), Api.SERVICE)
    refused.headers[ID_HEADER] = request_id(request)
    refused.force_close()  # the body may follow or not
    return refused


def _wrong_method(methods: list[str], cors: Cors) -> Handler:
    allowed = ", ".join(methods)

    async def refuse(request: web.Request) -> web.StreamResponse:
        if preflight := cors.preflight(request, allowed):
            return preflight
        raise Problem("METHOD_NOT_ALLOWED", f'Method "{request.method}" not allowed.', headers={"Allow": allowed})

    return refuse


async def _not_found(_: web.Request) -> web.Response:
    return web.json_response({"detail": "Not Found"}, status=404)
