"""This version takes over from earlier ones: hosts that they set up, their backups, and restores left half done.

tests/fixtures/upgrade has it, one directory for each version and generation; its README says how it is made.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess

import pytest
import restoring
import shares
import testhost
from breakage import wait_until
from conftest import REPOSITORY, Director
from watching import look, settle

pytestmark = pytest.mark.rotating

FIXTURES = REPOSITORY / "tests" / "fixtures" / "upgrade"
MADE = sorted(path.parent for path in FIXTURES.glob("*/*/fixture.json"))
# One of them whenever this file has its turn: each version adds some, and their time is not to grow with them.
TODAY = MADE[shares.SEED // shares.TURNS % len(MADE)] if MADE else None
GUIDE = REPOSITORY / "docs" / "recovery.md"
OPEN_RESTORES = [("swapped", "resume"), ("loading", "rollback")]
RESTORED = {"archive": "*.tar.zst", "encrypted": "*.tar.zst.age"}
STAGING = "/var/vcap/store/microbosh-backup"
# As after a reboot in the middle: nothing runs, and nothing is started.
STOP = """
/var/vcap/bosh/bin/monit stop all
sv stop agent || systemctl stop bosh-agent.service
"""
EMPTY = "find /var/vcap/store -mindepth 1 -maxdepth 1 ! -name lost+found -exec rm -rf {} +"


class Earlier:
    """A host and its backups as an earlier version left them, of one generation."""

    def __init__(self, directory):
        self.directory = directory
        facts = json.loads((directory / "fixture.json").read_text())
        self.host, self.account, self.contents = facts["host"], facts["account"], facts["contents"]
        self.generation = directory.name
        # Whoever held its key could become root by variables that sudo let through.
        self.lets_variables_through = directory.parent.name == "1.0.0-df49d42"

    def file(self, pattern):
        [path] = [path for path in self.directory.glob(pattern) if path.name.startswith(self.host)]
        return path

    def unpack(self, name, director):
        """Unpack a file of the fixture at / of a host."""
        plain = subprocess.run(["zstd", "-dc", "--long=27", self.directory / name], check=True, stdout=subprocess.PIPE)
        command = ["exec", "--interactive", director.host.container, "tar", "-C", "/", "-x"]
        director.host.engine.run(*command, input=plain.stdout, text=False)

    def give(self, director):
        """Give the controller what that version had there: its keys, and its backups as root unpacks them."""
        for name in ("key", "key.pub", "age.key"):
            shutil.copy(self.directory / name, director.directory)
            (director.directory / name).chmod(0o600)
        archives = director.backups / "archives"
        archives.mkdir(parents=True, exist_ok=True)
        for path in self.directory.glob(f"{self.host}_*"):
            shutil.copy(path, archives / path.name)
        archive = self.file("*.tar.zst")
        subprocess.run(["tar", "-C", director.backups, "--zstd", "-xf", archive], check=True)
        [name] = director.ids
        (director.backups / "latest").symlink_to(name)

    def set_up(self, director):
        """Make a host what that version's setup made it."""
        user = self.account
        groups = ",".join(user["groups"])
        add = f"useradd -r -m -u {user['uid']} -s {user['shell']} -d {user['home']} -G '{groups}' {user['name']}"
        director.shell(f"getent passwd {user['name']} >/dev/null || {add}")
        director.shell(f"install -d -o {user['name']} -m 0700 {user['home']}/.ssh {STAGING}")
        self.unpack("setup.tar.zst", director)


def made(path):
    marks = [] if shares.LONG or path == TODAY else pytest.mark.long
    return pytest.param(path, marks=marks, id="-".join(path.parts[-2:]))


@pytest.fixture(scope="module", params=map(made, MADE))
def earlier(request):
    return Earlier(request.param)


@pytest.fixture(scope="module")
def host(earlier, tmp_path_factory):
    """A host that the earlier version set up, made with today's test host, and the controller's side of it."""
    made = testhost.Host(testhost.Engine(), earlier.host)
    made.down()
    made.up(testhost.Settings(generation=earlier.generation, blobs=1, tasks=1, database_mib=0))
    director = Director(made, tmp_path_factory.mktemp(earlier.host))
    earlier.give(director)
    earlier.set_up(director)
    yield director
    made.down()


def stored(content):
    """The content that a backup has to bring back on any host: the store and the tables."""
    lines = [line for line in content["files"] if re.match(r"(store/|[0-9a-f]{64}  store/)", line)]
    return {"files": sorted(lines), "tables": {name: list(rows) for name, rows in content["tables"].items()}}


def whole_seconds(line):
    return re.sub(r"(\|\d+)\.\d+$", r"\1", line)


def check_content(director, wanted, times=None):
    """Compare what a director stores; ``times`` is what to make of each line where times are not known as exactly."""
    found, wanted = stored(restoring.content(director)), stored(wanted)
    files = [{times(line) if times else line for line in content["files"]} for content in (found, wanted)]
    assert sorted(files[0] ^ files[1]) == []
    assert found["tables"] == wanted["tables"]


def test_there_is_a_fixture():
    assert MADE


def test_its_backups_are_whole(earlier, host):
    settings = {"microbosh_rehearse": True, "microbosh_archive_identity": str(host.directory / "age.key")}
    run = host.play("verify", microbosh_verify="all", **settings)
    assert run.status == 0, run.output
    assert "3 of 3 backups" in run


def test_a_host_that_it_set_up_is_backed_up_or_says_what_to_do(earlier, host):
    before = (look(host), host.ids)
    run = host.backup()
    if run.status == 0:
        assert len(host.ids) == 2
        assert ("An earlier version has set up" in run) is earlier.lets_variables_through  # what closes that is said
    else:
        assert "un the setup playbook" in run, run.output
        assert "Nothing was stopped" in run, run.output
        assert (look(host), host.ids) == before
        assert host.partials == []


@pytest.mark.long
@pytest.mark.parametrize(("phase", "way"), OPEN_RESTORES)
def test_its_restore_is_brought_to_an_end(earlier, host, phase, way):
    host.shell(STOP)
    wait_until(lambda: look(host).startswith("0 of"), "everything is stopped")
    host.shell(EMPTY)
    earlier.unpack(f"open-{phase}.tar.zst", host)
    assert restoring.marker(host)["phase"] == phase
    refused = host.backup()
    assert refused.status != 0, refused.output
    assert "microbosh_restore_unfinished=rollback" in refused, refused.output
    run = restoring.restore(host, microbosh_restore_unfinished=way)
    assert run.status == 0, run.output
    settle(host)
    # The fixture's tar, of what stood on the host then, has whole seconds.
    check_content(host, earlier.contents["backup" if way == "resume" else "before"], whole_seconds)


@pytest.mark.long
@pytest.mark.parametrize("form", RESTORED)
def test_its_archives_are_restored(earlier, host, form):
    run = host.setup()
    assert run.status == 0, run.output
    restoring.destroy(host)
    source = host.backups / "archives" / earlier.file(RESTORED[form]).name
    identity = str(host.directory / "age.key") if form == "encrypted" else ""
    run = restoring.restore(host, microbosh_restore_from=str(source), microbosh_archive_identity=identity)
    assert run.status == 0, run.output
    settle(host)
    check_content(host, earlier.contents["backup"])


def commands_of_guide():
    """The blocks of commands under "By hand", without those lines that say which archive and which director."""
    section = GUIDE.read_text().split("## By hand\n")[1].split("\n## ")[0]
    place, given, send, replace, start = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"^(\w+)=", given, re.MULTILINE)) == {"archive", "key", "director"}
    return place, send, replace, start


@pytest.mark.long
def test_an_archive_is_restored_by_hand(earlier, host, tmp_path):
    place, send, replace, start = commands_of_guide()
    restoring.destroy(host)
    user = host.host.facts["user"]
    host.shell(place.replace("sudo ", "").replace('"$(id -un)"', user))
    # Instead of ssh, which asks for a password on a microBOSH: the same command, as the same user.
    ssh = tmp_path / "bin" / "ssh"
    ssh.parent.mkdir()
    engine = f"{host.host.engine.program} exec -i -u {user} {host.host.container}"
    ssh.write_text(f'#!/bin/sh\nshift\nexec {engine} sh -c "$*"\n')
    ssh.chmod(0o755)
    given = {"archive": earlier.file("*.tar.zst.age"), "key": host.directory / "age.key", "director": "director"}
    environment = {**host.host.engine.environment, **given, "PATH": f"{ssh.parent}:{os.environ['PATH']}"}
    (tmp_path / "empty").mkdir()
    subprocess.run(["bash", "-c", send], cwd=tmp_path / "empty", env=environment, check=True)
    for script in (replace, start):
        host.execute("bash", "-c", script)
    settle(host)
    host.shell("rm -r /var/vcap/store/by-hand")  # what was there before, too
    check_content(host, earlier.contents["backup"])
