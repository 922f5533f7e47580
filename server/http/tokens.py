"""JSON web tokens with the claims and the sentences of djangorestframework-simplejwt 5.5. HS256 alone."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import jwt

from server import ServerError

ALGORITHM = "HS256"

TokenType = Literal["access", "refresh"]


class TokenError(ServerError):
    """The token cannot be trusted; the message is what the client is told."""


@dataclasses.dataclass(frozen=True)
class Identity:
    """The caller: the database role, and the name that the ledger keeps."""

    role: str
    actor: str
    idempotency_scope: str
    is_anonymous: bool


class Tokens:
    """Signs and reads tokens. A session is what http.session_json says of a user; one session gives one token.

    ``secret_keys``: the first one signs, and a token that any of them has signed is good.
    """

    def __init__(self, secret_keys: Sequence[str], access_seconds: int, refresh_seconds: int) -> None:
        self._keys = tuple(secret_keys)
        self._seconds: dict[TokenType, int] = {"access": access_seconds, "refresh": refresh_seconds}

    def sign(self, token_type: TokenType, session: dict[str, Any]) -> str:
        issued_at = int(session["issued_at"])
        claims: dict[str, Any] = {
            "token_type": token_type,
            "exp": issued_at + self._seconds[token_type],
            "iat": issued_at,
            "jti": session["jti"],
            "user_id": session["user_id"],
            "username": session["username"],
            "role": session["role"],
            "version": session["version"],
        }
        return jwt.encode(claims, self._keys[0], algorithm=ALGORITHM)

    def read(self, token: str, token_type: TokenType | None = None) -> dict[str, Any]:
        """The claims of a token of this type (None: of either). Raises TokenError."""
        try:
            claims = self._decode(token)
        except jwt.ExpiredSignatureError:
            raise TokenError("Token is expired") from None
        except jwt.MissingRequiredClaimError:
            raise TokenError("Token has no 'exp' claim") from None
        except (jwt.InvalidTokenError, ValueError):
            raise TokenError("Token is invalid") from None
        if "jti" not in claims:
            raise TokenError("Token has no id")
        if token_type is None:
            return claims
        if "token_type" not in claims:
            raise TokenError("Token has no type")
        if claims["token_type"] != token_type:
            raise TokenError("Token has wrong type")
        return claims

    def _decode(self, token: str) -> dict[str, Any]:
        """The claims, whichever key has signed them. Raises jwt's errors."""
        # iat is the database's time, and this machine's clock may differ.
        options: Any = {"require": ["exp"], "verify_iat": False}
        for key in self._keys[:-1]:
            with contextlib.suppress(jwt.InvalidSignatureError):
                return jwt.decode(token, key, algorithms=[ALGORITHM], options=options)
        return jwt.decode(token, self._keys[-1], algorithms=[ALGORITHM], options=options)

    def identity(self, token: str) -> Identity:
        """The identity that an access token stands for. Raises TokenError."""
        claims = self.read(token, "access")
        try:
            role, user_id, username = str(claims["role"]), int(claims["user_id"]), str(claims["username"])
        except (KeyError, TypeError, ValueError, OverflowError):
            raise TokenError("Token contained no recognizable user identification") from None
        if role not in ("operator", "employee", "integration", "admin"):
            raise TokenError("Token contained no recognizable user identification")
        return Identity(f"inventory_{role}", username, f"user:{user_id}", is_anonymous=False)
