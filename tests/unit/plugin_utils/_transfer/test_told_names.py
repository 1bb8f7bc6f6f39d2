# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that a director tells lead to no other place on the controller, neither for pushing nor for reading."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.microbosh.director.plugins.action.database_plan_info import planned
from ansible_collections.microbosh.director.plugins.action.pull import (
    ARGUMENTS,
    SMALLEST_LIMIT,
    _largest_file,
    _listing,
    rsync_options,
    too_large,
)
from ansible_collections.microbosh.director.plugins.action.push import permitted
from ansible_collections.microbosh.director.plugins.filter.databases_of_others import databases_of_others
from ansible_collections.microbosh.director.plugins.filter.director_paths import director_paths
from ansible_collections.microbosh.director.plugins.filter.dumped_bytes import dumped_bytes
from ansible_collections.microbosh.director.plugins.filter.dumps_of_ours import dumps_of_ours
from ansible_collections.microbosh.director.plugins.plugin_utils._run._database_plan import PlanError
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._inside import (
    OutsideError,
    file_status,
    link_target,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._server_files import where_wal_leads
from planned_databases import database, server

DIGEST = "0" * 64


@pytest.fixture
def backup(tmp_path):
    """A backup with a file, and links to where a file of another director is."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other/secret").write_text("secret")
    (tmp_path / "secret").write_text("secret")
    top = tmp_path / "backup"
    (top / "vcap/store").mkdir(parents=True)
    (top / "vcap/store/mine").write_text("mine")
    (top / "vcap/store/unnamed").write_text("not in the list")
    (top / "vcap/out").symlink_to(tmp_path / "other")
    (top / "vcap/store/link").symlink_to(tmp_path / "secret")
    names = ["store/mine", "out/secret", "store/link", "gone", "../../secret", "pipe"]
    os.mkfifo(top / "vcap/pipe")
    line = "./vcap/%s type=file uid=0 gid=0 mode=0644 time=1.000000000 size=4 sha256digest=" + DIGEST
    entries = [line % name for name in names]
    (top / "metadata.mtree").write_text("\n".join(["#mtree", *entries, ""]))
    return top


def test_what_the_list_names_is_pushed(backup):
    assert permitted(str(backup / "vcap"), ["store/mine"], str(backup / "metadata.mtree")) == [b"store/mine"]


@pytest.mark.parametrize(
    "name",
    [
        "store/unnamed",  # there, and not in the list
        "../metadata.mtree",
        "/etc/passwd",
        "../../secret",  # in the list, and out of the backup
        "out/secret",  # in the list, behind a link
        "store/link",  # in the list, a link
        "pipe",
        "gone",
        "store/mine/",
        "store//mine",
        "./store/mine",
        "store/\\056\\056/\\056\\056/\\056\\056/secret",
        "",
        "\x1b[2J",
    ],
)
def test_nothing_else_is_pushed_whatever_a_director_says_that_it_lacks(backup, name):
    with pytest.raises((OutsideError, OSError)) as raised:
        permitted(str(backup / "vcap"), ["store/mine", name], str(backup / "metadata.mtree"))
    assert "\x1b" not in str(raised.value)


@pytest.mark.parametrize("name", ["store/mine", "../secret", "..", ".", "out", "/etc/passwd"])
def test_without_a_list_no_more_than_the_directory_itself(backup, name):
    with pytest.raises(OutsideError):
        permitted(str(backup / "vcap"), [name], None)


@pytest.mark.parametrize(
    "content",
    [
        "#mtree\nnonsense\n",
        f"#mtree\n./vcap/store/mine type=dir uid={10**12} gid=0 mode=0755 time=1.000000000\n",
    ],
)
def test_a_damaged_list_names_nothing(backup, content):
    (backup / "metadata.mtree").write_text(content)
    with pytest.raises(OutsideError, match="damaged"):
        permitted(str(backup / "vcap"), ["store/mine"], str(backup / "metadata.mtree"))


def test_links_are_read_inside_only(backup):
    assert link_target(bytes(backup), b"vcap/out") == bytes(backup.parent / "other")
    assert link_target(bytes(backup), b"vcap/out/x") is None
    with pytest.raises(OutsideError):
        file_status(bytes(backup), b"vcap/../metadata.mtree")


def test_where_a_log_leads_is_not_looked_for_behind_links(tmp_path):
    (tmp_path / "elsewhere/postgres").mkdir(parents=True)
    (tmp_path / "elsewhere/postgres/pg_wal").symlink_to("/controller/secret/place")
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/store").symlink_to(tmp_path / "elsewhere")
    assert where_wal_leads({"data_directory": "/var/vcap/store/postgres"}, str(tmp_path / "copy")) is None


PLACES = [
    "/var/vcap/../../etc",
    "/var/vcap/store/x\n+ /etc/**",
    "relative",
    "/var/vcap/store/*",
    "/var/vcap//x",
    "/a\\x0ab",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("what", ["data_directory", "wal_directory", "tablespace"])
def test_places_of_a_server_are_plain_paths(what, place):
    facts = server(database("bosh", director=True))
    if what == "tablespace":
        facts["tablespaces"] = [{"name": "t", "location": place}]
    else:
        facts[what] = place
    with pytest.raises(PlanError, match="no path that can be copied"):
        planned(arguments(facts))


@pytest.mark.parametrize("name", ["../../other/latest/dbs/bosh", "a/b", "..", "x\\x0ay", "-n", ".work"])
def test_databases_are_names_of_files(name):
    with pytest.raises(PlanError, match="file name"):
        planned(arguments(server(database(name, director=True))))


def arguments(facts):
    return {
        "databases": ["all"], "director_database": "", "local": facts, "servers": [], "elsewhere": None, "where": "",
        "filter": ["+ store/**"], "mode": "offline", "services": ["postgres"], "copy": None,
    }  # fmt: skip


def test_dumps_come_without_links():
    given = {name: argument.get("default") for name, argument in ARGUMENTS.items()}
    assert "--no-links" in rsync_options(given, by_root=True)
    assert "--no-links" not in rsync_options({**given, "reader": "/x"}, by_root=True)


def test_told_paths():
    assert director_paths("/a\n/b", 2) == ["/a", "/b"]
    for text in ("/a", "/a\n/b\n/c", "/a\n../b", "", "/a\n/b*"):
        with pytest.raises(AnsibleFilterError):
            director_paths(text, 2)


@pytest.fixture
def directory(tmp_path):
    for path in (
        "mine/20261122T221326Z/dbs/bosh.sql",
        "mine/restore/unpacked/x/dbs/uaa.sql",
        "given/dbs/bosh.sql",
        "other/dbs/bosh.sql",
    ):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text("dump")
    (tmp_path / "mine/20261123T221326Z").symlink_to(tmp_path / "other")
    return tmp_path


def told(path, database="bosh"):
    return [
        {
            "database": database,
            "path": str(path),
            "name": f"{database}.sql",
            "sha256": DIGEST,
            "size": 4,
            "rows": {},
            "properties": None,
        }
    ]


@pytest.mark.parametrize(
    ("path", "database"),
    [
        ("mine/20261122T221326Z/dbs/bosh.sql", "bosh"),
        ("mine/restore/unpacked/x/dbs/uaa.sql", "uaa"),
        ("given/dbs/bosh.sql", "bosh"),
        ("mine/20261122T000000Z/dbs/bosh.sql", "bosh"),  # it is gone: that is told later, by name
    ],
)
def test_a_restore_that_goes_on_loads_dumps_of_its_own_backups(directory, path, database):
    dumps = told(directory / path, database)
    assert dumps_of_ours(dumps, str(directory / "mine"), str(directory / "given")) == dumps


@pytest.mark.parametrize(
    ("path", "database"),
    [
        ("other/dbs/bosh.sql", "bosh"),
        ("mine/../other/dbs/bosh.sql", "bosh"),
        ("mine/20261123T221326Z/dbs/bosh.sql", "bosh"),  # a link
        ("mine/20261122T221326Z/dbs/bosh.sql", "uaa"),
        ("mine/20261122T221326Z/dbs/../../../../other/dbs/bosh.sql", "bosh"),
        ("mine/20261122T221326Z/dbs/bosh.sql", "../bosh"),
        ("mine/logs/dbs/bosh.sql", "bosh"),
    ],
)
def test_and_no_file_of_another_place_whatever_the_host_says_that_it_began_with(directory, path, database):
    with pytest.raises(AnsibleFilterError, match="does not belong"):
        dumps_of_ours(told(f"{directory}/{path}", database), str(directory / "mine"), "latest")


def recorded(directory, *databases):
    """Write down where the dumps of a backup are from, as the controller does."""
    (directory / "backup.json").write_text(json.dumps({"elsewhere": {"server": "db:5432", "databases": databases}}))


@pytest.mark.parametrize(
    ("path", "database"),
    [
        ("mine/20261122T221326Z", "bosh"),
        ("mine/20261122T221326Z", "credhub"),  # whatever its path is: that is asked where something is loaded from
        ("mine/restore/unpacked/x", "uaa"),
        ("given", "bosh"),
    ],
)
def test_what_is_put_back_elsewhere_is_what_our_backups_were_made_of_there(directory, path, database):
    recorded(directory / path, "bosh", "uaa", "credhub")
    dumps = told(directory / path / "dbs" / f"{database}.sql", database)
    assert databases_of_others(dumps, str(directory / "mine"), str(directory / "given"), "all") == []


@pytest.mark.parametrize("database", ["victim", "", None, 1, ["victim"], "../bosh"])
def test_and_nothing_else_whatever_the_host_says(directory, database):
    recorded(directory / "mine/20261122T221326Z", "bosh")
    recorded(directory / "other", "victim")
    # It dumped one of that name itself, on the director: the dump is there.
    for dumps in ("mine/20261122T221326Z/dbs", "other/dbs"):
        (directory / dumps / "victim.sql").write_text("dump")
    for path in ("mine/20261122T221326Z/dbs/victim.sql", "mine/20261123T221326Z/dbs/victim.sql", "other/dbs/victim.sql",
                 "mine/20251122T221326Z/dbs/victim.sql"):  # fmt: skip
        dumps = told(directory / "mine/20261122T221326Z/dbs/bosh.sql") + told(directory / path, database)
        assert databases_of_others(dumps, str(directory / "mine"), "latest", ["", "x"]) == [str(database)]


def test_what_the_settings_name_is_ours_without_a_backup(tmp_path):
    dumps = told(tmp_path / "20261122T221326Z/dbs/bosh.sql")
    assert databases_of_others(dumps, str(tmp_path), "latest", ["bosh"]) == []
    assert databases_of_others(dumps, str(tmp_path), "latest", "all") == ["bosh"]
    assert databases_of_others(["bosh"], str(tmp_path), "latest", []) == ["bosh"]


@pytest.mark.parametrize("report", ["{", "[]", '{"elsewhere": 1}', '{"elsewhere": {"databases": "bosh"}}', "{}"])
def test_a_report_that_does_not_say_says_of_none_that_it_is_ours(directory, report):
    (directory / "mine/20261122T221326Z/backup.json").write_text(report)
    dumps = told(directory / "mine/20261122T221326Z/dbs/bosh.sql")
    assert databases_of_others(dumps, str(directory / "mine"), "latest", "all") == ["bosh"]


def test_what_a_director_says_that_it_dumped_is_all_that_may_come():
    dumped = {
        "dumps": [{"size": 10, "properties": {"size": 2}}, {"size": 5, "properties": None}],
        "globals": {"size": 1},
    }
    assert dumped_bytes(dumped) == 18
    assert dumped_bytes({}) == 0
    assert dumped_bytes({"dumps": [{"size": -5}, {}]}) == 0


def test_no_file_grows_beyond_the_limit(tmp_path):
    """However fast it comes: the kernel sees to it, in whatever program writes it."""
    limit = SMALLEST_LIMIT
    with _largest_file(5):
        done = subprocess.run(
            ["dd", "if=/dev/zero", f"of={tmp_path}/x", "bs=1M", "count=80"], capture_output=True, check=False
        )
    assert done.returncode != 0
    assert (tmp_path / "x").stat().st_size == limit
    (tmp_path / "y").write_bytes(b"y" * (limit + 1))


def test_what_the_kernel_refused_is_told_as_too_much():
    said = {"msg": 'rsync: [receiver] write failed on "/b/huge": File too large (27)'}
    assert "sent more than the" in too_large({"limit": 70_000_000}, said)
    assert too_large({"limit": 0}, said) == ""
    assert too_large({"limit": 70_000_000}, {"msg": "rsync: No space left on device (28)"}) == ""


def test_every_transfer_is_counted(tmp_path):
    given = {"listing": None}
    with _listing(given, True):
        path = given["listing"]
        assert path
    assert not os.path.exists(path)
    given = {"listing": None}
    with _listing(given, False):
        assert given["listing"] is None
