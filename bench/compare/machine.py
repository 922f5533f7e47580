"""Describes the machine and the versions with which the measurements were made."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from pathlib import Path

import psycopg

from bench.compare import load, subjects
from tools.cluster import Cluster

SHOWN_SETTINGS = (
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_sync_method",
    "shared_buffers",
    "max_wal_size",
)
OWN_PACKAGES = ("aiohttp", "psycopg", "pydantic", "uvloop")
PEERS_PACKAGES = ("aiohttp", "asyncpg", "Django", "djangorestframework", "fastapi", "gunicorn", "SQLAlchemy", "uvicorn")
COMMIT_SECONDS = 3


def describe(cluster: Cluster) -> dict[str, str]:
    """Returns the machine, versions, settings and duration of a commit. Raises LoadError if commits are not synced."""
    with psycopg.connect(cluster.dsn()) as connection:

        def shown(name: str) -> str:
            row = connection.execute("select current_setting(%s)", [name]).fetchone()
            assert row is not None
            return str(row[0])

        settings = {name: shown(name) for name in SHOWN_SETTINGS}
        version = shown("server_version")
    if settings["fsync"] != "on" or settings["synchronous_commit"] != "on":
        raise load.LoadError(f"The cluster does not sync its commits: {settings}.")
    kilobytes = int(_found(r"^MemTotal:\s*(\d+) kB$", Path("/proc/meminfo")))
    system = _found(r'^PRETTY_NAME="?([^"\n]*)', Path("/etc/os-release"))
    return {
        "processor": _found(r"^model name\s*: (.*)$", Path("/proc/cpuinfo")),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{kilobytes / 2**20:.0f} GiB",
        "system": f"{system}, Linux {platform.release()}",
        "PostgreSQL": version,
        "settings": ", ".join(f"{name} {value}" for name, value in settings.items()),
        "commit of one inserted row": f"{_commit_milliseconds(cluster):.2f} ms (p50, one connection)",
        "Python": platform.python_version(),
        "this service's packages": ", ".join(_own_packages()),
        "the others' packages": ", ".join(_peers_packages()),
        "PostGraphile": ", ".join(_postgraphile()),
        "load": "wrk and pgbench, two threads",
    }


def _commit_milliseconds(cluster: Cluster) -> float:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("create table if not exists commit_time (at timestamptz)")
    script = load.Script(
        "insert into commit_time values (clock_timestamp());\n", cluster.dsn(), cluster.binaries / "pgbench"
    )
    return load.pgbench(script, 1, 0.5, COMMIT_SECONDS).p50


def _found(pattern: str, file: Path) -> str:
    found = re.search(pattern, file.read_text(), re.MULTILINE) if file.exists() else None
    return found[1] if found else "unknown"


def _own_packages() -> list[str]:
    versions = []
    for name in OWN_PACKAGES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _peers_packages() -> list[str]:
    pinned = (subjects.PEERS / "requirements.txt").read_text()
    return [
        f"{name} {version}" for name, version in re.findall(r"^([\w-]+)==(\S+)", pinned, re.M) if name in PEERS_PACKAGES
    ]


def _postgraphile() -> list[str]:
    package = (subjects.PEERS / "postgraphile" / "package.json").read_text()
    node = subprocess.run([subjects.node(), "--version"], capture_output=True, text=True, check=True)
    return [f"postgraphile {_version(package)}", f"node {node.stdout.strip().removeprefix('v')}"]


def _version(package: str) -> str:
    found = re.search(r'"postgraphile": "([^"]+)"', package)
    return found[1] if found else "unknown"
