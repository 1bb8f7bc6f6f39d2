"""Test hosts, and the way to run the public playbooks against them as an operator would."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import faults
import pytest
import shares
import testhost
import testinfra
import way_cells
import yaml
from xdist.scheduler import LoadScopeScheduling

pytest.register_assert_rewrite("breakage", "restore_faults", "standing", "trees")

# What a shell has put into the background ignores SIGINT and hands that on: Ansible would never get the one of a test.
signal.signal(signal.SIGINT, signal.default_int_handler)

REPOSITORY = Path(__file__).resolve().parents[2]
# The virtual environment whose Ansible is tested; the tests themselves may run in another one.
ANSIBLE = Path(os.environ.get("MICROBOSH_ANSIBLE", sys.prefix))
PLAYBOOK_SECONDS = 600
SMALL_STORE = 192  # MiB
OUTAGES = 50  # no test waits for another one's: see test_many.py
# The files that share hosts, those that take longest first: they begin first, or one worker would be left with them.
SHARING = {
    **dict.fromkeys(["faults", "lease", "restore", "restore_faults"], "victim"),
    **dict.fromkeys(
        [
            "backup",
            "checkup",
            "encryption",
            "identity",
            "liar",
            "logins",
            "many",
            "notifications",
            "online",
            "rights",
            "services",
        ],
        "micro",
    ),
    **dict.fromkeys(["bad_input", "setup"], "small"),
}
# Tests that need not be on the worker that has the rest of their file.
ANYWHERE = ("test_director_comes_back", "test_director_always_comes_back", "test_restore_")
# Behind the name of each test host's container: workers of pytest-xdist must not take each other's hosts.
WORKER = f"-{os.environ['PYTEST_XDIST_WORKER']}" if "PYTEST_XDIST_WORKER" in os.environ else ""
# The old tool let its key run these with any argument, which is as good as root.
OLD_SUDOERS = "vcap ALL=(root) NOPASSWD: /var/vcap/bosh/bin/monit, /usr/bin/sv, /usr/bin/rsync, /bin/rm"


@dataclass
class Run:
    """One run of ansible-playbook, and its result."""

    status: int
    output: str

    def __contains__(self, text):
        return text in self.flat

    @property
    def flat(self):
        """The output on one line, since Ansible and YAML fold long lines as they like."""
        return " ".join(self.output.split())

    @property
    def recap(self):
        """Return Ansible's counts at the end: {host: {"ok": 12, "changed": 3, "unreachable": 0, "failed": 0, ...}}."""
        rows = re.findall(r"^(\S+) +: (ok=.*)$", self.output, re.MULTILINE)
        return {host: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", row)} for host, row in rows}

    def told(self, host):
        """Return what the run shows of a host on one line: its own lines, and the error that ended it."""
        told = re.findall(rf"^(?:{host}: |fatal: \[{host}\]: )(.*)$", self.output, re.MULTILINE)
        return " ".join(" ".join(told).replace("\\n", " ").split())


@dataclass
class Director:
    """A test host with the controller's side of it: inventory, key and backups, all in one scratch directory."""

    host: testhost.Host
    directory: Path
    settings: dict = field(default_factory=dict)

    @property
    def name(self):
        """Its name in the inventory."""
        return self.host.name.removesuffix(WORKER)

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
        """Return whether monit calls every service running and the agent runs."""
        return self.host.runs() and self.host.agent_runs()

    def variables(self, **settings):
        """Its variables as those of one host in an inventory, with the given settings over the director's own."""
        return {
            **self.host.inventory(),
            "ansible_python_interpreter": "auto_silent",
            "microbosh_backup_dir": str(self.backups),
            "microbosh_private_key": str(self.directory / "key"),
            "microbosh_outages_at_once": OUTAGES,
            **self.settings,
            **settings,
        }

    def inventory(self, **settings):
        """Write the inventory with the given settings over the director's own; return its path."""
        variables = {
            "microbosh_backup_dir": f"{self.directory}/backups/{{{{ inventory_hostname }}}}",
            "microbosh_private_key": str(self.directory / "key"),
            "microbosh_outages_at_once": OUTAGES,
            **self.settings,
            **settings,
        }
        hosts = {self.name: {**self.host.inventory(), "ansible_python_interpreter": "auto_silent"}}
        path = self.directory / f"{self.name}.yml"
        path.write_text(yaml.safe_dump({"microbosh": {"hosts": hosts, "vars": variables}}))
        return path

    def play(self, playbook, *arguments, environment=None, **settings):
        """Run a playbook of the collection from a directory that has nothing of ours; return the Run."""
        return run_ansible(self.command(playbook, *arguments, **settings), environment)

    def start(self, playbook, *arguments, environment=None, **settings):
        """Start a playbook and return its process, for tests that do something meanwhile."""
        return start_ansible(self.command(playbook, *arguments, **settings), environment)

    def command(self, playbook, *arguments, **settings):
        return playbook_command(self.inventory(**settings), f"microbosh.director.{playbook}", *arguments)

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


def playbook_command(inventory, playbook, *arguments):
    return [str(ANSIBLE / "bin" / "ansible-playbook"), "-i", str(inventory), str(playbook), *arguments]


def run_ansible(command, environment=None, directory="/"):
    """Run a command of Ansible and return the Run."""
    done = subprocess.run(
        command, cwd=directory, env=ansible_environment(**(environment or {})), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PLAYBOOK_SECONDS, check=False,
    )  # fmt: skip
    return Run(done.returncode, done.stdout)


def start_ansible(command, environment=None):
    """Start a command of Ansible as the leader of a session and return its process."""
    return subprocess.Popen(
        command, cwd="/", env=ansible_environment(**(environment or {})),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip


def finish(process):
    """Wait for a process of Director.start and return the Run."""
    output = process.communicate(timeout=PLAYBOOK_SECONDS)[0]
    return Run(process.returncode, output)


def write_inventory(path, hosts):
    """Write an inventory of the given {name: variables}; return its path."""
    path.write_text(yaml.safe_dump({"microbosh": {"hosts": hosts}}))
    return path


def ansible_environment(**more):
    """Ansible with its defaults and what script/lib sets: no settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return {
        **kept,
        "PATH": f"{ANSIBLE / 'bin'}:{os.environ['PATH']}",
        "ANSIBLE_CONFIG": str(REPOSITORY / ".ansible" / "ansible.cfg"),
        "ANSIBLE_HOME": str(REPOSITORY / ".ansible"),
        "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / ".collections"),
        "ANSIBLE_NOCOLOR": "1",
        **more,
    }


def make_director(name, directory, **settings):
    """Start a test host under that name, as if nobody had ever used it."""
    host = testhost.Host(testhost.Engine(), name + WORKER)
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


@dataclass
class FirstSetup:
    """The steps of setup on a microBOSH that only the old tool had prepared, and the host's state after each."""

    director: Director
    before: dict
    check: Run
    after_check: dict
    run: Run
    after_run: dict
    again: Run
    check_again: Run
    after_all: dict


@pytest.fixture(scope="session")
def first_setup(new_director):
    """A host with little room in its store, prepared by setup: tried, done, done again, tried again."""
    director = new_director("e2e-small", generation="micro", blobs=10, store_size=SMALL_STORE)
    director.shell(f"umask 337; echo '{OLD_SUDOERS}' >/etc/sudoers.d/backup")
    steps = [director, prepared_places(director), director.setup("--check", "--diff"), prepared_places(director)]
    steps += [director.setup("--diff"), prepared_places(director)]
    steps += [director.setup(), director.setup("--check", "--diff"), prepared_places(director)]
    return FirstSetup(*steps)


@pytest.fixture(scope="session")
def small(first_setup):
    """The microBOSH of first_setup, with one backup."""
    run = first_setup.director.backup()
    assert run.status == 0, run.output
    return first_setup.director


def prepared(director):
    for run in (director.setup(), director.backup()):
        assert run.status == 0, run.output
    return director


def prepared_places(director):
    """Return what is in the places that setup prepares, on both sides: {path: everything but the content}."""
    places = "/etc /usr/local $(ls -d /home/*/.ssh 2>/dev/null) /var/vcap/store"
    # Not what PostgreSQL, redis and runit write meanwhile.
    look = f"find {places} -maxdepth 2 ! -path '/var/vcap/store/*/*' ! -path '/etc/sv/*' -printf '%p %M %u %s %T@\\n'"
    on_host = dict(line.split(" ", 1) for line in director.shell(look).splitlines())
    here = [*director.directory.glob("key*"), *director.directory.glob("backups/**/*")]
    return {**on_host, **{str(path): path.lstat().st_mtime_ns for path in here}}


@pytest.fixture(scope="session")
def victim(new_director):
    """A small director for things to happen to, with two backups that must never change."""
    director = prepared(new_director("e2e-victim", **faults.SMALL))
    assert director.backup().status == 0
    return director


@pytest.fixture(scope="module")
def small_store(new_director):
    """A director whose store can be filled up."""
    return prepared(new_director("e2e-full", store_size=400, **faults.SMALL))


@pytest.fixture(scope="module")
def small_controller(victim, tmp_path_factory):
    """The same director, with backups on a small file system of the controller."""
    directory = tmp_path_factory.mktemp("small")
    command = ["mount", "-t", "tmpfs", "-o", "size=500m,mode=0700", "tmpfs", str(directory)]
    if subprocess.run(command, check=False).returncode:
        pytest.skip("a small file system can be mounted by root only")
    for name in ("key", "key.pub"):
        shutil.copy(victim.directory / name, directory)
    director = Director(victim.host, directory)
    for _ in range(2):
        assert director.backup().status == 0
    yield director
    subprocess.run(["umount", str(directory)], check=True)


@pytest.fixture
def record(request):
    """Keeps what a fault came to, for the table at the end of the run."""
    return lambda cell: request.node.user_properties.append(("cell", asdict(cell)))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Begin with what takes longest, and leave to script/test --long what other runs have: its seed chooses."""
    order = [*dict.fromkeys(SHARING.values()), None]
    items.sort(key=lambda item: order.index(SHARING.get(item.path.stem.removeprefix("test_"))))
    if shares.LONG:
        return
    matrix = [item for item in items if item.path.name in ("test_faults.py", "test_restore_faults.py")]
    cells = [cell for cell in matrix if not cell.get_closest_marker("share")]
    for cell in cells[shares.SEED % max(len(cells), 1) :][:1]:
        cell.add_marker(pytest.mark.share)
    rotating = sorted({item.path.name for item in items if item.get_closest_marker("rotating")})
    waiting = {name for number, name in enumerate(rotating) if not shares.is_turn_of(number)}
    alone = [item for item in items if item.get_closest_marker("rotating_alone")]
    waiting_alone = {item for number, item in enumerate(alone) if not shares.is_turn_of(number)}
    for item in items:
        if item.path.name in waiting or item in waiting_alone or is_try_of_others(item):
            item.add_marker(pytest.mark.long)


def is_try_of_others(item):
    """Tell whether it is a try to get out with the key that this run leaves out: on one host it makes all."""
    if getattr(item, "originalname", "") != "test_the_key_does_not_get_out":
        return False
    return item.callspec.params["prison"][0] != "director" and not shares.is_turn_of(item.callspec.indices["attempt"])


class ByHost(LoadScopeScheduling):
    """Tests that share hosts run on one worker; with all of the fault matrix, each of its cells on any."""

    def _split_scope(self, nodeid):
        file, _, test = nodeid.partition("::")
        if shares.LONG and file.endswith("faults.py") and test.startswith(ANYWHERE):
            return nodeid
        return SHARING.get(Path(file).stem.removeprefix("test_"), file)


def pytest_xdist_make_scheduler(config, log):
    config.option.loadscopereorder = False  # the number of its tests does not tell how long a file takes
    return ByHost(config, log)


def pytest_terminal_summary(terminalreporter):
    """Show and write down what every fault came to, whichever worker tried it."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    calls = [report for report in reports if getattr(report, "when", "") == "call"]
    for measured in [value for call in calls for name, value in call.user_properties if name == "measured"]:
        terminalreporter.write_line(measured)
    cells = [faults.Cell(**value) for call in calls for name, value in call.user_properties if name == "cell"]
    if cells:
        write_table(terminalreporter, "faults.md", faults.table(cells))
    found = [way_cells.Cell(**value) for call in calls for name, value in call.user_properties if name == "way"]
    if found:
        write_table(terminalreporter, "ways.md", way_cells.table(found))


def write_table(terminalreporter, name, text):
    build = REPOSITORY / "build"
    build.mkdir(exist_ok=True)
    (build / name).write_text(text)
    terminalreporter.write(f"\n{text}")
