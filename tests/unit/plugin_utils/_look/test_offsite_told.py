# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of copies elsewhere, by what the last contact with their repository left, in whatever state that is."""

from __future__ import annotations

import json
import os

import pytest
from ansible.errors import AnsibleError
from ansible_collections.microbosh.director.plugins.plugin_utils._look import _offsite
from ansible_collections.microbosh.director.plugins.plugin_utils._look._picture import director_at
from ansible_collections.microbosh.director.plugins.plugin_utils._look._place import given_of
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._record import Record, keep
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._repository import Copy
from backup_place import CONTACT, DAY, HOUR, NOW, BackupPlace, name_of

SET_UP = {"repository": "sftp:nas:/r", "password_file": "/p"}


@pytest.fixture
def place(tmp_path):
    return BackupPlace(tmp_path / "director1")


def look(place, offsite=True):
    return director_at({"name": "director1", "directory": str(place.path), "rules": {}, "offsite": offsite}, NOW)


def test_the_whole_of_it(place):
    backups = [place.backup(age) for age in (HOUR, DAY, 2 * DAY)]
    copies = place.offsite(DAY, 2 * DAY, 90 * DAY)
    director = look(place)
    of = {"of": "backup", "size": 7}
    found = [{"id": name, "snapshot": f"{number:064x}", **of} for number, name in enumerate(copies)]
    assert director["offsite"] == {
        "configured": True, "repository": "sftp:backup@nas:/srv/restic/d1", "at": "2026-11-28T01:03:11Z",
        "newest": copies[0], "age_seconds": DAY, "missing": backups[:1],
        "copies": [{**found[0], "here": True}, {**found[1], "here": True}, {**found[2], "here": False}],
        "checked": CONTACT["checked"], "unchecked_seconds": HOUR - 189,
        "reread": {"next": 5, "of": 30, "since": None}, "failed": None,
    }  # fmt: skip
    copied = {name: found[0][name] for name in ("snapshot", "of", "size")}
    assert [one["offsite"] for one in director["backups"]][:2] == [None, copied]
    assert director["problems"] == []


def test_what_a_run_writes_is_what_is_read(place):
    name, failed = place.backup(DAY), {"at": "2026-11-28T01:00:00Z", "step": "reach", "said": "no route", "missing": []}
    record = Record("sftp:nas:/r", "6f" * 32, checked={"at": "2026-11-28T01:00:00Z", "good": True, "said": ""})
    record.seen([Copy(name, "a" * 64, "archive")], {name: 7}, "2026-11-28T01:00:00Z")
    record.failed = failed
    keep(place.path, record)
    director = look(place)
    assert director["backups"][0]["offsite"] == {"snapshot": "a" * 64, "of": "archive", "size": 7}
    found = director["offsite"]
    assert [found[one] for one in ("repository", "at", "failed")] == ["sftp:nas:/r", "2026-11-28T01:00:00Z", failed]
    assert (found["checked"]["good"], found["reread"]) == (True, {"next": 1, "of": 30, "since": None})
    assert (found["unchecked_seconds"], director["problems"]) == (HOUR, [])


def test_where_nothing_is_set_up_and_nothing_known_there_is_nothing(place):
    place.backup()
    assert look(place, offsite=False)["offsite"] is None


def test_what_is_known_is_told_where_copies_are_not_wanted_any_more(place):
    place.backup()
    place.offsite(9 * DAY, checked={"at": "x", "good": False}, failed={"at": "x", "missing": [name_of(DAY)]})
    director = look(place, offsite=False)
    assert (director["offsite"]["configured"], director["offsite"]["newest"]) == (False, name_of(9 * DAY))
    assert director["offsite"]["missing"] == []
    assert {one["rule"] for one in director["health"]["problems"]} == {"rehearsed_age"}


def test_before_the_first_contact_the_newest_proven_one_is_missing(place):
    place.backup(HOUR, {"proof": {"whole": False}})
    newest = place.backup(2 * HOUR)
    place.backup(DAY)
    found = look(place)["offsite"]
    assert (found["configured"], found["missing"], found["copies"]) == (True, [newest], [])
    assert [found[name] for name in ("repository", "at", "newest", "age_seconds", "unchecked_seconds")] == [None] * 5


def test_what_failed_to_be_copied_is_missing_besides(place):
    new, old, torn = place.backup(HOUR), name_of(9 * DAY), name_of(5 * DAY)
    place.offsite(DAY, failed={"at": "x", "step": "copy", "said": "it is full", "missing": [old, torn, "latest", 7]})
    found = look(place)["offsite"]
    assert found["missing"] == [new, torn, old]
    assert found["failed"] == {"at": "x", "step": "copy", "said": "it is full", "missing": [old, torn]}


def test_a_copy_of_the_future_is_not_the_newest(place):
    ahead, good = place.offsite(-9 * DAY, 2 * DAY)
    found = look(place)["offsite"]
    assert (found["newest"], found["age_seconds"]) == (good, 2 * DAY)
    assert [one["id"] for one in found["copies"]] == [ahead, good]


def test_copies_are_told_newest_first_each_once(place):
    copies = [{"id": name_of(age * HOUR), "snapshot": f"{age:064x}"} for age in (9, 1, 5, 1)]
    place.offsite(copies=[*copies, {"id": name_of(HOUR), "snapshot": "b" * 64}])
    found = look(place)["offsite"]["copies"]
    assert [one["id"] for one in found] == [name_of(age * HOUR) for age in (1, 5, 9)]
    assert found[0]["snapshot"] == f"{1:064x}"


@pytest.mark.parametrize(
    ("checked", "expected"),
    [
        ({"at": "2026-11-20T02:00:00Z", "good": True}, 8 * DAY),
        ({"at": "2026-11-20T02:00:00Z", "good": False}, 8 * DAY),
        (None, 9 * DAY),
        ({"at": "2027-11-20T02:00:00Z", "good": True}, 9 * DAY),
        ({"at": "2026-11-20T02:00:00Z", "good": "yes"}, 9 * DAY),
    ],
)
def test_for_how_long_it_was_not_checked(place, checked, expected):
    place.offsite(HOUR, 9 * DAY, checked=checked)
    assert look(place)["offsite"]["unchecked_seconds"] == expected


@pytest.mark.parametrize("content", ["", "{", '{"copies": [', "[]", "7", "null", "\x00\xff", "[" * 100_000])
def test_half_a_file_is_named_and_takes_nothing_from_the_backups(place, content):
    name = place.backup()
    (place.path / "offsite.json").write_text(content, encoding="utf-8")
    director = look(place)
    found = director["offsite"]
    assert (director["newest_proven"], found["copies"], found["missing"]) == (name, [], [name])
    assert director["problems"][0].startswith("offsite.json cannot be read: ")
    assert {"unreadable", "offsite_age"} <= {one["rule"] for one in director["health"]["problems"]}


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
def test_what_is_no_file_holds_nobody_up(place, make):
    make(place.path / "offsite.json")
    assert look(place)["problems"][0].startswith("offsite.json cannot be read: ")


@pytest.mark.parametrize("schema", [None, 0, 2, "1", []])
def test_another_schema_is_named_and_what_is_known_is_told(place, schema):
    place.offsite(HOUR, schema=schema)
    director = look(place)
    assert director["offsite"]["newest"] == name_of(HOUR)
    assert any("of another version" in said for said in director["problems"])


KEYS = ("schema", "repository", "at", "copies", "checked", "reread", "failed")
INNER = {
    "copies": ("id", "snapshot", "of", "size"), "checked": ("at", "good", "said"), "reread": ("next", "of", "since"),
    "failed": ("at", "step", "said", "missing"),
}  # fmt: skip
WRONG = ("text", 7, -1, True, [], ["x"], {"x": 1}, [[]], [7], 10**40, "\x1b[31m\u202e<script>" + "x" * 5000)


@pytest.mark.parametrize("value", WRONG, ids=lambda value: str(value)[:9])
def test_nothing_in_it_ends_the_look(place, value):
    """Each key of each other type: what is told stays plain data, printable and bounded."""
    name = place.backup()
    for content in (
        *({key: value} for key in KEYS),
        *({key: {one: value}} for key, inner in INNER.items() for one in inner),
        *({"copies": [{"id": name_of(DAY), "snapshot": "a" * 64, one: value}]} for one in INNER["copies"]),
    ):
        place.offsite(HOUR, **content)
        director = look(place)
        assert (director["newest_proven"], director["backups"][0]["verdict"]) == (name, "proven")
        told = json.dumps(director, ensure_ascii=False, allow_nan=False)
        assert not {"\x1b", "\u202e"} & set(told)
        assert len(told) < 12_000


def test_copies_are_bounded_and_what_is_left_out_is_named(place):
    place.offsite(*(number * HOUR for number in range(1, _offsite.MOST_COPIES + 3)))
    director = look(place)
    assert len(director["offsite"]["copies"]) == _offsite.MOST_COPIES
    assert director["problems"] == ["offsite.json: copies has 2 that cannot be told"]


class Templar:
    """Open what has braces as Ansible would, and nothing else."""

    def __init__(self, **values):
        self.values, self.opened = values, []

    def template(self, value):
        self.opened.append(value)
        if not isinstance(value, str) or not value.startswith("{{"):
            return value
        if value.strip("{} ") not in self.values:
            raise AnsibleError(f"{value} is not known")
        return self.values[value.strip("{} ")]


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (None, False), ({}, False), ("", False), (SET_UP, True), ({**SET_UP, "repository": ""}, False),
        ({**SET_UP, "repository": "{{ nas }}"}, True), ({**SET_UP, "repository": "{{ none }}"}, False),
        ("{{ all }}", True), ("{{ none }}", False), ({**SET_UP, "environment": "{{ a vault that is closed }}"}, True),
    ],
)  # fmt: skip
def test_copies_are_set_up_by_a_repository(setting, expected):
    templar = Templar(nas="sftp:nas:/r", none="", all=SET_UP)
    given = given_of("director1", templar, {"microbosh_backup_dir": "/b", "microbosh_offsite": setting})
    assert (given["offsite"], given["rules"]["wrong"]) == (expected, [])


def test_of_the_secrets_of_a_repository_none_is_opened():
    templar = Templar()
    given_of("director1", templar, {"microbosh_offsite": {**SET_UP, "environment": {"AWS_SECRET": "secret"}}})
    assert "secret" not in str(templar.opened)


@pytest.mark.parametrize("setting", ["{{ who knows }}", {"repository": "{{ who knows }}"}, ["x"], 7, "text"])
def test_a_setting_that_cannot_be_opened_is_named(setting):
    given = given_of("director1", Templar(), {"microbosh_offsite": setting})
    assert given["offsite"] is False
    assert "microbosh_offsite cannot be opened" in given["rules"]["wrong"][0]
