"""`make test-clients`: lints docs/openapi.json, makes clients of it, compiles them, and runs their walks."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from server.app import SPECIFICATION
from tests.process import ROOT
from tests.readme.walk import service

HERE = Path(__file__).resolve().parent
WALKS = HERE / "walks"
PYTHON = ROOT / ".venv-clients" / "bin"
NODE = HERE / "node_modules" / ".bin"

# What each walk prints, as JSON: the states of the hold, what is available after it was sold, the code of a refusal,
# and how many rows a page of two has.
EXPECTED = {"block": "active", "converted": "converted", "available": 95, "refusal": "INSUFFICIENT_STOCK", "page": 2}

Argument = str | Path
Walk = list[Argument]
"""The command that walks, but for its last arguments: the service's URL and a SKU code."""


class MissingError(Exception):
    """A program that compiles or runs a client is not installed."""


class FailedError(Exception):
    """A program failed; the message is what it said."""


def run(*command: Argument, cwd: Path | None = None, environment: dict[str, str] | None = None) -> str:
    """Runs the program; returns what it printed. Raises FailedError."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | {"OPENAPI_GENERATOR_DISABLE_VERSION_CHECK": "1", "NO_COLOR": "1"} | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode:
        raise FailedError(f"{' '.join(map(str, command))[:300]}\n{done.stdout[-6000:]}")
    return done.stdout


def program(name: str) -> str:
    """The path of a system's program. Raises MissingError."""
    found = shutil.which(name)
    if found is None:
        raise MissingError(f"{name} is not installed")
    return found


# The lints


def redocly(_: Path) -> None:
    run(NODE / "redocly", "lint", "--config", HERE / "redocly.yaml", "--max-problems", "100", SPECIFICATION)


def spectral(_: Path) -> None:
    # A warning is a failure too.
    run(NODE / "spectral", "lint", "--ruleset", HERE / ".spectral.yaml", "--fail-severity", "warn", SPECIFICATION)


# The clients: each function makes one in a directory, compiles it, and returns its walk.


def openapi_python_client(directory: Path) -> Walk:
    options = ("--meta", "none", "--fail-on-warning", "--config", HERE / "openapi-python-client.yaml")
    package = directory / "inventory_client"
    run(
        *(PYTHON / "openapi-python-client", "generate", "--path", SPECIFICATION, "--output-path", package, *options),
        environment={"PATH": f"{PYTHON}:{os.environ['PATH']}"},  # it formats with ruff
    )
    return _python(directory, "openapi_python_client.py")


def openapi_generator_python(directory: Path) -> Walk:
    openapi_generator("python", directory)
    return _python(directory, "openapi_generator_python.py")


def _python(directory: Path, walk: str) -> Walk:
    shutil.copy(WALKS / walk, directory / "walk.py")
    options = ("--config-file", HERE / "mypy.ini", "--cache-dir", directory / "cache")
    run(PYTHON / "mypy", *options, "walk.py", cwd=directory)
    return [PYTHON / "python", directory / "walk.py"]


def openapi_fetch(directory: Path) -> Walk:
    run(NODE / "openapi-typescript", SPECIFICATION, "--output", directory / "schema.d.ts")
    return _typescript(directory, "openapi_fetch.ts")


def hey_api(directory: Path) -> Walk:
    run(NODE / "openapi-ts", "--input", SPECIFICATION, "--output", directory / "client", "--silent")
    return _typescript(directory, "hey_api.ts")


def typescript_fetch(directory: Path) -> Walk:
    openapi_generator("typescript-fetch", directory / "client")
    return _typescript(directory, "typescript_fetch.ts")


def typescript_axios(directory: Path) -> Walk:
    openapi_generator("typescript-axios", directory / "client")
    return _typescript(directory, "typescript_axios.ts")


def _typescript(directory: Path, walk: str) -> Walk:
    shutil.copy(WALKS / walk, directory / "walk.ts")
    (directory / "node_modules").symlink_to(HERE / "node_modules")
    shutil.copy(HERE / "tsconfig.json", directory)
    run(NODE / "tsc", "--project", directory)
    bundle = directory / "walk.mjs"
    # A CommonJS package in the bundle calls require.
    banner = "--banner:js=import {createRequire} from 'module'; const require = createRequire(import.meta.url);"
    options = ("--bundle", "--platform=node", "--format=esm", "--log-level=warning", banner)
    run(NODE / "esbuild", directory / "walk.ts", *options, f"--outfile={bundle}")
    return [program("node"), bundle]


def java(directory: Path) -> Walk:
    """The generator's own jar has the packages that its Java code needs: Jackson, and annotations but for one."""
    openapi_generator("java", directory, "--library", "native", "--additional-properties", "openApiNullable=false")
    sources = [*(directory / "src" / "main").rglob("*.java"), *WALKS.glob("*.java")]
    classes = directory / "classes"
    run(program("javac"), "-nowarn", "-d", classes, "-classpath", jar(), *sources)
    return [program("java"), "-classpath", f"{classes}:{jar()}", "Walk"]


def go(directory: Path) -> Walk:
    """Without its own tests, what is made needs no module but Go's own."""
    module = ("--git-host", "shop.example", "--git-user-id", "stock", "--git-repo-id", "client")
    parts = ("--global-property", "apis,models,supportingFiles,apiTests=false,modelTests=false")
    openapi_generator("go", directory, *module, *parts, "--additional-properties", "packageName=inventory")
    (directory / "walk").mkdir()
    shutil.copy(WALKS / "walk.go", directory / "walk" / "main.go")
    environment = {"GOFLAGS": "-mod=mod", "GOCACHE": str(directory / "cache"), "GOPROXY": "off"}
    run(program("go"), "vet", "./...", cwd=directory, environment=environment)
    run(program("go"), "build", "-o", directory / "walked", "./walk", cwd=directory, environment=environment)
    return [directory / "walked"]


def agent(_: Path) -> Walk:
    return [PYTHON / "python", WALKS / "agent.py"]


def openapi_generator(name: str, directory: Path, *options: Argument) -> None:
    program("java")
    paths = ("--input-spec", SPECIFICATION, "--output", directory)
    run(PYTHON / "openapi-generator-cli", "generate", "--generator-name", name, *paths, *options)


def jar() -> Path:
    (found,) = (ROOT / ".venv-clients").glob("lib/python3*/site-packages/openapi_generator_cli/openapi-generator.jar")
    return found


MAKERS: dict[str, Callable[[Path], Walk | None]] = {
    "redocly": redocly,
    "spectral": spectral,
    "openapi-python-client": openapi_python_client,
    "openapi-fetch": openapi_fetch,
    "hey-api": hey_api,
    "openapi-generator-python": openapi_generator_python,
    "typescript-fetch": typescript_fetch,
    "typescript-axios": typescript_axios,
    "java": java,
    "go": go,
    "agent": agent,
}


class Report:
    """Says what became of each client, and remembers what failed."""

    def __init__(self, *, allow_missing: bool) -> None:
        self.failed: list[str] = []
        self._allow_missing = allow_missing

    def attempt(self, name: str, what: str, action: Callable[[], Walk | None]) -> Walk | None:
        begin = time.monotonic()
        try:
            result = action()
        except MissingError as error:
            print(f"{name}: {error}", flush=True)
            if not self._allow_missing:
                self.failed.append(name)
            return None
        except FailedError as error:
            print(f"{name}: FAILED\n{error}", flush=True)
            self.failed.append(name)
            return None
        print(f"{name}: {what} in {time.monotonic() - begin:.1f} s", flush=True)
        return result


def walked(walk: Walk, url: str, sku: str) -> None:
    """Runs a walk. Raises FailedError where it does not print what is expected."""
    said = run(*walk, url, sku)
    if json.loads(said.strip().splitlines()[-1]) != EXPECTED:
        raise FailedError(f"expected {EXPECTED}\n{said}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make test-clients", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *MAKERS], metavar="name", help=f"of {', '.join(MAKERS)}")
    parser.add_argument(
        "--allow-missing", action="store_true", help="pass without the compilers that are not installed"
    )
    arguments = parser.parse_args()
    names = arguments.names or list(MAKERS)
    report = Report(allow_missing=arguments.allow_missing)
    with tempfile.TemporaryDirectory(prefix="inventory-clients-") as place:
        walks: dict[str, Walk] = {}
        for name in names:
            directory = Path(place) / name
            directory.mkdir()
            walk = report.attempt(name, "made", lambda name=name, directory=directory: MAKERS[name](directory))
            if walk is not None:
                walks[name] = walk
        if walks:
            with service(Path(place) / "data") as (url, _):
                for number, (name, walk) in enumerate(walks.items()):
                    sku = f"ABC123-{number}"
                    report.attempt(name, "walked", lambda walk=walk, url=url, sku=sku: walked(walk, url, sku))
    print(f"failed: {', '.join(dict.fromkeys(report.failed))}" if report.failed else "all good")
    return bool(report.failed)


if __name__ == "__main__":
    sys.exit(main())
