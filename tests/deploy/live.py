"""The images of deploy/, run as compose.yaml would, under the eyes of a real Prometheus: `make test-deploy`."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psycopg
import pytest

from db.jobs import JOBS
from tests.deploy.conftest import PATIENCE, Container, Watched, answers, free_port, run, wait_for
from tests.deploy.files import DEPLOY, PROMETHEUS, Expression, alert_expressions, load, panel_expressions

USER = 10001
# Empty while all is well: nobody got a 500 or a 503, and there is a process. compose.yaml has no standby.
MAY_BE_EMPTY = {"InventoryErrors", "InventoryUnavailable", "InventoryNoProcess", "Standbys: reads"}
_COMPARISON = re.compile(r"\s+(?:>|==)\s+[\d.]+$")

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


def test_the_image_holds_what_it_needs_and_nothing_else(deployment: Watched) -> None:
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
    assert deployment.store.images["service"]["User"] == f"{USER}:{USER}"


def test_the_service_runs_as_its_user_and_writes_nothing(deployment: Watched) -> None:
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


def test_the_service_serves_from_a_read_only_file_system(deployment: Watched) -> None:
    """The same image under a mount that nothing can be written to, as readOnlyRootFilesystem has it."""
    service = deployment.containers["service"]
    port, admin_port = free_port(), free_port()
    environment = dict(each.split("=", 1) for each in deployment.store.images["service"]["Env"])
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
        ["unshare", "--mount", "sh", "-c", script, "sh", service.root, *deployment.store.images["service"]["Cmd"]],
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


def test_applying_again_changes_nothing_and_the_health_check_passes(deployment: Watched) -> None:
    containers = deployment.containers
    deployment.apply()
    check = deployment.store.images["service"]["Healthcheck"]["Test"]
    assert check[0] == "CMD"
    containers["service"].run(*check[1:])
    down = Container(deployment.store, "inventory", ADMIN_PORT=str(free_port()))
    with pytest.raises(AssertionError, match="Connection refused"):
        down.run(*check[1:])
    down.close()
    command, *arguments = deployment.store.images["postgres"]["Healthcheck"]["Test"]
    assert command == "CMD"
    containers["postgres"].run(*arguments, f"--port={deployment.database_port}")


def test_a_walk_a_job_of_pg_cron_and_every_expression(deployment: Watched) -> None:
    with (
        psycopg.connect(deployment.superuser, autocommit=True) as connection,
        httpx.Client(base_url=deployment.url) as server,
    ):
        connection.execute("select maintenance.create_user('walker', 'a strong password', 'admin')")
        scheduled = connection.execute("select command from cron.job where database = 'inventory' and active")
        assert {command for (command,) in scheduled} >= {job.command for job in JOBS}
        connection.execute("select maintenance.verify()")
        connection.execute("call maintenance.run_batches('verify', 3600)")
        assert server.get("/metrics").status_code == 404
        login = {"username": "walker", "password": "a strong password"}
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


def empty(deployment: Watched) -> list[Expression]:
    """The expressions that have no value. Of an alert, what it compares: the comparison is empty while all is well."""
    compared = [Expression(owner, _COMPARISON.sub("", text)) for owner, text in alert_expressions()]
    for _, text in alert_expressions():
        deployment.query(text)  # no error
    asked = [each for each in [*compared, *panel_expressions()] if each.owner not in MAY_BE_EMPTY]
    return [each for each in asked if not deployment.query(each.text)]


def test_alerts_fire_while_the_database_is_down_and_are_silent_after_it(deployment: Watched) -> None:
    postgres, service = deployment.containers["postgres"], deployment.containers["service"]
    with psycopg.connect(deployment.superuser) as connection:
        products = connection.execute("select count(*) from store.product").fetchone()
    login = {"username": "walker", "password": "a strong password"}
    token = httpx.post(f"{deployment.url}/api/v1/authentication/token/", json=login).json()["access"]
    assert postgres.stop(signal.SIGINT) == 0, postgres.said()

    def fires() -> bool:
        time.sleep(1)  # a client's rate: one that asks more often is told 429, and nobody sees the 503 grow
        answer = httpx.get(f"{deployment.url}/products", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 503, answer.text
        expected = {"InventoryDatabaseDown", "InventoryUnavailable", "InventoryCallsRefused"}
        return expected <= deployment.alerts("pending", "firing")

    wait_for(fires)
    assert httpx.get(f"{deployment.admin_url}/ready").status_code == 503
    assert httpx.get(f"{deployment.admin_url}/health").status_code == 200
    assert service.is_running
    # The same volume: what was written is there.
    deployment.start_database()
    wait_for(lambda: answers(f"{deployment.admin_url}/ready"), alive=postgres)
    wait_for(lambda: "InventoryDatabaseDown" not in deployment.alerts("pending", "firing"))
    with psycopg.connect(deployment.superuser, autocommit=True) as connection:
        assert connection.execute("select count(*) from store.product").fetchone() == products
        assert connection.execute("select * from maintenance.verify()").fetchall() == []


def test_the_service_stops_within_its_time(deployment: Watched) -> None:
    service = deployment.containers["service"]
    began = time.monotonic()
    assert service.stop() == 0, service.said()
    assert "stopping" in service.said()
    grace = float(load("compose.yaml")["services"]["service"]["stop_grace_period"].removesuffix("s"))
    assert 5 <= time.monotonic() - began < grace
    wait_for(lambda: "InventoryProcessDown" in deployment.alerts("pending", "firing"))
