# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers on loopback for copies elsewhere: a real sshd with SFTP, and rclone's of S3 and of restic's own protocol."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from listeners import HOST, free_port

REPOSITORY = Path(__file__).resolve().parents[2]
UNPACKED = REPOSITORY / ".venv-sshd" / "usr"
START_SECONDS = 20
# Accounts of every Debian whose passwords are not locked, which sshd would refuse.
ACCOUNTS = ("backup", "daemon")
CONFIG = """
Port {port}
ListenAddress {host}
HostKey {place}/host_key
AuthorizedKeysFile {place}/key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
Subsystem sftp internal-sftp
ForceCommand internal-sftp
"""


class Server:
    """A program that keeps what it is given below ``stored``; it can be ended, frozen and begun again."""

    def __init__(self, place: Path, account: str | None = None):
        self.place, self.port, self.account = place, free_port(), account
        self.stored = place / "stored"
        self.stored.mkdir(exist_ok=True)
        if account:
            shutil.chown(self.stored, account, account)
        self._process = None

    def start(self):
        """Begin, and wait until it can be reached."""
        options = {"user": self.account, "group": self.account, "extra_groups": []} if self.account else {}
        with open(self.place / "log", "ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                env={**os.environ, **self.variables()}, start_new_session=True, **options,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, (self.place / "log").read_text()
            assert time.monotonic() < deadline, (self.place / "log").read_text()
            time.sleep(0.02)

    def stop(self):
        """End it at once, with all that it does; from then on nobody reaches it."""
        self._signal(signal.SIGKILL)
        self._process.wait()

    @contextlib.contextmanager
    def out_of_reach(self):
        """Nobody reaches it until the end of the block."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextlib.contextmanager
    def silent(self):
        """It takes connections and does nothing until the end of the block, as one whose disk hangs."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def _answers(self):
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), timeout=1):
            return True
        return False

    def _signal(self, number):
        for pid in family_of(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def repository(self, name):
        """Return the directory in which a repository of this name lies."""
        return self.stored / name

    def take(self, name, repository):
        """Lay down a repository of this name, as it lies in a directory, before anybody has asked for it."""
        place = shutil.copytree(repository, self.repository(name))
        for path in (place, *place.rglob("*")) if self.account else ():
            shutil.chown(path, self.account, self.account)

    def packs(self):
        """Files with data that lie there, of all repositories."""
        return [path for path in self.stored.glob("**/data/*/*") if path.is_file()]

    def locks(self):
        """Files by which somebody has a repository there for himself, or with others."""
        return [path for path in self.stored.glob("**/locks/*") if path.is_file()]

    def variables(self):
        return {}


class Sftp(Server):
    """A real sshd with a host key and a user's key of its own; it lets nobody do anything but SFTP."""

    def __init__(self, place):
        super().__init__(place, account_of_server())
        self._user = self.account or pwd.getpwuid(os.getuid()).pw_name
        for name in ("host_key", "key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place / name], check=True)
        if self.account:
            shutil.chown(place / "host_key", self.account)
        (place / "known_hosts").write_text(f"[{HOST}]:{self.port} {(place / 'host_key.pub').read_text()}")
        self._program = self._with_program()
        # From OpenSSH 9.8 and 10 on sshd has parts.
        parts = {f"Sshd{part.title()}Path": self._beside(f"lib/openssh/sshd-{part}") for part in ("session", "auth")}
        lines = [f"{name} {path}" for name, path in parts.items() if path.exists()] if self._own else []
        config = CONFIG.format(port=self.port, host=HOST, place=place)
        (place / "sshd_config").write_text("\n".join([config, *lines, ""]))

    def _with_program(self):
        """Return sshd of the machine, or a copy of what script/setup unpacked where the account may not enter."""
        self._own = (UNPACKED / "sbin" / "sshd").exists()
        if not self._own:
            return next(path for name in ("/usr/sbin/sshd", "sshd") if (path := shutil.which(name)))
        for name in ("sbin", "lib"):
            shutil.copytree(UNPACKED / name, self._beside(name), symlinks=True)
        return self._beside("sbin/sshd")

    def _beside(self, name):
        return self.place / "usr" / name

    def command(self):
        return [self._program, "-D", "-e", "-f", self.place / "sshd_config"]

    def variables(self):
        found = [str(path) for path in self._beside("lib").glob("*-linux-*")]
        return {"LD_LIBRARY_PATH": ":".join(found)} if found else {}

    def setting(self, name="director1", **more):
        """Return microbosh_offsite without its password, for a repository of this name."""
        ssh = {"UserKnownHostsFile": self.place / "known_hosts", "BatchMode": "yes", "IdentitiesOnly": "yes"}
        options = " ".join(f"-o {key}={value}" for key, value in ssh.items())
        login = f"{self._user}@{HOST}"
        command = f"ssh -F none -i {self.place}/key {options} -p {self.port} {login} -s sftp"
        repository = f"sftp:{login}:{self.stored}/{name}"
        return {"repository": repository, "options": [f"sftp.command={command}"], **more}


class S3(Server):
    """What speaks the protocol of Amazon's S3, with credentials."""

    def __init__(self, place):
        super().__init__(place)
        self.identity, self.secret = "backups", secrets.token_hex(16)

    def command(self):
        # Nothing of whoever runs the tests: no configuration, no cache.
        return [
            rclone(), "serve", "s3", "--config", "", "--cache-dir", self.place / "cache", "--no-cleanup",
            "--addr", f"{HOST}:{self.port}", "--auth-key", f"{self.identity},{self.secret}",
            self.stored,
        ]  # fmt: skip

    def setting(self, name="director1", **more):
        """Return microbosh_offsite without its password, for a repository of this name."""
        credentials = {"AWS_ACCESS_KEY_ID": self.identity, "AWS_SECRET_ACCESS_KEY": self.secret}
        return {"repository": f"s3:http://{HOST}:{self.port}/copies/{name}", "environment": credentials, **more}

    def repository(self, name):
        return self.stored / "copies" / name


class AppendOnly(Server):
    """What speaks restic's own protocol, and takes files and gives them, but lets nobody remove one."""

    def __init__(self, place):
        super().__init__(place)
        self.secret = secrets.token_hex(16)

    def command(self):
        return [
            rclone(), "serve", "restic", "--config", "", "--append-only", "--addr", f"{HOST}:{self.port}",
            "--user", "backups", "--pass", self.secret, self.stored,
        ]  # fmt: skip

    def setting(self, name="director1", **more):
        """Return microbosh_offsite without its password, for a repository of this name."""
        return {"repository": f"rest:http://backups:{self.secret}@{HOST}:{self.port}/{name}/", **more}


def rclone():
    """Return the program, which is in the virtual environment that runs the tests, or in the first one."""
    place = f"{sys.prefix}/bin:{REPOSITORY}/.venv/bin:{os.environ['PATH']}"
    return shutil.which("rclone", path=place) or pytest.skip("there is no rclone: run script/setup")


def account_of_server():
    """Return who runs sshd if we are root, an account that needs no other one as root's would; else it is we."""
    if os.geteuid():
        return None
    return next(name for name in ACCOUNTS if any(one.pw_name == name for one in pwd.getpwall()))


def family_of(pid):
    """Return a process and all that it has started, which may have sessions of their own."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


@contextlib.contextmanager
def serving(kind, megabytes=0):
    """Serve, with so much room if that is given, until the end of the block."""
    if not shutil.which("restic"):
        pytest.skip("there is no restic: run script/setup")
    if kind is Sftp and not ((UNPACKED / "sbin" / "sshd").exists() or shutil.which("/usr/sbin/sshd")):
        pytest.skip("there is no sshd: run script/setup")
    with tempfile.TemporaryDirectory(prefix="offsite-") as name, contextlib.ExitStack() as stack:
        place = Path(name)
        place.chmod(0o755)
        if megabytes:
            stack.enter_context(small(place / "stored", megabytes))
        server = kind(place)
        server.start()
        stack.callback(server.stop)
        yield server


@contextlib.contextmanager
def small(place, megabytes):
    """A directory with room for so much, where root runs the tests."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", place]
    if subprocess.run(command, check=False).returncode:
        pytest.skip("a small file system can be mounted by root only")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)
