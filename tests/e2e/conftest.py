"""Test hosts, and the way to run the public playbooks against them as an operator would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import testhost
import testinfra
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
# The virtual environment whose Ansible is tested; the tests themselves may run in another one.
ANSIBLE = Path(os.environ.get("MICROBOSH_ANSIBLE", sys.prefix))
PLAYBOOK_SECONDS = 600


@dataclass
class Run:
    """What ansible-playbook did."""

    status: int
    output: str

    def __contains__(self, text):
        return text in self.flat

    @property
    def flat(self):
        """The output on one line, since Ansible and YAML fold long lines as they like."""
        return " ".join(self.output.split())


@dataclass
class Director:
    """A test host with the controller's side of it: inventory, key and backups, all in one scratch directory."""

    host: testhost.Host
    directory: Path
    settings: dict = field(default_factory=dict)

    @property
    def name(self):
        return self.host.name

    @property
    def backups(self):
        return self.directory / "backups" / self.name

    @property
    def latest(self):
        return (self.backups / "latest").resolve()

    @property
    def report(self):
        return json.loads((self.latest / "backup.json").read_text())

    @property
    def ids(self):
        """Ids of the published backups, oldest first."""
        return sorted(path.name for path in self.backups.glob("2*Z"))

    @property
    def partials(self):
        return sorted(self.backups.glob("*.partial"))

    @property
    def services(self):
        """testinfra's view of the host, by way of the container engine."""
        return testinfra.get_host(f"{Path(self.host.engine.program).name}://{self.host.container}")

    def execute(self, *command, **options):
        """Run a command on the host as root."""
        return self.host.execute(*command, **options)

    def shell(self, script):
        """Run a shell script on the host as root and return its output."""
        return self.execute("sh", "-c", script).stdout

    def wholly_up(self):
        """Whether monit calls every service running and the agent runs."""
        return self.host.runs() and "run: agent" in self.shell("sv status agent")

    def inventory(self, **settings):
        """Write the inventory with the given settings over the director's own; return its path."""
        variables = {
            "microbosh_backup_dir": f"{self.directory}/backups/{{{{ inventory_hostname }}}}",
            "microbosh_private_key": str(self.directory / "key"),
            **self.settings,
            **settings,
        }
        hosts = {self.name: {**self.host.inventory(), "ansible_python_interpreter": "auto_silent"}}
        path = self.directory / f"{self.name}.yml"
        path.write_text(yaml.safe_dump({"microbosh": {"hosts": hosts, "vars": variables}}))
        return path

    def play(self, playbook, *arguments, environment=None, **settings):
        """Run a playbook of the collection from a directory that has nothing of ours; return the Run."""
        command = self.command(playbook, *arguments, **settings)
        done = subprocess.run(
            command, cwd="/", env=ansible_environment(**(environment or {})), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PLAYBOOK_SECONDS, check=False,
        )  # fmt: skip
        return Run(done.returncode, done.stdout)

    def start(self, playbook, *arguments, **settings):
        """Start a playbook and return its process, for tests that do something meanwhile."""
        return subprocess.Popen(
            self.command(playbook, *arguments, **settings), cwd="/", env=ansible_environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip

    def command(self, playbook, *arguments, **settings):
        return [
            str(ANSIBLE / "bin" / "ansible-playbook"), "-i", str(self.inventory(**settings)),
            f"microbosh.director.{playbook}", *arguments,
        ]  # fmt: skip

    def setup(self, *arguments, **settings):
        """Run setup with what the host's operator has: the password of vcap, or the key of jumpbox."""
        if self.host.facts["user"] == "vcap":
            password = self.directory / "password"
            password.write_text(testhost.PASSWORD)
            password.chmod(0o600)
            arguments += ("--connection-password-file", str(password), "--become-password-file", str(password))
        return self.play("setup", *arguments, **settings)

    def backup(self, *arguments, **settings):
        return self.play("backup", *arguments, **settings)


def ansible_environment(**more):
    """Ansible with its defaults: no settings of ours, nor of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return {
        **kept,
        "PATH": f"{ANSIBLE / 'bin'}:{os.environ['PATH']}",
        "ANSIBLE_CONFIG": str(REPOSITORY / ".ansible" / "none.cfg"),
        "ANSIBLE_HOME": str(REPOSITORY / ".ansible"),
        "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / ".collections"),
        "ANSIBLE_NOCOLOR": "1",
        **more,
    }


def make_director(name, directory, **settings):
    """Start a test host under that name, as if nobody had ever used it."""
    host = testhost.Host(testhost.Engine(), name)
    host.down()
    host.up(testhost.Settings(**settings))
    return Director(host, directory)


@pytest.fixture(scope="session")
def new_director(tmp_path_factory):
    """A function that starts a test host; all of them go away at the end."""
    made = []

    def new(name, **settings):
        director = make_director(name, tmp_path_factory.mktemp(name), **settings)
        made.append(director)
        return director

    yield new
    for director in made:
        director.host.down()


@pytest.fixture(scope="session")
def micro(new_director):
    """A microBOSH that setup has prepared and that has one backup."""
    return prepared(new_director("e2e-micro", generation="micro", blobs=40))


@pytest.fixture(scope="session")
def director(new_director):
    """A director made by create-env that setup has prepared and that has one backup."""
    return prepared(new_director("e2e-director", generation="director", blobs=20))


def prepared(director):
    for run in (director.setup(), director.backup()):
        assert run.status == 0, run.output
    return director
