"""Manages a PostgreSQL cluster in one directory, for this project alone.

A cluster listens on a Unix socket in its own directory and on no network address, so that any number of clusters can
run side by side. There are no passwords: peer authentication admits the account that runs this code and the account
that the server runs as, each as any of the database roles in `ROLES`. No other account of the machine can log in.

PostgreSQL refuses to run as root. If this code runs as root, the server runs as the account that owns the data; a new
cluster belongs to `postgres`.

Works on Linux only. It needs only the standard library, so that it works before any package is installed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pwd
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import quote

OLDEST_VERSION = 15

# The roles that the two accounts may log in as. On PostgreSQL 16 and later they may log in as any role.
ROLES = (
    "postgres",
    "inventory_owner",
    "inventory_public",
    "inventory_operator",
    "inventory_employee",
    "inventory_integration",
    "inventory_admin",
    "inventory_worker",
    "inventory_reporting",
    "inventory_maintenance",
)

_PORT = 5432  # no TCP port: only part of the socket's file name
_SOCKET = f".s.PGSQL.{_PORT}"
_LONGEST_SOCKET_PATH = 100  # bytes; the kernel's limit is 107

_START_SECONDS = 300.0  # includes recovery after a crash
_STOP_SECONDS = 60.0
_ORPHANS_SECONDS = 15.0  # time for the child processes of a killed postmaster to exit
_POLL_SECONDS = 0.02

_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}

_HBA = """\
# Written when the cluster was created; later changes are kept.
# Only the accounts in pg_ident.conf may connect, and only over the Unix socket.
local all all peer map=inventory
local replication postgres peer map=inventory
"""

_INCLUDE = "include 'inventory.conf'\n"


class ClusterError(Exception):
    """The cluster cannot do what was asked. The message tells the user why."""


def find_binaries(version: int | None = None) -> Path:
    """Returns the directory of the server's programs: of the newest PostgreSQL, or of major version `version`.

    That is the setting POSTGRESQL_BIN, if there is one. Otherwise looks at Debian's and Ubuntu's packages first, then
    at `pg_config` and PATH. Raises ClusterError if none is found.
    """
    if named := _setting("POSTGRESQL_BIN"):
        directory = Path(named).resolve()
        major = _major_version(directory)
        if major is None or major < OLDEST_VERSION:
            raise ClusterError(
                f"POSTGRESQL_BIN names {named}, where no PostgreSQL server of version {OLDEST_VERSION} or later is."
            )
        if version not in (None, major):
            raise ClusterError(f"The data is PostgreSQL {version}'s, but POSTGRESQL_BIN names PostgreSQL {major}.")
        return directory
    for found in (_packaged_binaries, _other_binaries):
        suitable = {
            major: directory
            for major, directory in found().items()
            if major >= OLDEST_VERSION and version in (None, major)
        }
        if suitable:
            return suitable[max(suitable)]
    if version is not None:
        raise ClusterError(f"The data is PostgreSQL {version}'s, but no PostgreSQL {version} server is installed.")
    raise ClusterError(f"No PostgreSQL server of version {OLDEST_VERSION} or later is installed: `make setup` does it.")


class Cluster:
    """The PostgreSQL cluster in `directory`. It is created when it is first started.

    `directory/cluster` is the data, `directory/run` holds the socket, `directory/cluster.log` is the server's log.
    `settings` override the default configuration, or add to it, at each start of the server.
    A `throwaway` cluster is fast, but may lose its data in a crash; only such a cluster can be destroyed.
    With a `primary`, which must run at the first start, the cluster is created as a standby of the primary.

        with Cluster(Path(".data")) as cluster:  # no other process can manage it meanwhile
            psycopg.connect(cluster.dsn())
    """

    def __init__(
        self,
        directory: Path,
        *,
        settings: Mapping[str, str] | None = None,
        roles: Iterable[str] = ROLES,
        throwaway: bool = False,
        primary: Cluster | None = None,
    ) -> None:
        self.directory = directory.resolve()
        self.settings = dict(settings or {})
        self.roles = tuple(roles)
        self.throwaway = throwaway
        self.primary = primary
        self._lock: int | None = None

    # Properties

    @property
    def data_directory(self) -> Path:
        return self.directory / "cluster"

    @property
    def log_file(self) -> Path:
        return self.directory / "cluster.log"

    @property
    def port(self) -> int:
        return _PORT

    @property
    def socket_directory(self) -> Path:
        """`directory/run`, or a short path in /tmp derived from it if it is too long for a socket or has a comma."""
        usual = self.directory / "run"
        if len(os.fsencode(usual / _SOCKET)) <= _LONGEST_SOCKET_PATH and "," not in str(usual):
            return usual
        return Path("/", "tmp", f"inventory-{hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]}")

    @cached_property
    def binaries(self) -> Path:
        """The directory of the programs that fit the data, or of the newest ones if there is no data yet."""
        try:
            version = int((self.data_directory / "PG_VERSION").read_text())
        except FileNotFoundError:
            version = None
        except PermissionError as error:
            raise self._not_ours() from error
        return find_binaries(version)

    @cached_property
    def has_pg_cron(self) -> bool:
        """Whether pg_cron is installed. Without it the server starts too, but no job runs by itself."""
        if (self.binaries.parent / "lib" / "pg_cron.so").exists():
            return True
        library = _output(self.binaries / "pg_config", "--pkglibdir")
        return bool(library) and Path(library, "pg_cron.so").exists()

    @property
    def pid(self) -> int | None:
        """The postmaster's process id; None if it is not running."""
        recorded = self._recorded_pid()
        return recorded if recorded is not None and _served_by(recorded) == self.data_directory else None

    @property
    def is_running(self) -> bool:
        return self.pid is not None

    def client_program(self, name: str) -> str:
        """Returns the path of a client program: the server's own, or else the one on PATH.

        Raises ClusterError if there is none.
        """
        found = shutil.which(name, path=str(self.binaries)) or shutil.which(name)
        if found is None:
            raise ClusterError(f"{name} is not installed.")
        return found

    def dsn(self, user: str = "postgres", dbname: str = "postgres") -> str:
        """Returns the libpq URI of a database. It is complete: environment variables do not change its meaning."""
        host = quote(str(self.socket_directory), safe="")
        return f"postgresql://{quote(user, safe='')}@/{quote(dbname, safe='')}?host={host}&port={self.port}"

    def psql(self, user: str = "postgres", dbname: str = "postgres") -> str:
        """Returns a shell command that opens `dbname` in psql."""
        return f"psql {shlex.quote(self.dsn(user, dbname))}"

    # Operations

    def __enter__(self) -> Self:
        self.acquire()
        try:
            # A killed process may have left the server running, with other settings.
            if self.is_running and not self._is_configured():
                self.stop()
            self.start()
        except BaseException:
            with contextlib.suppress(ClusterError):  # the original exception matters more
                self.stop()
            self.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        except (KeyboardInterrupt, SystemExit):
            # A signal often arrives twice: its process group gets it, and make forwards it.
            self.stop()
            raise
        finally:
            self.release()

    def acquire(self) -> None:
        """Lock the directory against other managers until `release`, or until this process ends for any reason."""
        if self._lock is not None:
            return
        self._make_directory()
        try:
            lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except PermissionError as error:
            raise self._not_ours() from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(lock, 0)
            os.write(lock, f"{os.getpid()}\n".encode())
        except BlockingIOError as error:
            owner = os.read(lock, 20).decode().strip()
            os.close(lock)
            process = f" (process {owner})" if owner else ""
            raise ClusterError(f"{self.directory} is in use by another `make run`{process}.") from error
        except BaseException:
            os.close(lock)
            raise
        self._lock = lock

    def release(self) -> None:
        """Unlock the directory, so that another process can manage it."""
        if self._lock is not None:
            fcntl.flock(self._lock, fcntl.LOCK_UN)  # closing is not enough: a forked child may still have it open
            os.close(self._lock)
            self._lock = None

    def start(self) -> None:
        """Start the server, and wait until it accepts connections. Creates the cluster if it does not exist.

        A server that is already running is left alone.
        """
        orphans_deadline = time.monotonic() + _ORPHANS_SECONDS
        while not (self.is_running and self._becomes_ready()):
            account = self._prepare()
            as_server = self._as_server(account)
            self._configure(account)
            self._forget_dead_postmaster()
            log_size = self.log_file.stat().st_size
            # pg_ctl starts the server in a new session, so that Ctrl-C in the terminal does not reach it.
            started = _run(
                [
                    *as_server,
                    self.binaries / "pg_ctl",
                    *("start", "--silent", "--wait", f"--timeout={_START_SECONDS:.0f}"),
                    *("-D", self.data_directory, "-l", self.log_file),
                ]
            )
            if started.returncode == 0:
                return
            with self.log_file.open("rb") as log:
                log.seek(log_size)
                said = log.read().decode(errors="replace")
            # The children of a killed postmaster hold its shared memory until they exit.
            if "shared memory block" in said and time.monotonic() < orphans_deadline:
                time.sleep(0.1)
                continue
            raise ClusterError(f"PostgreSQL does not start.\n{_tail(said or started.stdout)}")

    def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """Stop the server, and wait until it has ended. After `immediate` the next start has to recover."""
        pid = self.pid
        if pid is not None:
            try:
                os.kill(pid, _SIGNALS[mode])
            except ProcessLookupError:
                pass
            except PermissionError as error:
                raise self._not_ours() from error
            deadline = time.monotonic() + _STOP_SECONDS
            hurry = deadline - _STOP_SECONDS / 2
            while _served_by(pid) == self.data_directory:
                if mode == "fast" and time.monotonic() > hurry:
                    # A fast stop during recovery may hang. The next start repeats the recovery.
                    hurry = deadline
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, _SIGNALS["immediate"])
                if time.monotonic() > deadline:
                    raise ClusterError(f"PostgreSQL (process {pid}) does not stop; {self.log_file} may say why.")
                time.sleep(_POLL_SECONDS)
        if self.socket_directory.parent != self.directory:
            with contextlib.suppress(OSError):  # missing, or not empty after a crash
                self.socket_directory.rmdir()

    def reload(self) -> None:
        """Write `settings` to the configuration, and make the running server reload it.

        Settings that need a restart do not change. Raises ClusterError if the server is not running.
        """
        self._configure(self._server_account())
        if (pid := self.pid) is None:
            raise ClusterError(f"PostgreSQL does not run in {self.directory}.")
        os.kill(pid, signal.SIGHUP)

    def adopt(self) -> None:
        """Give the data that another program has put there, such as a restored backup, this cluster's configuration.

        Of the settings made by ALTER SYSTEM only those that say how to recover are kept.
        """
        account = self._server_account()
        own = self.data_directory / "postgresql.auto.conf"
        kept = [line for line in own.read_text().splitlines(True) if line.startswith(("restore_command", "recovery_"))]
        _write(own, "".join(kept), account)
        _write(self.data_directory / "postgresql.conf", _INCLUDE, account)
        _write(self.data_directory / "pg_hba.conf", _HBA, account)

    def destroy(self) -> None:
        """Stop the server and remove `directory` with its content. Raises ClusterError if it is not throwaway."""
        if not self.throwaway:
            raise ClusterError(f"{self.directory} is not throwaway: its data stays.")
        self.stop("immediate")
        doomed = [self.directory]
        if self.socket_directory.parent != self.directory:
            doomed.append(self.socket_directory)
        for directory in doomed:
            deadline = time.monotonic() + _ORPHANS_SECONDS
            while directory.exists() and time.monotonic() < deadline:
                shutil.rmtree(directory, ignore_errors=True)  # children of a killed postmaster may still write here
                time.sleep(_POLL_SECONDS)
            if directory.exists():
                shutil.rmtree(directory)
        self.release()

    # Internals

    def _not_ours(self) -> ClusterError:
        return ClusterError(f"{self.directory} belongs to another user: run as that user, or as root.")

    def _recorded_pid(self) -> int | None:
        try:
            return _pid_in(self.data_directory)
        except PermissionError as error:
            raise self._not_ours() from error

    def _becomes_ready(self) -> bool:
        """Wait until the running server accepts connections. Returns False if it ends instead."""
        deadline = time.monotonic() + _START_SECONDS
        while self.is_running:
            asked = _run([self.client_program("pg_isready"), "--quiet", f"--dbname={self.dsn()}"])
            if asked.returncode == 0:
                return True
            if time.monotonic() > deadline:
                raise ClusterError(f"PostgreSQL is not ready after {_START_SECONDS:.0f} seconds; see {self.log_file}.")
            time.sleep(_POLL_SECONDS)
        return False

    def _server_account(self) -> pwd.struct_passwd:
        """The account that the server runs as."""
        if os.geteuid() != 0:
            return _own_account()
        with contextlib.suppress(FileNotFoundError, KeyError):
            owner = pwd.getpwuid((self.data_directory / "PG_VERSION").stat().st_uid)
            if owner.pw_uid != 0:
                return owner
        return server_account()

    def _make_directory(self) -> None:
        if not self.directory.is_dir():
            try:
                self.directory.mkdir(parents=True, exist_ok=True)
                self.directory.chmod(0o755)
            except OSError as error:
                raise ClusterError(f"{self.directory} cannot be made: {error.strerror}.") from error

    def _prepare(self) -> pwd.struct_passwd:
        """Create what is missing: the log file, the socket's directory and the cluster itself."""
        if set(str(self.directory)) & set('"$`\\\n'):  # pg_ctl passes the path to a shell, in double quotes
            raise ClusterError(f"PostgreSQL cannot run in {self.directory}: its name has a quote, $, ` or backslash.")
        self._make_directory()
        account = self._server_account()
        try:
            if self.data_directory.exists() and os.geteuid() not in (0, self.data_directory.stat().st_uid):
                raise self._not_ours()
            log = os.open(self.log_file, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                os.fchown(log, account.pw_uid, account.pw_gid)
            finally:
                os.close(log)
            self._make_socket_directory(account)
            if not (self.data_directory / "PG_VERSION").exists():
                self._initialise(account)
        except PermissionError as error:
            raise self._not_ours() from error
        except OSError as error:
            raise ClusterError(f"PostgreSQL cannot be run in {self.directory}: {error}") from error
        return account

    def _make_socket_directory(self, account: pwd.struct_passwd) -> None:
        """Create the socket's directory, for the server's account alone. A client that is root needs no permission."""
        directory = self.socket_directory
        with contextlib.suppress(FileExistsError):
            directory.mkdir(0o700)
        # In /tmp another user may have created this name: refuse to use a directory that is not ours.
        opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if os.fstat(opened).st_uid not in (os.geteuid(), account.pw_uid):
                raise ClusterError(f"{directory} is needed for the socket, but belongs to another user.")
            os.fchown(opened, account.pw_uid, account.pw_gid)
            os.fchmod(opened, 0o700)
        finally:
            os.close(opened)

    def _initialise(self, account: pwd.struct_passwd) -> None:
        """Create the cluster under a temporary name, and rename it at the end: an incomplete one is never used."""
        if self.data_directory.exists() and any(self.data_directory.iterdir()):
            raise ClusterError(f"{self.data_directory} is not empty, and no PostgreSQL cluster.")
        new = self.directory / "cluster.new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(0o700)
        os.chown(new, account.pw_uid, account.pw_gid)
        made = self._copy(account, new, self.primary) if self.primary else self._create(account, new)
        if made.returncode != 0:
            shutil.rmtree(new, ignore_errors=True)
            raise ClusterError(f"PostgreSQL cannot make a cluster in {self.directory}.\n{_tail(made.stdout)}")
        if not self.primary:
            _write(new / "pg_hba.conf", _HBA, account)
            with open(os.open(new / "postgresql.conf", os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW), "a") as settings:
                settings.write(f"\n{_INCLUDE}")
        new.rename(self.data_directory)

    def _create(self, account: pwd.struct_passwd, new: Path) -> subprocess.CompletedProcess[str]:
        command: list[str | Path] = [
            *self._as_server(account, new),
            self.binaries / "initdb",
            *("--pgdata", new, "--username=postgres", "--encoding=UTF8", "--data-checksums"),
            *("--auth-local=peer", "--auth-host=reject", "--no-instructions"),
            *(["--no-sync"] if self.throwaway else []),
        ]
        made = _run([*command, "--locale=C.UTF-8"])
        if made.returncode != 0 and "invalid locale" in made.stdout:
            made = _run([*command, "--locale=C"])
        return made

    def _copy(self, account: pwd.struct_passwd, new: Path, primary: Cluster) -> subprocess.CompletedProcess[str]:
        return _run(
            [
                *self._as_server(account, new),
                self.binaries / "pg_basebackup",
                *("--write-recovery-conf", "--checkpoint=fast", "--wal-method=stream"),
                *("-d", primary.dsn(), "-D", new),
                *(["--no-sync"] if self.throwaway else []),
            ]
        )

    def _configuration(self) -> str:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": '"' + str(self.socket_directory) + '"',
            "port": str(self.port),
            "max_connections": "100",
            "max_worker_processes": "20",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "logging_collector": "off",
            "log_line_prefix": "%m [%p] %q%u@%d ",
            "log_lock_waits": "on",
        }
        if self.has_pg_cron:
            settings |= {
                "shared_preload_libraries": "pg_cron",
                "cron.database_name": "postgres",
                "cron.use_background_workers": "on",  # jobs without a connection, and so without a password
            }
        if self.throwaway:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        settings |= self.settings
        lines = (f"{name} = {_quoted(value)}\n" for name, value in settings.items())
        return "# Overwritten at each start; use ALTER SYSTEM for your own settings.\n" + "".join(lines)

    def _is_configured(self) -> bool:
        try:
            return (self.data_directory / "inventory.conf").read_text() == self._configuration()
        except FileNotFoundError:
            return False

    def _configure(self, account: pwd.struct_passwd) -> None:
        _write(self.data_directory / "inventory.conf", self._configuration(), account)
        version = int((self.data_directory / "PG_VERSION").read_text())
        roles = ("all",) if version >= 16 else tuple(f'"{role}"' for role in self.roles)
        accounts = sorted({_own_account().pw_name, account.pw_name})
        lines = (f'inventory "{name}" {role}\n' for name in accounts for role in roles)
        _write(self.data_directory / "pg_ident.conf", "# Overwritten at each start.\n" + "".join(lines), account)

    def _as_server(self, account: pwd.struct_passwd, directory: Path | None = None) -> list[str]:
        """Returns the prefix that makes a command run as the server's account, with access to `directory`."""
        attempts = ("touch", f"{directory or self.data_directory}/."), (self.binaries / "postgres", "--version")
        return run_as(account, *attempts)

    def _forget_dead_postmaster(self) -> None:
        """Remove the lock files of a postmaster that has ended, if another process has its process id now.

        PostgreSQL itself ignores a process id that is not in use. It never starts on data whose shared memory is in
        use, so that removing the files is safe.
        """
        pid = self._recorded_pid()
        if pid is None or not Path(f"/proc/{pid}").exists():
            return
        served = _served_by(pid)
        # A postmaster with another path may still be ours, if the directory was moved: then PostgreSQL must decide.
        if served is None or _pid_in(served) == pid:
            (self.data_directory / "postmaster.pid").unlink(missing_ok=True)
            (self.socket_directory / f"{_SOCKET}.lock").unlink(missing_ok=True)


def server_account() -> pwd.struct_passwd:
    """The account that runs servers: this one, or `postgres` where this one is root. Raises ClusterError."""
    if os.geteuid() != 0:
        return _own_account()
    try:
        return pwd.getpwnam("postgres")
    except KeyError as error:
        raise ClusterError("PostgreSQL does not run as root, and there is no `postgres` user to run it.") from error


def run_as(account: pwd.struct_passwd, *attempts: Sequence[str | Path]) -> list[str]:
    """Returns the prefix that makes a command run as the account. `attempts`: commands that must succeed with it.

    That is nothing where this is the account. Raises ClusterError if there is no such prefix.
    """
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ClusterError("PostgreSQL does not run as root, and `setpriv` (util-linux) is not there to run it.")
    plain = [setpriv, f"--reuid={account.pw_name}", f"--regid={account.pw_gid}", "--init-groups"]
    # That account cannot enter root's private directories (a checkout in /root, a temporary directory). So that
    # neither the data has to move nor permissions have to change, the server then keeps one of root's
    # capabilities, CAP_DAC_OVERRIDE. The same holds for the programs, if POSTGRESQL_BIN names such a directory.
    passing = [*plain, "--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"]
    for command in (plain, passing):  # try it: access(2) ignores this capability
        # By a shell, because the first program may still have root's rights, and what that one starts has not.
        if all(_run([*command, "sh", "-c", '"$@"', "sh", *attempt]).returncode == 0 for attempt in attempts):
            return command
    raise ClusterError(f"The user {account.pw_name} cannot run: {'; '.join(' '.join(map(str, a)) for a in attempts)}.")


def _run(command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, even after Ctrl-C: otherwise a half-started server could not be stopped."""
    environment = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",  # a directory that every account may enter
        env=environment | {"LC_ALL": "C"},
        start_new_session=True,
        umask=0o077,
        text=True,
        errors="replace",
    )
    with process:
        try:
            output, _ = process.communicate()
        except BaseException:
            process.wait()
            raise
    return subprocess.CompletedProcess(command, process.returncode, output)


def _packaged_binaries() -> dict[int, Path]:
    programs = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return {int(name): program.parent for program in programs if (name := program.parents[1].name).isdigit()}


def _other_binaries() -> dict[int, Path]:
    """Finds servers by `pg_config` and by PATH. For two of the same version, `pg_config` takes precedence."""
    found: dict[int, Path] = {}
    on_path = shutil.which("initdb")
    for directory in (_output("pg_config", "--bindir"), on_path and str(Path(on_path).resolve().parent)):
        if directory and (major := _major_version(Path(directory))):
            found.setdefault(major, Path(directory))
    return found


def _major_version(directory: Path) -> int | None:
    """Returns the major version of the server's programs in a directory; None if there are none."""
    # initdb (PostgreSQL) 17.2
    version = _output(directory / "initdb", "--version").partition(") ")[2]
    major = version[: len(version) - len(version.lstrip("0123456789"))]
    return int(major) if major else None


def _output(*command: str | Path) -> str:
    """Returns what a command prints; an empty text if it fails or does not exist."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _own_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(os.geteuid())
    except KeyError as error:
        raise ClusterError(f"User id {os.geteuid()} has no name, which PostgreSQL needs.") from error


def _pid_in(data_directory: Path) -> int | None:
    """Returns the process id in `postmaster.pid`. The process may have ended."""
    try:
        first, *_ = (data_directory / "postmaster.pid").read_text().splitlines() or [""]
        return int(first)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def _served_by(pid: int) -> Path | None:
    """Returns the data directory that a postmaster serves; None if the process is not a postmaster, or has ended.

    Reads the command line, which every user may read, unlike the working directory. The postmaster's children have
    another command line, and a zombie has none.
    """
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return None
    if os.path.basename(command[0]) == b"postgres" and b"-D" in command[1:-1]:
        return Path(os.fsdecode(command[command.index(b"-D") + 1]))
    return None


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _write(path: Path, content: str, account: pwd.struct_passwd) -> None:
    """Replace a file in the server's directory atomically, without following a symbolic link."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
        os.fchown(file.fileno(), account.pw_uid, account.pw_gid)
        file.write(content)
    new.rename(path)


def _tail(text: str, lines: int = 20) -> str:
    return "\n".join(text.rstrip().splitlines()[-lines:])


def _setting(name: str) -> str:
    """Returns a setting from the environment, or else from the env file, ENV_FILE or .env."""
    if name in os.environ:
        return os.environ[name]
    with contextlib.suppress(FileNotFoundError):
        for line in Path(os.environ.get("ENV_FILE") or ".env").read_text().splitlines():
            if line.startswith(f"{name}="):
                return line.removeprefix(f"{name}=").strip().strip("'\"")
    return ""


def served_database() -> str:
    """Returns the conninfo of `make run`'s database and its superuser. Raises ClusterError if it is not running."""
    if url := _setting("DATABASE_URL"):
        from pgcalls.hosts import to_primary  # imported late: psycopg may not be installed yet

        return to_primary(url)
    return _running_cluster().dsn(dbname="inventory")


def _running_cluster() -> Cluster:
    cluster = Cluster(Path(_setting("DATA_DIR") or ".data"))
    if not cluster.is_running:
        raise ClusterError("The database does not run: `make run` starts it.")
    return cluster


def main(arguments: Sequence[str]) -> int:
    """`psql …`: open the database that `make run` serves."""
    if arguments[:1] != ["psql"]:
        print("usage: python -m tools.cluster psql [psql's own arguments]", file=sys.stderr)
        return 2
    try:
        url = served_database()
        program = "psql" if _setting("DATABASE_URL") else _running_cluster().client_program("psql")
        os.execvp(program, ["psql", url, *arguments[1:]])
    except ClusterError as error:
        print(error, file=sys.stderr)
    except FileNotFoundError:
        print("psql is not installed.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
