"""Several processes on one port: a supervisor that starts them, replaces one that dies, and stops all.

They share nothing but the database. Each listens for itself (SO_REUSEPORT): the kernel spreads the connections, and one
that is dead is given none. The supervisor serves nothing; a worker whose supervisor is gone stops as by SIGTERM.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import selectors
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from server import app
from server.peers import Member
from server.settings import Settings

STOP_SECONDS = 60.0  # until a worker that does not stop is killed
STEADY_SECONDS = 10.0  # of service, after which a worker's end is none of a series
BACKOFF_FIRST, BACKOFF_LAST = 0.1, 10.0  # seconds before one that keeps ending is replaced
SERVING = b"."

log = logging.getLogger("server.workers")


def run(settings: Settings, conninfo: str, on_start: Callable[[str], Any]) -> int:
    """Serve with as many processes as the settings say, and return the exit status, as app.run does."""
    if settings.workers == 1:
        return app.run(settings, conninfo, on_start)
    try:
        reserved = reserve(settings.host, settings.port)
    except OSError as error:
        log.error("cannot start: %s", error)
        return 1
    with contextlib.ExitStack() as stack:
        for each in reserved:
            stack.enter_context(each)
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="inventory-")))
        supervisor = _Supervisor(settings, conninfo, on_start, reserved, directory)
        return supervisor.run()


def reserve(host: str, port: int) -> list[socket.socket]:
    """Sockets that keep the address for workers of this process; they do not listen. Raises OSError where it is taken.

    SO_REUSEPORT alone would share the port with any other program of the same user that has set it.
    """
    kept: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(
            socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        ):
            with socket.socket(family, kind, protocol) as first, contextlib.ExitStack() as undo:
                second = undo.enter_context(socket.socket(family, kind, protocol))
                if family == socket.AF_INET6:
                    for each in (first, second):
                        each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                # Past connections that linger, and past nobody who listens.
                first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                _bind(first, (address[0], kept[0].getsockname()[1] if kept else port, *address[2:]))
                # From here on with whoever sets SO_REUSEPORT; not with the first step of another supervisor.
                first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                second.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                _bind(second, first.getsockname())
                undo.pop_all()
                kept.append(second)
    except BaseException:
        for each in kept:
            each.close()
        raise
    return kept


def _bind(sock: socket.socket, address: Any) -> None:
    try:
        sock.bind(address)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OSError(error.errno, f"error while attempting to bind on address {address}: {reason}") from None


def _is_at_end(line: socket.socket) -> bool:
    try:
        return not line.recv(1, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False


@dataclasses.dataclass
class _Worker:
    """A worker's place, and the process that has it, if any."""

    number: int
    pid: int | None = None
    line: socket.socket | None = None
    started: float = 0.0
    is_serving: bool = False
    ends: int = 0  # in a row
    due: float = 0.0


class _Supervisor:
    def __init__(
        self,
        settings: Settings,
        conninfo: str,
        on_start: Callable[[str], Any],
        reserved: list[socket.socket],
        directory: Path,
    ) -> None:
        self._settings = settings
        self._conninfo = conninfo
        self._on_start = on_start
        self._reserved = reserved
        self._port = int(reserved[0].getsockname()[1])
        self._directory = directory
        self._workers = [_Worker(number) for number in range(settings.workers)]
        self._has_started = False
        self._is_stopping = False
        self._status = 0
        self._selector = selectors.PollSelector()

    def run(self) -> int:
        with self._signals(), self._selector:
            while not self._is_stopping:
                self._start_due()
                self._wait(self._next_due())
            log.info("stopping")
            self._signal(signal.SIGTERM)
            deadline = time.monotonic() + STOP_SECONDS
            while self._are_alive:
                self._wait(deadline)
                if time.monotonic() > deadline:
                    self._signal(signal.SIGKILL)
                    deadline = time.monotonic() + STOP_SECONDS
        return self._status

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM stop; each wakes the selector."""
        reader, writer = socket.socketpair()
        with reader, writer:
            for each in (reader, writer):
                each.setblocking(False)
            self._selector.register(reader, selectors.EVENT_READ)
            numbers = (signal.SIGINT, signal.SIGTERM)
            previous = [signal.signal(number, self._stop) for number in numbers]
            wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
            try:
                yield
            finally:
                signal.set_wakeup_fd(wakeup)
                for number, handler in zip(numbers, previous, strict=True):
                    signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._is_stopping = True

    @property
    def _are_alive(self) -> bool:
        return any(worker.pid is not None for worker in self._workers)

    def _signal(self, number: signal.Signals) -> None:
        for worker in self._workers:
            if worker.pid is not None:
                os.kill(worker.pid, number)

    def _next_due(self) -> float | None:
        return min((worker.due for worker in self._workers if worker.pid is None), default=None)

    def _start_due(self) -> None:
        for worker in self._workers:
            if worker.pid is None and worker.due <= time.monotonic():
                self._start(worker)

    def _start(self, worker: _Worker) -> None:
        ours, theirs = socket.socketpair()
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            ours.close()
            self._work(worker.number, theirs)
        theirs.close()
        worker.pid, worker.line = pid, ours
        worker.started, worker.is_serving = time.monotonic(), False
        self._selector.register(ours, selectors.EVENT_READ, worker)

    def _work(self, number: int, line: socket.socket) -> NoReturn:
        """Be the worker. What the supervisor has open or under way is not this process's."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for each in (signal.SIGINT, signal.SIGTERM):
                signal.signal(each, signal.SIG_DFL)
            for key in list(self._selector.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]
            for reserved in self._reserved:
                reserved.close()
            member = Member(number, len(self._workers), self._port, self._directory, line)
            status = app.run(self._settings, self._conninfo, lambda _: line.send(SERVING), member)
        except BaseException:
            log.exception("worker %s failed", number)
        finally:
            if _is_at_end(line):
                shutil.rmtree(self._directory, ignore_errors=True)
            os._exit(status)

    def _wait(self, until: float | None) -> None:
        """Until something happens, or that time."""
        timeout = None if until is None else max(until - time.monotonic(), 0)
        for key, _ in self._selector.select(timeout):
            assert isinstance(key.fileobj, socket.socket)
            said = key.fileobj.recv(64)
            if key.data is None:
                continue  # a signal's
            if said:
                self._serves(key.data)
            else:
                self._ended(key.data)

    def _serves(self, worker: _Worker) -> None:
        worker.is_serving = True
        if self._has_started:
            log.info("worker %s serves again", worker.number)
        elif all(each.is_serving for each in self._workers):
            self._has_started = True
            self._on_start(app.url(self._settings.host, self._port))

    def _ended(self, worker: _Worker) -> None:
        assert worker.line is not None
        assert worker.pid is not None
        self._selector.unregister(worker.line)
        worker.line.close()
        _, status = os.waitpid(worker.pid, 0)
        worker.pid = worker.line = None
        if self._is_stopping:
            return
        if not self._has_started:
            # It has said why.
            self._status, self._is_stopping = 1, True
            return
        now = time.monotonic()
        if worker.is_serving and now - worker.started >= STEADY_SECONDS:
            worker.ends = 0
        pause = min(BACKOFF_FIRST * 2**worker.ends, BACKOFF_LAST) if worker.ends else 0.0
        worker.ends += 1
        worker.due = now + pause
        code = os.waitstatus_to_exitcode(status)
        log.warning("worker %s ended (%s), replaced in %g s", worker.number, code, pause)
