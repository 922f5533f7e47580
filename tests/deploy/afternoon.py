"""A newcomer's afternoon, on a clean Debian 13: `make test-deploy` runs it.

Images, empty volumes, a first sale on the dashboard, a backup that is restored elsewhere, an upgrade while others work:
each step with the commands that the pages name.
"""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.deploy.conftest import PATIENCE, Deployment, Store, Watched, answers, free_port, wait_for
from tests.deploy.files import panel_expressions
from tests.operations.conftest import Writers, commands, stock_up, written
from tests.operations.test_rolling import LAST
from tests.process import ROOT
from tests.readme.walk import README, Walk, steps
from tools.release import RELEASES, SERVED

OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
(FIRST_USER,) = re.findall(r"exec postgres (psql .*maintenance\.create_user.*)$", OPERATIONS, re.MULTILINE)
BACKUP = "".join(re.findall(r"^    ((?:psql .*init\.sql|pg_dump .*pg_restore).*\n)", OPERATIONS, re.MULTILINE))
CHECK, APPLY, CHECK_AFTER = commands("upgrade")
NOT_ONE = "(0 rows)"


def admin(url: str, password: str = "a strong password") -> httpx.Client:
    """A client of the service at this address, logged in as root."""
    answer = httpx.post(f"{url}/api/v1/authentication/token/", json={"username": "root", "password": password})
    assert answer.status_code == 200, answer.text
    return httpx.Client(base_url=url, timeout=PATIENCE, headers={"Authorization": f"Bearer {answer.json()['access']}"})


def stock(client: httpx.Client) -> list[Any]:
    """What the service says of its stock, and of what it is worth."""
    answers = [client.get(path) for path in ("/api/v1/stock/", "/inventory/1/valuation", "/inventory/sales")]
    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
    return [answer.json() for answer in answers]


def psql(deployment: Deployment, command: str, **variables: str) -> str:
    """What a command of the pages prints, with the programs of PostgreSQL's image."""
    given = {"PGPORT": str(deployment.database_port), "DATABASE_URL": deployment.superuser} | variables
    return deployment.containers["postgres"].shell(command, MIGRATION_DATABASE_URL=deployment.superuser, **given)


def test_a_newcomers_afternoon(
    deployment: Watched, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The images are built, and compose's services run. The first user is made.
    psql(deployment, FIRST_USER)
    with admin(deployment.url) as client:
        sell(deployment, client, tmp_path, monkeypatch)

    # Whoever looks at the dashboard sees this one sale.
    (by_route,) = [each.text for each in panel_expressions() if each.owner == "Requests by route"]
    sales = {"method": "POST", "route": "/inventory/sales"}

    def shown() -> list[float]:
        return [float(each["value"][1]) for each in deployment.query(by_route) if each["metric"] == sales]

    wait_for(lambda: any(shown()))

    # A backup of the running service is restored into another cluster, where another service says the same.
    with Deployment(store) as elsewhere:
        elsewhere.start_database()
        shutil.copy(ROOT / "init.sql", deployment.containers["postgres"].root / "tmp")
        psql(deployment, f"cd /tmp\n{BACKUP}", NEW_DATABASE_URL=elsewhere.superuser)
        elsewhere.apply()
        assert elsewhere.containers["apply"].run("python", "-m", "db.apply", "verify") == ""
        elsewhere.start_service()
        with admin(deployment.url) as here, admin(elsewhere.url) as there:
            assert stock(there) == stock(here)

    upgrade(store)


def sell(deployment: Deployment, client: httpx.Client, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's walk, word for word, and a purchase and a sale of docs/walk.md."""
    # Unlike that of `make run`, this service wants to know who calls.
    (directory / ".curlrc").write_text(f'header = "Authorization: {client.headers["Authorization"]}"\n')
    monkeypatch.setenv("CURL_HOME", str(directory))
    walk = Walk(deployment.url, f"psql {deployment.superuser}", directory)
    walked = steps(README.read_text())
    for step in walked:
        walk.run(step)
    assert json.loads(walked[-1].actual)["availableStock"] == 95, walked[-1].actual
    for path, body in (
        ("/suppliers", {"name": "Fresh Farm Supplies", "phone_number": "+254700000000"}),
        ("/inventory/purchases", {"product_id": 1, "supplier_id": 1, "quantity": 40, "unit_cost": 1.35}),
        ("/inventory/sales", {"product_id": 1, "quantity": 3, "unit_price": 2.95}),
    ):
        answer = client.post(path, json=body)
        assert answer.status_code == 201, answer.text
    assert answer.json()["inventory"]["available"] == "132.000"


def upgrade(store: Store) -> None:
    """From the last release, as docs/howto/upgrade.md says, while its server is written to.

    Its image is today's with the code of then: today's packages are those that it is tested with.
    """
    with Deployment(store) as shop:
        shop.start_database()
        port, admin_port = free_port(), free_port()
        old = shop.add("service", PORT=str(port), ADMIN_PORT=str(admin_port))
        install_last_release(old.root / "srv" / "inventory")
        old.shell("python -m db.apply", MIGRATION_DATABASE_URL=shop.superuser)
        old.start(*store.images["service"]["Cmd"])
        wait_for(lambda: answers(f"http://127.0.0.1:{admin_port}/ready"), alive=old)
        products, sku_ids = stock_up(shop.superuser)
        with (
            admin(f"http://127.0.0.1:{port}", "secret") as client,
            # Log-ins of before stay good.
            httpx.Client(base_url=shop.url, timeout=PATIENCE, headers=client.headers) as later_client,
        ):
            writers = Writers(client, products, sku_ids)
            writers.wait_for(10)
            assert NOT_ONE in psql(shop, CHECK)
            shop.containers["apply"].shell(APPLY)
            shop.start_service()
            writers.wait_for(10)
            later = Writers(later_client, products, sku_ids)
            later.wait_for(10)
            writers.stop()
            assert old.stop() == 0, old.said()
            later.wait_for(10)
            later.stop()
        assert not [*writers.refused, *later.refused]
        said = psql(shop, CHECK_AFTER)
        assert NOT_ONE in said
        assert "failed" not in said
        blocks, sales = (
            before | after for before, after in zip(writers.acknowledged(), later.acknowledged(), strict=True)
        )
        assert (blocks, sales) == written(shop.superuser)


def install_last_release(place: Path) -> None:
    """Put the code of the last release in the place of today's."""
    with tarfile.open(RELEASES / f"{LAST}.tar.xz") as archive:
        for name in SERVED:
            path = place / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        archive.extractall(place.parent, filter="data")
    shutil.copytree(place.parent / f"inventory-{LAST}", place, dirs_exist_ok=True)
