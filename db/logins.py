"""Passwords and logins."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

from db.source import LOGIN_ROLES, OWNER, REPORTING, SERVER_ROLES, ApplyError, with_prefix


def set_passwords(connection: psycopg.Connection[Any], password: str, prefix: str) -> None:
    """Set the password of the roles that the server logs in as."""
    for role in SERVER_ROLES:
        _set_password(connection, with_prefix(role, prefix), password)


def make_reporting_login(connection: psycopg.Connection[Any], name: str, password: str | None, prefix: str) -> None:
    """Make a login that may do what the role for reporting may, with the same settings; or give it these settings anew.

    PostgreSQL lets a member inherit rights, and no settings. Without a password (None) the login has none, or keeps its
    own. Raises ApplyError for a role that is something else already.
    """
    group = with_prefix(REPORTING, prefix)
    if name in {with_prefix(role, prefix) for role in (OWNER, *LOGIN_ROLES)}:
        raise ApplyError(f"{name} is a role of this project.")
    with connection.transaction():
        settings = connection.execute(
            "select unnest(s.setconfig) from pg_db_role_setting as s join pg_roles as r on s.setrole = r.oid"
            " where s.setdatabase = 0 and r.rolname = %s",
            [group],
        ).fetchall()
        if not settings:
            raise ApplyError(f"There is no role {group}: run db.apply first.")
        role = connection.execute(
            "select array(select m.roleid::regrole::text from pg_auth_members as m where m.member = r.oid),"
            " rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls from pg_roles as r"
            " where r.rolname = %s",
            [name],
        ).fetchone()
        login = sql.Identifier(name)
        if role is None:
            connection.execute(sql.SQL("create role {} login in role {}").format(login, sql.Identifier(group)))
        elif role != ([group], False):
            raise ApplyError(f"The role {name} exists, and is no reporting login: it may do more. Choose another name.")
        for (setting,) in settings:
            key, _, value = setting.partition("=")
            connection.execute(
                sql.SQL("alter role {} set {} = {}").format(login, sql.Identifier(key), sql.Literal(value))
            )
        if password is not None:
            _set_password(connection, name, password)


def _set_password(connection: psycopg.Connection[Any], role: str, password: str) -> None:
    # Hash the password here, so that the plain text appears neither in PostgreSQL's log nor in its statistics.
    secret = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    connection.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(secret.decode())))
