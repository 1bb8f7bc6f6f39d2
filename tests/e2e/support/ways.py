# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways in which people run the playbooks: each is a director with another operator, environment or connection."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import testhost
import yaml
from conftest import ANSIBLE, PLAYBOOK_SECONDS, REPOSITORY, Director, Run, run_ansible
from private_data import fill_in, give, lay_out
from restoring import at_terminal

RUNNER = REPOSITORY / ".venv-runner" / "bin"
POD_USER = 1000660000
LONG_HOME = 54


class Way(Director):
    """A director whose playbooks are run in some way; this one is that of all other tests."""

    arguments = ()
    environment = None

    @property
    def at_home(self):
        """The environment: each way has a home of its own, so that none uses a connection that another one made."""
        return {"HOME": str(self.directory), **(self.environment or {})}

    @contextlib.contextmanager
    def ready(self):
        """What holds while the playbooks run."""
        yield

    def play(self, playbook, *arguments, **settings):
        return run_ansible(self.command(playbook, *arguments, *self.arguments, **settings), self.at_home)


class Terminal(Way):
    """Somebody at a terminal."""

    def play(self, playbook, *arguments, **settings):
        return at_terminal(self.command(playbook, *arguments, **settings), **self.at_home)


class Cron(Way):
    """A line of a crontab: no terminal, no locale, and of the environment only what cron gives."""

    def play(self, playbook, *arguments, **settings):
        crontab = {"ANSIBLE_COLLECTIONS_PATH": REPOSITORY / ".collections", "HOME": self.directory}
        of_cron = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "root"}
        line = ["env", "-i", *[f"{name}={value}" for name, value in {**of_cron, **crontab}.items()]]
        return done([*line, *self.command(playbook, *arguments, **settings)], self.directory)


class JsonCallback(Way):
    """A program that reads the results: what is on standard output is one document of JSON, for all directors."""

    def play(self, playbook, *arguments, **settings):
        command = self.command(playbook, *arguments, **settings)
        callback = {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
        run = done(command, "/", stderr=subprocess.DEVNULL, **self.at_home, **callback)
        try:
            json.loads(run.output)
        except ValueError as error:
            return Run(run.status or 1, f"standard output is not JSON ({error}):\n{run.output}")
        return run


class Check(Way):
    """Somebody who wants to know what would happen."""

    arguments = ("--check",)


class Tags(Way):
    """Somebody who wants a part of it: there is none, and nothing done must not look like success."""

    def play(self, playbook, *arguments, **settings):
        run = super().play(playbook, *arguments, "--tags", "databases", **settings)
        refused = run.status != 0 and "--tags databases leaves no task to run" in run
        return Run(0 if refused else 1, run.output)


class BecomeInInventory(Way):
    """An inventory that says of all hosts that Ansible becomes root on them."""

    def inventory(self, **settings):
        return super().inventory(**{"ansible_become": True, "ansible_become_password": "wrong", **settings})


class Requiretty(Way):
    """A director whose sudo wants a terminal, but not of the login that becomes root, as setup says it has to be."""

    @contextlib.contextmanager
    def ready(self):
        lines = "Defaults requiretty\\nDefaults:jumpbox,root !requiretty\\n"
        self.shell(f"printf '{lines}' >/etc/sudoers.d/000-requiretty")
        try:
            yield
        finally:
            self.shell("rm /etc/sudoers.d/000-requiretty")


class LongHome(Way):
    """A HOME that leaves no room for the path of a socket."""

    @contextlib.contextmanager
    def ready(self):
        with tempfile.TemporaryDirectory(prefix="h" * (LONG_HOME - len("/tmp/") - 8), dir="/tmp") as home:
            self.environment = {"HOME": home, "ANSIBLE_HOME": f"{home}/.ansible"}
            yield


class FourKeys(Way):
    """An agent with three other keys before the one that counts, and a director that lets one try three."""

    @contextlib.contextmanager
    def ready(self):
        self.shell("sed -i '1i MaxAuthTries 3' /etc/ssh/sshd_config && pkill -HUP -o -x sshd")
        keys = [self.directory / f"other{number}" for number in range(3)]
        for key in keys:
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        try:
            with agent(self.directory, [*keys, testhost.first_key()]) as place:
                self.environment = {"SSH_AUTH_SOCK": place}
                yield
        finally:
            self.shell("sed -i '1d' /etc/ssh/sshd_config && pkill -HUP -o -x sshd")


@contextlib.contextmanager
def agent(directory, keys):
    """An ssh-agent with these keys; gives the path of its socket."""
    place = str(directory / "agent")
    process = subprocess.Popen(["ssh-agent", "-D", "-a", place], stdout=subprocess.DEVNULL)
    while not os.path.exists(place):
        assert process.poll() is None
    subprocess.run(["ssh-add", "-q", *keys], env={**os.environ, "SSH_AUTH_SOCK": place}, check=True)
    try:
        yield place
    finally:
        process.terminate()
        process.wait()


class JumpHost(Way):
    """A director that is reached through another machine: here through its own public door to its own private one."""

    inside = ("127.0.0.1", 22)

    def inventory(self, **settings):
        """The jump has a known_hosts and a key of its own, in a ProxyCommand with quotes."""
        facts = self.host.facts
        known = self.directory / "known hosts"
        lines = self.host.known_hosts.read_text()
        known.write_text(lines + lines.replace(f"[127.0.0.1]:{facts['port']}", self.inside[0]))
        jump = ["ssh", "-i", testhost.first_key(), "-o", f"'UserKnownHostsFile=\\\"{known}\\\"'", "-W %h:%p"]
        jump += ["-p", facts["port"], f"{facts['user']}@127.0.0.1"]
        proxy = " ".join(map(str, jump))
        arguments = f'-o \'UserKnownHostsFile="{known}"\' -o StrictHostKeyChecking=yes -o ProxyCommand="{proxy}"'
        return changed(super().inventory(**settings), ansible_port=22, ansible_ssh_common_args=arguments)


class IPv6(Way):
    """A director whose address is one of IPv6."""

    @contextlib.contextmanager
    def ready(self):
        with forwarded(self.host.facts["port"]) as self.port:
            yield

    def inventory(self, **settings):
        known = self.directory / "known_hosts"
        lines = self.host.known_hosts.read_text()
        known.write_text(lines.replace(f"[127.0.0.1]:{self.host.facts['port']}", f"[::1]:{self.port}"))
        arguments = f"-o UserKnownHostsFile={known} -o StrictHostKeyChecking=yes"
        address = {"ansible_host": "::1", "ansible_port": self.port, "ansible_ssh_common_args": arguments}
        return changed(super().inventory(**settings), **address)


@contextlib.contextmanager
def forwarded(port):
    """A port of ::1 that leads to one of 127.0.0.1."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        threading.Thread(target=_accept, args=(server, port), daemon=True).start()
        yield server.getsockname()[1]


def _accept(server, port):
    with contextlib.suppress(OSError):  # it was closed
        while True:
            here, there = server.accept()[0], socket.create_connection(("127.0.0.1", port))
            for ends in ((here, there), (there, here)):
                threading.Thread(target=_pour, args=ends, daemon=True).start()


def _pour(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def changed(path, **variables):
    """Change the variables of the one host in an inventory, and remove those that are None; return its path."""
    inventory = yaml.safe_load(path.read_text())
    (host,) = inventory["microbosh"]["hosts"].values()
    host.update(variables)
    for name in [name for name, value in variables.items() if value is None]:
        del host[name]
    path.write_text(yaml.safe_dump(inventory))
    return path


class Runner(Way):
    """ansible-runner, as root, whose home is nobody else's."""

    @property
    def place(self):
        return self.directory / "runner"

    @contextlib.contextmanager
    def ready(self):
        lay_out(self.place)
        yield

    def play(self, playbook, *arguments, **settings):
        fill_in(self.place, self.inventory(**settings), extra=extra_variables(arguments))
        return self.run_private(self.place, playbook, HOME=str(self.directory))

    def run_private(self, place, playbook, prefix=(), **environment):
        command = [*prefix, RUNNER / "ansible-runner", "run", place, "--playbook", f"{playbook}.yml"]
        return done(list(map(str, command)), self.directory, **environment)


class StrangeUser(Runner):
    """ansible-runner in a pod's clothes: a number of group 0, at home in /runner, a key only in its agent."""

    home = Path("/runner")

    @contextlib.contextmanager
    def ready(self):
        made = not self.home.exists()
        self.home.mkdir(exist_ok=True)  # others may have theirs there: each mounts its own in a view of its own
        (self.directory / "bin").mkdir()
        shutil.copy(shutil.which("ssh-agent"), self.directory / "bin")
        try:
            with super().ready():
                yield
        finally:
            if made:
                self.home.rmdir()

    def play(self, playbook, *arguments, **settings):
        as_root = playbook in ("setup", "restore")
        key = testhost.first_key() if as_root else self.directory / "key"
        inventory = self.inventory(**settings, **({} if as_root else {"microbosh_private_key": ""}))
        changed(inventory, ansible_ssh_private_key_file=None)
        fill_in(self.place, inventory, key, extra_variables(arguments))
        passwd = self.directory / "passwd"
        passwd.write_text(f"{Path('/etc/passwd').read_text()}{POD_USER}:x:{POD_USER}:0::{self.home}:/bin/bash\n")
        give(self.directory, POD_USER)
        mounts = f"mount --bind '{passwd}' /etc/passwd && mount --bind '{self.place}' {self.home}"
        mounts += " && mount -t tmpfs -o mode=1777 tmpfs /tmp"  # which may be root's here; in a pod it never is
        # The tests' Python may be where only root looks; a program with the bit of a group, as Debian's agent, may not.
        rights = "--inh-caps=+dac_read_search --ambient-caps=+dac_read_search"
        user = f"setpriv --reuid={POD_USER} --regid=0 --clear-groups {rights}"
        prefix = ["unshare", "--mount", "sh", "-c", f'{mounts} && exec {user} "$@"', "sh"]
        path = f"{self.directory / 'bin'}:{ANSIBLE / 'bin'}:{os.environ['PATH']}"
        return self.run_private(self.home, playbook, prefix, HOME=str(self.home), PATH=path)


class Navigator(Way):
    """ansible-navigator without a container, in a project's directory."""

    def play(self, playbook, *arguments, **settings):
        place = self.directory / "navigator"
        if not place.exists():
            lay_out(place)
        command = [str(RUNNER / "ansible-navigator"), "run", f"{playbook}.yml", "--execution-environment", "false"]
        command += ["--mode", "stdout", "--playbook-artifact-enable", "false", "--log-file", str(place / "log")]
        command += ["-i", str(self.inventory(**settings)), *arguments]
        return done(command, place / "project", HOME=str(self.directory))


def extra_variables(arguments):
    """Return what -e gives."""
    return dict(pair.split("=", 1) for option, pair in itertools.pairwise(arguments) if option == "-e")


def done(command, directory, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, **environment):
    """Run a command with our Ansible found first, and nothing else of Ansible's settings; return the Run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHONPATH"))}
    found = {"PATH": f"{ANSIBLE / 'bin'}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1"}
    found["ANSIBLE_COLLECTIONS_PATH"] = str(REPOSITORY / ".collections")
    finished = subprocess.run(
        command, cwd=directory, env={**kept, **found, **environment}, stdin=stdin,
        stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=PLAYBOOK_SECONDS, check=False,
    )  # fmt: skip
    return Run(finished.returncode, finished.stdout)
