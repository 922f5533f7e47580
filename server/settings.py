"""Settings, from the environment and an env file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import Field, HttpUrl, field_validator

from environment import DEVELOPMENT_PASSWORD, ROOT, Environment, env_file
from server import ServerError

# What .env.dev sets, for everyone to read: a production server refuses to start with any of it.
DEVELOPMENT_SECRET_KEY = "development-secret-key-that-everyone-can-read"  # noqa: S105

_ORIGIN = re.compile(r"https?://([0-9a-z._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")


class SettingsError(ServerError):
    """The settings do not allow the server to start; the message says which and why."""


class Settings(Environment):
    """Every setting, by its name in capitals in the environment or the env file; the environment wins."""

    environment: Literal["development", "production"] = "production"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    reuse_port: bool = False
    admin_host: str = ""
    admin_port: int = Field(default=0, ge=0, le=65535)
    data_dir: Path = ROOT / ".data"
    database_url: str | None = None
    database_read_url: str | None = None
    database_read_wait_seconds: float = Field(default=0.2, ge=0, le=5)
    database_role_password: str | None = None
    secret_key: str = ""
    secret_key_previous: str = ""
    anonymous_role: Literal["inventory_public", "inventory_operator"] = "inventory_public"
    admin_username: str | None = None
    admin_password: str | None = None
    demo: bool = False
    access_token_seconds: int = Field(default=300, gt=0)
    refresh_token_seconds: int = Field(default=86400, gt=0)
    pool_size: int = Field(default=4, ge=1)
    queue_size: int = Field(default=1024, ge=0)
    queue_seconds: float = Field(default=5, gt=0)
    rate_limit_authentication: str = ""
    rate_limit_read: str = ""
    rate_limit_write: str = ""
    rate_limit_storage: str = "memory://"
    trust_proxy: bool = False
    keep_alive_seconds: float = Field(default=75, gt=0)
    request_seconds: float = Field(default=30, gt=0)
    cors_origins: str = ""
    require_idempotency_key: bool = False
    board: bool = True
    run_jobs: Literal["auto", "always", "never"] = "auto"
    job_poll_seconds: float = Field(default=5, gt=0)
    webhook_poll_seconds: float = Field(default=1, gt=0)
    webhook_allow_private_addresses: bool = False
    webhook_proxy: HttpUrl | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["auto", "json", "text"] = "auto"
    access_log_share: float = Field(default=0, ge=0, le=1)
    max_connections: int = Field(default=10_000, ge=1)
    stop_delay_seconds: float = Field(default=0, ge=0)

    @field_validator(
        *("database_url", "database_read_url", "database_role_password"),
        *("admin_username", "admin_password", "webhook_proxy"),
        mode="before",
    )
    @classmethod
    def _empty_is_unset(cls, value: str | None) -> str | None:
        return value or None

    @field_validator("rate_limit_storage")
    @classmethod
    def _empty_is_memory(cls, value: str) -> str:
        return value or "memory://"

    @property
    def allowed_origins(self) -> frozenset[str]:
        """CORS_ORIGINS, one by one. Raises SettingsError for one that is no origin."""
        origins = frozenset(self.cors_origins.lower().replace(",", " ").split())
        for origin in sorted(origins):
            if not _ORIGIN.fullmatch(origin):
                raise SettingsError(
                    f"CORS_ORIGINS has {origin!r}: it must be an origin, like https://shop.example.com."
                )
        return origins

    @property
    def is_production(self) -> bool:
        return self.environment == "production"

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """SECRET_KEY, which signs, and SECRET_KEY_PREVIOUS where it is set: what either has signed is good."""
        return (self.secret_key, self.secret_key_previous) if self.secret_key_previous else (self.secret_key,)

    def check(self) -> None:
        """Raise SettingsError where limits would be other ones, or what everyone can read is production's."""
        if not self.secret_key:
            raise SettingsError("SECRET_KEY is not set.")
        _ = self.allowed_origins
        limits = (self.rate_limit_authentication, self.rate_limit_read, self.rate_limit_write)
        if self.reuse_port and any(limits) and self.rate_limit_storage.removeprefix("async+").startswith("memory:"):
            raise SettingsError(
                "REUSE_PORT is set, and each process of the port would count requests by itself: RATE_LIMIT_STORAGE"
                " must be one that they share, like redis://host:6379/0."
            )
        if not self.is_production:
            return
        if self.secret_key == DEVELOPMENT_SECRET_KEY:
            raise SettingsError("SECRET_KEY is the development key: set one of your own (openssl rand -hex 32).")
        if len(self.secret_key) < 32:
            raise SettingsError("SECRET_KEY is too short: 32 characters or more (openssl rand -hex 32).")
        if self.secret_key_previous and len(self.secret_key_previous) < 32:
            raise SettingsError("SECRET_KEY_PREVIOUS is too short: 32 characters or more.")
        self._check_database_url("DATABASE_URL", self.database_url)
        self._check_database_url("DATABASE_READ_URL", self.database_read_url)
        if self.database_url and not self.database_role_password:
            raise SettingsError("DATABASE_ROLE_PASSWORD is not set (openssl rand -hex 32).")
        if self.database_role_password == DEVELOPMENT_PASSWORD:
            raise SettingsError("DATABASE_ROLE_PASSWORD is the development password: set one of your own.")
        if self.admin_username and self.admin_password and self.admin_username.lower() == self.admin_password.lower():
            raise SettingsError("ADMIN_PASSWORD is the development admin's: set one of your own, or none.")

    def _check_database_url(self, setting: str, url: str | None) -> None:
        """The server logs in as its own roles: a production server is not to know anybody else's secrets."""
        try:
            parameters = conninfo_to_dict(url or "")
        except psycopg.ProgrammingError as error:
            raise SettingsError(f"{setting} cannot be read: {error}") from None
        for name in ("user", "password"):
            if parameters.get(name):
                raise SettingsError(
                    f"{setting} names a {name}. The server needs none: it logs in as its own roles, with"
                    " DATABASE_ROLE_PASSWORD. Only python -m db.apply needs one, in MIGRATION_DATABASE_URL."
                )


def load() -> Settings:
    """The settings of this process, checked. Raises SettingsError."""
    try:
        settings = Settings(_env_file=env_file())
    except ValueError as error:
        raise SettingsError(str(error)) from None
    settings.check()
    return settings
