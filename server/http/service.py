"""What the handlers share: identification, authorization, and calls whose errors become Problems."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import hmac
import logging
import re
from collections.abc import Mapping
from typing import Any

import simplejson
from aiohttp import web

from pgcalls import CallError, DatabaseError, OutcomeUnknownError, UnavailableError
from pgcalls.queue import READ_ONLY
from server.database.calls import Answer, Database, Key
from server.database.interface import Function, Interface
from server.database.standbys import Standbys, number
from server.http.errors import FieldError, Problem
from server.http.forwarded import addresses
from server.http.guard import ACTOR, REQUEST_ID, ROLE, Drain
from server.http.rate_limits import Limit, Limits
from server.http.tokens import Identity, TokenError, Tokens
from server.settings import Settings

POSITION_HEADER = "Inventory-Position"
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")

log = logging.getLogger("server.service")


class Service:
    """What every endpoint needs: the interface, the database, the tokens, the limits, and who has no token."""

    def __init__(
        self,
        interface: Interface,
        database: Database,
        tokens: Tokens,
        limits: Limits,
        settings: Settings,
        *,
        drain: Drain,
        standbys: Standbys | None = None,
    ) -> None:
        self.interface = interface
        self.database = database
        self.standbys = standbys
        self.tokens = tokens
        self.limits = limits
        self.drain = drain
        self.anonymous = Identity(settings.anonymous_role, "anonymous", "anonymous", is_anonymous=True)
        self._secret_keys = [key.encode() for key in settings.secret_keys]
        self._trusts_proxy = settings.trust_proxy
        self.requires_idempotency_key = settings.require_idempotency_key

    def identify(self, request: web.Request) -> Identity:
        """The caller's identity; the anonymous one without a token. Raises Problem 401 for an invalid token."""
        parts = request.headers.get("Authorization", "").split()
        if not parts or parts[0].lower() != "bearer":
            return self.anonymous
        if len(parts) != 2:
            raise Problem("TOKEN_NOT_VALID", "Authorization header must contain two space-delimited values")
        try:
            return self.tokens.identity(parts[1])
        except TokenError as error:
            message = {"token_class": "AccessToken", "token_type": "access", "message": str(error)}
            raise Problem(
                "TOKEN_NOT_VALID",
                "Given token not valid for any token type",
                extra={"code": "token_not_valid", "messages": [message]},
            ) from None

    def authorize(self, identity: Identity, function: Function) -> None:
        """Raise Problem 401 or 403 where the role has no grant on the function."""
        if identity.role in function.roles:
            return
        if identity.is_anonymous:
            raise Problem("NOT_AUTHENTICATED", "Authentication credentials were not provided.")
        raise Problem("PERMISSION_DENIED", "You do not have permission to perform this action.")

    async def admit(self, request: web.Request, function: Function, limit: Limit | None) -> Identity:
        """Identify the caller, check the grant on the function, and count the request. Raises Problem."""
        identity = self.identify(request)
        request[ACTOR] = identity.actor
        ROLE.set(identity.role)
        self.authorize(identity, function)
        if limit is not None:
            await limit.admit(request, None if identity.is_anonymous else identity.idempotency_scope)
        return identity

    def url(self, request: web.Request) -> str:
        """The request's absolute address."""
        return f"{addresses(request, trusts_proxy=self._trusts_proxy).base_url}{request.rel_url}"

    def fingerprint(self, request: web.Request, body: Any) -> str:
        """A hash of method, path and body, for the Idempotency-Key. It is keyed: a body may hold a password.

        One text for each secret key: a request that was sent before a rotation is recognized after it.
        """
        text = simplejson.dumps(body, use_decimal=True, sort_keys=True)
        message = f"{request.method}\n{request.path.rstrip('/')}\n{text}".encode()
        return "\x1f".join(hmac.new(key, message, hashlib.sha256).hexdigest() for key in self._secret_keys)

    async def call(
        self,
        identity: Identity,
        function: Function,
        arguments: Mapping[str, Any] | bytes,
        key: Key | None = None,
        *,
        kind: str | None = None,
        is_alone: bool = False,
        after: str | None = None,
    ) -> Answer:
        """Call the function as the caller's role; the database's errors become Problems.

        ``after``: of a read that a standby may answer which shows everything up to this position.
        """
        try:
            if after is not None and self.standbys is not None:
                assert isinstance(arguments, bytes)
                answer = await self.standbys.read(identity.role, function, arguments, after)
                if answer is not None:
                    return answer
                await self.standbys.settle(after)
            answer = await self.database.call(identity.role, function, arguments, key, kind=kind, is_alone=is_alone)
            if self.standbys is not None:
                answer = dataclasses.replace(answer, position=await self.standbys.position())
            return answer
        except DatabaseError as error:
            problem = self._problem(error, identity)
            if problem is None:
                await self._note(error)
                raise
            if self.standbys is not None:
                problem.headers = {**problem.headers, POSITION_HEADER: await self.standbys.position()}
            raise problem from error
        except UnavailableError as error:
            raise Problem("SERVICE_UNAVAILABLE", f"{error} Nothing was changed.") from error
        except OutcomeUnknownError as error:
            raise Problem(
                "OUTCOME_UNKNOWN",
                f"{error} The request was carried out, or it was not: repeat it with the same Idempotency-Key or look.",
            ) from error

    async def sealed(self, password: str) -> str:
        """The password as the database takes it: no log of statements is to have it in clear. Raises Problem."""
        try:
            return await self.database.sealed(password)
        except CallError as error:
            raise Problem("SERVICE_UNAVAILABLE", f"{error} Nothing was changed.") from error

    async def _note(self, error: DatabaseError) -> None:
        """Put the request's id beside an unforeseen error in the database's log."""
        parameters = [REQUEST_ID.get(), error.sqlstate, error.message]
        with contextlib.suppress(CallError):
            await self.database.execute("inventory_public", "select http.note_failure($1, $2, $3)", parameters)

    def _problem(self, error: DatabaseError, identity: Identity) -> Problem | None:
        """What a client is told of the database's error; None for one that nobody foresaw."""
        headers = {"Idempotent-Replayed": "true"} if error.is_replayed else {}
        code = self.interface.code(error.sqlstate)
        if code is not None:
            if code == "PRECONDITION_FAILED":
                headers["ETag"] = f'"{error.data["tag"]}"'
            return Problem(code, error.message, headers=headers, details=error.data, at=error.at)
        match error.sqlstate:
            case "22023" if error.data.keys() & {"field", "fields"}:
                field = _refused_field(error.message, error.data)
                return Problem("VALIDATION_ERROR", "The request is not valid.", fields=[field])
            case "42501":
                # A grant was revoked after the server had read the interface.
                code = "NOT_AUTHENTICATED" if identity.is_anonymous else "PERMISSION_DENIED"
                return Problem(code, "You do not have permission to perform this action.")
            case state if state.startswith("53"):
                log.error("the database has not enough of something: %s %s", state, error.message)
                what = "has no room left on its disk" if state == "53100" else "is too busy"
                return Problem("SERVICE_UNAVAILABLE", f"The database {what} for this call. Nothing was changed.")
            # 55000: the key of a sealed password is gone, as after a crash of the database.
            case state if state[:2] in ("40", "57") or state in ("55P03", "55000", READ_ONLY):
                what = "takes no changes now" if state == READ_ONLY else "is too busy for this call"
                return Problem("SERVICE_UNAVAILABLE", f"The database {what}. Nothing was changed.")
            case _:
                return None


def position_of(request: web.Request, service: Service) -> str | None:
    """The position that a read from a standby must show. None: the primary is asked. Raises Problem."""
    if service.standbys is None or request.method not in ("GET", "HEAD"):
        return None
    text = request.headers.get(POSITION_HEADER)
    if text is not None:
        try:
            number(text)
        except ValueError:
            message = f"{POSITION_HEADER} must be one that an answer has had, or 0/0"
            field = FieldError("value_error", ("header", POSITION_HEADER), message, text)
            raise Problem("VALIDATION_ERROR", "The request is not valid.", fields=[field]) from None
    return text


def headers_of(answer: Answer) -> dict[str, str]:
    headers = {"Idempotent-Replayed": "true"} if answer.is_replayed else {}
    if answer.position is not None:
        headers[POSITION_HEADER] = answer.position
    return headers


def idempotency_key(
    request: web.Request, service: Service, identity: Identity, body: Any, *, is_optional: bool = False
) -> Key | None:
    """The Idempotency-Key of a POST, bare or quoted. Raises Problem for one that cannot be a key.

    Also where there is none and REQUIRE_IDEMPOTENCY_KEY is set. ``is_optional``: not then.
    """
    if request.method != "POST":
        return None
    text = request.headers.get("Idempotency-Key")
    if text is None:
        if service.requires_idempotency_key and not is_optional:
            raise Problem("IDEMPOTENCY_KEY_REQUIRED", "A POST must have the header Idempotency-Key.")
        return None
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if not _IDEMPOTENCY_KEY.fullmatch(text):
        message = "Idempotency-Key must be 1 to 255 printable ASCII characters"
        field = FieldError("value_error", ("header", "Idempotency-Key"), message, text)
        raise Problem("VALIDATION_ERROR", "The request is not valid.", fields=[field])
    return Key(identity.idempotency_scope, text, service.fingerprint(request, body))


def _refused_field(message: str, data: Mapping[str, Any]) -> FieldError:
    """Convert the database's refusal of an argument, or of a field of an order (in a list: ``index``)."""
    order = ("orders", data["index"]) if "index" in data else ()
    place = ("body", *order, *((data["field"],) if "field" in data else ()))
    if (shortest := data.get("min_length")) is not None:
        message = f"String should have at least {shortest} characters"
        return FieldError("string_too_short", place, message, None, {"min_length": shortest})
    least = data.get("minimum")
    if least is None:
        return FieldError("value_error", place, message, data.get("input"))
    message = f"Input should be greater than or equal to {least}"
    return FieldError("greater_than_equal", place, message, data.get("input"), {"ge": least})
