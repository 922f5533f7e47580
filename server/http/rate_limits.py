"""Rate limits: how many requests a user, or an address, may send in a time, counted in a store of the package limits.

There are three limits: of the authentication endpoints, of reads and of writes. A request counts for the user of its
token, otherwise for its address; a log-in counts for its address. The window moves: a request counts until its time is
over, and one that is refused does not count. While the store does not answer, requests go through.
"""

from __future__ import annotations

import asyncio
import bisect
import logging
import time
from math import floor
from typing import Any

from aiohttp import web
from limits import RateLimitItem, parse_many
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import ConfigurationError
from limits.storage import storage_from_string
from limits.util import WindowStats

from server.http.errors import Api, Problem
from server.http.forwarded import addresses
from server.http.routes import Route
from server.settings import Settings, SettingsError

STORE_SECONDS = 0.25  # for which a request waits for the store
PAUSE_SECONDS = 1.0  # for which a store that did not answer is not asked again
SWEEP_SECONDS = 10.0  # between sweeps of expired entries in memory
CONCURRENCY = 50  # requests to the store at a time

HEADERS = web.RequestKey("rate_limit_headers", dict[str, str])

log = logging.getLogger("server.rate_limits")


class _Memory(MemoryStorage):
    """The package's store in memory, swept every few seconds.

    The package itself looks at all keys at every request, in a thread's hop each; but not while its ``timer`` runs.
    """

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        if self.timer is None:
            self.timer = asyncio.create_task(self._sweep())
        return await super().acquire_entry(key, limit, expiry, amount)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = time.time()
            for key, entries in list(self.events.items()):  # newest first
                del entries[bisect.bisect_left(entries, -now, key=lambda entry: -entry.expiry) :]
                if not entries:
                    del self.events[key]
                    self.locks.pop(key, None)


class Store:
    """Counts requests in windows. Raises SettingsError for a URL that is no store of the package limits."""

    def __init__(self, url: str) -> None:
        storage = _storage(url)
        self._limiter = MovingWindowRateLimiter(storage)
        # In memory only this process can be slow, so there is no time-out.
        self._seconds = None if isinstance(storage, MemoryStorage) else STORE_SECONDS
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self._is_down = False
        self._down_until = 0.0

    def _is_pausing(self) -> bool:
        return time.monotonic() < self._down_until

    async def count(self, item: RateLimitItem, name: str, who: str) -> tuple[bool, WindowStats] | None:
        """Count one more request if it fits. Whether it fits, and the window after it; None if the store is down."""
        if self._is_pausing():
            return None
        # Waiting for a slot is not counted as the store's time: a burst of requests must not look like a dead store.
        async with self._slots:
            if self._is_pausing():
                return None
            try:
                async with asyncio.timeout(self._seconds):
                    fits = await self._limiter.hit(item, name, who)
                    window = await self._limiter.get_window_stats(item, name, who)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with the store: requests go through
                self._down_until = time.monotonic() + PAUSE_SECONDS
                if not self._is_down:
                    self._is_down = True
                    log.warning("requests are not limited: the store fails: %s %s", type(error).__name__, error)
                return None
        if self._is_down:
            self._is_down = False
            log.info("requests are limited again: the store works")
        return fits, window

    async def close(self) -> None:
        storage = self._limiter.storage
        if isinstance(storage, MemoryStorage) and storage.timer is not None:
            storage.timer.cancel()
        elif isinstance(storage, RedisStorage):
            bridge: Any = storage.bridge
            await bridge.storage.aclose()


class Limit:
    """One limit: so many requests in so many seconds."""

    def __init__(self, name: str, item: RateLimitItem, store: Store, *, trusts_proxy: bool) -> None:
        self.refused = 0
        self._name = name
        self._item = item
        self._store = store
        self._trusts_proxy = trusts_proxy

    async def admit(self, request: web.Request, user: str | None = None) -> None:
        """Count the request for the user, otherwise for its address. Raises Problem 429 if the limit is exceeded.

        Leaves the answer's headers in ``request[HEADERS]``.
        """
        who = user or f"address:{addresses(request, trusts_proxy=self._trusts_proxy).client}"
        counted = await self._store.count(self._item, self._name, who)
        if counted is None:
            return
        fits, window = counted
        # A request still counts at the very instant at which its window ends.
        seconds = max(floor(window.reset_time - time.time()) + 1, 1)
        request[HEADERS] = self._headers(max(window.remaining, 0) if fits else 0, seconds)
        if not fits:
            self.refused += 1
            seconds = 1 if window.remaining > 0 else seconds
            unit = "second" if seconds == 1 else "seconds"
            message = f"Request was throttled. Expected available in {seconds} {unit}."
            raise Problem("RATE_LIMITED", message, headers={"Retry-After": str(seconds)})

    def _headers(self, remaining: int, seconds: int) -> dict[str, str]:
        """The headers of draft-ietf-httpapi-ratelimit-headers, and those of its first versions for older clients."""
        return {
            "RateLimit-Policy": f'"{self._name}";q={self._item.amount};w={self._item.get_expiry()}',
            "RateLimit": f'"{self._name}";r={remaining};t={seconds}',
            "RateLimit-Limit": str(self._item.amount),
            "RateLimit-Remaining": str(remaining),
            "RateLimit-Reset": str(seconds),
        }


class Limits:
    """The limits that are set. Raises SettingsError for a limit or a store that cannot be read."""

    def __init__(self, settings: Settings) -> None:
        self._store = Store(settings.rate_limit_storage)
        self._limits: dict[str, Limit] = {}
        for name, text in (
            ("authentication", settings.rate_limit_authentication),
            ("read", settings.rate_limit_read),
            ("write", settings.rate_limit_write),
        ):
            if text:
                item = _item(f"RATE_LIMIT_{name.upper()}", text)
                self._limits[name] = Limit(name, item, self._store, trusts_proxy=settings.trust_proxy)

    def of(self, route: Route) -> Limit | None:
        """The limit that a route counts for; None where there is none."""
        if route.api is Api.AUTHENTICATION:
            return self._limits.get("authentication")
        return self._limits.get("read" if route.method == "GET" else "write")

    @property
    def are_set(self) -> bool:
        """Whether there is one."""
        return bool(self._limits)

    def refused(self) -> dict[str, int]:
        """How many requests each limit has refused."""
        return {name: limit.refused for name, limit in self._limits.items()}

    async def close(self) -> None:
        await self._store.close()


def _item(setting: str, text: str) -> RateLimitItem:
    try:
        items = parse_many(text)
    except ValueError:
        items = []
    if len(items) != 1 or items[0].amount < 1:
        raise SettingsError(f"{setting} is {text!r}: it must be one limit, like 100/minute, or empty for none.")
    items[0].namespace = "inventory"
    return items[0]


def _storage(url: str) -> Any:
    """The store's client, which has not connected yet. Its password is in no message."""
    url = url.removeprefix("async+")
    scheme, separator, _ = url.partition("://")
    if not separator:
        raise SettingsError("RATE_LIMIT_STORAGE is no URL like redis://host:6379/0.")
    options: dict[str, Any] = {}
    try:
        if scheme.startswith("redis"):
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff

            # One retry at once: Redis may have closed an idle connection.
            options = {"implementation": "redispy", "retry": Retry(NoBackoff(), 1)}
        storage = _Memory() if scheme == "memory" else storage_from_string(f"async+{url}", **options)
        MovingWindowRateLimiter(storage)
    except (ConfigurationError, ImportError) as error:
        reason = str(error).replace(f"async+{url}", url).replace(url, f"{scheme}://…").rstrip(".")
    except NotImplementedError:
        reason = "such a store keeps no moving window"
    except (ValueError, TypeError):
        reason = "it is no URL"
    else:
        return storage
    raise SettingsError(f"RATE_LIMIT_STORAGE ({scheme}://…) cannot be used: {reason}.")
