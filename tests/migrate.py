"""A database as a release of the past made it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import db.apply
from db.source import MIGRATIONS, migration_names


def migrate(conninfo: str, last: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Apply the migrations up to the one with this number. ``folder``: is made to have these alone.

    Functions and views are all replaced by today's: those of then are not needed.
    """
    with monkeypatch.context() as then:
        for name in migration_names():
            if name[:4] <= last:
                shutil.copy(MIGRATIONS / f"{name}.sql", folder)
        then.setattr(db.source, "MIGRATIONS", folder)
        then.setattr(db.source, "FUNCTIONS", folder / "none")
        then.setattr(db.source, "VIEWS", folder / "none")
        then.setattr(db.apply, "_prepare_ledger", lambda connection: None)
        then.setattr(db.apply, "_schedule", lambda *_, **__: None)
        db.apply.apply(conninfo, jobs=False)
