"""A cluster for a moment, with everything of db/."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from db.apply import apply
from tools.cluster import Cluster


@contextlib.contextmanager
def scratch_cluster(**settings: str) -> Iterator[Cluster]:
    """A cluster whose database postgres is up to date. It is gone at the end of the block, which may stop it."""
    directory = Path(tempfile.mkdtemp(prefix="inventory-"))
    directory.chmod(0o755)
    cluster = Cluster(directory, settings=settings, throwaway=True)
    try:
        cluster.start()
        apply(cluster.dsn(), jobs=False)
        yield cluster
    finally:
        cluster.destroy()
        shutil.rmtree(directory, ignore_errors=True)
