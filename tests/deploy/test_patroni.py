"""The files of deploy/patroni keep what the service promises. `make cluster-soak` runs them."""

from __future__ import annotations

import json
import re

from tests.deploy.files import DEPLOY, load
from tests.deploy.test_files import pins
from tests.process import ROOT

FOLDER = DEPLOY / "patroni"
HAPROXY = (FOLDER / "haproxy.cfg").read_text()
README = (FOLDER / "README.md").read_text()


def test_a_leader_has_stopped_before_another_one_leads_and_acknowledges_nothing_alone() -> None:
    configuration = load("patroni/patroni.yml")
    dcs = configuration["bootstrap"]["dcs"]
    assert dcs["loop_wait"] + 2 * dcs["retry_timeout"] <= dcs["ttl"]
    assert (dcs["synchronous_mode"], dcs["synchronous_mode_strict"]) == ("quorum", True)
    assert not dcs.get("failsafe_mode", False)
    # A leader that has crashed is not waited for.
    assert dcs["primary_start_timeout"] == 0
    # pg_cron's launcher, which waits for a commit, would keep a leader that is cut off from ending.
    assert 0 < dcs["primary_stop_timeout"] < dcs["ttl"]
    # A fast shutdown would show what no standby has. A standby that is killed cannot be rewound.
    assert configuration["postgresql"]["before_stop"].startswith(
        """sh -c '[ -e "$PGDATA/standby.signal" ] || kill -QUIT """
    )
    # Nothing makes a commit wait for less than a standby's disk.
    assert "synchronous_commit" not in dcs["postgresql"]["parameters"]


def test_haproxy_gives_no_session_to_a_leader_of_before_and_sends_nothing_twice() -> None:
    _, _, postgresql = HAPROXY.partition("listen postgresql")
    assert "option httpchk OPTIONS /primary" in postgresql
    assert "on-marked-down shutdown-sessions" in postgresql
    assert "retry-on" not in HAPROXY
    (quoted,) = re.findall(r'http-error status 503 .* string ("(?:[^"\\]|\\.)*") hdr Retry-After 1', HAPROXY)
    assert json.loads(json.loads(quoted))["code"] == "SERVICE_UNAVAILABLE"


def test_the_page_names_what_the_environment_must_have() -> None:
    shown = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", README))
    for name, count in (("SERVER", 4), ("NODE", 3)):
        for suffix in ("", "_ADMIN" if name == "SERVER" else "_API"):
            assert {f"{name}1{suffix}", f"{name}{count}{suffix}"} <= shown
            shown |= {f"{name}{number}{suffix}" for number in range(1, count + 1)}
    assert set(re.findall(r"\$\{(\w+)\}", HAPROXY)) <= shown
    machines = (ROOT / "tools" / "machines.py").read_text()
    assert set(re.findall(r'"(PATRONI_\w+)":', machines)) == {name for name in shown if name.startswith("PATRONI_")}


def test_patroni_has_the_driver_that_the_service_has() -> None:
    ours, theirs = pins(ROOT / "requirements.txt"), pins(FOLDER / "requirements.txt")
    for package in ("psycopg", "psycopg-binary"):
        assert theirs[package] == ours[package]
