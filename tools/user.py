"""Create a user, or change a user's password. Asks for the password and sends it sealed, so that no log has it.

python -m tools.user NAME ROLE    creates a user with the role operator, employee, integration or admin
python -m tools.user NAME         changes the password

The database is that of MIGRATION_DATABASE_URL, else that of `make run`. Its user must be in inventory_maintenance.
"""

from __future__ import annotations

import getpass
import sys
from typing import Any

import psycopg

import db.settings
from server.database.passwords import seal
from tools.cluster import ClusterError, served_database


def main(arguments: list[str]) -> int:
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    name, *role = arguments
    try:
        url = db.settings.load().migration_database_url or served_database()
        with psycopg.connect(url) as connection:
            password = getpass.getpass(f"New password of {name}: ")
            if getpass.getpass("Again: ") != password:
                print("The two are not the same. Nothing was changed.", file=sys.stderr)
                return 1
            sealed = sealed_for(connection, password)
            if role:
                connection.execute("select maintenance.create_user(%s, %s, %s)", [name, sealed, *role])
            else:
                connection.execute("select maintenance.change_password(%s, %s)", [name, sealed])
    except (ValueError, ClusterError, psycopg.Error) as error:
        print(f"{str(error).strip()} Nothing was changed.", file=sys.stderr)
        return 1
    print(f"{name} is created." if role else f"The password of {name} is changed.")
    return 0


def sealed_for(connection: psycopg.Connection[Any], password: str) -> str:
    """Returns the password as the functions of this database take it."""
    row = connection.execute("select id::text, encode(key, 'hex') from maintenance.password_key()").fetchone()
    assert row is not None
    return seal(password, *row)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
