"""The images of deploy/, built and run as compose.yaml would, under the eyes of a real Prometheus: `make test-deploy`.

Needs root and Debian's buildah, debootstrap, prometheus, npm and systemd, which `tools/setup.sh --deploy` installs.
There is no container engine: buildah's chroot isolation shares the host's network and processes. The base image is made
with debootstrap, under the name that the Dockerfiles ask for. Everything is in one temporary folder, which is removed
at the end. DEPLOY_IMAGES=folder keeps the images there, and a second run takes a minute.
"""

from __future__ import annotations

import configparser
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import psycopg
import pytest
import yaml

from tests.conftest import _place
from tests.deploy.files import DEPLOY, PROMETHEUS, Expression, alert_expressions, load, panel_expressions
from tests.process import ROOT

BASE = "docker.io/library/debian:trixie-slim"
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
PATIENCE = 120
USER = 10001
PASSWORD = 'it\'s a "test" of 100%'
# Empty while all is well: nobody got a 500 or a 503, and there is a process.
MAY_BE_EMPTY = {"InventoryErrors", "InventoryUnavailable", "InventoryNoProcess"}
_COMPARISON = re.compile(r"\s+(?:>|==)\s+[\d.]+$")


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


class Store:
    """Images in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.secrets = folder / "secrets"
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
        run("debootstrap", "--variant=minbase", "trixie", root, MIRROR)
        # As in the real image: no fsync for each file of a package.
        (root / "etc" / "dpkg" / "dpkg.cfg.d" / "container").write_text("force-unsafe-io\n")
        made = self.buildah("from", "scratch")
        self.buildah("copy", "--quiet", made, root, "/")
        self.buildah("commit", "--quiet", "--rm", made, BASE)
        shutil.rmtree(root)

    def build(self, name: str, dockerfile: Path, context: Path) -> dict[str, Any]:
        """Build an image with this machine's settings of pip and its certificates, and return its configuration."""
        certificates = os.environ.get("PIP_CERT", "/etc/ssl/certs/ca-certificates.crt")
        pip = configparser.ConfigParser()
        pip["global"] = {"cert": "/run/ca.crt"}
        if index := os.environ.get("PIP_INDEX_URL"):
            pip["global"]["index-url"] = index.replace("%", "%%")
        with (self.folder / "pip.conf").open("w") as file:
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
            *("--secret", f"id=pip.conf,src={self.folder / 'pip.conf'}", "--volume", f"{certificates}:/run/ca.crt:ro"),
            *("--file", dockerfile, "--tag", name, context),
        )
        found: dict[str, Any] = json.loads(self.buildah("inspect", "--type", "image", name))["Docker"]["config"]
        return found


class Container:
    """A container of an image, with these settings and the secrets at /run/secrets."""

    def __init__(self, store: Store, image: str, **environment: str) -> None:
        self._store = store
        self.name = store.buildah("from", "--pull-never", image)
        self.root = Path(store.buildah("mount", self.name))
        self._options = ["--isolation", "chroot", "--volume", f"{store.secrets}:/run/secrets:ro"]
        for name, value in environment.items():
            self._options += ["--env", f"{name}={value}"]
        self._log = store.folder / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.started = 0.0

    def command(self, *command: str) -> list[str]:
        return self._store.command("run", *self._options, self.name, "--", *command)

    def run(self, *command: str) -> str:
        return run(*self.command(*command))

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
    """What runs, and where."""

    def __init__(self, store: Store) -> None:
        self.database_port, self.port, self.admin_port, self.prometheus_port = (free_port() for _ in range(4))
        self.images: dict[str, dict[str, Any]] = {}
        self.containers: dict[str, Container] = {}
        self.url = f"http://127.0.0.1:{self.port}"
        self.admin_url = f"http://127.0.0.1:{self.admin_port}"
        self.superuser = ""
        self.store = store

    def query(self, expression: str) -> list[dict[str, Any]]:
        answer = httpx.get(f"http://127.0.0.1:{self.prometheus_port}/api/v1/query", params={"query": expression})
        assert answer.status_code == 200, f"{expression}\n{answer.text}"
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def alerts(self, *states: str) -> set[str]:
        """The alerts that are in one of these states: firing; or pending, where the time of `for` has not passed."""
        answer = httpx.get(f"http://127.0.0.1:{self.prometheus_port}/api/v1/alerts").json()
        return {each["labels"]["alertname"] for each in answer["data"]["alerts"] if each["state"] in states}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    assert os.geteuid() == 0, "Building images needs root."
    missing = [name for name in ("buildah", "debootstrap", "prometheus", "promtool") if not shutil.which(name)]
    assert not missing, f"Missing: {', '.join(missing)}. tools/setup.sh --deploy installs them."
    folder = Path(tempfile.mkdtemp(prefix="inventory-deploy-", dir=_place()))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def deployment(folder: Path) -> Iterator[Deployment]:
    """Both images, built; the database, made and brought up to date; the service; Prometheus."""
    store = Store(folder)
    deployment = Deployment(store)
    store.secrets.mkdir()
    address = f"127.0.0.1:{deployment.database_port}/inventory"
    # A password with everything in it that a URL cannot have as it is.
    deployment.superuser = f"postgresql://postgres:{quote(PASSWORD, safe='')}@{address}"
    for name, value in (
        ("postgres_password", PASSWORD),
        ("migration_database_url", deployment.superuser),
        ("database_role_password", "r" * 32),
        ("secret_key", "s" * 32),
    ):
        (store.secrets / name).write_text(value)
    store.make_base()
    deployment.images["postgres"] = store.build(
        "inventory-postgres:17", DEPLOY / "postgres" / "Dockerfile", DEPLOY / "postgres"
    )
    deployment.images["service"] = store.build("inventory", DEPLOY / "Dockerfile", ROOT)
    containers = deployment.containers
    with contextlib.ExitStack() as stack:

        def container(name: str, image: str, **environment: str) -> Container:
            containers[name] = Container(store, image, **environment)
            stack.callback(containers[name].close)
            return containers[name]

        postgres = container(
            "postgres", "inventory-postgres:17", POSTGRES_PASSWORD_FILE="/run/secrets/postgres_password"
        )
        postgres.start(*deployment.images["postgres"]["Entrypoint"], "-c", f"port={deployment.database_port}")
        wait_for(lambda: "ready to accept connections" in postgres.said(), alive=postgres)
        services = load("compose.yaml")["services"]
        container("apply", "inventory", **services["apply"]["environment"])
        given = services["service"]["environment"] | {
            "DATABASE_URL": f"postgresql://{address}",
            "PORT": str(deployment.port),
            "ADMIN_PORT": str(deployment.admin_port),
            "RATE_LIMIT_READ": "20/second",
            "RATE_LIMIT_WRITE": "1000/second",
        }
        service = container("service", "inventory", **given)
        containers["apply"].run(*services["apply"]["command"])
        service.start(*deployment.images["service"]["Cmd"])
        wait_for(lambda: answers(f"{deployment.admin_url}/ready"), alive=service)
        stack.enter_context(prometheus(folder, deployment))
        yield deployment


def answers(url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(url).status_code == 200
    return False


@contextlib.contextmanager
def prometheus(folder: Path, deployment: Deployment) -> Iterator[None]:
    """Prometheus with our configuration; but it scrapes this service, and often."""
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
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


# The tests run in this order, over one deployment.


def test_the_files_are_good_for_the_tools_that_read_them(tmp_path: Path) -> None:
    run("promtool", "check", "config", PROMETHEUS / "prometheus.yml")
    run("promtool", "test", "rules", PROMETHEUS / "alerts_test.yml")


def test_systemd_takes_the_units_and_finds_them_well_confined(tmp_path: Path) -> None:
    units = tmp_path / "etc" / "systemd" / "system"
    units.mkdir(parents=True)
    shutil.copytree("/usr/lib/systemd/system", tmp_path / "usr" / "lib" / "systemd" / "system", symlinks=True)
    (tmp_path / "lib").symlink_to("usr/lib")
    program = tmp_path / "srv" / "inventory" / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    shutil.copy(sys.executable, program)
    names = ["inventory-apply.service", "inventory@.service"]
    for name in names:
        shutil.copy(DEPLOY / "systemd" / name, units)
        run("systemd-analyze", "security", "--offline=true", "--threshold=15", DEPLOY / "systemd" / name)
    verify = ("systemd-analyze", "verify", f"--root={tmp_path}", "--man=no", "--recursive-errors=no")
    assert run(*verify, "inventory-apply.service", "inventory@1.service") == ""


def test_the_operators_types_have_what_the_manifests_say(tmp_path: Path) -> None:
    """The definitions of CloudNativePG and of the Prometheus operator, as TypeScript's types: these know each field."""
    packages = (
        "typescript@5",
        "@kubernetes-models/cloudnative-pg@2.0.0",
        "@kubernetes-models/prometheus-operator@6.0.0",
    )
    run("npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", *packages, cwd=tmp_path)
    (tmp_path / "manifests.mts").write_text(
        f"""
import type {{ ICluster }} from "@kubernetes-models/cloudnative-pg/postgresql.cnpg.io/v1/Cluster";
import type {{ IPodMonitor }} from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor";
export const cluster: ICluster = {json.dumps(load("kubernetes/postgres.yaml"))};
export const monitor: IPodMonitor = {json.dumps(load("kubernetes/podmonitor.yaml"))};
"""
    )
    check = (
        "node_modules/.bin/tsc",
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "--moduleResolution",
        "node16",
        "--module",
        "node16",
    )
    run(*check, "manifests.mts", cwd=tmp_path)
    text = (tmp_path / "manifests.mts").read_text()
    (tmp_path / "manifests.mts").write_text(text.replace('"instances"', '"instanecs"'))
    with pytest.raises(AssertionError, match="instanecs"):
        run(*check, "manifests.mts", cwd=tmp_path)


def test_the_image_holds_what_it_needs_and_nothing_else(deployment: Deployment) -> None:
    root = deployment.containers["service"].root
    assert {path.name for path in (root / "srv" / "inventory").iterdir()} == {
        *(
            ".env.prod",
            ".venv",
            "LICENSE",
            "__pycache__",
            "db",
            "docs",
            "environment.py",
            "init.sql",
            "pgcalls",
            "server",
        )
    }
    for name in ("pip", "gcc", "curl", "psql"):
        assert not list(root.glob(f"usr/bin/{name}")), name
    assert not list(root.glob("srv/inventory/*/tests"))
    assert not list(root.glob("srv/inventory/.venv/lib/*/site-packages/pip"))
    size = sum(path.lstat().st_size for path in root.rglob("*") if not path.is_symlink() and path.is_file())
    # 90 MB of packages, 35 MB of Python, the rest is what debootstrap puts into a base.
    assert size < 400e6
    assert deployment.images["service"]["User"] == f"{USER}:{USER}"


def test_the_service_runs_as_its_user_and_writes_nothing(deployment: Deployment) -> None:
    service = deployment.containers["service"]
    process = service.main_process()
    assert set(process.uids()) == set(process.gids()) == {USER}
    places = [service.root / "srv", service.root / "etc", service.root / "usr", service.root / "var"]
    for place in places:
        for path in place.rglob("*"):
            found = path.lstat()
            assert found.st_uid != USER, path
            assert not (found.st_mode & 0o002 and path.is_file() and not path.is_symlink()), path
            assert found.st_mtime < service.started or path.parent == service.root / "etc", path  # hosts, resolv.conf
    assert not list((service.root / "tmp").iterdir())


def test_the_service_serves_from_a_read_only_file_system(deployment: Deployment) -> None:
    """The same image under a mount that nothing can be written to, as readOnlyRootFilesystem has it."""
    service = deployment.containers["service"]
    port, admin_port = free_port(), free_port()
    environment = dict(each.split("=", 1) for each in deployment.images["service"]["Env"])
    environment |= {
        "DATABASE_URL": f"postgresql://127.0.0.1:{deployment.database_port}/inventory",
        "DATABASE_ROLE_PASSWORD": "r" * 32,
        "SECRET_KEY": "s" * 32,
        "PORT": str(port),
        "ADMIN_PORT": str(admin_port),
        "STOP_DELAY_SECONDS": "0",
    }
    script = f"""
        root=$1; shift
        mount --bind "$root" "$root" && mount -o remount,bind,ro "$root" && mount -t proc proc "$root/proc" || exit 99
        touch "$root/tmp/x" 2>/dev/null && exit 98
        exec chroot "$root" setpriv --reuid {USER} --regid {USER} --clear-groups --no-new-privs --bounding-set=-all \\
            sh -c 'cd /srv/inventory && exec "$@"' sh "$@"
    """
    process = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", script, "sh", service.root, *deployment.images["service"]["Cmd"]],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_for(lambda: process.poll() is not None or answers(f"http://127.0.0.1:{admin_port}/ready"))
        if process.poll() is None:
            assert httpx.get(f"http://127.0.0.1:{port}/docs").status_code == 200
    finally:
        process.terminate()
        said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said


def test_applying_again_changes_nothing_and_the_health_check_passes(deployment: Deployment) -> None:
    containers = deployment.containers
    containers["apply"].run(*load("compose.yaml")["services"]["apply"]["command"])
    check = deployment.images["service"]["Healthcheck"]["Test"]
    assert check[0] == "CMD"
    containers["service"].run(*check[1:])
    down = Container(deployment.store, "inventory", ADMIN_PORT=str(free_port()))
    with pytest.raises(AssertionError, match="Connection refused"):
        down.run(*check[1:])
    down.close()
    command, *arguments = deployment.images["postgres"]["Healthcheck"]["Test"]
    assert command == "CMD"
    containers["postgres"].run(*arguments, f"--port={deployment.database_port}")


def test_a_walk_a_job_of_pg_cron_and_every_expression(deployment: Deployment) -> None:
    with (
        psycopg.connect(deployment.superuser, autocommit=True) as connection,
        httpx.Client(base_url=deployment.url) as server,
    ):
        connection.execute("select maintenance.create_user('root', 'a strong password', 'admin')")
        is_there = "select count(*) from cron.job where jobname like 'inventory %' and active"
        assert connection.execute(is_there).fetchone() == (7,)
        connection.execute("select maintenance.verify()")
        connection.execute("call maintenance.run_batches('verify', 3600)")
        assert server.get("/metrics").status_code == 404
        login = {"username": "root", "password": "a strong password"}
        token = server.post("/api/v1/authentication/token/", json=login)
        assert token.status_code == 200, token.text
        server.headers["Authorization"] = f"Bearer {token.json()['access']}"
        # A receiver that nobody reaches: a try that fails.
        hook = {"url": "https://example.invalid/hook", "events": ["price.changed"]}
        made = server.post("/api/v1/webhooks/", json=hook)
        assert made.status_code == 201, made.text
        for number in range(3):
            sku = server.post("/sku", json={"sku_code": f"D-{number}", "name": "Deployed", "quantity": 10, "price": 2})
            assert sku.status_code == 200, sku.text
        place = f"/sku/{sku.json()['sku_id']}"
        product = connection.execute("select max(id) from store.product").fetchone()
        assert product is not None
        price = server.post(f"/products/{product[0]}/prices", json={"amount": "3"})
        assert price.status_code == 201, price.text

        def load_it() -> bool:
            for _ in range(10):
                assert server.post(f"{place}/temporary-block", json={"quantity": 1}).status_code in (200, 409)
                assert server.get(place).status_code in (200, 429)
            with socket.create_connection(("127.0.0.1", deployment.port)) as raw:
                raw.sendall(b"NO SUCH THING\r\n\r\n")
                raw.recv(100)
            return not empty(deployment)

        with contextlib.suppress(AssertionError):
            wait_for(load_it)
        assert empty(deployment) == []
        assert connection.execute("select * from maintenance.verify()").fetchall() == []
    ready = httpx.get(f"{deployment.admin_url}/ready").json()
    assert set(ready["checks"].values()) == {"ok"}, ready
    assert deployment.alerts("firing") == set()


def empty(deployment: Deployment) -> list[Expression]:
    """The expressions that have no value. Of an alert, what it compares: the comparison is empty while all is well."""
    compared = [
        Expression(owner, _COMPARISON.sub("", text)) for owner, text in alert_expressions() if owner not in MAY_BE_EMPTY
    ]
    for _, text in alert_expressions():
        deployment.query(text)  # no error
    return [each for each in [*compared, *panel_expressions()] if not deployment.query(each.text)]


def test_alerts_fire_while_the_database_is_down_and_are_silent_after_it(deployment: Deployment) -> None:
    postgres, service = deployment.containers["postgres"], deployment.containers["service"]
    assert postgres.stop(signal.SIGINT) == 0, postgres.said()
    login = {"username": "a", "password": "b"}

    def fires() -> bool:
        for _ in range(5):
            answer = httpx.post(f"{deployment.url}/api/v1/authentication/token/", json=login)
            assert answer.status_code in (503, 429)
        expected = {"InventoryDatabaseDown", "InventoryUnavailable", "InventoryCallsRefused"}
        return expected <= deployment.alerts("pending", "firing")

    wait_for(fires)
    assert httpx.get(f"{deployment.admin_url}/ready").status_code == 503
    assert httpx.get(f"{deployment.admin_url}/health").status_code == 200
    assert service.is_running
    # The same volume: what was written is there.
    postgres.start(*deployment.images["postgres"]["Entrypoint"], "-c", f"port={deployment.database_port}")
    wait_for(lambda: answers(f"{deployment.admin_url}/ready"), alive=postgres)
    wait_for(lambda: "InventoryDatabaseDown" not in deployment.alerts("pending", "firing"))
    with psycopg.connect(deployment.superuser, autocommit=True) as connection:
        assert connection.execute("select count(*) from store.product").fetchone() == (3,)
        assert connection.execute("select * from maintenance.verify()").fetchall() == []


def test_the_service_stops_within_its_time(deployment: Deployment) -> None:
    service = deployment.containers["service"]
    began = time.monotonic()
    assert service.stop() == 0, service.said()
    assert "stopping" in service.said()
    grace = float(load("compose.yaml")["services"]["service"]["stop_grace_period"].removesuffix("s"))
    assert 5 <= time.monotonic() - began < grace
    wait_for(lambda: "InventoryProcessDown" in deployment.alerts("pending", "firing"))
