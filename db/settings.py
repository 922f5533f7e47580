"""The settings of db/apply.py. None of them is the server's secret but the password of its roles."""

from __future__ import annotations

from environment import Environment, env_file


class Settings(Environment):
    """``migration_database_url``: the database, as a superuser. Where it is not set, ``database_url`` is used."""

    migration_database_url: str = ""
    database_url: str = ""
    database_role_password: str = ""


def load() -> Settings:
    """The settings of this process. Raises ValueError."""
    return Settings(_env_file=env_file())
