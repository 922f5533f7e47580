"""The three authentication endpoints, which answer as djangorestframework-simplejwt 5.5 does.

Their bodies are no function's arguments: what the database gives is signed here, and what is signed is checked here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import simplejson
from aiohttp import web
from pydantic import BaseModel

from pgcalls import SLOW
from server.database.domains import text, text_as_sent
from server.http.body import read_body
from server.http.endpoint import validate
from server.http.errors import Problem, dump
from server.http.rate_limits import Limit
from server.http.routes import TOKEN_ROUTES
from server.http.service import Service, headers_of, idempotency_key
from server.http.tokens import TokenError

# The message for a user who is unknown or disabled.
NO_ACTIVE_ACCOUNT = {
    "obtain_token": "No active account found with the given credentials",
    "refresh_token": "No active account found for the given token.",
}

Answer = Callable[[Service, web.Request, Limit | None], Awaitable[web.Response]]

_Text: Any = text(min_length=1)
_Password: Any = text_as_sent(min_length=1)


class Credentials(BaseModel):
    """A log-in."""

    username: _Text
    password: _Password


class Refresh(BaseModel):
    """A refresh token."""

    refresh: _Text


class Verify(BaseModel):
    """A token of either type."""

    token: _Text


MODELS: dict[str, type[BaseModel]] = {"obtain_token": Credentials, "refresh_token": Refresh, "verify_token": Verify}


def handlers(service: Service) -> dict[str, Any]:
    """The handlers by the function names of TOKEN_ROUTES."""
    answers: dict[str, Answer] = {"obtain_token": _obtain, "refresh_token": _refresh, "verify_token": _verify}
    return {
        route.function: _bound(service, answers[route.function], service.limits.of(route)) for route in TOKEN_ROUTES
    }


def _bound(service: Service, answer: Answer, limit: Limit | None) -> Any:
    async def handle(request: web.Request) -> web.Response:
        return await answer(service, request, limit)

    return handle


async def _admit(request: web.Request, limit: Limit | None, claims: dict[str, Any] | None = None) -> None:
    """Count the request for the user of a valid token, otherwise for its address. Many users may share an address."""
    if limit is not None:
        await limit.admit(request, f"user:{claims['user_id']}" if claims and "user_id" in claims else None)


async def _obtain(service: Service, request: web.Request, limit: Limit | None) -> web.Response:
    await _admit(request, limit)
    body = await read_body(request, Credentials)
    values = validate(Credentials, body, "body")
    arguments = {"p_username": values["username"], "p_password": await service.sealed(values["password"])}
    session, headers = await _session(service, request, body, "obtain_token", arguments, kind=SLOW)
    return _respond(
        {"access": service.tokens.sign("access", session), "refresh": service.tokens.sign("refresh", session)}, headers
    )


async def _refresh(service: Service, request: web.Request, limit: Limit | None) -> web.Response:
    body = await _read(service, request, limit, Refresh, "refresh")
    token = validate(Refresh, body, "body")["refresh"]
    try:
        claims = service.tokens.read(token, "refresh")
        arguments = {"p_user_id": _integer(claims["user_id"], 64), "p_token_version": _integer(claims["version"], 32)}
    except (KeyError, TypeError, ValueError, OverflowError):
        raise _not_valid("Token is invalid") from None
    except TokenError as error:
        raise _not_valid(str(error)) from None
    session, headers = await _session(service, request, body, "refresh_token", arguments)
    return _respond({"access": service.tokens.sign("access", session)}, headers)


async def _read(service: Service, request: web.Request, limit: Limit | None, kind: type[BaseModel], field: str) -> Any:
    """Read the body, then count the request; raise what was wrong with the body only after that."""
    claims, problem, body = None, None, None
    try:
        body = await read_body(request, kind)
        if isinstance(body, dict):
            claims = service.tokens.read(str(body.get(field)))
    except Problem as error:
        problem = error
    except TokenError:
        pass
    await _admit(request, limit, claims)
    if problem is not None:
        raise problem
    return body


def _integer(claim: Any, bits: int) -> int:
    """The claim as an integer of so many bits. Raises ValueError or TypeError."""
    value = int(claim)
    if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        raise ValueError(claim)
    return value


async def _verify(service: Service, request: web.Request, limit: Limit | None) -> web.Response:
    body = await _read(service, request, limit, Verify, "token")
    token = validate(Verify, body, "body")["token"]
    try:
        service.tokens.read(token)
    except TokenError as error:
        raise _not_valid(str(error)) from None
    if "Idempotency-Key" not in request.headers:
        return _respond({}, {})
    return _respond(*await _session(service, request, body, "verify_token", {}))


async def _session(
    service: Service,
    request: web.Request,
    body: Any,
    function: str,
    arguments: dict[str, Any],
    *,
    kind: str | None = None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Ask the database for the user's session. The same Idempotency-Key gets the same session again."""
    # Log-ins are slow on purpose and have connections of their own, so that nobody waits behind a flood of them.
    identity = dataclasses.replace(service.anonymous, role="inventory_public")
    key = idempotency_key(request, service, identity, body, is_optional=True)
    try:
        answer = await service.call(identity, service.interface.function(function), arguments, key, kind=kind)
    except Problem as problem:
        if problem.code == "TOKEN_NOT_VALID":
            raise _not_valid("Token is invalid", problem.headers) from problem
        if problem.code == "NO_ACTIVE_ACCOUNT":
            raise Problem(problem.code, NO_ACTIVE_ACCOUNT[function], headers=problem.headers) from problem
        raise
    assert answer.body is not None
    return simplejson.loads(answer.body), headers_of(answer)


def _not_valid(message: str, headers: dict[str, str] | None = None) -> Problem:
    return Problem("TOKEN_NOT_VALID", message, headers=headers, extra={"code": "token_not_valid"})


def _respond(body: dict[str, Any], headers: dict[str, str]) -> web.Response:
    return web.Response(body=dump(body), headers=headers, content_type="application/json", charset="utf-8")
