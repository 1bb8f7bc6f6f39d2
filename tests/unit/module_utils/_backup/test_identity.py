# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that only root reads: found by their rights, copied to the controller, put into backups, told when old."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shlex
import stat
import subprocess

import jinja2
import pytest
from ansible_collections.microbosh.director.plugins.action.identity_place import place
from ansible_collections.microbosh.director.plugins.module_utils._backup import _identity
from ansible_collections.microbosh.director.plugins.module_utils._backup._identity import (
    IdentityError,
    collect,
    is_identity,
    keep_digest,
    only_root,
)
from ansible_collections.microbosh.director.plugins.module_utils._backup._identity_copy import (
    Backup,
    CopyError,
    IdentityCopy,
    examine,
    judge,
    listed,
    tell,
)
from ansible_collections.microbosh.director.plugins.module_utils._tree import _rsync_log
from ansible_collections.microbosh.director.plugins.plugin_utils._run._identity_answer import AnswerError, checked
from places import REPOSITORY

TEMPLATE = REPOSITORY / "roles" / "setup" / "templates" / "microbosh-identity.j2"
NAMED = ["bosh/agent.key", "bosh/settings.json", "bosh/spec.json", "bosh/state.yml", "shut/inside", "store/secret"]
SETTINGS = "bosh/settings.json"


@pytest.fixture(autouse=True)
def root(monkeypatch):
    """The user of the tests stands for root."""
    monkeypatch.setattr(_identity, "ROOT", os.getuid())


@pytest.fixture
def vcap(tmp_path):
    top = tmp_path / "vcap"
    modes = {"bosh/agent.key": 0o600, SETTINGS: 0o644, "bosh/spec.json": 0o600, "bosh/state.yml": 0o644,
             "shut/inside": 0o644, "store/secret": 0o600, "store/data": 0o600}  # fmt: skip
    for name, mode in modes.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(name)
        (top / name).chmod(mode)
    (top / "shut").chmod(0o700)
    return top


def paths(answer):
    return [entry["path"] for entry in answer["files"]]


def copied(vcap, directory, host="d1"):
    """Return the copy that setup leaves on the controller."""
    copy = IdentityCopy(str(directory))
    copy.replace(host, collect(str(vcap), NAMED, [])["files"])
    return copy


@pytest.mark.parametrize(
    ("gid", "mode", "sealed"),
    [(0, 0o600, True), (0, 0o640, True), (7, 0o640, False), (7, 0o600, True), (0, 0o604, False), (0, 0o644, False)],
)
def test_only_root_reads_what_neither_others_nor_another_group_may(gid, mode, sealed):
    assert only_root(os.getuid(), gid, mode) is sealed
    assert only_root(os.getuid() + 1, gid, mode) is False


def test_data_and_what_others_read_is_no_identity():
    me = os.getuid()
    assert is_identity(b"bosh/settings.json", me, 0, 0o644)
    assert is_identity(b"bosh/spec.json", me, 0, 0o600)
    assert not is_identity(b"bosh/state.yml", me, 0, 0o644)
    assert not is_identity(b"store/postgres-15/global/pg_control", me, 0, 0o600)


def test_what_only_root_reads_is_found_by_name_by_mode_and_by_its_directory(vcap):
    assert paths(collect(str(vcap), NAMED, [])) == [name for name in NAMED if name != "bosh/state.yml"]


def test_a_link_and_what_is_not_there_is_no_identity(vcap):
    (vcap / SETTINGS).unlink()
    (vcap / SETTINGS).symlink_to("/etc/hostname")
    (vcap / "bosh/agent.key").unlink()
    assert not {SETTINGS, "bosh/agent.key"} & set(paths(collect(str(vcap), NAMED, [])))


@pytest.mark.parametrize("reached", ["bosh", "bosh/*.json", "b*/s*", "bosh/**", "*/agent.[a-k]ey", "**/x", "*"])
def test_what_the_filter_reaches_together_with_others_is_refused_by_name(vcap, reached):
    with pytest.raises(IdentityError) as refused:
        collect(str(vcap), ["bosh/state.yml"], [reached])
    assert {"bosh/settings.json", "bosh/agent.key"} & set(refused.value.facts["unnamed"])
    assert refused.value.facts["unnamed"][0] in str(refused.value)


def test_what_is_named_besides_is_not_refused_nor_is_the_store(vcap):
    assert SETTINGS in paths(collect(str(vcap), NAMED, ["bosh", "shut", "*/*.json"]))


@pytest.mark.parametrize("mode", [0o777, 0o757])
def test_where_others_may_put_another_file_in_its_place_it_is_refused(vcap, mode):
    (vcap / "bosh").chmod(mode)
    with pytest.raises(
        IdentityError, match=r"bosh/agent\.key, which only root reads, is in the directory /var/vcap/bosh"
    ):
        collect(str(vcap), NAMED, [])


def test_a_file_that_is_no_credential_by_its_size_is_refused(vcap):
    (vcap / "bosh/spec.json").write_bytes(b"x" * (_identity.LARGEST + 1))
    with pytest.raises(IdentityError, match=r"spec\.json"):
        collect(str(vcap), NAMED, [])


class Program:
    """The program that setup leaves on the director, with /var/vcap in a scratch directory."""

    def __init__(self, vcap, directory):
        self.digest, self.script = directory / "digest", directory / "microbosh-identity"
        template = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, autoescape=False)
        template.filters["ansible.builtin.quote"] = shlex.quote
        text = template.from_string(TEMPLATE.read_text()).render(
            setup_identity_paths={"named": NAMED}, setup_identity_digest=self.digest
        )
        text = text.replace("-user 0", f"-user {os.getuid()}").replace("cd /var/vcap", f"cd {vcap}")
        self.script.write_text(text)
        self.script.chmod(0o755)
        self.digest.write_text(collect(str(vcap), NAMED, [])["digest"] + "\n")

    def ask(self, *arguments):
        done = subprocess.run([self.script, *arguments], capture_output=True, text=True, check=False)
        assert done.stderr == "" or done.returncode == 2
        return done.stdout


CHANGES = {
    "another content": lambda vcap: (vcap / SETTINGS).write_text("other"),
    "another mode": lambda vcap: (vcap / SETTINGS).chmod(0o600),
    "one more": lambda vcap: (vcap / "bosh/state.yml").chmod(0o600),
    "one less": lambda vcap: (vcap / "bosh/agent.key").unlink(),
    "one that others read": lambda vcap: (vcap / "bosh/spec.json").chmod(0o644),
    "a directory opened": lambda vcap: (vcap / "shut").chmod(0o755),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_the_director_tells_when_it_has_others(vcap, tmp_path, change):
    program = Program(vcap, tmp_path)
    assert program.ask() == "same\n"
    change(vcap)
    assert program.ask() == "different\n"


def test_the_agent_that_writes_the_same_again_changes_nothing(vcap, tmp_path):
    program = Program(vcap, tmp_path)
    (vcap / SETTINGS).write_text((vcap / SETTINGS).read_text())
    os.utime(vcap / SETTINGS, ns=(1, 1))
    assert program.ask() == "same\n"


def test_without_a_digest_it_says_different_and_it_takes_no_argument(vcap, tmp_path):
    program = Program(vcap, tmp_path)
    program.digest.unlink()
    assert program.ask() == "different\n"
    assert program.ask("--digest") == ""


def test_the_copy_is_of_mode_0700_and_0600_and_stays_as_it_is_if_nothing_changed(vcap, tmp_path):
    directory = tmp_path / "identity"
    copy = copied(vcap, directory)
    modes = {stat.S_IMODE(path.lstat().st_mode) for path in directory.rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert {stat.S_IMODE(path.lstat().st_mode) for path in [directory, *directory.glob("set-*")]} == {0o700}
    os.utime(vcap / SETTINGS, ns=(1, 1))
    assert copy.replace("d1", collect(str(vcap), NAMED, [])["files"]) is False
    (vcap / SETTINGS).write_text("other")
    files = collect(str(vcap), NAMED, [])["files"]
    assert copy.replace("d1", files, dry_run=True) is True
    assert {entry["path"]: entry["content"] for entry in copy.load("d1")["files"]}[SETTINGS] == SETTINGS.encode()
    assert copy.replace("d1", files) is True
    assert {entry["path"]: entry["content"] for entry in copy.load("d1")["files"]}[SETTINGS] == b"other"


def test_whoever_reads_while_it_is_replaced_has_one_set_or_the_other(vcap, tmp_path):
    directory = tmp_path / "identity"
    copy = copied(vcap, directory)
    before = os.readlink(directory / "current")
    (vcap / SETTINGS).write_text("other")
    copied(vcap, directory)
    assert os.readlink(directory / "current") != before
    assert (directory / before / SETTINGS).read_text() == SETTINGS  # who had begun to read it reads on
    os.utime(directory / before, (1, 1))
    (vcap / SETTINGS).write_text("a third")
    copied(vcap, directory)
    assert not (directory / before).exists()
    assert copy.load("d1")["taken"]


def test_a_copy_that_is_damaged_or_another_directors_is_not_used(vcap, tmp_path):
    directory = tmp_path / "identity"
    copy = copied(vcap, directory)
    with pytest.raises(CopyError, match="is that of d1"):
        copy.load("d2")
    (directory / "current" / SETTINGS).write_text("others")
    with pytest.raises(CopyError, match="damaged"):
        copy.load("d1")
    (directory / "current" / "files.json").write_text("{")
    with pytest.raises(CopyError, match="damaged"):
        copy.load("d1")
    assert IdentityCopy(str(tmp_path / "none")).load("d1") is None


@pytest.mark.parametrize(
    ("record", "answer", "reader", "state"),
    [
        ({}, "same", 3, "fresh"), ({}, "different", 3, "old"), ({}, "", 3, "unknown"), ({}, "root:x:0:0", 3, "unknown"),
        (None, "same", 3, "none"), (None, "", 2, "handed_out"), ({}, "same", 2, "handed_out"),
    ],
)  # fmt: skip
def test_what_is_known_of_the_copy(record, answer, reader, state):
    assert judge(record, answer, reader) == state


def test_only_a_fresh_copy_needs_no_word(vcap, tmp_path):
    for state in ("old", "unknown", "none", "damaged", "handed_out"):
        assert "Run the setup playbook" in tell(state, [SETTINGS], "2026-11-22T22:13:26Z", "why")
        assert SETTINGS in tell(state, [SETTINGS], "2026-11-22T22:13:26Z", "why")
    copy = copied(vcap, tmp_path / "identity")
    assert examine(copy, "d1", NAMED, "same", 3)[1]["told"] == ""
    record, facts = examine(copy, "d2", NAMED, "same", 3)
    assert record is None
    assert facts["state"] == "damaged"


def made(tmp_path, vcap, rules=("+ *",), reader=3, previous=None):
    """A backup, with what rsync brought of it, after the copy was put into it."""
    tree = tmp_path / "partial" / "vcap"
    (tree / "bosh").mkdir(parents=True)
    (tree / "store").mkdir()
    (tree / "bosh/state.yml").write_text("state")
    os.utime(tree / "bosh", ns=(5, 5))
    record = copied(vcap, tmp_path / "identity").load("d1")
    given = {"tree": str(tree), "previous": previous, "listing": str(tmp_path / "listing"), "named": NAMED,
             "filter": list(rules), "filter_file": str(tmp_path / "filter"), "reader": reader}  # fmt: skip
    return tree, place(record if reader >= 3 else None, given)


def test_a_backup_has_them_as_the_director_has(vcap, tmp_path):
    tree, files = made(tmp_path, vcap)
    assert files == ["bosh/agent.key", SETTINGS, "bosh/spec.json", "store/secret"]
    assert (tree / "bosh").stat().st_mtime_ns == 5
    for name in files:
        assert (tree / name).read_text() == name
        assert (tree / name).stat().st_mtime_ns == (vcap / name).stat().st_mtime_ns
    entries = _rsync_log.parse((tmp_path / "listing").read_bytes().splitlines())
    assert {name.decode(): entry.mode for name, entry in entries.items()} == {
        name: stat.S_IMODE((vcap / name).stat().st_mode) for name in files
    }
    assert {(entry.uid, entry.gid) for entry in entries.values()} == {(os.getuid(), (vcap / SETTINGS).stat().st_gid)}


def test_what_a_backup_could_not_have_is_no_matter_of_its_restore(vcap, tmp_path):
    """Or a restore would remove it: the filter names it, and the backup has not got it."""
    (vcap / "bosh/agent.key").unlink()
    made(tmp_path, vcap)
    assert (tmp_path / "filter").read_text().splitlines() == ["- /bosh/agent.key", "- /shut/inside", "+ *"]


def test_what_the_filter_leaves_out_is_not_put_in(vcap, tmp_path):
    assert "bosh/agent.key" not in made(tmp_path, vcap, ["- agent.key", "+ *"])[1]


def test_what_an_earlier_setups_reader_hands_out_is_left_to_rsync(vcap, tmp_path):
    tree, files = made(tmp_path, vcap, reader=2)
    assert files == []
    assert not (tree / SETTINGS).exists()
    assert (tmp_path / "listing").read_text() == ""


def test_what_is_unchanged_is_shared_with_the_backup_before(vcap, tmp_path):
    first, dummy = made(tmp_path, vcap)
    (tmp_path / "second").mkdir()
    tree, dummy = made(tmp_path / "second", vcap, previous=str(first))
    assert (tree / SETTINGS).stat().st_ino == (first / SETTINGS).stat().st_ino


def test_it_is_never_put_through_a_link(vcap, tmp_path):
    record = copied(vcap, tmp_path / "identity").load("d1")
    (tmp_path / "tree").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "tree/bosh").symlink_to(tmp_path / "elsewhere")
    assert not any(Backup(str(tmp_path / "tree")).put(entry) for entry in record["files"])
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("mode", [0o4755, 0o2644, 0o1600, 0o7777, 0])
def test_every_mode_is_listed_as_rsync_would(mode):
    entry = {"path": "x", "mode": mode, "uid": 1, "gid": 2, "content": b"abc"}
    assert _rsync_log.parse([listed(entry).encode()])[b"x"] == (("file",), 1, 2, mode)


GOOD = {"path": SETTINGS, "uid": 0, "gid": 0, "mode": 0o600, "mtime": 1, "size": 1, "content": ["eA=="],
        "sha256": hashlib.sha256(b"x").hexdigest()}  # fmt: skip
BAD = [
    {"path": "../../etc/passwd"}, {"path": None}, {"mode": 0o100600}, {"mode": "0600"}, {"mode": True}, {"uid": -1},
    {"content": ["eQ=="]}, {"content": 5}, {"content": ["%"]}, {"content": [5]}, {"sha256": None},
]  # fmt: skip


@pytest.mark.parametrize("lie", BAD, ids=json.dumps)
def test_a_director_that_lies_puts_nothing_else_on_the_controller(lie):
    digest = "0" * 64
    assert checked({"files": [GOOD], "digest": digest}, NAMED) == [GOOD]
    for answer in ({"files": [{**GOOD, **lie}], "digest": digest}, {"files": [GOOD], "digest": "x"}, {"files": {}}, {}):
        with pytest.raises(AnswerError):
            checked(answer, NAMED)
    with pytest.raises(AnswerError):
        checked({"files": [GOOD, GOOD], "digest": digest}, NAMED)


def test_the_digest_is_noted_only_where_setup_has_left_a_file_for_it(tmp_path):
    path = tmp_path / "digest"
    assert keep_digest(str(path), "1" * 64) is False
    assert not path.exists()
    path.write_text("0" * 64 + "\n")
    assert keep_digest(str(path), "1" * 64, dry_run=True) is True
    assert keep_digest(str(path), "1" * 64) is True
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("1" * 64 + "\n", 0o600)
    assert keep_digest(str(path), "1" * 64) is False


def test_the_content_travels_as_base64(vcap):
    [entry] = [entry for entry in collect(str(vcap), NAMED, [])["files"] if entry["path"] == SETTINGS]
    assert base64.b64decode("".join(entry["content"])) == SETTINGS.encode()
