"""The images of deploy/, and what compose.yaml runs of them, as processes: for `make test-deploy`.

Needs root and Debian's buildah, debootstrap, prometheus, npm and systemd, which `tools/setup.sh --deploy` installs.
There is no container engine: buildah's chroot isolation shares the host's network and processes. The base image is made
with debootstrap, under the name that the Dockerfiles ask for. Everything is in one temporary folder, which is removed
at the end. DEPLOY_IMAGES=folder keeps the images there, and a second run takes a minute. DEBIAN_MIRROR names a mirror;
unset, it is the one that this machine's apt uses.
"""

from __future__ import annotations

import configparser
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import pytest
import yaml

from tests.conftest import _place
from tests.deploy.files import DEPLOY, PROMETHEUS, load
from tests.process import ROOT

BASE = "docker.io/library/debian:trixie-slim"
PATIENCE = 120
PASSWORD = 'it\'s a "test" of 100%'
IMAGES = {
    "postgres": ("inventory-postgres:17", DEPLOY / "postgres" / "Dockerfile", DEPLOY / "postgres"),
    "service": ("inventory", DEPLOY / "Dockerfile", ROOT),
}


def run(*command: str | Path, **options: Any) -> str:
    """What a command prints. Fails with all that it said."""
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-6000:]}"
    return done.stdout


def wait_for(condition: Callable[[], Any], *, alive: Container | None = None) -> Any:
    """Return what the condition gives when it holds. Fails when it does not for a long time, or the container ends."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert alive is None or alive.is_running, alive.said()
        assert time.monotonic() < deadline, alive.said() if alive else "what the test waits for did not come"
        time.sleep(0.1)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def mirror() -> str:
    """Where this machine's apt has Debian from."""
    if "DEBIAN_MIRROR" in os.environ:
        return os.environ["DEBIAN_MIRROR"]
    known = run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian")
    return next(iter(known.split()), "http://deb.debian.org/debian")


class Store:
    """Images in a folder. ``images``: the configuration of each that was built."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images: dict[str, dict[str, Any]] = {}
        images = Path(os.environ.get("DEPLOY_IMAGES", folder / "images"))
        self._common = ("--root", images, "--runroot", folder / "run", "--storage-driver", "vfs")

    def command(self, *arguments: str | Path) -> list[str]:
        return [*map(str, ("buildah", *self._common, *arguments))]

    def buildah(self, *arguments: str | Path, **options: Any) -> str:
        return run(*self.command(*arguments), **options).strip()

    def make_base(self) -> None:
        if BASE in self.buildah("images", "--format", "{{.Name}}:{{.Tag}}"):
            return
        root = self.folder / "debian"
        run("debootstrap", "--variant=minbase", "trixie", root, mirror())
        # As in the real image: no fsync for each file of a package.
        (root / "etc" / "dpkg" / "dpkg.cfg.d" / "container").write_text("force-unsafe-io\n")
        made = self.buildah("from", "scratch")
        self.buildah("copy", "--quiet", made, root, "/")
        self.buildah("commit", "--quiet", "--rm", made, BASE)
        shutil.rmtree(root)

    def make_images(self) -> None:
        self.make_base()
        with ThreadPoolExecutor() as pool:
            self.images = dict(zip(IMAGES, pool.map(self.build, *zip(*IMAGES.values(), strict=True)), strict=True))

    def build(self, name: str, dockerfile: Path, context: Path) -> dict[str, Any]:
        """Build an image with this machine's settings of pip and its certificates, and return its configuration."""
        pip_conf = self.folder / f"{name}.pip.conf"
        certificates = os.environ.get("PIP_CERT", "/etc/ssl/certs/ca-certificates.crt")
        pip = configparser.ConfigParser()
        pip["global"] = {"cert": "/run/ca.crt"}
        if index := os.environ.get("PIP_INDEX_URL"):
            pip["global"]["index-url"] = index.replace("%", "%%")
        with pip_conf.open("w") as file:
            pip.write(file)
        self.buildah(
            *(
                "bud",
                "--layers" if "DEPLOY_IMAGES" in os.environ else "--layers=false",
                "--isolation",
                "chroot",
                "--network",
                "host",
                "--pull-never",
                "--format",
                "docker",
            ),
            *("--secret", f"id=pip.conf,src={pip_conf}", "--volume", f"{certificates}:/run/ca.crt:ro"),
            *("--file", dockerfile, "--tag", name, context),
        )
        found: dict[str, Any] = json.loads(self.buildah("inspect", "--type", "image", name))["Docker"]["config"]
        return found


class Container:
    """A container of an image, with these settings; /run/secrets is the folder of secrets."""

    def __init__(self, store: Store, image: str, secrets: Path | None = None, **environment: str) -> None:
        self._store = store
        self.name = store.buildah("from", "--pull-never", image)
        self.root = Path(store.buildah("mount", self.name))
        self._options = ["--isolation", "chroot"]
        if secrets is not None:
            self._options += ["--volume", f"{secrets}:/run/secrets:ro"]
        for name, value in environment.items():
            self._options += ["--env", f"{name}={value}"]
        self._log = store.folder / f"{self.name}.log"
        self._log.unlink(missing_ok=True)  # of a container that is gone, whose name this one has
        self._process: subprocess.Popen[bytes] | None = None
        self.started = 0.0

    def command(self, *command: str) -> list[str]:
        return self._store.command("run", *self._options, self.name, "--", *command)

    def run(self, *command: str) -> str:
        return run(*self.command(*command))

    def shell(self, command: str, **variables: str) -> str:
        """What the shell's commands print, with these variables."""
        given = [f"{name}={value}" for name, value in variables.items()]
        return self.run("env", *given, "bash", "-o", "pipefail", "-euc", command)

    def start(self, *command: str) -> None:
        self.started = time.time()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self.command(*command), stdout=log, stderr=log)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def said(self) -> str:
        return self._log.read_text()[-6000:]

    def main_process(self) -> psutil.Process:
        """The process that the command became. Those above it are buildah's, and kill it when they end."""
        assert self._process is not None
        below = psutil.Process(self._process.pid).children(recursive=True)
        return next(each for each in below if not each.cmdline()[0].startswith("buildah"))

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send the signal to the process, and return its status."""
        assert self._process is not None
        if self.is_running:
            self.main_process().send_signal(number)
        return self._process.wait(PATIENCE)

    def close(self) -> None:
        self._end()
        self._store.buildah("rm", self.name)

    def _end(self) -> None:
        if self._process is not None and self.is_running:
            with contextlib.suppress(psutil.Error, StopIteration):
                self.main_process().kill()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class Deployment:
    """PostgreSQL, db.apply and a server as compose.yaml has them, on ports of their own. They end with it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.database_port, self.port, self.admin_port = (free_port() for _ in range(3))
        self.url = f"http://127.0.0.1:{self.port}"
        self.admin_url = f"http://127.0.0.1:{self.admin_port}"
        address = f"127.0.0.1:{self.database_port}/inventory"
        # A password with everything in it that a URL cannot have as it is.
        self.superuser = f"postgresql://postgres:{quote(PASSWORD, safe='')}@{address}"
        self._secrets = Path(tempfile.mkdtemp(dir=store.folder))
        self._secrets.chmod(0o755)
        for name, value in (
            ("postgres_password", PASSWORD),
            ("migration_database_url", self.superuser),
            ("database_role_password", "r" * 32),
            ("secret_key", "s" * 32),
        ):
            (self._secrets / name).write_text(value)
        self.services = load("compose.yaml")["services"]
        self.services["service"]["environment"] |= {
            "DATABASE_URL": f"postgresql://{address}",
            "PORT": str(self.port),
            "ADMIN_PORT": str(self.admin_port),
            "RATE_LIMIT_READ": "20/second",
            "RATE_LIMIT_WRITE": "1000/second",
        }
        self.containers: dict[str, Container] = {}
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            stack.push(self)
            for name in ("postgres", "apply", "service"):
                self.containers[name] = self.add(name)
            stack.pop_all()

    def add(self, name: str, **environment: str) -> Container:
        """A container of this service of compose.yaml."""
        service = self.services[name]
        made = Container(self.store, service["image"], self._secrets, **service["environment"] | environment)
        self._stack.callback(made.close)
        return made

    def __enter__(self) -> Deployment:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start_database(self) -> None:
        postgres = self.containers["postgres"]
        postgres.start(*self.store.images["postgres"]["Entrypoint"], "-c", f"port={self.database_port}")
        wait_for(lambda: "ready to accept connections" in postgres.said(), alive=postgres)

    def apply(self) -> None:
        self.containers["apply"].run(*self.services["apply"]["command"])

    def start_service(self) -> None:
        service = self.containers["service"]
        service.start(*self.store.images["service"]["Cmd"])
        wait_for(lambda: answers(f"{self.admin_url}/ready"), alive=service)


class Watched(Deployment):
    """With Prometheus."""

    prometheus_port = 0

    def query(self, expression: str) -> list[dict[str, Any]]:
        answer = httpx.get(f"http://127.0.0.1:{self.prometheus_port}/api/v1/query", params={"query": expression})
        assert answer.status_code == 200, f"{expression}\n{answer.text}"
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def alerts(self, *states: str) -> set[str]:
        """The alerts that are in one of these states: firing; or pending, where the time of `for` has not passed."""
        answer = httpx.get(f"http://127.0.0.1:{self.prometheus_port}/api/v1/alerts").json()
        return {each["labels"]["alertname"] for each in answer["data"]["alerts"] if each["state"] in states}


@pytest.fixture(scope="session")
def store() -> Iterator[Store]:
    """Both images, built."""
    assert os.geteuid() == 0, "Building images needs root."
    missing = [name for name in ("buildah", "debootstrap", "prometheus", "promtool") if not shutil.which(name)]
    assert not missing, f"Missing: {', '.join(missing)}. tools/setup.sh --deploy installs them."
    folder = Path(tempfile.mkdtemp(prefix="inventory-deploy-", dir=_place()))
    folder.chmod(0o755)
    try:
        store = Store(folder)
        store.make_images()
        yield store
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def deployment(store: Store) -> Iterator[Watched]:
    """The database, made and brought up to date; the service; Prometheus."""
    with Watched(store) as deployment:
        deployment.start_database()
        deployment.apply()
        deployment.start_service()
        with prometheus(store.folder, deployment):
            yield deployment


def answers(url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(url).status_code == 200
    return False


@contextlib.contextmanager
def prometheus(folder: Path, deployment: Watched) -> Iterator[None]:
    """Prometheus with our configuration; but it scrapes this service, and often."""
    deployment.prometheus_port = free_port()
    place = folder / "prometheus"
    shutil.copytree(PROMETHEUS, place)
    configuration = yaml.safe_load((place / "prometheus.yml").read_text())
    configuration["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (scrape,) = configuration["scrape_configs"]
    del scrape["dns_sd_configs"]
    scrape["static_configs"] = [{"targets": [f"127.0.0.1:{deployment.admin_port}"]}]
    (place / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    process = subprocess.Popen(
        [
            "prometheus",
            f"--config.file={place / 'prometheus.yml'}",
            f"--storage.tsdb.path={place / 'data'}",
            f"--web.listen-address=127.0.0.1:{deployment.prometheus_port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{deployment.prometheus_port}/-/ready"))
        wait_for(lambda: deployment.query("up == 1"))
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)
