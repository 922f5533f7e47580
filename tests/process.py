"""`make run` as a process of its own, as it is once everything is installed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAST_LINE = "Ctrl-C stops it."
SECONDS = 120  # until a process that neither starts nor stops is killed


@contextmanager
def run(*, end: signal.Signals = signal.SIGINT, **environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Start with .env.dev and these settings; yield the URL that will serve, and the process. Ended by the signal."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    base = {name: os.environ[name] for name in ("PATH", "HOME", "POSTGRESQL_BIN") if name in os.environ}
    base |= {"HOST": "127.0.0.1", "PORT": port, "ENV_FILE": str(ROOT / ".env.dev")}
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.run"],
        cwd=ROOT,
        env=base | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    watchdog = threading.Timer(SECONDS, process.kill)
    watchdog.start()
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.send_signal(end)
        process.communicate()
        watchdog.cancel()


def said_until(process: subprocess.Popen[str], last: str) -> str:
    """What the process says up to and with the line that has ``last`` in it; fails where it ends before."""
    said = ""
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        if last in line:
            return said
    raise AssertionError(said)
