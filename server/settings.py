"""Settings, from the environment and an env file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent

# What .env.dev sets, for everyone to read: a production server refuses to start with any of it.
DEVELOPMENT_SECRET_KEY = "development-secret-key-that-everyone-can-read"  # noqa: S105
DEVELOPMENT_PASSWORD = "development"  # noqa: S105

_ORIGIN = re.compile(r"https?://([0-9a-z._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")


class SettingsError(Exception):
    """The settings do not allow the server to start; the message says which and why."""


class Settings(BaseSettings):
    """Every setting, by its name in capitals in the environment or the env file; the environment wins."""

    model_config = SettingsConfigDict(extra="ignore")

    environment: Literal["development", "production"] = "production"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    workers: int = Field(default=1, ge=1, le=64)
    data_dir: Path = ROOT / ".data"
    database_url: str | None = None
    database_role_password: str | None = None
    secret_key: str = ""
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
    webhook_poll_seconds: float = Field(default=1, gt=0)
    webhook_allow_private_addresses: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("database_url", "database_role_password", "admin_username", "admin_password")
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

    def check(self) -> None:
        """Raise SettingsError where limits would be other ones, or what everyone can read is production's."""
        if not self.secret_key:
            raise SettingsError("SECRET_KEY is not set.")
        _ = self.allowed_origins
        limits = (self.rate_limit_authentication, self.rate_limit_read, self.rate_limit_write)
        if self.workers > 1 and any(limits) and self.rate_limit_storage.removeprefix("async+").startswith("memory:"):
            raise SettingsError(
                f"WORKERS is {self.workers}, and each would count requests by itself: RATE_LIMIT_STORAGE must be one"
                " that they share, like redis://host:6379/0."
            )
        if not self.is_production:
            return
        if self.secret_key == DEVELOPMENT_SECRET_KEY:
            raise SettingsError("SECRET_KEY is the development key: set one of your own (openssl rand -hex 32).")
        if len(self.secret_key) < 32:
            raise SettingsError("SECRET_KEY is too short: 32 characters or more (openssl rand -hex 32).")
        if self.database_url and not self.database_role_password:
            raise SettingsError("DATABASE_ROLE_PASSWORD is not set (openssl rand -hex 32).")
        if self.database_role_password == DEVELOPMENT_PASSWORD:
            raise SettingsError("DATABASE_ROLE_PASSWORD is the development password: set one of your own.")
        if self.admin_username and self.admin_password and self.admin_username.lower() == self.admin_password.lower():
            raise SettingsError("ADMIN_PASSWORD is the development admin's: set one of your own, or none.")


def env_file() -> Path:
    """The env file: ENV_FILE where that is set, else .env where there is one, else .env.dev."""
    if named := os.environ.get("ENV_FILE"):
        path = Path(named)
        if not path.is_file():
            raise SettingsError(f"ENV_FILE names {named}, which is no file.")
        return path
    local = ROOT / ".env"
    return local if local.is_file() else ROOT / ".env.dev"


def load() -> Settings:
    """The settings of this process, checked. Raises SettingsError."""
    settings = Settings(_env_file=env_file())
    settings.check()
    return settings
