# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller in a container whose first process is systemd, in the network of a director: with a schedule."""

from __future__ import annotations

import hashlib
import shlex
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import testhost
import yaml

REPOSITORY = testhost.REPOSITORY
# The first Debian whose ansible-core is new enough.
RELEASE = "trixie"
PACKAGES = [
    "ansible-core", "ca-certificates", "cron", "openssh-client", "postgresql", "rsync", "sudo", "systemd",
    "systemd-sysv", "zstd",
]  # fmt: skip
# systemd mounts, and what it starts may make namespaces; nothing of the machine's own is in reach.
CAPABILITIES = ("SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE", "AUDIT_WRITE", "SYS_RESOURCE", "DAC_READ_SEARCH")
PLACE = "/srv/microbosh"


class Image(testhost.Image):
    """Debian with systemd and Ansible."""

    def __init__(self, engine):
        super().__init__(engine, RELEASE)
        self.base_tag = (
            f"localhost/microbosh-controller:{RELEASE}-{hashlib.sha256(repr(PACKAGES).encode()).hexdigest()[:12]}"
        )

    def packages(self):
        return PACKAGES

    def build(self):
        testhost.STATE.mkdir(exist_ok=True)
        with testhost.locked(testhost.STATE / f"build-{self.base}.lock"):
            if not self.engine.has_image(self.base_tag):
                self._build_base()
        return self.base_tag


def synchronize():
    """Return the collection with the module that starts rsync, which is there for the tests."""
    places = [Path(one) for one in (*sys.path, REPOSITORY / ".collections")]
    return next(path for place in places if (path := place / "ansible_collections" / "ansible" / "posix").is_dir())


@dataclass
class Controller:
    """A machine that backs up one director."""

    director: object
    name: str = ""

    def up(self):
        host = self.director.host
        self.engine, self.name = host.engine, f"{host.container}-controller"
        self.down()
        options = [f"--name={self.name}", f"--label={testhost.LABEL}", f"--network=container:{host.container}"]
        options += ["--systemd=always", "--cgroupns=private", "--security-opt=apparmor=unconfined"]
        options += ["--security-opt=seccomp=unconfined", "--security-opt=unmask=ALL"]
        options += [f"--cap-add={name}" for name in CAPABILITIES]
        options += [f"--volume={REPOSITORY / '.collections'}:/usr/share/ansible/collections:ro"]
        self.engine.run("run", "--detach", *options, Image(self.engine).build(), "/sbin/init")
        self.wait("systemctl is-system-running | grep -Eq 'running|degraded'")
        # Copied: a mount below /usr/lib would keep a rehearsal from showing that to its server in namespaces.
        place = "/usr/lib/python3/dist-packages/ansible_collections/ansible"
        self.shell(f"mkdir -p {place}")
        self.engine.run("cp", synchronize(), f"{self.name}:{place}/posix")
        self.give()
        return self

    def give(self):
        """Lay out what an operator has: inventory, key, known hosts."""
        keys = [line.split() for line in self.director.host.known_hosts.read_text().splitlines()]
        self.write("known_hosts", "".join(f"127.0.0.1 {kind} {key}\n" for dummy, kind, key in keys))
        self.write("key", (self.director.directory / "key").read_text(), 0o600)
        self.inventory()

    def inventory(self, **settings):
        variables = {
            "ansible_host": "127.0.0.1", "ansible_user": self.director.host.facts["user"],
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={PLACE}/known_hosts",
            "ansible_python_interpreter": "auto_silent",
            "microbosh_private_key": f"{PLACE}/key",
            "microbosh_backup_dir": "/backups/{{ inventory_hostname }}", **settings,
        }  # fmt: skip
        inventory = {"microbosh": {"hosts": {self.director.name: {}}, "vars": variables}}
        self.write("hosts.yml", yaml.safe_dump(inventory))

    def write(self, name, text, mode=0o644):
        script = f"mkdir -p {PLACE}; umask 077; cat >{PLACE}/{name}; chmod {mode:o} {PLACE}/{name}"
        self.engine.run("exec", "--interactive", self.name, "sh", "-c", script, input=text)

    def shell(self, script, check=True):
        return self.engine.run("exec", self.name, "bash", "-c", script, check=check)

    def output(self, script):
        return self.shell(script).stdout

    def play(self, playbook, *arguments):
        words = ["ansible-playbook", "-i", f"{PLACE}/hosts.yml", f"microbosh.director.{playbook}", *arguments]
        done = self.shell(f"cd {PLACE}; ANSIBLE_NOCOLOR=1 {shlex.join(words)} 2>&1", check=False)
        return done.returncode, done.stdout

    def wait(self, script, seconds=60):
        deadline = time.monotonic() + seconds
        while self.shell(script, check=False).returncode:
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s: {script}")
            time.sleep(0.2)

    def down(self):
        self.engine.run("rm", "--force", "--volumes", self.name, check=False)
