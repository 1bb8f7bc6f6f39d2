# SPDX-License-Identifier: GPL-3.0-or-later
"""A key that was stolen: out of every account, its holder's processes ended, what could have been left listed."""

from __future__ import annotations

import errno
import fcntl
import os
import pwd
import stat
import subprocess
import sys
import time

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._backup import _account, _authorized_keys
from ansible_collections.microbosh.director.plugins.module_utils._backup._account import (
    Process,
    chosen,
    leftovers,
    unexplained,
)
from ansible_collections.microbosh.director.plugins.module_utils._backup._authorized_keys import (
    AccountError,
    path_of,
    places_of,
    public_parts,
    retire,
    without,
)
from ansible_collections.microbosh.director.plugins.module_utils._backup._key_pair import KeyPair
from postgres_rig import run_command

OLD = "AAAAC3NzaC1lZDI1NTE5AAAAIGV4YW1wbGVleGFtcGxlZXhhbXBsZWV4YW1wbGVl"
OTHER = "AAAAC3NzaC1lZDI1NTE5AAAAIG90aGVyb3RoZXJvdGhlcm90aGVyb3RoZXJvdGhl"
FILE = f"""\
# a comment is no key
no-pty,command="echo a b" ssh-ed25519 {OLD} me
ssh-ed25519 {OTHER} you
ssh-ed25519 {OLD}"""


def test_a_key_is_found_behind_options_and_without_a_comment():
    [part] = public_parts(f"# {OTHER}\nssh-ed25519 {OLD} microbosh backup\n\n")
    assert part == OLD.encode()
    kept = without(FILE.encode(), [part]).decode()
    assert f"ssh-ed25519 {OTHER} you\n" in kept
    assert f"ssh-ed25519 {OLD}" not in kept


@pytest.mark.parametrize(
    ("said", "places"),
    [
        ("port 22\nauthorizedkeysfile .ssh/a /etc/ssh/keys/%u\n", [".ssh/a", "/etc/ssh/keys/%u"]),
        ("authorizedkeysfile none\n", []),
        ("", [".ssh/authorized_keys", ".ssh/authorized_keys2"]),
    ],
)
def test_sshd_says_where_it_looks_for_keys(said, places):
    assert places_of(said) == places


@pytest.mark.parametrize(
    ("place", "path"),
    [(".ssh/x", "/home/u/.ssh/x"), ("/etc/keys/%u", "/etc/keys/u"), ("%h/k%%u", "/home/u/k%u")],
)
def test_a_place_becomes_the_path_of_an_account(place, path):
    assert path_of(place, "u", "/home/u") == path


class Accounts:
    """Two accounts with homes in a scratch directory."""

    def __init__(self, directory, monkeypatch):
        me = pwd.getpwuid(os.getuid())
        self.homes = [directory / name for name in ("one", "two")]
        both = [(home.name, "x", me.pw_uid, me.pw_gid, "", str(home), "/bin/sh") for home in self.homes]
        found = [pwd.struct_passwd(one) for one in both]
        monkeypatch.setattr(_authorized_keys.pwd, "getpwall", lambda: found)
        for home in self.homes:
            (home / ".ssh").mkdir(parents=True)
            (home / ".ssh/authorized_keys").write_text(FILE)
            (home / ".ssh/authorized_keys").chmod(0o640)

    @property
    def texts(self):
        return [(home / ".ssh/authorized_keys").read_text() for home in self.homes]


@pytest.fixture
def accounts(tmp_path, monkeypatch):
    return Accounts(tmp_path, monkeypatch)


def test_it_goes_from_every_account_and_the_others_stay(accounts):
    keys = public_parts(f"ssh-ed25519 {OLD}")
    assert len(retire("", keys, dry_run=True)) == 2
    assert accounts.texts == [FILE, FILE]
    assert len(retire("", keys)) == 2
    for home, text in zip(accounts.homes, accounts.texts, strict=True):
        assert OTHER in text
        assert f"ssh-ed25519 {OLD}" not in text
        assert stat.S_IMODE((home / ".ssh/authorized_keys").stat().st_mode) == 0o640
    assert retire("", keys) == []


def test_one_that_cannot_be_taken_out_is_told_by_name(accounts, monkeypatch):
    monkeypatch.setattr(_authorized_keys, "take_out", lambda *arguments: None)
    with pytest.raises(AccountError, match=r"one/\.ssh/authorized_keys") as refused:
        retire("", public_parts(f"ssh-ed25519 {OLD}"))
    assert len(refused.value.facts["left"]) == 2


@pytest.mark.skipif(os.getuid() != 0, reason="only root could be led astray")
def test_root_follows_no_link_of_the_account(accounts, tmp_path):
    target = tmp_path / "of-root"
    target.write_text(FILE)
    link = accounts.homes[0] / ".ssh/authorized_keys"
    link.unlink()
    link.symlink_to(target)
    with pytest.raises(AccountError):
        retire("", public_parts(f"ssh-ed25519 {OLD}"))
    assert target.read_text() == FILE


ME, USER = 900, 33


def table(*more):
    """sshd's session of the key (100), ours (200), and a service of the same user (300)."""
    rows = [
        (1, {0}, 0, b"init", False), (50, {0}, 1, b"sshd: /usr/sbin/sshd", False),
        (99, {0}, 50, b"sshd: vcap [priv]", False), (100, {USER}, 99, b"sshd: vcap@notty", False),
        (101, {USER}, 100, b"sh\0-c\0sleep 9", True), (102, {USER}, 1, b"sleep\0" + b"99", True),
        (199, {0}, 50, b"sshd: vcap [priv]", False), (200, {USER}, 199, b"sshd: vcap@notty", False),
        (201, {USER}, 200, b"sh", True), (ME, {0}, 201, b"python", True), (202, {USER}, 200, b"sh\0-c\0task", True),
        (300, {USER}, 1, b"postgres", False), (400, {7}, 1, b"sshd: other@notty", False), *more,
    ]  # fmt: skip
    return {row[0]: Process(*row) for row in rows}


def test_of_a_user_who_runs_the_director_only_what_came_by_ssh_ends_and_not_we_ourselves():
    assert chosen(table(), "vcap", USER, False, ME) == [100, 101, 102]


def test_a_service_that_was_once_started_from_a_session_goes_on():
    there = table((700, {USER}, 1, b"ruby", True), (701, {USER}, 700, b"worker", True), (702, {USER}, 100, b"x", True))
    assert chosen(there, "vcap", USER, False, ME, {700, 702}) == [100, 101, 102, 702]


LOGIN = b"/user.slice/user-33.slice/session-7.scope"


@pytest.mark.parametrize(
    ("text", "login"),
    [
        (f"0::{LOGIN.decode()}\n", LOGIN),
        (f"12:pids:/system.slice/x.service\n1:name=systemd:{LOGIN.decode()}\n", LOGIN),
        ("0::/user.slice/user-33.slice/user@33.service/app.slice/run-u2.service\n",
         b"/user.slice/user-33.slice/user@33.service/app.slice/run-u2.service"),
        ("3:name=systemd:/user/33.user/2.session\n", b"/user/33.user/2.session"),
        ("0::/system.slice/runit.service\n", None),
        ("0::/system.slice/user.slice.service/x\n", None),
        ("0::/\n", None),
        ("", None),
        (None, None),  # a kernel without control groups
    ],
)  # fmt: skip
def test_the_control_group_tells_of_a_login(tmp_path, monkeypatch, text, login):
    (tmp_path / "7").mkdir()
    (tmp_path / "7/status").write_text("Name:\tx\nState:\tS (sleeping)\nPPid:\t1\nUid:\t33\t33\t33\t33\n")
    (tmp_path / "7/cmdline").write_text("sleep\x009")
    (tmp_path / "7/environ").write_text("")
    if text is not None:
        (tmp_path / "7/cgroup").write_text(text)
    monkeypatch.setattr(_account, "PROC", str(tmp_path))
    found = _account.process("7")
    assert (found.login, found.by_ssh, found.uids) == (login, False, {USER})


def test_what_came_out_of_a_login_ends_whatever_it_made_of_its_environment_and_its_parents():
    hidden = (500, {USER}, 1, b"sleep\0" + b"4242", False, LOGIN)
    assert chosen(table(hidden), "vcap", USER, False, ME) == [100, 101, 102, 500]
    assert chosen(table(hidden), "vcap", USER, False, ME, {500}) == [100, 101, 102]
    assert 500 in unexplained(table(hidden), "vcap", USER, ME, {500})


@pytest.mark.parametrize("where", [LOGIN, LOGIN + b"/bpm-1"])
def test_services_of_a_monit_that_root_started_from_a_login_go_on(where):
    monit = (60, {0}, 1, b"/var/vcap/bosh/bin/monit-actual\0-I", False, LOGIN)
    assert 500 not in chosen(table(monit, (500, {USER}, 60, b"tee", False, where)), "vcap", USER, False, ME)
    other = (501, {USER}, 1, b"sleep", False, LOGIN.replace(b"7", b"78"))
    named_so = (502, {USER}, 1, b"monit", False, LOGIN.replace(b"7", b"78"))
    assert {501, 502} <= set(chosen(table(monit, other, named_so), "vcap", USER, False, ME))


def test_where_everything_is_in_one_control_group_it_tells_nothing():
    there = {pid: Process(*vars(one).values()) for pid, one in table((500, {USER}, 1, b"ruby", False)).items()}
    for one in there.values():
        one.login = LOGIN
    assert chosen(there, "vcap", USER, False, ME) == [100, 101, 102]


def test_what_nobody_can_vouch_for_is_told():
    worker = (301, {USER}, 300, b"worker", False)
    there = table(worker, (500, {USER}, 1, b"sleep", False), (501, {USER}, 500, b"sh", False))
    assert unexplained(there, "vcap", USER, ME, {300}) == [100, 101, 102, 500, 501]


RECORDS = '{{"version": 1, "processes": [{}]}}'


def test_a_service_is_what_monit_names_and_a_program_of_the_director(tmp_path, monkeypatch):
    programs = {1: "/var/vcap/data/packages/ruby/1/bin/ruby", 2: "/usr/bin/sleep", 3: "/var/vcap/jobs/nats/bin/nats",
                4: "/var/vcap/store/x", 5: "/var/vcap/bosh/bin/x", 6: "/var/vcap/packagesx/y"}  # fmt: skip
    for pid, program in programs.items():
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "exe").symlink_to(program)
    records = [f'{{"service": "s{pid}", "pid": {pid}, "alive": {str(pid != 5).lower()}}}' for pid in programs]
    asked = tmp_path / "microbosh-processes"
    asked.write_text(f"#!/bin/sh\necho '{RECORDS.format(', '.join(records))}'\n")
    asked.chmod(0o755)
    monkeypatch.setattr(_account, "PROC", str(tmp_path))
    monkeypatch.setattr(_account, "PROGRAM", str(asked))
    assert _account.services(run_command) == {1, 3}
    # What anybody wrote into a pid file counts where nothing else is known, and only so far.
    (tmp_path / "x.pid").write_text("2\n")
    (tmp_path / "y.pid").write_text("5\n")
    monkeypatch.setattr(_account, "PID_FILES", (f"{tmp_path}/*.pid",))
    assert _account.services(run_command) == {1, 3}
    asked.write_text("#!/bin/sh\necho no configuration >&2; exit 1\n")
    assert _account.services(run_command) == {5}
    asked.unlink()
    assert _account.services(run_command) == {5}


def test_one_that_left_its_session_behind_is_told(monkeypatch):
    account = pwd.getpwuid(os.getuid())
    monkeypatch.setattr(_account, "_login", lambda pid: None)
    monkeypatch.setattr(_account, "ancestors", lambda there, pid: [pid])
    monkeypatch.setattr(_account, "MOST", 100_000)
    told = []
    with subprocess.Popen(["sleep", "60"], env={}, start_new_session=True) as hidden:
        for spared in ({hidden.pid}, set()):
            monkeypatch.setattr(_account, "services", lambda run_command, spared=spared: spared)
            told.append(_account.others(account.pw_name, account.pw_uid, False, run_command))
        hidden.kill()
    assert [any(line.startswith(f"process {hidden.pid} ") for line in lines) for lines in told] == [False, True]


def test_of_a_user_of_its_own_everything_ends():
    there = table((500, {USER}, 1, b"hidden", False))
    assert chosen(there, "vcap", USER, True, ME) == [100, 101, 102, 202, 300, 500]


def test_of_a_newer_sshd_too():
    there = table((600, {USER}, 1, b"sshd-session: vcap@pts/0", False), (601, {USER}, 600, b"bash", False))
    assert {600, 601} <= set(chosen(there, "vcap", USER, False, ME))


def test_a_process_ends_even_if_it_ignores_everything(monkeypatch):
    command = "from signal import *; signal(SIGTERM, SIG_IGN); alarm(600); print(1, flush=True); pause()"
    with subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE) as ours:
        ours.stdout.readline()
        monkeypatch.setattr(_account, "chosen", lambda there, *more: [pid for pid in there if pid == ours.pid])
        ended = _account.end("somebody", os.getuid(), True, run_command)
        assert ours.wait(timeout=10) == -9
    assert str(ours.pid) in ended[0]


def test_what_could_have_been_left_is_listed_and_stays(tmp_path):
    home = tmp_path / "home"
    for name in (".profile", ".popt", ".ssh/rc", ".config/systemd/user/x.service"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("x")
    (home / "link").symlink_to("/etc/shadow")
    store = tmp_path / "store"
    (store / "staging").mkdir(parents=True)
    (store / "left").write_text("x")
    found = leftovers("nobody-of-that-name", os.getuid(), str(home), str(store / "staging"))
    for path in (home / ".profile", home / ".popt", home / ".ssh/rc", home / "link", store / "left"):
        assert [line for line in found if line.startswith(f"{path} (2")], path
        assert os.path.lexists(path)
    assert time.strftime("%Y") in found[0]


def test_what_acts_by_itself_is_listed_whatever_else_there_is(tmp_path):
    home = tmp_path / "home"
    acting = [home / name for name in (".ssh/authorized_keys", ".ssh/rc", ".profile", ".config/systemd/user/x.service")]
    for path in acting:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    for number in range(_account.MOST * 11):
        (home / f"!{number}").touch()
    (tmp_path / "store" / "staging").mkdir(parents=True)
    found = leftovers("nobody-of-that-name", os.getuid(), str(home), str(tmp_path / "store" / "staging"))
    assert [line.partition(" (")[0] for line in found[:4]] == [str(path) for path in acting]
    assert found[-1].endswith("or more files besides, which are not listed")


def pair(directory, new=True):
    for name, text in (("key", "old private"), ("key.pub", f"ssh-ed25519 {OLD} me\n")):
        (directory / name).write_text(text)
    if new:
        (directory / "key.new").write_text("new private")
        (directory / "key.new.pub").write_text(f"ssh-ed25519 {OTHER} me\n")
    return KeyPair(str(directory / "key"), str(directory / "key.pub"))


def test_the_new_pair_takes_the_place_of_the_old_one_once(tmp_path):
    keys = pair(tmp_path)
    assert keys.swap(dry_run=True) is True
    assert (tmp_path / "key").read_text() == "old private"
    assert keys.swap() is True
    assert (tmp_path / "key").read_text() == "new private"
    assert OTHER in (tmp_path / "key.pub").read_text()
    assert keys.retired() == [f"ssh-ed25519 {OLD} me"]
    assert keys.swap() is False  # the next director, which shares it
    assert keys.retired() == [f"ssh-ed25519 {OLD} me"]


def test_the_lock_is_one_that_a_home_on_nfs_has(tmp_path, monkeypatch):
    """NFS 4 locks a file alone for those who may write it."""

    def flock(descriptor, _kind):
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")

    keys = pair(tmp_path)
    monkeypatch.setattr(fcntl, "flock", flock)
    assert keys.swap() is True


def test_killed_in_the_middle_it_goes_on(tmp_path, monkeypatch):
    keys = pair(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(KeyPair, "_retire", lambda self: (_ for _ in ()).throw(OSError("killed")))
        with pytest.raises(OSError, match="killed"):
            keys.swap()
    os.rename(tmp_path / "key.new", tmp_path / "key")  # as if it had come that far
    (tmp_path / "key.pub.retired").write_text(f"ssh-ed25519 {OLD} me\n")
    assert keys.retired() == []  # it is the one that the public part still names
    assert keys.swap() is True
    assert keys.retired() == [f"ssh-ed25519 {OLD} me"]


def test_without_a_new_pair_nothing_happens(tmp_path):
    keys = pair(tmp_path, new=False)
    assert keys.swap() is False
    assert keys.retired() == []
