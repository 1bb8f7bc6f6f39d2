#!/usr/bin/env python3
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Embedded microBOSHes to test against: containers with real monit, runit, PostgreSQL, sshd, redis and nginx.

    testhost up m1 --generation micro --blobs 200     start one, print its port
    testhost inventory m1 --passwords > hosts.yml     an inventory to give to ansible-playbook
    testhost exec m1 -- /var/vcap/bosh/bin/monit summary
    testhost fill m1 --blobs 50 --seed 2              add more
    testhost restart m1                               reboot; with --hard as when the plug is pulled
    testhost down --all

README.md beside this file says what is real, and which switches make a service misbehave.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
STATE = REPOSITORY / ".testhost"
IMAGE = HERE / "image"
# Two clones on one machine never see each other's hosts.
CLONE = hashlib.sha1(str(REPOSITORY).encode()).hexdigest()[:8]
LABEL = f"microbosh.testhost={CLONE}"
PASSWORD = "c1oudc0w"
USERS = {"micro": "vcap", "director": "jumpbox"}
DATABASES = {"micro": ["bosh"], "director": ["bosh", "uaa", "credhub"]}
BASES = ("bookworm", "bullseye")
VARIANTS = {
    "database_at": (
        ("here", "elsewhere", "split"),
        "elsewhere: the director has no PostgreSQL of its own; split: one that holds all but the director's database",
    ),
    "postgres_layout": (
        ("bosh", "successor", "upgraded", "chosen"),
        "successor: store/postgres/postgres-<version>; upgraded: an old postgres-13 beside; chosen: store/pgdata/15",
    ),
    "blobstore": (
        ("local", "external", "mounted"),
        "external: no blobs here; mounted: on a file system of its own, in memory",
    ),
    "agent": (("runit", "systemd"), "which of them runs the agent"),
}
# NET_ADMIN is for tests that cut the network, AUDIT_WRITE for sudo and sshd, SYS_ADMIN for mounts, as root has on a VM.
CAPABILITIES = ("NET_ADMIN", "AUDIT_WRITE", "SYS_PTRACE", "SYS_ADMIN")
START_SECONDS = 300  # on a machine that does much else
MONIT = "/var/vcap/bosh/bin/monit"


class TestHostError(Exception):
    """A test host failed; says what went wrong, on which host, and what to do next."""

    __test__ = False  # the name looks like a test's to pytest


class Engine:
    """The container engine: podman or docker, whichever works."""

    def __init__(self):
        self.environment = dict(os.environ)
        self.program = os.environ.get("TESTHOST_ENGINE") or self._find()
        if Path(self.program).name == "podman":
            self._configure_podman()

    def _find(self):
        for program in ("podman", "docker"):
            if shutil.which(program) and subprocess.run([program, "info"], capture_output=True).returncode == 0:
                return program
        raise TestHostError(
            "no container engine works: install podman (Debian: podman runc netavark aardvark-dns iptables mmdebstrap) "
            "or docker, or name one with TESTHOST_ENGINE"
        )

    def _configure_podman(self):
        """Without systemd, as in a small VM, podman's defaults do not work for root: say what does."""
        if os.geteuid() != 0 or os.path.isdir("/run/systemd/system") or "CONTAINERS_CONF" in os.environ:
            return
        lines = [
            "[containers]",
            "default_ulimits = []",
            "[engine]",
            'cgroup_manager = "cgroupfs"',
            'events_logger = "file"',
        ]
        if shutil.which("runc"):
            lines.append('runtime = "runc"')
        if os.path.exists("/usr/lib/podman/netavark"):
            lines += ["[network]", 'network_backend = "netavark"']
        STATE.mkdir(exist_ok=True)
        path = STATE / "containers.conf"
        write(path, "\n".join(lines) + "\n")
        self.environment["CONTAINERS_CONF"] = str(path)

    def run(self, *arguments, check=True, **options):
        """Run the engine, return the completed process with its output; a failure is an error that shows it."""
        options = {"capture_output": True, "text": True, **options}
        command = [self.program, *map(str, arguments)]
        result = subprocess.run(command, env=self.environment, **options)
        if check and result.returncode:
            detail = ((result.stdout or "") + (result.stderr or "")).strip()
            raise TestHostError(f"`{shlex.join(command)}` failed with status {result.returncode}:\n{detail}")
        return result

    def output(self, *arguments, **options):
        return self.run(*arguments, **options).stdout.strip()

    def has_image(self, tag):
        return self.run("image", "inspect", tag, check=False).returncode == 0


class Image:
    """The image of one Debian release, named after the content of what it is made from."""

    def __init__(self, engine, base):
        self.engine = engine
        self.base = base
        packages = fingerprint([IMAGE / "packages", IMAGE / "Containerfile.base"])
        everything = fingerprint(path for path in sorted(IMAGE.rglob("*")) if path.is_file())
        self.base_tag = f"localhost/microbosh-testhost-base:{base}-{packages}"
        self.tag = f"localhost/microbosh-testhost:{base}-{everything}"

    def build(self):
        """Make the image unless it is there. Return its tag."""
        STATE.mkdir(exist_ok=True)
        with locked(STATE / f"build-{self.base}.lock"):
            if not self.engine.has_image(self.base_tag):
                self._build_base()
            if not self.engine.has_image(self.tag):
                say(f"building {self.tag}")
                self._containerfile("Containerfile", self.tag, "--network=none", BASE=self.base_tag)
        return self.tag

    def _containerfile(self, name, tag, *options, **arguments):
        given = [f"--build-arg={key}={value}" for key, value in arguments.items()]
        self.engine.run("build", *options, *given, f"--label={LABEL}", "-t", tag, "-f", IMAGE / name, IMAGE)

    def _build_base(self):
        """Debian and the packages: from a registry, or, where none can be reached, with mmdebstrap from a mirror."""
        debian = f"docker.io/library/debian:{self.base}-slim"
        if self.engine.has_image(debian) or self.engine.run("pull", debian, check=False).returncode == 0:
            say(f"installing packages into {debian}")
            self._containerfile("Containerfile.base", self.base_tag, DEBIAN=debian, PACKAGES=" ".join(self.packages()))
        elif shutil.which("mmdebstrap"):
            self._bootstrap()
        else:
            raise TestHostError(f"cannot pull {debian}, and there is no mmdebstrap to make one: install mmdebstrap")

    def packages(self):
        lines = (IMAGE / "packages").read_text().splitlines()
        pairs = [line.rpartition(":")[::2] for line in lines if line and not line.startswith("#")]
        return [name for release, name in pairs if release in ("", self.base)]

    def _bootstrap(self):
        say(f"no registry: making Debian {self.base} with mmdebstrap")
        archive = STATE / f"{self.base}.tar"
        mirror, security = mirrors()
        command = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=" + ",".join(self.packages())]
        command += [f"--dpkgopt=path-exclude=/usr/share/{directory}/*" for directory in ("doc", "man", "locale")]
        command += ['--aptopt=Acquire::Check-Valid-Until "false"', self.base, str(archive)]
        command += [
            f"deb {mirror} {self.base} main",
            f"deb {mirror} {self.base}-updates main",
            f"deb {security} {self.base}-security main",
        ]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            raise TestHostError(f"mmdebstrap failed:\n{result.stderr.strip()}")
        self.engine.run("import", f"--change=LABEL {LABEL}", archive, self.base_tag)
        archive.unlink()


@dataclass
class Settings:
    """The settings that a host was made with; kept in its state."""

    generation: str = "micro"
    base: str = "bookworm"
    blobs: int = 20
    tasks: int = 25
    database_mib: int = 5
    seed: int = 1
    databases: list[str] | None = None
    monit_timeout: int = 30
    store_size: int = 0
    key: str | None = None
    director_database: str = "bosh"
    postgres_port: int = 5432
    database_at: str = "here"
    postgres_layout: str = "bosh"
    blobstore: str = "local"
    agent: str = "runit"
    checks: bool = False
    requiretty: bool = False


@dataclass(frozen=True)
class Elsewhere:
    """A database that is not on its director: what an operator knows of it."""

    host: str
    address: str
    port: int
    user: str
    password: str
    ca: Path


class Host:
    """One embedded microBOSH."""

    def __init__(self, engine, name):
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name):
            raise TestHostError(f"{name!r} cannot be the name of a host: letters, digits and hyphens only")
        self.engine = engine
        self.name = name
        self.container = f"testhost-{CLONE}-{name}"
        self.volume = f"testhost-{CLONE}-{name}-store"
        self.second = f"elsewhere-{CLONE}-{name}"
        self.directory = STATE / "hosts" / name
        self.known_hosts = self.directory / "known_hosts"

    @property
    def facts(self):
        """Port, user and settings, as written when it was started."""
        try:
            return json.loads((self.directory / "host.json").read_text())
        except FileNotFoundError:
            raise TestHostError(f"{self.name} is not up: start it with `testhost up {self.name}`") from None

    @property
    def elsewhere(self):
        """The database that is not on this director. The address is the director's loopback: nobody else reaches it."""
        password = hashlib.sha1(f"elsewhere of {self.name}".encode()).hexdigest()[:24] + ":\\ '%$\"@/"
        return Elsewhere("rds.microbosh.test", "127.0.0.77", 25432, "bosh_owner", password, self.directory / "ca.pem")

    def is_up(self):
        """Tell whether it was started to the end."""
        return (self.directory / "host.json").exists()

    def up(self, settings):
        """Make it, fill it, wait until everything on it runs. Return its port."""
        if self.exists():
            raise TestHostError(f"{self.name} is there already: `testhost down {self.name}` removes it")
        image = Image(self.engine, settings.base).build()
        self._discard()
        self.directory.mkdir(parents=True)
        with locked(STATE / "port.lock"):  # until the engine holds it
            port = free_port()
            self._create(image, port, settings)
        try:
            if settings.database_at != "here":
                self._create_elsewhere(image, settings)
            self.wait(port)
            self._pin(port)
            self.fill(settings.blobs, settings.tasks, settings.database_mib, settings.seed)
        except TestHostError:
            logs = self.engine.run("logs", "--tail=30", self.container, check=False)
            say(logs.stdout + logs.stderr)
            self._discard()
            raise
        facts = {"name": self.name, "port": port, "user": USERS[settings.generation], "settings": asdict(settings)}
        write(self.directory / "host.json", json.dumps(facts, indent=2) + "\n")
        return port

    def _create(self, image, port, settings):
        environment = {
            "TESTHOST_GENERATION": settings.generation,
            "TESTHOST_MONIT_TIMEOUT": settings.monit_timeout,
            "TESTHOST_DATABASES": " ".join(databases_of(settings)),
            "TESTHOST_KEY": Path(settings.key or first_key().with_suffix(".pub")).read_text().strip(),
            "TESTHOST_DIRECTOR_DATABASE": settings.director_database,
            "TESTHOST_POSTGRES_PORT": settings.postgres_port,
            "TESTHOST_DATABASE_AT": settings.database_at,
            "TESTHOST_POSTGRES_LAYOUT": settings.postgres_layout,
            "TESTHOST_BLOBSTORE": settings.blobstore,
            "TESTHOST_AGENT": settings.agent,
            "TESTHOST_CHECKS": "yes" if settings.checks else "no",
            "TESTHOST_REQUIRETTY": "yes" if settings.requiretty else "no",
            **self._elsewhere_for_director(settings),
        }
        store = f"--volume={self.volume}:/var/vcap/store"
        if settings.store_size:
            store = f"--tmpfs=/var/vcap/store:size={settings.store_size}m,mode=0755"
        more = []
        if settings.database_at != "here":
            more.append(f"--add-host={self.elsewhere.host}:{self.elsewhere.address}")
        if settings.blobstore == "mounted":
            more.append(f"--tmpfs=/var/vcap/store/blobstore:size={settings.blobs + 256}m,mode=0700")
        self.engine.run(
            "run",
            "--detach",
            *more,
            f"--name={self.container}",
            f"--hostname={self.name}",
            f"--label={LABEL}",
            f"--publish=127.0.0.1:{port}:22",
            store,
            "--tmpfs=/tmp:size=128m,mode=1777,noexec",
            *[f"--cap-add={name}" for name in CAPABILITIES],
            "--security-opt=apparmor=unconfined",  # which forbids mounts even so
            *[f"--env={key}={value}" for key, value in environment.items()],
            image,
        )

    def _elsewhere_for_director(self, settings):
        if settings.database_at == "here":
            return {}
        authority(self.directory, self.elsewhere.host)
        return {
            "TESTHOST_ELSEWHERE_HOST": self.elsewhere.host,
            "TESTHOST_ELSEWHERE_PORT": self.elsewhere.port,
            "TESTHOST_ELSEWHERE_ROLE": self.elsewhere.user,
            "TESTHOST_ELSEWHERE_PASSWORD": self.elsewhere.password,
            "TESTHOST_ELSEWHERE_CA": self.elsewhere.ca.read_text().strip(),
        }

    def _create_elsewhere(self, image, settings):
        """A second container in the director's network, whose processes and files are none of the director's."""
        names = databases_of(settings)
        environment = {
            "TESTHOST_GENERATION": "elsewhere",
            "TESTHOST_HOST": self.name,
            "TESTHOST_DATABASES": " ".join(names if settings.database_at == "elsewhere" else names[:1]),
            "TESTHOST_DIRECTOR_DATABASE": settings.director_database,
            "TESTHOST_ROLE": self.elsewhere.user,
            "TESTHOST_PASSWORD": self.elsewhere.password,
            "TESTHOST_CERTIFICATE": (self.directory / "server.crt").read_text().strip(),
            "TESTHOST_TLS_KEY": (self.directory / "server.key").read_text().strip(),
            "TESTHOST_ADDRESS": self.elsewhere.address,
            "TESTHOST_PORT": self.elsewhere.port,
        }
        given = [f"--env={key}={value}" for key, value in environment.items()]
        network = f"--network=container:{self.container}"
        self.engine.run("run", "--detach", f"--name={self.second}", network, f"--label={LABEL}", *given, image)
        deadline = time.monotonic() + START_SECONDS
        ready = ["bash", "-c", f": </dev/tcp/{self.elsewhere.address}/{self.elsewhere.port}"]
        while self.engine.run("exec", self.second, *ready, check=False).returncode:
            if time.monotonic() > deadline:
                done = self.engine.run("logs", "--tail=30", self.second, check=False)
                raise TestHostError(f"{self.name}: its database does not start:\n{done.stdout}{done.stderr}")
            time.sleep(0.2)

    def wait(self, port, seconds=START_SECONDS):
        """Wait until sshd answers and monit calls every service running."""
        deadline = time.monotonic() + seconds
        while not (answers(port) and self.runs()):
            if time.monotonic() > deadline:
                raise TestHostError(
                    f"{self.name}: not everything runs after {seconds} s; monit says:\n{self.summary()}"
                )
            if self.state() not in ("running", "created", "initialized"):
                raise TestHostError(f"{self.name}: the container ended while it started (state {self.state()!r})")
            self._wake_monit()

    def _wake_monit(self):
        """monit looks every 10 s, or when it is told to."""
        self.execute("pkill", "-USR1", "-x", "monit(-actual)?", check=False)
        time.sleep(0.5)

    def told(self, name, status, seconds=60):
        """Wait until monit says this of one of its services or checks; tell whether it did."""
        deadline = time.monotonic() + seconds
        row = re.compile(rf"^ *{re.escape(name)} +{re.escape(status)} +\w+ *$", re.MULTILINE)
        while not row.search(self.summary()):
            if time.monotonic() > deadline:
                return False
            self._wake_monit()
        return True

    def summary(self):
        return self.engine.output("exec", self.container, MONIT, "summary", check=False)

    def runs(self):
        """Tell whether monit has services and all of them run. monit cuts no status that is good."""
        rows = re.findall(r"^ *\S+ +(.+?) +(?:Process|System) *$", self.summary(), re.MULTILINE)
        return len(rows) > 1 and set(rows) <= {"OK", "Running"}

    def agent_runs(self):
        """Tell whether the agent runs, whatever runs it."""
        if self.facts["settings"]["agent"] == "systemd":
            return self.execute("systemctl", "is-active", "bosh-agent.service", check=False).stdout == "active\n"
        return "run: agent" in self.execute("sv", "status", "agent", check=False).stdout

    def state(self):
        return self.engine.output("inspect", "--format={{.State.Status}}", self.container, check=False)

    def exists(self):
        return self.engine.run("container", "inspect", self.container, check=False).returncode == 0

    def _pin(self, port):
        """Note the host's keys by way of the engine, so that the first connection over the network is checked, too."""
        keys = self.execute("sh", "-c", "cat /etc/ssh/ssh_host_*_key.pub").stdout
        lines = [f"[127.0.0.1]:{port} {' '.join(key.split()[:2])}\n" for key in keys.splitlines()]
        write(self.known_hosts, "".join(lines))

    def execute(self, *command, check=True, **options):
        """Run a command on it as root."""
        return self.engine.run("exec", self.container, *command, check=check, **options)

    def fill(self, blobs=0, tasks=0, database_mib=0, seed=1):
        """Add blobs (MiB), tasks and database rows (MiB) to what is there. Return the filler's report."""
        command = [
            "/usr/local/lib/testhost/fill",
            f"--blobs={blobs}",
            f"--tasks={tasks}",
            f"--database-mib={database_mib}",
            f"--seed={seed}",
        ]
        return json.loads(self.execute(*command).stdout)

    def restart(self, hard=False):
        """Reboot it, or pull its plug, and wait until sshd and monit answer.

        Which services run then is monit's affair. It writes its state every 10 s and when it ends in order: those
        stopped stay stopped, but after a hard restart those stopped in the last seconds may come back.
        """
        facts, settings = self.facts, self.facts["settings"]
        if settings["store_size"] or settings["blobstore"] == "mounted":
            raise TestHostError(f"{self.name} has its store or blobs in memory: they would not survive a restart")
        if not hard:
            self.execute("/usr/local/lib/testhost/shutdown")
        self.engine.run("restart", "--time=1", self.container)
        if settings["database_at"] != "here":
            self.engine.run("restart", "--time=1", self.second)
        deadline = time.monotonic() + START_SECONDS
        while not answers(facts["port"]) or "uptime" not in self.summary():
            if time.monotonic() > deadline:
                raise TestHostError(f"{self.name}: sshd or monit did not come back in {START_SECONDS} s")
            time.sleep(0.2)

    def down(self):
        """Remove it with all that it held."""
        self._discard()

    def _discard(self):
        self.engine.run("rm", "--force", "--volumes", self.second, check=False)
        self.engine.run("rm", "--force", "--volumes", self.container, check=False)
        self.engine.run("volume", "rm", "--force", self.volume, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def inventory(self, passwords=False):
        """Its variables in an inventory."""
        facts = self.facts
        micro = facts["settings"]["generation"] == "micro"
        checked = f"-o UserKnownHostsFile={self.known_hosts} -o StrictHostKeyChecking=yes"
        variables = {
            "ansible_host": "127.0.0.1",
            "ansible_port": facts["port"],
            "ansible_user": facts["user"],
            "ansible_ssh_common_args": checked,
        }
        if passwords and micro:
            variables.update(ansible_password=PASSWORD, ansible_become_password=PASSWORD)
        if not micro and not facts["settings"]["key"]:
            variables["ansible_ssh_private_key_file"] = str(first_key())
        return variables


def hosts(engine):
    """Every host of this clone, also those whose state is lost."""
    template = "{{.Names}}"
    names = engine.output("ps", "--all", f"--filter=label={LABEL}", f"--format={template}").split()
    names = [name for name in names if name.startswith("testhost-")]
    kept = [path.name for path in (STATE / "hosts").glob("*")]
    return [Host(engine, name) for name in sorted({name.split("-", 2)[2] for name in names} | set(kept))]


def databases_of(settings):
    """The director's own first."""
    names = settings.databases or DATABASES[settings.generation]
    return [settings.director_database if name == "bosh" else name for name in names]


def authority(directory, host):
    """A certificate authority of its own, and what it vouches for: a server of that name."""

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)

    new = ["-newkey", "rsa:2048", "-nodes"]
    openssl("req", "-x509", *new, "-days", "3650", "-subj", "/CN=testhost CA", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", *new, "-subj", f"/CN={host}", "-keyout", "server.key", "-out", "server.csr")
    write(directory / "names", f"subjectAltName=DNS:{host}\n")
    signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "3650", "-extfile", "names"]
    openssl("x509", "-req", "-in", "server.csr", *signed, "-out", "server.crt")


def first_key():
    """The key that a director deployed by an operator already knows; made when it is first needed."""
    STATE.mkdir(exist_ok=True)
    path = STATE / "id_ed25519"
    with locked(STATE / "key.lock"):
        if not path.exists():
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "testhost", "-f", str(path)], check=True
            )
    return path


def answers(port):
    """Tell whether sshd greets on that port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def free_port():
    """A loopback port that nobody listens on. Fixed from here on: a port chosen by the engine may change on restart."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def mirrors():
    """The machine's own Debian mirrors, archive and security, or Debian's."""
    found = {"debian": "http://deb.debian.org/debian", "debian-security": "http://deb.debian.org/debian-security"}
    sources = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    for path in sources:
        text = path.read_text() if path.is_file() else ""
        for uri in re.findall(r"^(?:deb .*?|URIs: *)(https?://\S+?)/?(?=\s)", text, re.MULTILINE):
            name = uri.rpartition("/")[2]
            if name in found:
                found[name] = uri
    return os.environ.get("TESTHOST_MIRROR", found["debian"]), found["debian-security"]


def fingerprint(paths):
    digest = hashlib.sha256()
    for path in paths:
        digest.update(str(path.relative_to(IMAGE)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def write(path, text):
    """Replace a file whole: others may be reading it."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.write_text(text)
    part.replace(path)


@contextlib.contextmanager
def locked(path):
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def say(text):
    print(text, file=sys.stderr, flush=True)


def inventory(selected, passwords=False):
    """The inventory of these hosts as YAML; JSON is YAML, so every value is quoted right."""
    lines = ["microbosh:", "  hosts:"]
    for host in selected:
        lines.append(f"    {host.name}:")
        lines += [f"      {key}: {json.dumps(value)}" for key, value in host.inventory(passwords).items()]
    return "\n".join(lines)


def command_build(engine, options):
    print(Image(engine, options.base).build())


def command_up(engine, options):
    settings = Settings(**{name: getattr(options, name) for name in Settings.__dataclass_fields__})
    print(Host(engine, options.name).up(settings))


def command_down(engine, options):
    for host in hosts(engine) if options.all else [Host(engine, name) for name in options.names]:
        host.down()


def command_restart(engine, options):
    Host(engine, options.name).restart(options.hard)


def command_list(engine, options):
    for host in filter(Host.is_up, hosts(engine)):
        facts = host.facts
        print(
            host.name,
            facts["settings"]["generation"],
            facts["settings"]["base"],
            facts["port"],
            facts["user"],
            host.state(),
        )


def command_exec(engine, options):
    terminal = ["--tty"] if sys.stdin.isatty() and sys.stdout.isatty() else []
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    container = Host(engine, options.name).container
    result = engine.run("exec", "--interactive", *terminal, container, *command, check=False, capture_output=False)
    raise SystemExit(result.returncode)


def command_fill(engine, options):
    host = Host(engine, options.name)
    print(json.dumps(host.fill(options.blobs, options.tasks, options.database_mib, options.seed)))


def command_inventory(engine, options):
    selected = [Host(engine, name) for name in options.names] or filter(Host.is_up, hosts(engine))
    print(inventory(selected, options.passwords))


def command_remove(engine, options):
    for host in hosts(engine):
        host.down()
    # Newest first: an image before the one that it is made from. One that another clone's host needs stays.
    for image in engine.output("images", "--quiet", f"--filter=label={LABEL}").split():
        engine.run("rmi", image, check=False)
    shutil.rmtree(STATE, ignore_errors=True)


def parser():
    """The command line; every default is the one of Settings."""
    main = argparse.ArgumentParser(
        prog="testhost", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = main.add_subparsers(required=True, metavar="COMMAND")

    def command(function, summary, *names):
        one = commands.add_parser(function.__name__.partition("_")[2], help=summary, description=summary)
        one.set_defaults(function=function)
        for name in names:
            one.add_argument(name)
        return one

    command(command_build, "make the image if it is missing or its sources changed").add_argument(
        "--base", choices=BASES, default=Settings.base
    )
    add_settings(command(command_up, "start a host, wait until all of it runs, print its ssh port", "name"))
    down = command(command_down, "remove hosts and what they held")
    down.add_argument("names", nargs="*")
    down.add_argument("--all", action="store_true")
    command(command_restart, "reboot a host, wait until sshd and monit answer", "name").add_argument(
        "--hard", action="store_true", help="pull the plug: no process is told before"
    )
    command(command_list, "name, generation, base, port, user and state of every host")
    command(command_exec, "run a command on a host as root", "name").add_argument("command", nargs=argparse.REMAINDER)
    add_sizes(
        command(command_fill, "add blobs, tasks and rows to a host; give another seed each time", "name"),
        blobs=0,
        tasks=0,
        database_mib=0,
    )
    listing = command(command_inventory, "print an inventory of hosts, of all when none is named")
    listing.add_argument("names", nargs="*")
    listing.add_argument("--passwords", action="store_true", help="with vcap's password")
    command(command_remove, "remove hosts, images and state")
    return main


def add_settings(up):
    up.add_argument("--generation", choices=sorted(USERS), default=Settings.generation)
    up.add_argument("--base", choices=BASES, default=Settings.base, help="bullseye: its only Python is 2.7")
    add_sizes(up, blobs=Settings.blobs, tasks=Settings.tasks, database_mib=Settings.database_mib)
    up.add_argument("--databases", nargs="+", metavar="NAME", help="instead of the generation's own")
    up.add_argument(
        "--monit-timeout",
        type=int,
        default=Settings.monit_timeout,
        metavar="SECONDS",
        help="of a start or stop program",
    )
    up.add_argument(
        "--store-size",
        type=int,
        default=0,
        metavar="MIB",
        help="/var/vcap/store in memory, no larger than this; such a host cannot restart",
    )
    up.add_argument("--key", metavar="FILE", help="public key that jumpbox accepts, instead of the one made here")
    add_variants(up.add_argument_group("a director that is not the default one"))


def add_variants(group):
    group.add_argument("--director-database", default=Settings.director_database, metavar="NAME")
    group.add_argument("--postgres-port", type=int, default=Settings.postgres_port, metavar="PORT")
    for name, (choices, summary) in VARIANTS.items():
        option = "--" + name.replace("_", "-")
        group.add_argument(option, choices=choices, default=getattr(Settings, name), help=summary)
    group.add_argument("--checks", action="store_true", help="monit looks at files, file systems and limits, too")
    group.add_argument("--requiretty", action="store_true", help="sudo wants a terminal")


def add_sizes(command, blobs, tasks, database_mib):
    command.add_argument("--blobs", type=int, default=blobs, metavar="MIB", help="size of all blobs together")
    command.add_argument("--tasks", type=int, default=tasks, metavar="N", help="number of tasks with logs")
    command.add_argument(
        "--database-mib", type=int, default=database_mib, metavar="MIB", help="rows in the bosh database"
    )
    command.add_argument("--seed", type=int, default=Settings.seed, help="the same seed makes the same content")


def main():
    options = parser().parse_args()
    try:
        options.function(Engine(), options)
    except TestHostError as error:
        raise SystemExit(f"testhost: {error}") from None


if __name__ == "__main__":
    main()
