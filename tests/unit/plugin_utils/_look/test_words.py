# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told: the table of a person, the problems, and the line of Nagios, which its plugin says, too."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._look import _words as words
from ansible_collections.microbosh.director.plugins.plugin_utils._look._picture import picture
from backup_place import DAY, HOUR, NOW, BackupPlace
from places import REPOSITORY

PLUGIN = REPOSITORY / "extensions" / "nagios" / "check_microbosh"
REHEARSED = {
    "verified": {"whole": True, "at": "2026-11-27T03:00:00Z", "findings": []},
    "rehearsed": {"good": True, "at": "2026-11-27T03:00:00Z", "seconds": 5, "problems": []},
    "restore": {"seconds": 58.3, "away_seconds": 14.9},
}
# Label, value, unit, warning, critical, as the guidelines for plugins have it.
DATUM = re.compile(r"('[^'=]+'|[^'= ]+)=(-?[0-9.]+)(s|B)?(?:;([0-9.]*))?(?:;([0-9.]*))?(?:$| )")


@pytest.fixture
def found(tmp_path):
    """Three directors: one is well, one is not, one has no backup."""
    well, ill = BackupPlace(tmp_path / "a"), BackupPlace(tmp_path / "b")
    BackupPlace(tmp_path / "c")
    well.backup(4 * HOUR)
    well.backup(DAY, verdict=REHEARSED)
    ill.backup(3 * DAY, {"mode": "online", "outage_seconds": 0, "online": {"verdict": "still"}})
    ill.record(HOUR, outcome="failed", error="Proof: torn | 'x'=1\nmore")
    names = {"a": "director1", "b": "it's=2", "c": "none"}
    given = [{"name": name, "directory": str(tmp_path / path), "rules": {}} for path, name in names.items()]
    return picture(given, NOW)


def test_the_table(found):
    lines = words.table(found["directors"])
    assert lines[0].startswith("director1: OK, newest proven 4 h 00 min old, rehearsed 23 h 00 min ago, ")
    assert " ".join(lines[1].split()) == "backup age mode outage new in all verdict looked at rehearsed"
    assert lines[2].split()[0] == "20261127T220000Z"
    assert "not since" in lines[2]
    assert "2026-11-27, back in 58.3 s" in lines[3]
    assert [len(line.partition("proven")[0]) for line in lines[2:4]] == [lines[1].index("verdict")] * 2
    assert re.search("LAST RUN FAILED.*never rehearsed", lines[4])
    assert re.search("online +none .* still ", lines[6])
    assert any(line.startswith("none: CRITICAL, NO BACKUP, none proven") for line in lines)


def test_copies_are_in_the_table_and_below_it_what_is_only_elsewhere(tmp_path):
    place = BackupPlace(tmp_path / "a")
    new = place.backup(2 * HOUR)
    copied = place.backup(4 * HOUR)
    (place.path / "archives").mkdir()
    (place.path / "archives" / f"d_{copied}.tar.zst").touch()
    ids = place.offsite(4 * HOUR, *(number * DAY for number in range(30, 35)))
    given = {"name": "director1", "directory": str(place.path), "rules": {}, "offsite": True}
    lines = words.table(picture([given], NOW)["directors"])
    assert (lines[2].split()[0], lines[2].split()[-1]) == (new, "no")
    assert lines[3].endswith("  archive, copied")
    assert lines[4] == f"  elsewhere: 6 copies, the newest of {copied}, checked on 2026-11-28, NOT copied: {new}"
    ways = "restore with -e microbosh_restore_from=offsite:<id>"
    assert lines[5] == f"  only elsewhere: {', '.join(ids[1:4])} and 2 more; {ways}"
    assert max(map(len, lines)) < 140


@pytest.mark.parametrize(
    ("offsite", "content", "expected"),
    [
        (True, {"checked": None}, "1 copy, the newest of {id}, never checked"),
        (True, {"checked": {"at": None, "good": False}}, "1 copy, the newest of {id}, found DAMAGED on ?"),
        (True, {"copies": []}, "0 copies, checked on 2026-11-28, NOT copied: {id}"),
        (False, {}, "1 copy, the newest of {id}, checked on 2026-11-28, no more are made"),
    ],
)
def test_what_is_said_of_copies(tmp_path, offsite, content, expected):
    place = BackupPlace(tmp_path / "a")
    name = place.backup(HOUR)
    place.offsite(HOUR, **content)
    given = {"name": "a", "directory": str(place.path), "rules": {}, "offsite": offsite}
    lines = words.table(picture([given], NOW)["directors"])
    assert lines[3] == f"  elsewhere: {expected.format(id=name)}"


def test_without_copies_there_is_no_line_of_them(found):
    assert not [line for line in words.table(found["directors"]) if "elsewhere" in line]


def test_problems_the_worst_director_first(found):
    lines = words.problem_lines(found["directors"])
    assert [line.split(":")[0] for line in lines] == ["it's=2"] * 3 + ["none", "3 directors"]
    assert lines[-1] == "3 directors: 1 OK, 2 CRITICAL"


def test_the_line_of_nagios_is_one_and_its_data_can_be_read(found):
    line = words.nagios_line(found["directors"])
    told, dummy, data = line.partition(" | ")
    said = "MICROBOSH CRITICAL - 3 directors: 1 OK, 2 CRITICAL; it's=2: the newest proven backup is 3 days"
    assert told.startswith(said)
    assert not {"|", "\n"} & set(told + data)
    assert "".join(match.group(0) for match in DATUM.finditer(data)) == data
    found_data = {match[0].strip("'"): match[1:] for match in DATUM.findall(data)}
    assert found_data["director1 age"] == ("14400", "s", "", "129600")
    assert found_data["director1 outage"] == ("7.1", "s", "", "")
    assert found_data["it_s_2_6e8c18fb size"] == ("284010000", "B", "", "")
    assert (found_data["ok"][0], found_data["critical"][0]) == ("1", "2")
    assert not any(label.startswith("none") for label in found_data)


def test_of_nobody_nothing_is_known():
    assert words.status_of([]) == 3
    assert words.nagios_line([]).startswith("MICROBOSH UNKNOWN - 0 directors")


def test_many_problems_are_counted(found):
    director = found["directors"][2]
    director["health"]["problems"] = director["health"]["problems"] * 20
    assert "and 18 more" in words.nagios_line(found["directors"])
    director["health"]["problems"][0]["said"] = "x" * 10_000
    assert len(words.nagios_line(found["directors"])) < 4096


@pytest.fixture(scope="module")
def plugin():
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    loader = SourceFileLoader("check_microbosh", str(PLUGIN))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    yield module
    sys.dont_write_bytecode = before


@pytest.fixture
def check(plugin, found, tmp_path, capsys):
    def made(*arguments, content=None, now=NOW + 60):
        path = tmp_path / "backups.json"
        path.write_text(json.dumps(found) if content is None else content, encoding="utf-8")
        status = plugin.main([*arguments, str(path)], now)
        return status, capsys.readouterr().out.rstrip("\n")

    return made


def test_the_plugin_says_the_same(check, found):
    assert check() == (2, words.nagios_line(found["directors"]))
    assert check("--director", "director1") == (0, words.nagios_line(found["directors"][:1]))


def test_two_names_have_two_labels(check, found):
    """What a label cannot have becomes the same sign; the graphs of two directors are not to become one."""
    names = ("a b", "a_b", "a=b")
    for director, name in zip(found["directors"], names, strict=True):
        director.update(name=name, proven_age_seconds=7)
    labels = [match[0].strip("'") for match in DATUM.findall(words.nagios_line(found["directors"]).partition(" | ")[2])]
    ages = [label for label in labels if label.endswith(" age")]
    assert (len(set(ages)), "a_b age" in ages) == (3, True)
    assert check()[1] == words.nagios_line(found["directors"])


@pytest.mark.parametrize("status", [0, 1, 2, 3])
def test_the_status_of_the_plugin_is_the_worst(check, found, status):
    found["directors"][0]["health"]["status"] = status
    assert check("--director", "director1")[0] == status


@pytest.mark.parametrize(
    ("arguments", "content", "later"),
    [
        ([], "", 0), ([], "{", 0), ([], "[]", 0), ([], '{"schema": 2, "directors": []}', 0),
        ([], '{"schema": 1, "directors": [], "at": "2026-11-28T02:00:00Z"}', 0),
        ([], '{"schema": 1, "directors": [{}], "at": "2026-11-28T02:00:00Z"}', 0),
        ([], '{"schema": 1, "directors": [], "at": 7}', 0), ([], None, 3601), (["--older-than", "60"], None, 61),
        (["--director", "unknown"], None, 0), (["--wrong"], None, 0),
    ],
)  # fmt: skip
def test_what_the_plugin_cannot_know_is_unknown(check, arguments, content, later):
    status, told = check(*arguments, content=content, now=NOW + later)
    assert status == 3
    assert told.startswith("MICROBOSH UNKNOWN - ") or arguments == ["--wrong"]


def test_the_plugin_is_a_program(tmp_path):
    done = subprocess.run([sys.executable, PLUGIN, tmp_path / "none"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.startswith("MICROBOSH UNKNOWN - ")) == (3, True)
