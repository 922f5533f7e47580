"""A short run of `make soak`: few faults, the same checks, and bounds that a slow machine keeps."""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.process import ROOT

COMMAND = ("-m", "soak", "--short", "--seconds", "9", "--seed", "short", "--clients", "12", "--recovery-seconds", "60")
SECONDS = 400


def test_what_is_acknowledged_outlives_faults_and_happens_once() -> None:
    with subprocess.Popen(
        [sys.executable, *COMMAND], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            said, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)  # it takes its cluster and its servers with it
            said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said
    assert "VIOLATION" not in said
