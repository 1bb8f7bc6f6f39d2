# SPDX-License-Identifier: GPL-3.0-or-later
"""The exchange of two trees: exact, and killed at every single step, it goes on or back to the end."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
import subprocess
from types import SimpleNamespace

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres_living import Living, LivingServer
from ansible_collections.microbosh.director.plugins.module_utils._restore import _restore_databases as databases
from ansible_collections.microbosh.director.plugins.module_utils._restore import _restore_steps as steps
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_mounts import mounts_below
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_space import (
    SLACK,
    NoSpace,
    spaces_for,
    used,
)
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_tree import RestoreError, pack
from ansible_collections.microbosh.director.plugins.module_utils._tree import _metadata as metadata
from ansible_collections.microbosh.director.plugins.module_utils._tree._attributes import format_attributes
from restored_tree import BLOB, OLD, RULES, Rig, describe, write
from shares import share


class Killed(BaseException):
    """The process is gone: nothing catches this."""


@pytest.fixture(autouse=True)
def memory_alone(monkeypatch):
    """Nothing here has to survive a power cut."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(autouse=True)
def no_server(monkeypatch):
    """Return whether a server lives is asked for real in test_postgres_server; here it would be, hundreds of times."""
    monkeypatch.setattr(databases, "living_servers", lambda directories, ports: [])
    monkeypatch.setattr(databases, "inhabited", lambda store: [])


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


def expected(rig):
    """Return the tree after a restore: the backup, and the names outside of its filter left alone."""
    left = {path: entry for path, entry in rig.before.items() if path.startswith(("store/lost+found", "bosh/etc"))}
    return {**rig.wanted, **left}


def test_the_tree_is_what_was_backed_up(rig):
    rig.stage()
    rig.restore("swapped")
    rig.settle()
    assert describe(rig.vcap) == expected(rig)
    log, kept = (os.stat(rig.vcap / "store/director" / name).st_ino for name in ("log", "kept"))
    assert log == kept


def test_comparing_touches_nothing_and_says_what_would_change(rig):
    compared = rig.restore("compared")
    assert describe(rig.vcap) == rig.before
    lines = compared["diff"]["prepared"].splitlines()
    assert {"+ store/blobstore/store/cd/other", "- store/director/new/one", "~ store/postgres/base"} <= set(lines)
    assert {"~ store/redis", "+ store/redis/dump.rdb", "~ store/director/away", "m store/director/log"} <= set(lines)
    assert not [line for line in lines if "lost+found" in line or "bosh/etc" in line]
    assert compared["postgres"] == [{"name": "postgres", "major": "15"}]


def test_a_blob_that_is_there_is_shared_and_not_pushed(rig):
    before = os.stat(rig.vcap / BLOB).st_ino
    assert BLOB not in rig.stage()["push"]
    rig.restore("swapped")
    rig.settle()
    assert os.stat(rig.vcap / BLOB).st_ino == before


def test_a_blob_with_a_flipped_byte_is_pushed_though_size_and_time_are_right(rig):
    write(rig.vcap / BLOB, "a blog", mtime=(rig.vcap / BLOB).stat().st_mtime_ns)
    assert BLOB in rig.stage()["push"]
    rig.restore("swapped")
    rig.settle()
    assert (rig.vcap / BLOB).read_text() == "a blob"


def test_no_file_of_the_database_is_shared_with_what_is_kept_aside(rig):
    rig.stage()
    rig.restore("swapped")
    assert os.stat(rig.vcap / "store/postgres/base").st_nlink == 1
    assert os.stat(rig.vcap / "store/postgres/PG_VERSION").st_nlink == 1


def test_another_machine_keeps_its_identity(rig):
    rig.stage(agent_id="another")
    rig.restore("swapped")
    rig.settle()
    assert describe(rig.vcap)["bosh/settings.json"] == rig.before["bosh/settings.json"]
    assert describe(rig.vcap)["store/redis/dump.rdb"] == rig.wanted["store/redis/dump.rdb"]


def test_what_did_not_arrive_whole_stops_nothing(rig):
    rig.push(rig.restore("compared")["push"])
    write(rig.incoming / "store/redis/dump.rdb", "reddis")
    with pytest.raises(RestoreError, match=r"store/redis/dump\.rdb did not arrive"):
        rig.restore("staged")
    (rig.incoming / "store/redis/dump.rdb").unlink(missing_ok=True)
    with pytest.raises(RestoreError, match="neither pushed"):
        rig.restore("staged")
    assert describe(rig.vcap) == rig.before


def test_a_symbolic_link_instead_of_a_pushed_file_is_refused(rig):
    rig.push(rig.restore("compared")["push"])
    (rig.incoming / "store/redis/dump.rdb").unlink()
    (rig.incoming / "store/redis/dump.rdb").symlink_to("/etc/shadow")
    with pytest.raises(RestoreError, match="did not arrive whole"):
        rig.restore("staged")


def test_a_name_that_leads_elsewhere_is_refused(rig):
    rig.metadata = rig.metadata.replace(b"./vcap/store/redis ", b"./vcap/store/../../etc ")
    with pytest.raises(RestoreError, match="leads elsewhere"):
        rig.restore("compared")


def test_a_dump_leaves_the_database_where_it_is_and_keeps_a_copy(rig):
    rig.stage(database="dump")
    rig.restore("swapped")
    assert (rig.vcap / "store/postgres/base").read_text() == "rows that came later"
    assert describe(rig.vcap)["store/redis/dump.rdb"] == rig.wanted["store/redis/dump.rdb"]
    write(rig.vcap / "store/postgres/base", "half loaded")
    rig.restore("rolled_back")
    rig.settle("rolled_back")
    assert describe(rig.vcap) == rig.before


def with_links(rig):
    """A server whose log is elsewhere in the store, and with a tablespace on a disk of its own."""
    wal, fast, data = rig.vcap / "store/wal", rig.vcap.parent / "fast", rig.vcap / "store/postgres"
    write(wal / "0001", "log as it was")
    write(fast / "PG_15_1/5/16400", "rows in a tablespace")
    (data / "pg_tblspc").mkdir()
    (data / "pg_tblspc/16385").symlink_to(fast)
    (data / "pg_wal").symlink_to(wal)
    return SimpleNamespace(wal=wal, fast=fast, data=data, before=(describe(rig.vcap), describe(fast)))


def loaded(links):
    """Do what a load does: write into all three directories, and drop what was there."""
    write(links.data / "base", "half loaded")
    (links.wal / "0001").unlink()
    write(links.wal / "0002", "log of the load")
    shutil.rmtree(links.fast / "PG_15_1/5")


def test_what_a_server_keeps_behind_links_is_left_and_comes_back_with_it(rig):
    links = with_links(rig)
    compared = rig.stage(database="dump", data_directory="postgres")
    assert "store/wal" in compared["left_out"]
    assert compared["spaces"][0]["need_bytes"] > used(links.fast)
    rig.restore("swapped")
    assert (links.wal / "0001").read_text() == "log as it was"
    loaded(links)
    rig.restore("rolled_back")
    rig.settle("rolled_back")
    assert (describe(rig.vcap), describe(links.fast)) == links.before


def staged_with_links(top, state):
    rig = Rig(top)
    links = with_links(rig)
    rig.stage(database="dump", data_directory="postgres")
    if state == "rolled_back":
        rig.restore("swapped")
        loaded(links)
    return rig, links


@pytest.mark.parametrize("state", ["swapped", "rolled_back"])
def test_killed_while_that_is_copied_it_ends_well(tmp_path, monkeypatch, state):
    count = count_of(staged_with_links(tmp_path / "count", state)[0], monkeypatch, state)
    assert count > 40
    for at in share(range(1, count + 1), 6):
        rig, links = staged_with_links(tmp_path / str(at), state)
        killed(rig, monkeypatch, state, at)
        rig.restore("rolled_back")
        rig.settle("rolled_back")
        for left in (links.wal, links.fast):  # what was just being copied; the next copy takes it away
            shutil.rmtree(left / ".microbosh-restore", ignore_errors=True)
        assert (list(links.wal.iterdir()), (links.fast / "PG_15_1/5/16400").read_text()) == (
            [links.wal / "0001"], "rows in a tablespace"), f"killed at step {at}"
        assert describe(rig.vcap).keys() == links.before[0].keys(), f"killed at step {at}"
        assert (links.data / "base").read_text() == "rows that came later", f"killed at step {at}"
        assert os.readlink(links.data / "pg_wal") == str(links.wal), f"killed at step {at}"


def test_nothing_is_removed_while_it_may_be_needed(rig):
    rig.stage()
    rig.restore("swapped")
    with pytest.raises(RestoreError, match="needed still"):
        rig.restore("absent")
    with pytest.raises(RestoreError, match="under way already"):
        rig.restore("staged")


def test_what_was_pushed_stays_while_a_restore_needs_it(rig):
    dump = rig.incoming.with_name("restore-dbs") / "bosh.sql"
    write(dump, "rows")
    rig.stage(database="dump")
    assert rig.restore("cleared")["changed"] is False
    assert dump.exists()
    rig.restore("swapped")
    rig.restore("marked", phase="proven")
    assert rig.restore("cleared")["changed"] is True
    assert list(rig.incoming.parent.iterdir()) == []
    assert rig.restore("cleared")["changed"] is False


def test_what_was_made_ready_for_nothing_is_told(rig):
    assert rig.restore("examined")["abandoned"] is False
    rig.push(rig.restore("compared")["push"])
    rig.restore("staged")
    assert rig.restore("examined")["abandoned"] is True
    assert rig.restore("cleared")["abandoned"] is True
    rig.stage()
    assert rig.restore("examined")["abandoned"] is False


def test_what_no_restore_needs_is_told_until_it_is_removed(rig):
    rig.push(rig.restore("compared")["push"])
    rig.restore("staged")
    rig.restore("absent")
    assert rig.restore("examined")["abandoned"] is False
    rig.stage()
    rig.restore("swapped")
    assert rig.restore("examined")["abandoned"] is False
    rig.restore("marked", phase="proven")
    assert rig.restore("examined")["abandoned"] is True
    rig.restore("absent")
    assert rig.restore("examined")["abandoned"] is False
    assert not (rig.vcap / "store/microbosh-restore").exists()


def test_what_services_wrote_after_the_exchange_goes_away_with_a_rollback(rig):
    rig.stage()
    rig.restore("swapped")
    rig.restore("marked", phase="starting")
    write(rig.vcap / "store/postgres/wal/0001", "written since")
    write(rig.vcap / "store/postgres/base", "written since")
    rig.restore("rolled_back")
    # and what they write once they run on the old data stays, however often somebody asks for the rollback
    write(rig.vcap / "store/director/later", "later")
    rig.restore("rolled_back")
    assert (rig.vcap / "store/director/later").read_text() == "later"
    (rig.vcap / "store/director/later").unlink()
    os.utime(rig.vcap / "store/director", ns=(rig.before["store/director"][4],) * 2)
    rig.settle("rolled_back")
    assert describe(rig.vcap) == rig.before


def test_an_exchange_that_is_complete_is_not_done_again(rig):
    rig.stage()
    rig.restore("swapped")
    write(rig.vcap / "store/director/new/one", "a service made it anew")
    assert rig.restore("swapped")["changed"] is False
    assert (rig.vcap / "store/director/new/one").exists()


def test_a_proven_restore_is_not_rolled_back(rig):
    rig.stage()
    rig.restore("swapped")
    rig.restore("marked", phase="proven")
    with pytest.raises(RestoreError, match="resume it"):
        rig.restore("rolled_back")


def test_what_is_said_to_be_rolled_back_is_not_gone_on_with(rig):
    rig.stage()
    rig.restore("swapped")
    rig.restore("marked", phase="proving")
    assert rig.restore("marked", phase="rolling_back")["marker"]["failed_phase"] == "proving"
    assert rig.restore("marked", phase="rolling_back")["changed"] is False
    for state in ({"state": "swapped"}, {"state": "marked", "phase": "starting"}):
        with pytest.raises(RestoreError):
            rig.restore(**state)
    rig.restore("rolled_back")
    assert rig.restore("marked", phase="rolling_back")["marker"]["phase"] == "rolled_back"
    rig.settle("rolled_back")
    assert describe(rig.vcap) == rig.before


def test_what_is_proven_is_not_said_to_be_rolled_back(rig):
    rig.stage()
    rig.restore("swapped")
    rig.restore("marked", phase="proven")
    with pytest.raises(RestoreError, match="at 'proven'"):
        rig.restore("marked", phase="rolling_back")


def test_the_marker_is_readable_by_all(rig):
    rig.stage()
    path = rig.vcap / "store/microbosh-restore/marker.json"
    assert path.stat().st_mode & 0o777 == 0o644
    assert json.loads(path.read_text())["phase"] == "stopping"
    found = rig.restore("examined")
    assert found["marker"]["about"]["left_out"] == []
    assert (found["unfinished"], found["settled"], found["rolling_back"]) == (True, False, False)


class Guillotine:
    """Kills the process instead of the step with that number; without a number it counts them."""

    STEPS = ("rename", "unlink", "rmdir", "mkdir", "lchown", "fchown", "symlink", "link")

    def __init__(self, monkeypatch, at=None):
        self.count = 0
        for name in self.STEPS:
            monkeypatch.setattr(os, name, self._wrapped(getattr(os, name), at))

    def _wrapped(self, function, at):
        def step(*arguments, **options):
            self.count += 1
            if self.count == at:
                raise Killed
            return function(*arguments, **options)

        return step


def count_of(rig, monkeypatch, *states):
    with monkeypatch.context() as patched:
        counted = Guillotine(patched)
        for state in states:
            rig.restore(state)
    return counted.count


def killed(rig, monkeypatch, state, at):
    with monkeypatch.context() as patched:
        Guillotine(patched, at)
        with pytest.raises(Killed):
            rig.restore(state)


FILE_SYSTEMS = (b"/vcap/bosh/", b"/vcap/store/blobstore/")


def across_file_systems(monkeypatch):
    """Make /var/vcap/bosh another file system than the store, as it is on a director, and that of the blobs, too."""
    monkeypatch.setattr(steps, "mounts_below", lambda root: [b"store/blobstore"])
    for name in ("rename", "link"):
        monkeypatch.setattr(os, name, refusing_others(getattr(os, name)))


def really(path):
    """The path of a name in an open directory."""
    return os.path.join(os.path.realpath(os.path.dirname(os.fsencode(path))), os.path.basename(os.fsencode(path)))


def refusing_others(step):
    def between(source, target):
        places = [[place for place in FILE_SYSTEMS if place in really(path)] for path in (source, target)]
        if places[0] != places[1]:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return step(source, target)

    return between


def test_blobs_on_a_file_system_of_their_own_stay_there_and_are_not_copied(rig, monkeypatch):
    across_file_systems(monkeypatch)
    inode = os.stat(rig.vcap / BLOB).st_ino
    compared = rig.stage()
    assert BLOB not in compared["push"]
    assert [space["path"] for space in compared["spaces"]][1:] == [str(rig.vcap / "store/blobstore")]
    assert (rig.vcap / "store/blobstore/.microbosh-restore/new").is_dir()
    assert not (rig.vcap / "store/microbosh-restore/new" / BLOB).exists()
    rig.restore("swapped")
    assert not [line for line in rig.vcap.glob("store/microbosh-restore/aside/store/blobstore/*")]
    rig.settle()
    assert describe(rig.vcap) == expected(rig)
    assert os.stat(rig.vcap / BLOB).st_ino == inode


def test_a_blob_that_cannot_be_linked_is_copied(rig, monkeypatch):
    """Where a file system begins that the kernel's list does not show, such as a subvolume."""
    across_file_systems(monkeypatch)
    monkeypatch.setattr(steps, "mounts_below", lambda root: [])
    rig.stage()
    rig.restore("swapped")
    rig.settle()
    assert describe(rig.vcap) == expected(rig)


def test_a_restore_on_real_file_systems_goes_forth_and_back(tmp_path):
    rig = Rig(tmp_path)
    stored = rig.vcap / "store/blobstore"
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(stored)]
    before = tmp_path / "blobs"
    shutil.copytree(stored, before)
    if subprocess.run(mount, check=False).returncode:
        pytest.skip("a file system can be mounted by root only")
    try:
        subprocess.run(["cp", "-a", "-T", str(before), str(stored)], check=True)
        os.utime(stored, ns=(OLD, OLD))
        rig.before = describe(rig.vcap)
        for state, wanted in (("rolled_back", rig.before), ("proven", expected(rig))):
            rig.stage()
            rig.restore("swapped")
            if state == "rolled_back":
                rig.restore(state)
            rig.settle(state)
            assert describe(rig.vcap) == wanted
    finally:
        subprocess.run(["umount", str(stored)], check=True)


def test_a_file_system_in_the_way_of_a_link_is_refused(rig, monkeypatch):
    monkeypatch.setattr(steps, "mounts_below", lambda root: [b"store/director/away"])
    with pytest.raises(RestoreError, match="store/director/away is a link"):
        rig.restore("compared")


def test_a_mount_is_found_whatever_its_name(tmp_path):
    line = "36 35 98:0 / {} rw - ext4 /dev/x rw\n"
    stores = [tmp_path / name for name in ("store", "store/blob\\040store", "storeroom")]
    places = ["/", tmp_path, *stores, "/x/store/y"]
    (tmp_path / "mountinfo").write_text("".join(line.format(place) for place in places))
    assert mounts_below(str(tmp_path), str(tmp_path / "mountinfo")) == [b"store/blob store"]


def test_a_restore_without_room_in_any_file_system_is_refused(rig, monkeypatch):
    monkeypatch.setattr(steps, "mounts_below", lambda root: [b"store/blobstore"])
    real = os.statvfs

    def full(path):
        found = real(path)
        free = 0 if b"blobstore" in os.fsencode(path) else found.f_bavail
        return SimpleNamespace(f_bavail=free, f_frsize=4096, f_favail=found.f_favail, f_files=found.f_files)

    monkeypatch.setattr(os, "statvfs", full)
    with pytest.raises(NoSpace, match=r"store/blobstore has 0\.0 B free.*what is there stays"):
        rig.restore("compared")


def test_space_is_counted_in_blocks(tmp_path):
    """A thousand files of one byte take a thousand blocks; the holes of a file take none."""
    (tmp_path / "store").mkdir()
    block = os.statvfs(tmp_path).f_frsize
    pushed = [(b"store/%d" % number, 1) for number in range(1000)]
    (space,) = spaces_for(os.fsencode(tmp_path), [], pushed, 0, 0, [], loads=False)
    assert space.need == 1001 * block + SLACK  # the one that is copied is there twice
    with (tmp_path / "store/sparse").open("wb") as sparse:
        sparse.truncate(1 << 30)
    assert used(os.fsencode(tmp_path / "store")) < 1 << 20


def test_a_file_that_inherited_rights_where_it_was_pushed_to_loses_them(rig):
    """A group that has none of them in the backup would have them otherwise."""
    compared = rig.restore("compared")
    rig.push(compared["push"])
    acl = bytes.fromhex("02000000 01000600ffffffff 0200060001000000 04000400ffffffff 10000600ffffffff 20000000ffffffff")
    try:
        os.setxattr(rig.incoming / "store/redis/dump.rdb", "system.posix_acl_access", acl)
    except OSError:
        pytest.skip("this file system has no access control lists")
    rig.restore("staged")
    staged = rig.vcap / "store/microbosh-restore/new/store/redis/dump.rdb"
    assert "system.posix_acl_access" not in os.listxattr(staged)


LISTED = bytes.fromhex("02000000 01000600ffffffff 0200060001000000 04000000ffffffff 10000600ffffffff 20000000ffffffff")
OTHER = bytes.fromhex("02000000 01000700ffffffff 0200050002000000 04000400ffffffff 10000500ffffffff 20000500ffffffff")
ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"


def attributes_of(top):
    """Whatever has attributes below a tree, but for a restore's own: {name: {attribute: value}}."""
    found = {}
    for path in [top, *top.rglob("*")]:
        name = str(path.relative_to(top))
        if not path.is_symlink() and not name.startswith("store/microbosh"):
            found[name] = {attribute: os.getxattr(path, attribute) for attribute in os.listxattr(path)}
    return {name: attributes for name, attributes in found.items() if attributes}


def give_lists(rig):
    """Give a rig's backup lists and attributes, and its director others, where the file system has any at all."""
    rig.attributes = None
    try:
        for name in ("store/redis/dump.rdb", BLOB):
            os.setxattr(rig.backup / name, ACCESS, LISTED)
            os.utime(rig.backup / name, ns=(OLD, OLD))
        os.setxattr(rig.backup / "store/director", DEFAULT, OTHER)
        os.setxattr(rig.backup / "store/director/log", "user.tag", b"1\0")
        os.setxattr(rig.vcap / "store/postgres", ACCESS, OTHER)
        os.setxattr(rig.vcap / "store/director/new", DEFAULT, OTHER)
        os.setxattr(rig.vcap / "store/director", "user.later", b"1")
        os.setxattr(rig.vcap / BLOB, ACCESS, OTHER)
    except OSError:
        return rig
    rig.metadata = rig._metadata()
    rig.before, rig.wanted = describe(rig.vcap), describe(rig.backup)
    rig.there, rig.kept = attributes_of(rig.vcap), attributes_of(rig.backup)
    files = {
        os.fsencode(name): {os.fsencode(attribute): value for attribute, value in attributes.items()}
        for name, attributes in rig.kept.items()
    }
    rig.attributes = pack(format_attributes(files))
    return rig


@pytest.fixture
def listed(rig):
    """A rig whose backup has lists and attributes, and whose director has others by now."""
    if give_lists(rig).attributes is None:
        pytest.skip("this file system has neither access control lists nor extended attributes")
    return rig


def has_lists(rig, now):
    """Return whether all attributes are as in the backup, or as they were before."""
    return rig.attributes is None or attributes_of(rig.vcap) == (rig.kept if now else rig.there)


def test_lists_and_attributes_come_back(listed):
    compared = listed.stage(attributes=listed.attributes)
    assert BLOB in compared["push"]  # it has a list: what is there is not shared
    assert {"m " + BLOB, "m store/director"} <= set(compared["diff"]["prepared"].splitlines())
    assert listed.restore("swapped")["unset"] == []
    listed.settle()
    assert attributes_of(listed.vcap) == listed.kept
    assert describe(listed.vcap) == expected(listed)
    again = listed.restore("compared", attributes=listed.attributes)
    assert again["diff"]["prepared"] == ""


def test_lists_and_attributes_are_put_back(listed):
    listed.stage(attributes=listed.attributes)
    listed.restore("swapped")
    assert attributes_of(listed.vcap) == listed.kept
    listed.restore("rolled_back")
    listed.settle("rolled_back")
    assert attributes_of(listed.vcap) == listed.there
    assert describe(listed.vcap) == listed.before


def test_a_backup_that_knows_that_there_were_none_leaves_none(listed):
    """But one of an earlier version says nothing, and changes none of what stays."""
    listed.stage(attributes=pack(b""))
    listed.restore("swapped")
    assert attributes_of(listed.vcap) == {}
    listed.restore("rolled_back")
    listed.settle("rolled_back")
    assert attributes_of(listed.vcap) == listed.there
    listed.stage()
    listed.restore("swapped")
    assert attributes_of(listed.vcap)["store/postgres"] == listed.there["store/postgres"]


def test_lists_that_this_host_does_not_take_are_named(listed, monkeypatch):
    """The group has no right where the list is lost: the mode is its mask."""
    real = metadata._LIBC
    fails = SimpleNamespace(**{name: getattr(real, name) for name in CALLS}, fsetxattr=refuse)
    monkeypatch.setattr(metadata, "_LIBC", fails)
    listed.push(listed.restore("compared", attributes=listed.attributes)["push"])
    staged = listed.restore("staged", attributes=listed.attributes)
    assert sorted(staged["unset"]) == sorted([BLOB, "store/director/kept", "store/redis/dump.rdb"])
    listed.restore("marked", phase="stopping", about={"filter": RULES, "left_out": [], "database": "files"})
    assert listed.restore("swapped")["unset"] == ["store/director"]
    assert (listed.vcap / "store/redis/dump.rdb").stat().st_mode & 0o777 == 0o600
    assert attributes_of(listed.vcap) == {}


CALLS = ("utimensat", "futimens", "syscall", "flistxattr", "fgetxattr", "fremovexattr")


def refuse(*dummy):
    ctypes.set_errno(errno.EOPNOTSUPP)
    return -1


LIVING = [Living("/var/vcap/store/postgres", 4711, (5432,), ())]


def test_nothing_is_exchanged_or_put_back_under_a_server_that_lives(rig, monkeypatch):
    rig.stage()
    with monkeypatch.context() as patched:
        patched.setattr(databases, "living_servers", lambda directories, ports: LIVING)
        with pytest.raises(LivingServer, match=r"process 4711, port 5432.*Nothing was exchanged"):
            rig.restore("swapped")
        assert describe(rig.vcap) == rig.before
        assert rig.restore("examined")["marker"]["phase"] == "stopping"
    rig.restore("swapped")
    with monkeypatch.context() as patched:
        patched.setattr(databases, "living_servers", lambda directories, ports: LIVING)
        with pytest.raises(LivingServer, match="Nothing was put back"):
            rig.restore("rolled_back")
    rig.restore("rolled_back")
    rig.settle("rolled_back")
    assert describe(rig.vcap) == rig.before


def test_whether_a_server_lives_is_asked_of_the_directory_that_was_noted(rig, monkeypatch):
    """Its files may be put aside already, and its process hidden: then nothing else tells of it."""
    (rig.vcap / "store/postgres").rename(rig.vcap / "store/pgdata")
    rig.push(rig.restore("compared")["push"])
    rig.restore("staged")
    about = {"filter": RULES, "left_out": [], "database": "files", "data_directory": "pgdata"}
    rig.restore("marked", phase="stopping", about=about)
    asked = []
    monkeypatch.setattr(databases, "living_servers", lambda directories, ports: asked.append(directories) or [])
    rig.restore("swapped")
    rig.restore("rolled_back")
    assert [str(rig.vcap / "store/pgdata") in directories for directories in asked] == [True, True]


def test_services_that_run_again_are_no_obstacle_where_nothing_was_exchanged(rig, monkeypatch):
    rig.stage()
    monkeypatch.setattr(databases, "living_servers", lambda directories, ports: LIVING)
    rig.restore("rolled_back")
    rig.settle("rolled_back")
    assert describe(rig.vcap) == rig.before


def test_two_servers_on_one_directory_are_refused_before_anything_is_touched(rig, monkeypatch):
    twice = [*LIVING, Living("/var/vcap/store/postgres", 4712, (), ())]
    monkeypatch.setattr(databases, "living_servers", lambda directories, ports: twice)
    with pytest.raises(LivingServer, match=r"4711.*4712.*Nothing was touched"):
        rig.restore("compared")


MADE = {"postgres": [{"name": "elsewhere/pg", "major": "15"}], "unrestorable": "made online"}
DUMPED = [{"database": "bosh", "server_version": "15.1", "size": 10}]


def test_a_deeper_database_is_kept_and_put_back(rig):
    """The layout of the release after BOSH's own."""
    (rig.vcap / "store/postgres").rename(rig.vcap / "store/postgres-15")
    (rig.vcap / "store/postgres").mkdir()
    (rig.vcap / "store/postgres-15").rename(rig.vcap / "store/postgres/postgres-15")
    before = describe(rig.vcap)
    rig.stage(database="dump")
    rig.restore("swapped")
    assert (rig.vcap / "store/postgres/postgres-15/base").read_text() == "rows that came later"
    write(rig.vcap / "store/postgres/postgres-15/base", "half loaded")
    rig.restore("rolled_back")
    rig.settle("rolled_back")
    assert describe(rig.vcap) == before


@pytest.mark.parametrize("name", ["pgdata/15", "postgres/postgres-15/data", "pg[1]/d*"])
def test_a_database_of_any_name_is_kept_and_put_back(rig, monkeypatch, name):
    """As a director has it whose operator chose the place; a copy beside that nobody uses is only files."""
    data = rig.vcap / "store" / name
    (rig.vcap / "store/postgres").rename(rig.vcap / "store/was")
    data.parent.mkdir(parents=True)
    (rig.vcap / "store/was").rename(data)
    write(data / "global/pg_control", "control")
    write(data / "postmaster.opts", f'/usr/bin/postgres "-D" "{data}"\n')
    shutil.copytree(data, rig.vcap / "store/copied")
    monkeypatch.setattr(databases.HostDatabases, "_majors", lambda self: ["15"])
    before = describe(rig.vcap)
    given = {"database": "dump", "data_directory": name, "source": {"live": "elsewhere/pg", "dumps": DUMPED, **MADE}}
    assert rig.restore("compared", **given)["data_directory"] == name
    compared = rig.stage(**given)
    assert compared["left_out"] == sorted([f"store/{name}", "store/elsewhere/pg", "store/postgres"])
    rig.restore("swapped")
    assert (data / "base").read_text() == "rows that came later"
    assert not (rig.vcap / "store/copied").exists()
    write(data / "base", "half loaded")
    rig.restore("rolled_back")
    rig.settle("rolled_back")
    assert describe(rig.vcap) == before


@pytest.mark.parametrize("way", ["resume", "roll back"])
def test_killed_at_every_step_of_the_exchange_it_ends_well(tmp_path, monkeypatch, way):
    across_file_systems(monkeypatch)
    first = give_lists(Rig(tmp_path / "count"))
    first.stage(attributes=first.attributes)
    count = count_of(first, monkeypatch, "swapped")
    assert count > 40
    for at in share(range(1, count + 1), 4):
        rig = give_lists(Rig(tmp_path / str(at)))
        rig.stage(attributes=rig.attributes)
        killed(rig, monkeypatch, "swapped", at)
        rig.restore("swapped" if way == "resume" else "rolled_back")
        rig.settle("proven" if way == "resume" else "rolled_back")
        assert describe(rig.vcap) == (expected(rig) if way == "resume" else rig.before), f"killed at step {at}"
        assert has_lists(rig, now=way == "resume"), f"killed at step {at}"


def test_killed_at_every_step_of_the_rollback_it_ends_well(tmp_path, monkeypatch):
    across_file_systems(monkeypatch)
    first = give_lists(Rig(tmp_path / "count"))
    first.stage(attributes=first.attributes)
    first.restore("swapped")
    count = count_of(first, monkeypatch, "rolled_back")
    for at in share(range(1, count + 1), 4):
        rig = give_lists(Rig(tmp_path / str(at)))
        rig.stage(attributes=rig.attributes)
        rig.restore("swapped")
        killed(rig, monkeypatch, "rolled_back", at)
        if rig.restore("examined")["marker"]["phase"] == "rolling_back":
            with pytest.raises(RestoreError, match="rolled back to the end"):
                rig.restore("swapped")
        rig.restore("rolled_back")
        rig.settle("rolled_back")
        assert describe(rig.vcap) == rig.before, f"killed at step {at}"
        assert has_lists(rig, now=False), f"killed at step {at}"


def test_killed_at_every_step_before_the_stop_nothing_has_changed(tmp_path, monkeypatch):
    first = Rig(tmp_path / "count")
    first.push(first.restore("compared")["push"])
    count = count_of(first, monkeypatch, "staged")
    for at in share(range(1, count + 1), 4):
        rig = Rig(tmp_path / str(at))
        rig.push(rig.restore("compared")["push"])
        killed(rig, monkeypatch, "staged", at)
        assert describe(rig.vcap) == rig.before
        rig.push(rig.restore("compared")["push"])
        rig.restore("staged")


@pytest.mark.parametrize("database", ["files", "dump"])
@pytest.mark.parametrize("way", ["resume", "roll back"])
@pytest.mark.parametrize("swapped", [False, True])
def test_a_restore_that_an_earlier_version_left_goes_on_or_back(rig, database, way, swapped):
    """It knew of no file systems below the store, and of no data directory but the one there is."""
    rig.stage(database=database)
    (rig.vcap / "store/microbosh-restore/mounts").unlink()
    if swapped:
        rig.restore("swapped")
        (rig.vcap / "store/postgres/base").write_text("half loaded")
    if way == "resume":
        assert rig.restore("swapped")["changed"] is not swapped
        rig.settle()
        assert (rig.vcap / "store/redis/dump.rdb").exists()
    else:
        rig.restore("rolled_back")
        rig.settle("rolled_back")
        assert describe(rig.vcap) == rig.before
