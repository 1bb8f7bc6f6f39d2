# SPDX-License-Identifier: GPL-3.0-or-later
"""An attacker who may write below /var/vcap swaps the names that root works on, at every step of root.

Python tells before each step that it opens, makes, moves, removes or changes something (its audit events), whatever
code makes it. There the swap is made, by another process of a plain user: what he may not do is not tried either.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._restore import _restore_databases as databases
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_copy import copy_content
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_tree import RestoreError, pack
from ansible_collections.microbosh.director.plugins.module_utils._tree._openat import Tree, open_directory
from places import REPOSITORY
from pythons import OLDEST
from restored_tree import RULES, Rig, describe, write
from shares import share

MEMORY = "/dev/shm"
VCAP = 4242
PUSHER = 4343
STEPS = ("open", "os.rename", "os.mkdir", "os.chmod", "os.chown", "os.link", "os.symlink", "os.remove", "os.rmdir",
         "os.utime", "os.listdir", "subprocess.Popen", "ctypes.dlsym")  # fmt: skip
ROUNDS = 10
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
    monkeypatch.setattr(databases, "inhabited", lambda store: [])


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
        """Return whether anything outside of the tree is another."""
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
    """Make an attack before steps that root makes; return the numbers of those that came through, and of all."""
    first = Race(top / "first")
    prepare(first)
    steps = WATCHER.steps_of(lambda: first.again(top / "counted").restore(step))
    won = []
    for number in share(range(1, steps + 1), 4):
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
    """Return whether root took over what was written, and says that it is what was backed up."""
    taken = race.vcap / "store/microbosh-restore/new/bosh/settings.json"
    complete = (race.vcap / "store/microbosh-restore/wanted").exists()
    return complete and taken.exists() and "attacker" in taken.read_text()


def test_what_is_written_while_it_is_taken_over_does_not_come_through(top):
    won, steps = tries(top, "staged", other_settings, written_to, came_through)
    assert steps > 10
    assert not won, f"at {len(won)} of {steps} steps what was written came through: {won}"


@contextlib.contextmanager
def swapping_all_the_time(race, name):
    """Have vcap exchange a directory for a link and back, as fast as possible; count how often."""
    place, away, read, write_end = race.vcap / name, race.vcap / "store/away", *os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setgid(VCAP)
        os.setuid(VCAP)
        while True:
            with contextlib.suppress(OSError):
                place.rename(away)
                place.symlink_to(race.outside)
                os.write(write_end, b".")
            with contextlib.suppress(OSError):
                place.unlink()
                away.rename(place)
    os.close(write_end)
    os.set_blocking(read, False)
    count = []
    try:
        yield count
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        with contextlib.suppress(BlockingIOError):
            while found := os.read(read, 65536):
                count.append(len(found))
        os.close(read)


def forth_and_back(race):
    race.restore("staged")
    race.restore("marked", phase="stopping", about={"filter": RULES, "left_out": [], "database": "files"})
    with contextlib.suppress(DirectorError, OSError):
        race.restore("swapped")
    race.restore("rolled_back")
    race.restore("absent")


def test_blind_swaps_during_whole_restores_lead_nowhere(top):
    first = Race(top / "first")
    pushed(first)
    swaps = ended = harmed = 0
    for dummy in range(ROUNDS):
        race = first.again(top / "tried")
        with swapping_all_the_time(race, "store/director") as count, contextlib.suppress(DirectorError, OSError):
            forth_and_back(race)
            ended += 1
        # Without him it ends well, however far it came.
        if race.restore("examined")["marker"]:
            race.restore("rolled_back")
        race.restore("absent")
        swaps += sum(count)
        harmed += race.harmed()
        shutil.rmtree(top / "tried")
    print(f"{swaps} swaps in {ROUNDS} restores, {ended} came to their end, root left the tree in {harmed}")
    assert swaps > ROUNDS
    assert harmed == 0


def test_a_workspace_that_somebody_else_has_made_is_refused(top):
    race = Race(top / "one")
    pushed(race)
    as_user(VCAP, lambda: (race.vcap / "store/microbosh-restore").mkdir())
    for state in ("staged", "absent"):
        with pytest.raises(DirectorError, match="only user 0 may write to"):
            race.restore(state)


class TooLong(BaseException):
    """Nothing catches this."""


@contextlib.contextmanager
def within(seconds):
    """Raise TooLong in what waits for longer."""

    def ring(*dummy):
        raise TooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", ["store/postgres/PG_VERSION", "store/director/log", "bosh/settings.json"])
def test_nobody_makes_root_wait_with_a_pipe(top, name):
    race = Race(top / "one")
    (race.vcap / name).unlink()
    os.mkfifo(race.vcap / name)
    with within(20), contextlib.suppress(DirectorError):
        race.restore("compared")


def test_a_pipe_that_is_pushed_is_refused(top):
    race = Race(top / "one")
    pushed(race)
    (race.incoming / "store/redis/dump.rdb").unlink()
    os.mkfifo(race.incoming / "store/redis/dump.rdb")
    with within(20), pytest.raises(RestoreError, match="did not arrive whole"):
        race.restore("staged")


def test_a_file_that_is_taken_over_is_another_one_with_its_holes(top):
    race = Race(top / "one")
    pushed(race)
    before = {path.stat().st_ino for path in race.incoming.rglob("*") if path.is_file()}
    race.restore("staged")
    new = race.vcap / "store/microbosh-restore/new"
    after = {path.stat().st_ino for path in new.rglob("*") if path.is_file()}
    assert before
    assert not before & after
    assert not [path for path in race.incoming.rglob("*") if path.is_file()]  # it takes no space twice
    (top / "sparse").write_bytes(b"x")
    os.truncate(top / "sparse", 8 << 20)
    with (top / "sparse").open("rb") as source, (top / "copy").open("wb") as target:
        digest, size = copy_content(source.fileno(), target.fileno())
    assert (size, digest) == (8 << 20, hashlib.sha256(b"x" + bytes((8 << 20) - 1)).hexdigest())
    assert (top / "copy").stat().st_blocks * 512 < 1 << 20


def test_a_tree_of_any_depth_is_removed(top):
    """As deep as somebody likes to make it, without following a link in it."""
    (top / "kept").write_text("kept")
    directory = os.open(top, os.O_RDONLY)
    for number in range(1500):
        os.mkdir(f"deep{number % 2}", dir_fd=directory)
        inner = os.open(f"deep{number % 2}", os.O_RDONLY, dir_fd=directory)
        os.symlink(top, "link", dir_fd=inner)
        os.close(directory)
        directory = inner
    os.close(directory)
    Tree(open_directory(top)).place(b"deep0").remove()
    assert [path.name for path in top.iterdir()] == ["kept"]


def test_a_link_on_the_way_is_followed_only_where_root_alone_can_have_made_it(top):
    (top / "real").mkdir()
    (top / "mine").mkdir(mode=0o755)
    (top / "theirs").mkdir(mode=0o755)
    for name in ("mine", "theirs"):
        (top / name / "way").symlink_to(top / "real")
    assert open_directory(top / "mine/way").status().st_ino == (top / "real").stat().st_ino
    os.chown(top / "theirs", VCAP, VCAP)
    with pytest.raises(DirectorError, match="others may have put there"):
        open_directory(top / "theirs/way")


STUB = """
def to_bytes(text, *arguments, **options):
    return text if isinstance(text, bytes) else text.encode("utf-8")
def to_text(text, *arguments, **options):
    return text.decode("utf-8") if isinstance(text, bytes) else text
to_native = to_bytes if bytes is str else to_text
"""
OLD_RESTORE = """
import json, subprocess, sys
from ansible_collections.microbosh.director.plugins.module_utils._restore import _restore_databases
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_steps import TreeRestore
_restore_databases.living_servers = lambda directories, ports: []
_restore_databases.inhabited = lambda store: []
def run(argv, **options):
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate()
    return process.returncode, out.decode("utf-8"), err.decode("utf-8")
for params in json.load(sys.stdin):
    TreeRestore(params, run).perform()
"""


def run_with(python, top, params):
    """Restore with another Python, which has our code alone."""
    code = top / "code"
    utils = code / "ansible_collections/microbosh/director/plugins/module_utils"
    shutil.copytree(REPOSITORY / "plugins" / "module_utils", utils)
    converters = code / "ansible/module_utils/common/text/converters.py"
    converters.parent.mkdir(parents=True)
    converters.write_text(STUB)
    for place in (utils, converters.parent):
        for directory in [place, *place.parents][: len(place.relative_to(code).parts)]:
            (directory / "__init__.py").touch()
    subprocess.run([python, "-c", OLD_RESTORE], input=json.dumps(params), text=True, check=True, cwd=code)


@pytest.mark.parametrize("python", OLDEST)
@pytest.mark.parametrize("database", ["files", "dump"])
def test_the_oldest_pythons_work_by_descriptors_too(top, python, database):
    race = Race(top / "one")
    pushed(race)
    about = {"filter": RULES, "left_out": ["store/postgres"] if database == "dump" else [], "database": database}
    more = {"agent_id": "a1", "metadata": pack(race.metadata), "database": database}
    steps = [race.params("staged", **more), race.params("marked", phase="stopping", about=about),
             race.params("swapped"), race.params("rolled_back"), race.params("absent")]  # fmt: skip
    before = describe(race.vcap)
    run_with(python, top, steps)
    after = describe(race.vcap)
    assert set(after) == set(before)
    # Python 2.7 knows the time of a directory to 240 ns.
    strange = [path for path in after if after[path][:4] + after[path][5:] != before[path][:4] + before[path][5:]
               or abs(after[path][4] - before[path][4]) > 1000]  # fmt: skip
    assert not strange
    assert not (race.vcap / "store/microbosh-restore").exists()
