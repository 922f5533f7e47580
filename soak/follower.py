"""Keeps a copy of all balances from the change feed, through all faults, as an integration would."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import aiohttp
import simplejson

from soak.check import Check
from soak.history import is_proxys
from soak.ledger import Ledger

PATH = "/api/v1/changes"
PAUSE = 0.05  # seconds before it asks again after a failure
PATIENCE = 20.0  # seconds in which the feed must have an answer without changes, when nobody writes any more

Balances = tuple[Decimal, Decimal, Decimal]


class Follower:
    """Reads the feed from its beginning with one cursor, from any server. A page is taken once, or not at all."""

    def __init__(self, urls: list[str], name: str, password: str, seed: str) -> None:
        self._urls = urls
        self._login = {"username": name, "password": password}
        self._random = random.Random(f"{seed}/{name}")
        self._headers: dict[str, str] = {}
        self._session: aiohttp.ClientSession | None = None
        self.cursor: str | None = None
        self.movements: list[tuple[int, int]] = []
        """(product, number), in the order of the feed."""
        self.copy: dict[int, Balances] = {}
        self.odd: list[str] = []
        self.ended_at = datetime.now(UTC)

    async def follow(self, is_over: asyncio.Event) -> None:
        """Read on until it is over, and then until there is nothing more."""
        deadline = float("inf")
        while (taken := await self.read(wait=0 if is_over.is_set() else 2)) != 0 or not is_over.is_set():
            if is_over.is_set() and deadline == float("inf"):
                self.ended_at = datetime.now(UTC)
                deadline = time.monotonic() + PATIENCE
            if time.monotonic() > deadline:
                self.odd.append("the feed does not come to an end")
                return
            if taken is None:
                await asyncio.sleep(PAUSE)

    async def read(self, wait: int = 0) -> int | None:
        """Take a page. Returns the number of its changes; None: there was no answer."""
        query = {"limit": self._random.randint(1, 200), "wait": wait}
        if self.cursor is not None:
            query["after"] = self.cursor  # type: ignore[assignment]
        try:
            page = await self._get(query)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None
        if page is None:
            return None
        for change in page["changes"]:
            if change["type"] == "movement":
                self._take(change["product_id"], change["data"])
        self.cursor = page["next"]
        return len(page["changes"])

    def _take(self, product: int, data: dict[str, Any]) -> None:
        names = ("on_hand", "reserved", "blocked")
        before, after = (tuple(Decimal(data[f"{name}_{when}"]) for name in names) for when in ("before", "after"))
        if before != self.copy.get(product, (0, 0, 0)):
            self.odd.append(f"movement {data['number']} of product {product} begins elsewhere than the one before it")
        self.movements.append((product, data["number"]))
        self.copy[product] = after  # type: ignore[assignment]

    async def _get(self, query: dict[str, Any]) -> Any:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        url = self._random.choice(self._urls)
        if not self._headers:
            async with self._session.post(f"{url}/api/v1/authentication/token/", json=self._login) as answer:
                if answer.status != 200:
                    return None
                self._headers = {"Authorization": f"Bearer {(await answer.json())['access']}"}
        async with self._session.get(f"{url}{PATH}", params=query, headers=self._headers) as answer:
            if answer.status == 401:
                self._headers = {}
            if answer.status != 200:
                if answer.status not in (401, 503) and not is_proxys(answer):
                    self.odd.append(f"{answer.status} {await answer.text()}")
                return None
            return simplejson.loads(await answer.text(), use_decimal=True)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def check(self, ledger: Ledger) -> Check:
        """Compare the copy with the ledger as it was when the reader ended. The job may have ended blocks since."""
        check = Check("a reader of the change feed has each change once, in order", len(self.movements))
        check.violations += self.odd
        taken: dict[int, list[int]] = {}
        for product, number in self.movements:
            taken.setdefault(product, []).append(number)
        kinds: dict[int, list[str]] = {}
        for movement in ledger.movements:
            if movement["created_at"] <= self.ended_at:
                kinds.setdefault(movement["product"], []).append(movement["kind"])
        for product, numbers in taken.items():
            check.expect(numbers == list(range(1, len(numbers) + 1)), f"product {product}: {numbers}")
        for product, written in kinds.items():
            missing = written[len(taken.get(product, ())) :]
            check.expect(set(missing) <= {"expire"}, f"product {product} lacks {missing}")
        return check
