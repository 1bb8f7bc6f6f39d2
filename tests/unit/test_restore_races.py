# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody who may write below /var/vcap swaps what root works on, at every step that root makes there.

Python tells before each step that it opens, makes, moves, removes or changes something (its audit events), whatever
code makes it. There the swap is made, by another process of a plain user: what he may not do is not tried either.
"""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.module_utils import _restore_databases as databases
from ansible_collections.microbosh.director.plugins.module_utils._errors import DirectorError
from test_restore_tree import Rig, describe, write

MEMORY = "/dev/shm"
VCAP = 4242
PUSHER = 4343
STEPS = ("open", "os.rename", "os.mkdir", "os.chmod", "os.chown", "os.link", "os.symlink", "os.remove", "os.rmdir",
         "os.utime", "os.listdir", "subprocess.Popen", "ctypes.dlsym")  # fmt: skip
FORGED = '{"agent_id": "a2", "mbus": "https://attacker"}'

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="two users are needed, and root")


class Watcher:
    """Hears of every step, and does something before the one with a number."""

    def __init__(self):
        self.at = None
        self.count = 0
        self.does = None

    def __call__(self, event, arguments):
        if self.does is None or event not in STEPS:
            return
        self.count += 1
        if self.count == self.at:
            does, self.does = self.does, None
            does()

    def steps_of(self, step):
        """Return how many steps something takes, and do it."""
        self.at, self.count, self.does = None, 0, lambda: None
        step()
        self.does = None
        return self.count

    def before(self, number, does, step):
        """Do something before one of the steps; what ends in good order ends well, whatever came of it."""
        self.at, self.count, self.does = number, 0, does
        try:
            step()
        except (DirectorError, OSError):
            return False
        finally:
            self.does = None
        return True


WATCHER = Watcher()
sys.addaudithook(WATCHER)


def as_user(uid, does):
    """Do something as a plain user, in a process of his own."""
    pid = os.fork()
    if pid == 0:
        try:
            WATCHER.does = None
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            does()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


@pytest.fixture(autouse=True)
def memory_alone(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(databases, "living_servers", lambda directories, ports: [])


@pytest.fixture
def top():
    """A directory that other users reach, with one of root's that is none of a restore's business."""
    path = Path(tempfile.mkdtemp(prefix="microbosh-races-", dir=MEMORY if os.path.isdir(MEMORY) else None))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


class Race(Rig):
    """A director whose store belongs to vcap, and a backup that the user of backups pushes."""

    def __init__(self, top):
        super().__init__(top)
        self.outside = top / "profile.d"
        self.outside.mkdir(mode=0o755)
        (self.outside / "log").write_text("root's own")
        (self.outside / "log").chmod(0o600)
        for path in [self.vcap / "store", *(self.vcap / "store").rglob("*")]:
            os.lchown(path, VCAP, VCAP)
        for path in (self.vcap, self.vcap / "bosh", self.vcap / "bosh/etc"):
            path.chmod(0o755)
        self.metadata = self.metadata.replace(b" uid=0 gid=0 ", b" uid=%d gid=%d " % (VCAP, VCAP))
        lines = self.metadata.splitlines(keepends=True)
        owner = b" uid=%d gid=%d " % (VCAP, VCAP)
        self.metadata = b"".join(
            line.replace(owner, b" uid=0 gid=0 ") if line.startswith((b"./vcap ", b"./vcap/bosh")) else line
            for line in lines
        )
        self.state_outside = describe(self.outside)
        self.modes_outside = os.stat(self.outside)

    def again(self, top):
        """The same director, copied to another place."""
        subprocess.run(["cp", "-a", "-T", self.vcap.parent, top], check=True)
        other = copy.copy(self)
        other.vcap, other.backup, other.outside = top / "vcap", top / "backup/vcap", top / "profile.d"
        other.incoming = other.vcap / "store/microbosh-backup/restore"
        return other

    def push(self, names):
        super().push(names)
        for path in [self.incoming.parent, *self.incoming.parent.rglob("*")]:
            os.lchown(path, PUSHER, PUSHER)

    def harmed(self):
        """Whether anything outside of the tree is another."""
        now = os.stat(self.outside)
        same = describe(self.outside) == self.state_outside and now.st_mode == self.modes_outside.st_mode
        return not (same and (now.st_uid, now.st_gid) == (0, 0))


def link_in_the_place_of(race, name):
    """Return what puts a link to root's directory in the place of one of vcap's."""

    def swap():
        place = race.vcap / name
        place.rename(place.with_name("away"))
        place.symlink_to(race.outside)

    return lambda: as_user(VCAP, swap)


def tries(top, step, prepare, attack, harmed):
    """Make an attack before each step that root makes; return the numbers of those that came through, and of all."""
    first = Race(top / "first")
    prepare(first)
    steps = WATCHER.steps_of(lambda: first.again(top / "counted").restore(step))
    won = []
    for number in range(1, steps + 1):
        race = first.again(top / "tried")
        WATCHER.before(number, attack(race), lambda race=race: race.restore(step))
        if harmed(race):
            won.append(number)
        shutil.rmtree(top / "tried")
    print(f"{len(won)} of {steps} steps were won")
    return won, steps


def staged(race):
    race.stage()


def swapped(race):
    race.stage()
    race.restore("swapped")


def pushed(race):
    race.push(race.restore("compared")["push"])


def proven(race):
    swapped(race)
    race.restore("marked", phase="proven")


@pytest.mark.parametrize(("step", "prepare", "place"), [
    ("staged", pushed, "store/director"),
    ("staged", pushed, "store/microbosh-restore"),
    ("swapped", staged, "store/director"),
    ("swapped", staged, "store/microbosh-restore"),
    ("rolled_back", swapped, "store/director"),
    ("rolled_back", swapped, "store"),
    ("absent", proven, "store/microbosh-restore"),
])  # fmt: skip
def test_a_link_in_the_place_of_a_directory_leads_nowhere(top, step, prepare, place):
    won, steps = tries(top, step, prepare, lambda race: link_in_the_place_of(race, place), Race.harmed)
    assert steps > 10
    assert not won, f"at {len(won)} of {steps} steps root left the tree: {won}"


def test_what_the_pusher_holds_open_is_not_what_root_uses(top):
    """The specimen: settings.json is pushed, taken over and written to afterwards."""
    race = Race(top / "one")
    other_settings(race)
    held = []
    for path in race.incoming.rglob("*"):
        if path.is_file():
            held.append((path, os.open(path, os.O_RDWR)))
    race.restore("staged")
    race.restore("marked", phase="stopping", about={"filter": [], "left_out": [], "database": "files"})
    for dummy, descriptor in held:
        os.pwrite(descriptor, FORGED.encode(), 0)
        os.close(descriptor)
    race.restore("swapped")
    found = {path.name: path.read_text() for path in race.vcap.rglob("*") if path.is_file() and not path.is_symlink()}
    assert len(held) > 3
    assert not [name for name, text in found.items() if "attacker" in text]
    assert (race.vcap / "bosh/settings.json").stat().st_uid == 0


def other_settings(race):
    write(race.vcap / "bosh/settings.json", '{"agent_id": "a1", "older": 1}', 0o600)
    pushed(race)


def written_to(race):
    """Return what writes into a file that its pusher holds open."""
    held = os.open(race.incoming / "bosh/settings.json", os.O_RDWR)

    def swap():
        os.pwrite(held, FORGED.encode(), 0)
        os.close(held)

    return swap


def came_through(race):
    """Whether root took over what was written, and says that it is what was backed up."""
    taken = race.vcap / "store/microbosh-restore/new/bosh/settings.json"
    complete = (race.vcap / "store/microbosh-restore/wanted").exists()
    return complete and taken.exists() and "attacker" in taken.read_text()


def test_what_is_written_while_it_is_taken_over_does_not_come_through(top):
    won, steps = tries(top, "staged", other_settings, written_to, came_through)
    assert steps > 10
    assert not won, f"at {len(won)} of {steps} steps what was written came through: {won}"
