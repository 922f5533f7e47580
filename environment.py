"""Reads settings from the environment, an env file and secret files. The base of the server's and db's settings."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from pydantic import field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent
ROLE_PREFIX = "inventory"
DEVELOPMENT_PASSWORD = "development"  # noqa: S105 - that .env.dev gives the roles, for everyone to read


class Environment(BaseSettings):
    """Settings named by their fields in upper case. The environment takes precedence over the env file.

    A setting NAME may also be given as NAME_FILE, the path of a file with its value: containers get secrets that way.
    """

    model_config = SettingsConfigDict(extra="allow", hide_input_in_errors=True)  # the input has the secrets

    role_prefix: str = ROLE_PREFIX

    @field_validator("role_prefix")
    @classmethod
    def _check_role_prefix(cls, value: str) -> str:
        return check_role_prefix(value or ROLE_PREFIX)

    @model_validator(mode="before")
    @classmethod
    def _read_files(cls, values: dict[str, Any]) -> dict[str, Any]:
        environment = {name.lower(): value for name, value in os.environ.items() if value}
        for name in cls.model_fields:
            named = f"{name}_file"
            if name in environment and named in environment:
                raise ValueError(f"{name.upper()} and {named.upper()} are both set.")
            if name in environment or not (path := environment.get(named) or values.get(named)):
                continue
            if named not in environment and values.get(name):
                raise ValueError(f"The env file sets both {name.upper()} and {named.upper()}.")
            try:
                values[name] = Path(str(path)).read_text().rstrip("\r\n")
            except OSError as error:
                raise ValueError(f"{named.upper()} cannot be read: {error}") from None
        return {name: value for name, value in values.items() if name in cls.model_fields}


def check_role_prefix(value: str) -> str:
    """Returns what the names of a deployment's roles begin with. Raises ValueError for what no name can begin with."""
    if not re.fullmatch("[a-z][a-z0-9_]{0,49}", value):  # PostgreSQL cuts names of more than 63 bytes
        raise ValueError(f"{value!r} is no ROLE_PREFIX: at most 50 small letters, digits and _, the first a letter.")
    return value


def env_file() -> Path:
    """Returns the path of the env file: ENV_FILE if it is set, else .env if it exists, else .env.dev.

    Raises ValueError if ENV_FILE names a file that does not exist.
    """
    if named := os.environ.get("ENV_FILE"):
        path = Path(named)
        if not path.is_file():
            raise ValueError(f"ENV_FILE names {named}, which is no file.")
        return path
    local = ROOT / ".env"
    return local if local.is_file() else ROOT / ".env.dev"
