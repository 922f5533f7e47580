"""How a server process starts and stops."""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import signal
from collections.abc import Callable
from typing import Any

import psycopg
import uvloop
from aiohttp import web

from pgcalls import CallError
from server import ServerError
from server.app import PARTS, create_app
from server.http.protocol import Runner
from server.settings import Settings

BACKLOG = 1024  # connections that wait to be accepted: a burst of clients
GARBAGE = 10_000  # allocations after which Python looks for reference cycles
DRAIN_SECONDS = 15  # for requests under way; then a stop closes their connections

log = logging.getLogger("server")

new_event_loop = uvloop.new_event_loop
"""The event loop that serves; the tests of HTTP, connections and webhooks run on it too."""


async def serve(settings: Settings, conninfo: str, on_start: Callable[[str], Any]) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are finished first. ``on_start`` gets the base URL.

    Raises what create_app raises, and OSError where a port is taken.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    raise_descriptors()
    app = await create_app(settings, conninfo)
    parts = app[PARTS]
    runner = Runner(app, settings, shutdown_timeout=1)
    admin = web.AppRunner(parts.admin, access_log=None, shutdown_timeout=1) if parts.admin else None
    try:
        await runner.setup()
        site = web.TCPSite(runner, settings.host, settings.port, backlog=BACKLOG, reuse_port=settings.reuse_port)
        await site.start()
        if admin:
            await admin.setup()
            await web.TCPSite(admin, settings.admin_host or settings.host, settings.admin_port).start()
        # Objects of the start are kept. Requests leave few cycles behind, so Python looks for them rarely.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE)
        on_start(url(settings.host, runner.addresses[0][1]))
        await stop.wait()
        log.info("stopping")
        parts.drain.is_leaving = True
        await asyncio.sleep(settings.stop_delay_seconds)  # until a balancer has read it at /ready
        await site.stop()
        # Before aiohttp closes what is open: it would leave a request alone whose body is still arriving.
        await asyncio.gather(parts.drain.wait(DRAIN_SECONDS), parts.sender.stop(), parts.jobs.stop())
    finally:
        if admin:
            await admin.cleanup()
        await runner.cleanup()


def raise_descriptors() -> None:
    """Let the process open as many files as it may: each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def url(host: str, port: int) -> str:
    """The address to show to a person."""
    name = "localhost" if host in ("0.0.0.0", "::", "") else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}"


def run(settings: Settings, conninfo: str, on_start: Callable[[str], Any]) -> int:
    """Serve, and return the process's exit status: 0 after a signal, 1 where it could not start."""
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(serve(settings, conninfo, on_start))
    except (ServerError, CallError, OSError, psycopg.Error) as error:
        log.error("cannot start: %s", error)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0
