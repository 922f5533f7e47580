"""Makes one measurement: runs wrk or pgbench against one subject."""

from __future__ import annotations

import collections
import dataclasses
import json
import math
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.compare.works import PRODUCTS

LUA = Path(__file__).with_name("work.lua")


class LoadError(Exception):
    """A load generator or a subject failed. The message has its output."""


@dataclasses.dataclass(frozen=True)
class Request:
    """The request that wrk sends. Path and body may contain the placeholders of work.lua.

    ``follow``: path and body of a second call after each answer. ``is_keyed``: each call has its own Idempotency-Key.
    ``refusal``: the expected status of every answer; 0 expects a success.
    """

    method: str
    path: str
    body: str = ""
    follow: tuple[str, str] = ("", "")
    token: str = ""
    is_keyed: bool = False
    refusal: int = 0


@dataclasses.dataclass(frozen=True)
class Script:
    """The script that pgbench runs, and the login for it."""

    sql: str
    conninfo: str
    program: Path


@dataclasses.dataclass(frozen=True)
class Result:
    """``done`` is the throughput per second. Latencies are in milliseconds, per request (wrk) or script (pgbench)."""

    done: float
    p50: float
    p99: float
    maximum: float
    count: int
    errors: dict[str, int]


def wrk(url: str, request: Request, connections: int, seconds: float, *, count_statuses: bool = False) -> Result:
    """Measure one workload over HTTP. ``count_statuses`` counts errors by status, which slows wrk down."""
    said = _run(
        "wrk",
        f"-t{min(connections, 2)}",
        f"-c{connections}",
        f"-d{math.ceil(seconds)}s",
        "--timeout=30s",
        *("-s", LUA, url, "--"),
        *(request.method, request.path, request.body, *request.follow, PRODUCTS, request.token, int(count_statuses)),
        int(request.is_keyed),
    )
    line = next((line for line in said.splitlines() if line.startswith("{")), None)
    if line is None:
        raise LoadError(f"wrk printed no result:\n{said}")
    counted = json.loads(line)
    errors: collections.Counter[str] = collections.Counter()
    for statuses in counted["statuses"]:
        wanted = range(request.refusal, request.refusal + 1) if request.refusal else range(200, 300)
        errors.update({status: times for status, times in statuses.items() if int(status) not in wanted})
    refused, answered = counted["status"], counted["requests"] - counted["status"]
    if request.refusal:
        refused, answered = answered, refused
    if not count_statuses and refused:
        errors["success" if request.refusal else "status 400 or above"] = refused
    errors.update({kind: counted[kind] for kind in ("connect", "read", "write", "timeout") if counted[kind]})
    count = answered
    if request.follow[0]:
        # A unit of work is two calls. Do not use "followed": with many connections most first calls come at the start.
        count //= 2
        if not counted["followed"]:
            errors["no second call"] = 1
    return Result(
        done=count / counted["microseconds"] * 1e6,
        p50=counted["p50"] / 1000,
        p99=counted["p99"] / 1000,
        maximum=counted["maximum"] / 1000,
        count=count,
        errors=dict(errors),
    )


def pgbench(script: Script, connections: int, warm: float, seconds: float) -> Result:
    """Measure one workload in the database. Counts transactions that end in ``seconds`` after ``warm`` seconds."""
    with tempfile.TemporaryDirectory(prefix="inventory-pgbench-") as directory:
        file = Path(directory, "script.sql")
        file.write_text(script.sql)
        said = _run(
            script.program,
            *("--no-vacuum", "--protocol=prepared", f"--file={file}", f"--define=products={PRODUCTS}"),
            *(f"--client={connections}", f"--jobs={min(connections, 2)}", f"--time={math.ceil(warm + seconds)}"),
            *("--log", f"--log-prefix={directory}/log", script.conninfo),
        )
        ended: list[tuple[float, float]] = []
        for log in Path(directory).glob("log.*"):
            for line in log.read_text().splitlines():
                # client, number, microseconds, script, seconds, microseconds
                fields = line.split()
                ended.append((int(fields[4]) + int(fields[5]) / 1e6, int(fields[2]) / 1000))
    errors = {"failed": 1} if "aborted" in said or "failed" in said.replace("failed transactions: 0 ", "") else {}
    if not ended:
        raise LoadError(f"pgbench did nothing:\n{said}")
    # Leave out transactions after the end: fewer and fewer clients are still running then.
    begin = min(at - latency / 1000 for at, latency in ended)
    latencies = sorted(latency for at, latency in ended if begin + warm <= at < begin + warm + seconds)
    return Result(
        done=len(latencies) / seconds,
        p50=percentile(latencies, 50),
        p99=percentile(latencies, 99),
        maximum=latencies[-1],
        count=len(ended),
        errors=errors,
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """Returns the percentile of sorted values: the smallest one that ``percent`` of them do not exceed."""
    return values[max(math.ceil(len(values) * percent / 100), 1) - 1]


def _run(*command: object) -> str:
    process = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if process.returncode not in (0, 2):  # pgbench exits with 2 if a statement failed
        raise LoadError(f"{command[0]} failed:\n{process.stderr or process.stdout}")
    return process.stdout + process.stderr
