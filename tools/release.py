"""Make the files of a release: python -m tools.release [--directory dist]

Writes `inventory-<version>.tar.gz`, which has everything that is committed, and `SHA256SUMS`. The version is
`server.VERSION`; the changelog must have a section for it. Also writes the server of this release to
tests/operations/releases: the tests of the next release run it.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import lzma
import re
import subprocess
import sys
from pathlib import Path

from server import VERSION

ROOT = Path(__file__).resolve().parent.parent
RELEASES = ROOT / "tests" / "operations" / "releases"
SERVED = ("server", "pgcalls", "db", "environment.py", "init.sql", "docs/openapi.json")


class ReleaseError(Exception):
    """The release cannot be made; the message says why."""


def release(root: Path, version: str, directory: Path) -> Path:
    """Write the release of what is committed in ``root``, and return its file. Raises ReleaseError."""
    if _git(root, "status", "--porcelain"):
        raise ReleaseError("Some changes are not committed.")
    if not re.search(
        rf"^## {re.escape(version)} - \d{{4}}-\d\d-\d\d$", (root / "CHANGELOG.md").read_text(), re.MULTILINE
    ):
        raise ReleaseError(f"CHANGELOG.md has no section `## {version} - <date>`.")
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / f"inventory-{version}.tar.gz"
    file.write_bytes(gzip.compress(archive(root, version), mtime=0))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    (directory / "SHA256SUMS").write_text(f"{digest}  {file.name}\n")
    return file


def archive(root: Path, version: str, *paths: str) -> bytes:
    """What is committed, or these paths of it, as a tar file."""
    return _git(root, "archive", f"--prefix=inventory-{version}/", "HEAD", *paths)


def _git(root: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=True).stdout


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.release", description="Make the files of a release.")
    parser.add_argument("--directory", type=Path, default=ROOT / "dist")
    directory = parser.parse_args().directory
    try:
        file = release(ROOT, VERSION, directory)
    except (ReleaseError, OSError, subprocess.CalledProcessError) as error:
        print(f"No release: {error}", file=sys.stderr)
        return 1
    kept = RELEASES / f"{VERSION}.tar.xz"
    kept.write_bytes(lzma.compress(archive(ROOT, VERSION, *SERVED), preset=9))
    print(f"{file}\nCommit {kept.relative_to(ROOT)}, and tag the release: git tag v{VERSION}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
