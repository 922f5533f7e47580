"""A cluster of PostgreSQL as `make run` and the tests own it: real ones, in temporary directories."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Database
from tools.cluster import Cluster, ClusterError, find_binaries


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A running cluster, where any account may look."""
    parent = Path(tempfile.mkdtemp(prefix="inventory-test-"))
    parent.chmod(0o755)
    made = Cluster(parent / "it's a cluster", throwaway=True, settings={"work_mem": "5MB"})
    try:
        made.start()
        yield made
    finally:
        made.destroy()
        shutil.rmtree(parent)


def ask(cluster: Cluster, query: str, user: str = "postgres") -> object:
    with psycopg.connect(cluster.dsn(user), autocommit=True) as connection:
        row = connection.execute(query).fetchone()  # type: ignore[call-overload]
    return row and row[0]


def test_answers_on_its_socket_alone(cluster: Cluster) -> None:
    assert ask(cluster, "select count(*) from pg_settings where name = 'listen_addresses' and setting = ''") == 1
    assert ask(cluster, "select pg_encoding_to_char(encoding) from pg_database where datname = 'postgres'") == "UTF8"
    assert ask(cluster, "show data_checksums") == "on"
    assert ask(cluster, "show work_mem") == "5MB"


def test_no_environment_variable_leads_elsewhere(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGHOST", "/nowhere")
    assert ask(cluster, "select current_database()::text") == "postgres"


def test_we_may_be_the_projects_roles_and_nobody_else(cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("create role inventory_public login")
    assert ask(cluster, "select current_user::text", user="inventory_public") == "inventory_public"
    assert (
        ask(cluster, "select string_agg(type || ' ' || auth_method, ',') from pg_hba_file_rules")
        == "local peer,local peer"
    )
    assert (cluster.socket_directory.stat().st_mode & 0o077) == 0


def test_start_and_stop_may_be_repeated(cluster: Cluster) -> None:
    pid = cluster.pid
    cluster.start()
    assert cluster.pid == pid
    cluster.stop()
    cluster.stop()
    assert not cluster.is_running
    cluster.start()
    assert ask(cluster, "select 1") == 1


def test_start_returns_when_the_server_answers_and_not_before(cluster: Cluster) -> None:
    assert cluster.pid is not None
    os.kill(cluster.pid, signal.SIGSTOP)
    starting = threading.Thread(target=cluster.start)
    try:
        starting.start()
        starting.join(0.3)
        assert starting.is_alive()
    finally:
        os.kill(cluster.pid, signal.SIGCONT)
    starting.join(20)
    assert not starting.is_alive()


def test_keeps_the_data_when_the_postmaster_is_killed(cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("create table kept as select 42 as answer")
        connection.execute("checkpoint")
        assert cluster.pid is not None
        os.kill(cluster.pid, signal.SIGKILL)
        cluster.start()
    assert ask(cluster, "select answer from kept") == 42


def test_starts_when_the_dead_postmasters_number_is_in_use(cluster: Cluster) -> None:
    cluster.stop()
    with subprocess.Popen(["sleep", "60"], user=cluster.data_directory.stat().st_uid) as other:
        (cluster.data_directory / "postmaster.pid").write_text(f"{other.pid}\n{cluster.data_directory}\n")
        try:
            assert not cluster.is_running
            cluster.start()
        finally:
            other.kill()
    assert ask(cluster, "select 1") == 1


def test_says_why_it_does_not_start(cluster: Cluster) -> None:
    cluster.stop()
    broken = Cluster(cluster.directory, settings={"work_mem": "a lot"}, throwaway=True)
    with pytest.raises(ClusterError, match="work_mem"):
        broken.start()
    assert not broken.is_running
    cluster.start()


def test_has_one_owner_at_a_time(cluster: Cluster) -> None:
    cluster.acquire()
    try:
        with pytest.raises(ClusterError, match="in use by another"):
            Cluster(cluster.directory).acquire()
    finally:
        cluster.release()
    with Cluster(cluster.directory, settings={"work_mem": "6MB"}, throwaway=True) as second:
        assert ask(second, "show work_mem") == "6MB"  # though the server ran already
    assert not cluster.is_running
    cluster.start()


@pytest.mark.packages
def test_a_standby_follows_its_primary_and_is_promoted(cluster: Cluster) -> None:
    standby = Cluster(cluster.directory.parent / "standby", throwaway=True, primary=cluster)
    try:
        standby.start()
        cluster.settings["synchronous_standby_names"] = "*"
        cluster.reload()
        synchronous = "select count(*) from pg_stat_replication where sync_state = 'sync'"
        Database.wait_for(lambda: ask(cluster, synchronous) == 1)
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("set synchronous_commit = remote_apply")
            connection.execute("create table followed as select 7 as answer")
        assert ask(standby, "select answer from followed") == 7
        assert ask(standby, "select pg_is_in_recovery()") is True
        # What the primary's configuration says of its standby is not the standby's.
        assert ask(standby, "show synchronous_standby_names") == ""
        assert ask(standby, "select pg_promote()") is True
        standby.stop()
        standby.start()
        assert ask(standby, "select pg_is_in_recovery()") is False
    finally:
        cluster.settings.pop("synchronous_standby_names", None)
        cluster.reload()
        standby.destroy()


def test_only_a_throwaway_cluster_is_destroyed(cluster: Cluster) -> None:
    with pytest.raises(ClusterError):
        Cluster(cluster.directory).destroy()
    assert cluster.is_running


def test_a_private_directory_with_a_long_name(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    cluster = Cluster(tmp_path / ("long" * 20) / "deep", throwaway=True)
    try:
        with cluster:
            assert ask(cluster, "select 1") == 1
            assert cluster.socket_directory.parent != cluster.directory
        assert not cluster.socket_directory.exists()
        cluster.start()
    finally:
        cluster.destroy()
    assert not cluster.directory.exists()
    assert not cluster.socket_directory.exists()
    assert (tmp_path.stat().st_mode & 0o777) == 0o700


def test_the_servers_programs_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By POSTGRESQL_BIN. It never falls back to another server."""
    monkeypatch.setenv("POSTGRESQL_BIN", str(tmp_path))
    program = tmp_path / "initdb"
    with pytest.raises(ClusterError, match="POSTGRESQL_BIN"):
        find_binaries()
    for version, is_new_enough in (("14.9", False), ("15devel", True), ("16.2 (Debian 16.2-1)", True)):
        program.write_text(f"#!/bin/sh\necho 'initdb (PostgreSQL) {version}'\n")
        program.chmod(0o755)
        if is_new_enough:
            assert find_binaries() == find_binaries(int(version[:2])) == tmp_path
        with pytest.raises(ClusterError, match="POSTGRESQL_BIN"):
            find_binaries(int(version[:2]) + 1 if is_new_enough else None)
