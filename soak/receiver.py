"""The webhook receiver of a run. It refuses the first attempt of some messages, and records all messages."""

from __future__ import annotations

import random
from collections import Counter

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError


class Receiver:
    """Listens on the loopback interface. ``seed`` determines which messages it refuses once."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)
        self._webhook: Webhook | None = None
        self._runner: web.AppRunner | None = None
        self.bodies: dict[str, set[bytes]] = {}
        """webhook-id -> the bodies of all messages with a valid signature that were not answered with an error."""
        self.tries: Counter[str] = Counter()
        self.forged = 0
        self.url = ""

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/hook", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/hook"

    def expect(self, secret: str) -> None:
        """Set the secret with which messages must be signed."""
        self._webhook = Webhook(secret)

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        message = request.headers.get("webhook-id", "")
        self.tries[message] += 1
        try:
            assert self._webhook is not None
            self._webhook.verify(body, dict(request.headers))
        except (WebhookVerificationError, AssertionError):
            self.forged += 1
            return web.Response(status=400)
        if self.tries[message] == 1 and self._random.random() < 0.1:
            if self._random.random() < 0.5:
                return web.Response(status=500)
            assert request.transport is not None
            request.transport.close()
        self.bodies.setdefault(message, set()).add(body)
        return web.Response(status=200)
