"""The settings of db/apply.py. It needs no secret of the server except the password of the server's roles."""

from __future__ import annotations

from typing import Literal

from environment import DEVELOPMENT_PASSWORD, Environment, env_file


class Settings(Environment):
    """``migration_database_url`` names the database and its owner. ``database_url`` is used if it is not set."""

    environment: Literal["development", "production"] = "production"
    migration_database_url: str = ""
    database_url: str = ""
    database_role_password: str = ""


def load() -> Settings:
    """Read the settings of this process. Raises ValueError, also for a production password that everyone can read."""
    settings = Settings(_env_file=env_file())
    if settings.environment == "production" and settings.database_role_password == DEVELOPMENT_PASSWORD:
        raise ValueError("DATABASE_ROLE_PASSWORD is the development password: set one of your own.")
    return settings
