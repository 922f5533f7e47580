"""The expressions of the alerts and of the dashboard."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import yaml

from tests.process import ROOT

DEPLOY = ROOT / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
DASHBOARD = DEPLOY / "grafana" / "dashboard.json"
RANGE = "1m"  # in place of Grafana's $__rate_interval


class Expression(NamedTuple):
    """A PromQL expression, and the alert or panel that it belongs to."""

    owner: str
    text: str


def load(path: str) -> Any:
    """The one document of a YAML file of deploy/."""
    return yaml.safe_load((DEPLOY / path).read_text())


def load_all(path: str) -> list[Any]:
    """The documents of a YAML file of deploy/."""
    return list(yaml.safe_load_all((DEPLOY / path).read_text()))


def alerts() -> list[dict[str, Any]]:
    return [rule for group in load("prometheus/alerts.yml")["groups"] for rule in group["rules"]]


def alert_expressions() -> list[Expression]:
    return [Expression(rule["alert"], rule["expr"]) for rule in alerts()]


def panel_expressions() -> list[Expression]:
    """With the dashboard's variables filled in as Grafana does for all processes."""
    return [
        Expression(panel["title"], target["expr"].replace("$__rate_interval", RANGE).replace("$instance", ".*"))
        for panel in json.loads(DASHBOARD.read_text())["panels"]
        for target in panel["targets"]
    ]
