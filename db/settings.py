"""The settings of db/apply.py. It needs no secret of the server except the password of the server's roles."""

from __future__ import annotations

from environment import Environment, env_file


class Settings(Environment):
    """``migration_database_url`` names the database and a superuser. ``database_url`` is used if it is not set."""

    migration_database_url: str = ""
    database_url: str = ""
    database_role_password: str = ""


def load() -> Settings:
    """Reads the settings of this process. Raises ValueError."""
    return Settings(_env_file=env_file())
