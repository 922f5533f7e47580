"""Tries whether the newest backup is good: `make restore-drill`, as root or as the user of PostgreSQL.

Restores the newest backup of pgBackRest into a throw-away directory, replays all WAL that is in the archive, starts
PostgreSQL on it, checks the ledger and its seals, and compares it with the live database (DATABASE_URL, or that of
`make run`), of which it needs a superuser. The live database is only read.

Exit status: 0 the backup is good, 2 it is not, 1 it could not be tried.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from tools.cluster import Cluster, ClusterError, served_database

SHOWN = 5  # differences
SETTINGS = {
    "archive_mode": "off",
    "shared_preload_libraries": "",  # no pg_cron: its jobs would change what is checked
    "hot_standby": "off",  # else PostgreSQL compares max_connections and the like with those of the live server
}

LAST_CHANGE = "select feed_key, feed_id from report.changes order by feed_key desc, feed_id desc limit 1"
LATER_CHANGES = """
    select count(*), min(created_at), clock_timestamp()
    from report.changes
    where (feed_key, feed_id) > (%s, %s)
"""
CHANGE = "select type, product_id, data::text from report.changes where (feed_key, feed_id) = (%s, %s)"
LAST_SEAL = "select number, encode(hash, 'hex') from store.seal order by number desc limit 1"
SEAL = "select number, encode(hash, 'hex') from store.seal where number = %s"


class DrillError(Exception):
    """The drill cannot be made. The message tells the user why."""


@dataclasses.dataclass
class Report:
    """What the drill prints, and what is wrong with the backup."""

    lines: list[str] = dataclasses.field(default_factory=list)
    problems: list[str] = dataclasses.field(default_factory=list)

    def say(self, name: str, text: str) -> None:
        self.lines.append(f"{name:<8} {text}")
        print(self.lines[-1], flush=True)


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make restore-drill", description="Try whether the newest backup is good.")
    parser.add_argument("--config", default="/etc/pgbackrest.conf", help="pgBackRest's; default: /etc/pgbackrest.conf")
    parser.add_argument("--stanza", default="inventory", help="default: inventory")
    parser.add_argument(
        "--directory", type=Path, help="where the database has room once more; default: that of tempfile"
    )
    parser.add_argument(
        "--loss", type=int, default=300, metavar="SECONDS", help="how old lost changes may be; default: 300"
    )
    options = parser.parse_args(words)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whatever ends the drill: what it started is removed
    report = Report()
    try:
        live = served_database()
        with psycopg.connect(live):
            pass
        with tempfile.TemporaryDirectory(prefix="inventory-drill-", dir=options.directory) as directory:
            Path(directory).chmod(0o755)
            cluster = Cluster(Path(directory, "restored"), throwaway=True, settings=SETTINGS)
            try:
                restore(cluster, options.config, options.stanza, report)
                judge(live, cluster.dsn(dbname=str(conninfo_to_dict(live)["dbname"])), options.loss, report)
            finally:
                cluster.destroy()
    except (DrillError, ClusterError, OSError, psycopg.Error) as error:
        print(f"The backup could not be tried: {error}", file=sys.stderr)
        return 1
    for problem in report.problems:
        print(problem, file=sys.stderr)
    print("The backup is NOT good." if report.problems else "The backup is good.")
    return 2 if report.problems else 0


def restore(cluster: Cluster, config: str, stanza: str, report: Report) -> None:
    """Restore the newest backup as the cluster's data, start it, and wait until it has replayed the archive."""
    command = ["pgbackrest", f"--config={config}", f"--stanza={stanza}", "--log-level-file=off"]
    (found,) = json.loads(_output([*command, "info", "--output=json"]))
    if not found["backup"]:
        raise DrillError(f"There is no backup of {stanza} ({found['status']['message']}).")
    newest = found["backup"][-1]
    age = datetime.now(UTC) - datetime.fromtimestamp(newest["timestamp"]["stop"], UTC)
    began = time.monotonic()
    cluster.acquire()  # makes the directory
    cluster.data_directory.mkdir(mode=0o700)
    _output([*command, f"--pg1-path={cluster.data_directory}", "--type=default", "--archive-mode=off", "restore"])
    cluster.adopt()
    cluster.start()
    while True:
        try:
            with psycopg.connect(cluster.dsn()):
                break
        except psycopg.OperationalError as error:
            if not cluster.is_running:
                log = cluster.log_file.read_text(errors="replace").splitlines()[-10:]
                raise DrillError("\n".join(["PostgreSQL does not recover:", *log])) from error
            time.sleep(0.1)
    seconds = time.monotonic() - began
    size = newest["info"]["size"] / 2**20
    report.say(
        "backup", f"{newest['label']}, {_shown(age)} old, {size:.0f} MiB; restored and recovered in {seconds:.0f} s"
    )


def judge(live: str, restored: str, loss: int, report: Report) -> None:
    """Check the restored database, and compare it with the live one."""
    with psycopg.connect(restored, autocommit=True) as ours, psycopg.connect(live, autocommit=True) as theirs:
        # First: the live database goes on.
        position = ours.execute(LAST_CHANGE).fetchone() or (0, 0)
        count, first, now = theirs.execute(LATER_CHANGES, position).fetchone() or (0, None, None)
        age = now - first if first else timedelta(0)
        report.say("lost", f"{count} changes, the first {_shown(age)} ago" if count else "nothing")
        if age > timedelta(seconds=loss):
            report.problems.append(f"More than {loss} s would be lost: does the archive get all WAL?")
        if ours.execute(CHANGE, position).fetchone() != theirs.execute(CHANGE, position).fetchone():
            report.problems.append(f"Change {position[0]}-{position[1]} is another one in the live database.")

        for name in ("verify", "verify_seals"):
            found = ours.execute(f"select * from maintenance.{name}()".encode()).fetchall()
            # "detached": the movements of these seals were taken out on purpose.
            found = [row for row in found if row[-1] != "detached"]
            report.say(name.removeprefix("verify_"), f"{len(found)} differences")
            report.problems += [f"maintenance.{name}(): {', '.join(map(str, row))}" for row in found[:SHOWN]]

        seal = ours.execute(LAST_SEAL).fetchone()
        if seal is None:
            report.say("seal", "none yet")
        elif seal == theirs.execute(SEAL, seal[:1]).fetchone():
            report.say("seal", f"{seal[0]}, as in the live database")
        else:
            report.say("seal", f"{seal[0]}, not as in the live database")
            report.problems.append(f"Seal {seal[0]} is another one in the live database: one of the two was changed.")


def _shown(age: timedelta) -> str:
    seconds = age.total_seconds()
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 3600:.1f} h"


def _output(command: list[Any]) -> str:
    """Returns what a command prints. Raises DrillError with what it says if it fails, or if it is not installed."""
    if shutil.which(command[0]) is None:
        raise DrillError(f"{command[0]} is not installed.")
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        raise DrillError(f"{done.stdout}{done.stderr}".strip())
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
