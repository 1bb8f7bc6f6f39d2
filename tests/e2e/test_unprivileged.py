"""Backups need no root on the controller: every file comes back to its owner all the same."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from breakage import OWNERS_ONLINE, READER, SECOND_PASS, gate, replaced
from conftest import Director, finish
from restoring import content, destroy, restore
from standing import whole
from trees import check_archive, host_tree, recorded_tree

pytestmark = pytest.mark.long

ODD = "/var/vcap/store/director/tasks/odd"
# Nobody on the controller is in any of these groups, and many of the modes shut out whoever is not root.
MAKE_ODD = f"""
mkdir {ODD} && cd {ODD}
for name in shut readonly written setuid gone appended replaced; do echo $name >$name; done
chown 0:4321 shut; chmod 0000 shut
chown 1000:7 readonly; chmod 0400 readonly
chown 33:0 written; chmod 0200 written
chown 0:4321 setuid; chmod 6755 setuid
chown 1000:4321 gone appended replaced
ln shut 'another name'; ln -s shut link; chown -h 12:4321 link
mkdir readonly.d shut.d shared.d
echo x >readonly.d/x; echo y >shut.d/y; echo z >shared.d/z
chown 1000:4321 readonly.d shared.d; chmod 0555 readonly.d; chmod 0000 shut.d; chmod 3770 shared.d
touch -h -d '2011-02-03 04:05:06.123456789' shut link readonly.d
cd /var/vcap/store/blobstore/store; chown 33:4321 $(ls | head -n 1)/*
find . -exec touch -hd '2014-12-21 01:30:12' {{}} +
"""
# What a director does between the copy and the look at the owners.
MEANWHILE = f"""
cd {ODD}
rm gone
echo more >>appended
rm replaced; mkdir replaced; touch replaced/inside
mkdir new; echo new >new/file; ln -s new another
"""


class Unprivileged(Director):
    """A test host whose operator is nobody on the controller.

    He owns nothing but his directory. He may read everything, for the Python of the tests may be where only root looks;
    what he wrote himself he may write again only as the modes say.
    """

    def command(self, playbook, *arguments, **settings):
        command = super().command(playbook, *arguments, **settings)
        user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--inh-caps=+dac_read_search"]
        home = {"HOME": self.directory, "ANSIBLE_HOME": self.directory, "ANSIBLE_REMOTE_TMP": self.directory / "tmp"}
        env = [f"{name}={value}" for name, value in home.items()]
        return [*user, "--ambient-caps=+dac_read_search", "env", *env, *command]


@dataclass
class Made:
    """Two backups, and what the host had while it stood still for each."""

    director: Unprivileged
    first: Path
    first_files: dict
    second: Path
    on_host: tuple
    content: dict


@pytest.fixture(scope="module")
def operator(new_director):
    # A short path: ssh's control socket is in it.
    with tempfile.TemporaryDirectory(prefix="mb") as home:
        made = new_director("e2e-nobody", generation="micro", blobs=8)
        director = Unprivileged(made.host, Path(home), {"microbosh_private_key": f"{home}/key"})
        subprocess.run(["chown", "nobody:nogroup", home], check=True)
        director.shell(MAKE_ODD)
        run = director.setup()
        assert run.status == 0, run.output
        yield director


@pytest.fixture(scope="module")
def made(operator):
    run = operator.backup(microbosh_keep={"last": 1})
    assert run.status == 0, run.output
    first = operator.latest
    inodes = {path: path.lstat().st_ino for path in first.rglob("*") if path.is_file()}
    with gate(operator) as barrier:
        barrier.hold(SECOND_PASS)
        process = operator.start("backup", microbosh_keep={"last": 1}, microbosh_archive="h_{id}.tar.zst")
        barrier.wait(process)
        on_host = host_tree(operator)
        barrier.release()
        run = finish(process)
    assert run.status == 0, run.output
    return Made(operator, first, inodes, operator.latest, on_host, content(operator))


def test_the_manifest_says_whose_everything_is_on_the_director(made):
    (recorded, links), (on_host, links_on_host) = recorded_tree(made.second), made.on_host
    assert recorded == on_host
    assert links == links_on_host
    assert {row[2] for row in recorded.values()} >= {0, 7, 1000, 4321}
    assert {row[3] for row in recorded.values()} >= {0, 0o200, 0o400, 0o555, 0o3770, 0o6755}


def test_the_copy_belongs_to_who_made_it_and_lets_him_read_it(made):
    assert whole(made.second) is True
    for path in (made.second, *made.second.rglob("*")):
        seen = path.lstat()
        assert seen.st_uid == made.director.directory.stat().st_uid != 0
        assert path.is_symlink() or seen.st_mode & stat.S_IRUSR
        assert not path.is_dir() or path.is_symlink() or seen.st_mode & stat.S_IRWXU == stat.S_IRWXU


def test_what_did_not_change_takes_no_space_a_second_time(made):
    shared = {path.relative_to(made.first): inode for path, inode in made.first_files.items() if "/odd/" in str(path)}
    assert len(shared) >= 10
    for path, inode in shared.items():
        assert (made.second / path).lstat().st_ino == inode, path


def test_the_backup_before_could_be_removed(made):
    assert made.director.ids == [made.second.name]
    assert sorted(os.listdir(made.director.backups)) == [made.second.name, "archives", "identity", "latest", "logs"]


def test_backup_and_archive_are_whole_to_verify(made, tmp_path):
    (archive,) = (made.director.backups / "archives").glob("*.tar.zst")
    check_archive(archive, made.second, tmp_path)
    run = made.director.play("verify", microbosh_verify="all")
    assert run.status == 0, run.output


def test_a_directory_that_is_somebody_elses_is_named(made):
    run = made.director.backup(microbosh_backup_dir="/usr/backups")
    assert run.status != 0
    told = run.told(made.director.name)
    assert "/usr/backups" in told
    assert "Permission denied" in told


def test_everything_comes_back_to_its_owners(made):
    destroy(made.director)
    made.director.shell(f"rm -r {ODD}")
    run = restore(made.director)
    assert run.status == 0, run.output
    assert content(made.director) == made.content
    assert made.director.wholly_up()


def test_online_only_what_was_copied_counts(made):
    director = made.director
    with gate(director) as barrier:
        barrier.hold(OWNERS_ONLINE)
        process = director.start("backup", microbosh_mode="online")
        barrier.wait(process)
        before, dummy = host_tree(director)
        director.shell(MEANWHILE)
        barrier.release()
        run = finish(process)
    assert run.status == 0, run.output
    recorded, links = recorded_tree(director.latest)
    odd = b"store/director/tasks/odd"
    without = {path: row for path, row in before.items() if not path.startswith((b"store/postgres", b"store/redis"))}
    del without[odd + b"/gone"], without[odd + b"/replaced"]
    assert {path: row for path, row in recorded.items() if not path.startswith(b"store/redis")} == without
    assert [odd + b"/another name", odd + b"/shut"] in links
    assert whole(director.latest) is True
    run = director.play("verify")
    assert run.status == 0, run.output


def test_a_host_that_sends_more_than_it_announced_is_stopped(operator):
    """Of groups that the controller's user is not in, which rsync tells him as DEFAULT: they count all the same."""
    more = f"""#!/bin/sh
[ "$1" = --server ] || exec {READER}.aside "$@"
n=$(($(cat /run/copies 2>/dev/null) + 1))
[ $n != 4 ] || {{ head -c 30M /dev/urandom >{ODD}/more && chown 1000:4321 {ODD}/more; }}
{READER}.aside "$@"
status=$?
[ $status = 24 ] || echo $n >/run/copies
exit $status
"""
    ids = operator.ids
    try:
        with replaced(operator, READER, more):
            run = operator.backup("-e", f"run_growth={5 * 1024 * 1024}")
    finally:
        operator.shell(f"rm -f {ODD}/more /run/copies")
    assert run.status == 2
    assert "sent more than" in run.told(operator.name)
    assert "Nothing was stopped on the director" in run.told(operator.name)
    assert operator.ids == ids
