"""The files of deploy/ fit the service: its packages, settings, metrics, ports and the time that a stop takes."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from prometheus_client.parser import text_string_to_metric_families

import db.settings
from pgcalls import LONG, READ, SLOW, WRITE
from server import VERSION
from server.operation.lifecycle import DRAIN_SECONDS
from server.settings import Settings
from server.webhooks.sender import STOP_SECONDS
from tests.conftest import Database
from tests.deploy.files import (
    DASHBOARD,
    DEPLOY,
    Expression,
    alert_expressions,
    alerts,
    load,
    load_all,
    panel_expressions,
)
from tests.process import ROOT

DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
SETTINGS = {name.upper() for name in Settings.model_fields | db.settings.Settings.model_fields}
SECRETS = {"DATABASE_ROLE_PASSWORD", "MIGRATION_DATABASE_URL", "SECRET_KEY"}
PRODUCTION = dict(re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / ".env.prod").read_text(), re.MULTILINE))
# The packages are those of the image's Python.
IMAGE = {"python_version": "3.13", "python_full_version": "3.13.0", "sys_platform": "linux", "extra": ""}

# A queue that no call has used, and the check of a process that is about to stop, are not in the metrics.
NOT_ALWAYS = {READ, WRITE, SLOW, LONG, "process"}

_PIN = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)
_SELECTOR = re.compile(r"\b([a-z]\w*)\{([^}]*)\}")
_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
_NAME = re.compile(r"\b(?:inventory_\w+|process_\w+|python_\w+|up)\b")


# The packages of the image


def pins(*files: Path) -> dict[str, str]:
    """The versions by package."""
    text = "\n".join(file.read_text() for file in files)
    return {canonicalize_name(name): version for name, version in _PIN.findall(text)}


def wanted() -> set[str]:
    """What requirements.in names, and what that needs."""
    lines = (DEPLOY / "requirements.in").read_text() + (ROOT / "requirements-otel.txt").read_text()
    names = {canonicalize_name(line.partition("=")[0]) for line in lines.split("\n") if re.match(r"\w", line)}
    found: set[str] = set()
    while names:
        name = names.pop()
        found.add(name)
        needed = map(Requirement, importlib.metadata.requires(name) or [])
        needed_here = {
            canonicalize_name(each.name) for each in needed if not each.marker or each.marker.evaluate(IMAGE)
        }
        names |= needed_here - found
    return found


def test_the_image_has_the_tested_versions_with_hashes_and_nothing_else() -> None:
    image = pins(DEPLOY / "requirements.txt")
    tested = pins(ROOT / "requirements.txt", ROOT / "requirements-otel.txt")
    assert {name: tested.get(name) for name in image} == image, "`make requirements` writes deploy/requirements.txt"
    assert set(image) == wanted()
    for requirement in (DEPLOY / "requirements.txt").read_text().replace("\\\n", "").splitlines():
        assert "--hash=sha256:" in requirement


def test_the_image_has_what_the_code_imports() -> None:
    ours = {"server", "db", "pgcalls", "environment"}
    files = [ROOT / "environment.py"]
    for folder in ("server", "db", "pgcalls"):
        files += [file for file in (ROOT / folder).rglob("*.py") if "tests" not in file.parts]
    imported = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(str(node.module).partition(".")[0])
    packages = importlib.metadata.packages_distributions()
    image = pins(DEPLOY / "requirements.txt")
    for module in imported - ours - sys.stdlib_module_names:
        assert {canonicalize_name(name) for name in packages[module]} & set(image), module


# Alerts, runbook, dashboard


def test_each_alert_has_its_section_in_the_runbook() -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    sections = re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", runbook, re.MULTILINE | re.DOTALL)
    assert [name for name, _ in sections] == [rule["alert"] for rule in alerts()]
    for name, text in sections:
        assert re.findall(r"^- \*\*(.*?):\*\*", text, re.MULTILINE) == ["Means", "Look at", "Do"], name
    for rule in alerts():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]


def test_each_alert_is_shown_to_fire_and_to_be_silent() -> None:
    firing, silent = set(), set()
    for test in load("prometheus/alerts_test.yml")["tests"]:
        for case in test["alert_rule_test"]:
            (firing if case.get("exp_alerts") else silent).add(case["alertname"])
    assert firing == silent == {rule["alert"] for rule in alerts()}


@pytest.fixture(scope="module")
def expressions() -> list[Expression]:
    return [*alert_expressions(), *panel_expressions()]


def test_expressions_name_metrics_and_labels_of_a_server(
    client: httpx.Client, database: Database, expressions: list[Expression]
) -> None:
    # A database where the jobs and the nightly check have run.
    database.admin.execute("update store.verification set last_finished_at = inventory.clock(), last_differences = 0")
    database.admin.execute("update store.job set scheduled_at = inventory.clock()")
    for path in ("/health", "/ready", "/metrics"):
        client.get(path)
    names, labels, values = {"up"}, {}, {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        # A counter that has counted nothing has no samples.
        names |= {family.name, f"{family.name}_total"} if family.type == "counter" else {family.name}
        for sample in family.samples:
            names.add(sample.name)
            for name, value in sample.labels.items():
                scraped = "exported_job" if name == "job" else name  # Prometheus has a label `job` of its own
                labels.setdefault(sample.name, {"job", "instance"}).add(scraped)
                values.setdefault((sample.name, scraped), set()).add(value)
    assert len(expressions) > 40
    for owner, text in expressions:
        selected = _SELECTOR.findall(text)
        assert selected, owner
        for name, matchers in selected:
            assert name in names, f"{owner}: {name}"
            for label, operator, value in _MATCHER.findall(matchers):
                if name in labels and label != "instance":
                    assert label in labels[name], f"{owner}: {name} has no {label}"
                if label == "job":
                    assert value == "inventory", owner
                elif label in ("check", "queue", "reason", "route"):
                    for each in value.split("|") if "~" in operator else [value]:
                        assert each in values[name, label] | NOT_ALWAYS or "*" in each, f"{owner}: {label} {each}"
        without_matchers = re.sub(r"\{[^}]*\}", "", text)
        assert set(_NAME.findall(without_matchers)) <= names, owner
        grouped = {label for group in re.findall(r"\bby \(([^)]*)\)", text) for label in group.split(", ")}
        known = set().union(*(labels.get(name, grouped) for name, _ in selected))
        assert grouped <= known, owner


def test_the_dashboard_shows_every_metric_and_has_places_for_its_panels(client: httpx.Client) -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    shown = DASHBOARD.read_text()
    for name in re.findall(r"^# TYPE (inventory_\w+)", client.get("/metrics").text, re.MULTILINE):
        assert name in shown or name.endswith("_created"), name
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


# Settings, secrets, rights, time


def environments() -> dict[str, set[str]]:
    """The names of the settings that each process gets: the service's and db.apply's."""
    found = {}
    services = load("compose.yaml")["services"]
    for name in ("apply", "service"):
        found[f"compose {name}"] = set(services[name]["environment"])
    for name in ("apply", "service"):
        container = load_all(f"kubernetes/{name}.yaml")[0]["spec"]["template"]["spec"]["containers"][0]
        found[f"kubernetes {name}"] = {variable["name"] for variable in container["env"]}
    for name, unit in (("apply", "inventory-apply.service"), ("service", "inventory@.service")):
        text = (DEPLOY / "systemd" / unit).read_text()
        if name == "service":
            text += "Environment=" + (DEPLOY / "systemd" / "inventory.env.example").read_text().replace("\n", " ")
        found[f"systemd {name}"] = set(re.findall(r"(?<=[= ])([A-Z_]+)=", text)) - {"ENV_FILE"}
    return found


def test_each_process_gets_the_settings_that_it_needs_and_only_its_own_secrets() -> None:
    for process, names in environments().items():
        names -= {"PGUSER", "PGPASSWORD"}  # of the Job, for libpq
        given = {name.removesuffix("_FILE") for name in names}
        assert given <= SETTINGS, process
        assert not SECRETS & names - {"MIGRATION_DATABASE_URL"}, f"{process} has a secret in its environment"
        if process.endswith("apply"):
            assert given == {"MIGRATION_DATABASE_URL", "DATABASE_ROLE_PASSWORD"}, process
        else:
            assert given >= {"DATABASE_URL", "DATABASE_ROLE_PASSWORD", "SECRET_KEY"}, process
            assert "MIGRATION_DATABASE_URL" not in given, process
    superuser = "inventory-db-superuser"
    assert superuser in (DEPLOY / "kubernetes" / "apply.yaml").read_text()
    assert superuser not in (DEPLOY / "kubernetes" / "service.yaml").read_text()
    compose = load("compose.yaml")["services"]
    assert set(compose["service"]["secrets"]) == {"database_role_password", "secret_key"}


def test_every_container_is_without_rights() -> None:
    compose = load("compose.yaml")["services"]
    for service in compose.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not any(str(port).startswith(("8000", "9000", "5432")) for port in service.get("ports", []))
    for manifest in ("apply", "service"):
        pod = load_all(f"kubernetes/{manifest}.yaml")[0]["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        assert pod["containers"][0]["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    # Kubernetes can tell a number, not a name, from root.
    assert re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]


def test_a_stop_has_the_time_that_it_takes() -> None:
    pod = load_all("kubernetes/service.yaml")[0]["spec"]["template"]["spec"]
    compose = load("compose.yaml")["services"]["service"]
    unit = (DEPLOY / "systemd" / "inventory@.service").read_text()
    variables = {variable["name"]: variable.get("value") for variable in pod["containers"][0]["env"]}
    assert variables["STOP_DELAY_SECONDS"] == PRODUCTION["STOP_DELAY_SECONDS"]
    # The deliveries under way are waited for beside the requests, twice at most.
    needed = float(PRODUCTION["STOP_DELAY_SECONDS"]) + max(DRAIN_SECONDS, 2 * STOP_SECONDS) + 5
    for given in (
        pod["terminationGracePeriodSeconds"],
        int(compose["stop_grace_period"].removesuffix("s")),
        int(unit.partition("TimeoutStopSec=")[2].partition("\n")[0]),
    ):
        assert given >= needed
    # The pod is out of the Service before it stops listening.
    probe = pod["containers"][0]["readinessProbe"]
    assert probe["failureThreshold"] * probe["periodSeconds"] < float(PRODUCTION["STOP_DELAY_SECONDS"])


def test_ports_names_and_selectors_fit_together() -> None:
    port = re.findall(r"ADMIN_PORT=(\d+)", DOCKERFILE)[0]
    assert f"EXPOSE {PRODUCTION['PORT']} {port}" in DOCKERFILE
    assert PRODUCTION["HOST"] == "0.0.0.0"
    (scrape,) = load("prometheus/prometheus.yml")["scrape_configs"]
    assert scrape["job_name"] == "inventory"
    assert scrape["dns_sd_configs"][0]["names"] == ["service"]
    assert str(scrape["dns_sd_configs"][0]["port"]) == port
    deployment, service, budget = load_all("kubernetes/service.yaml")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    monitor = load("kubernetes/podmonitor.yaml")["spec"]
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    ports = {each["name"]: str(each["containerPort"]) for each in container["ports"]}
    assert ports == {"http": PRODUCTION["PORT"], "admin": port}
    for selector in (deployment["spec"]["selector"], budget["spec"]["selector"], monitor["selector"]):
        assert selector == {"matchLabels": labels}
    assert service["spec"]["selector"] == labels
    assert service["spec"]["ports"][0]["targetPort"] == "http"
    assert labels[monitor["jobLabel"]] == "inventory"
    assert monitor["podMetricsEndpoints"][0]["port"] == "admin"
    for name, path in (("startupProbe", "/health"), ("livenessProbe", "/health"), ("readinessProbe", "/ready")):
        assert container[name]["httpGet"] == {"path": path, "port": "admin"}
    images = {
        load_all(f"kubernetes/{each}.yaml")[0]["spec"]["template"]["spec"]["containers"][0]["image"]
        for each in ("apply", "service")
    }
    assert images == {f"registry.example.com/inventory:{VERSION}"}
    # Both secrets are the example's.
    keys = set(load("kubernetes/secret.example.yaml")["stringData"])
    assert keys == {"secret_key", "database_role_password"}
    datasource = load("grafana/datasource.yml")["datasources"][0]
    assert (datasource["type"], datasource["url"]) == ("prometheus", "http://prometheus:9090")


def test_the_secrets_are_written_once_in_a_folder_that_only_their_owner_enters(tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "secrets.sh", tmp_path)

    def written() -> dict[str, str]:
        subprocess.run([tmp_path / "secrets.sh"], check=True)
        return {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()}

    first = written()
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert {f"secrets/{name}" for name in first} == {each["file"] for each in load("compose.yaml")["secrets"].values()}
    assert (
        first["migration_database_url"] == f"postgresql://postgres:{first['postgres_password']}@postgres:5432/inventory"
    )
    for name in ("postgres_password", "database_role_password", "secret_key", "grafana_password"):
        assert re.fullmatch(r"[0-9a-f]{64}", first[name])
    assert len(set(first.values())) == len(first)
    (tmp_path / "secrets" / "secret_key").unlink()
    second = written()
    assert {name for name in first if first[name] != second[name]} == {"secret_key"}
    assert {(tmp_path / "secrets" / name).stat().st_mode & 0o777 for name in first} == {0o444}


def test_the_alerts_become_a_rule_of_the_operator() -> None:
    (command,) = re.findall(
        r"^    (\{ printf .*) \| kubectl apply -f -$", (DEPLOY / "README.md").read_text(), re.MULTILINE
    )
    printed = subprocess.run(["bash", "-c", command], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    rule: dict[str, Any] = yaml.safe_load(printed)
    assert (rule["apiVersion"], rule["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert rule["spec"] == load("prometheus/alerts.yml")
