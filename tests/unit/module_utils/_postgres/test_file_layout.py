# SPDX-License-Identifier: GPL-3.0-or-later
"""The way that databases come back is decided from the backup's files and the director's server."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._postgres._data_directories import (
    CROWD,
    data_directories,
    possible_directories,
    serving,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._file_layout import (
    NoWayBack,
    choose,
    file_layout,
    libc_version,
    live_of,
    sorting,
)


def make(top, name, major="15", wal="pg_wal"):
    """A data directory as far as anybody looks at it."""
    directory = top / "store" / name
    for part in ("global", "base", "pg_tblspc", wal):
        (directory / part).mkdir(parents=True)
    (directory / "global/pg_control").write_bytes(b"control")
    (directory / "PG_VERSION").write_text(f"{major}\n")
    return directory


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "vcap/store").mkdir(parents=True)
    return tmp_path / "vcap"


def unrestorable(tree, **report):
    return file_layout(str(tree.parent), report)["unrestorable"]


def test_both_layouts_are_known_and_what_is_no_database_is_not(tree):
    make(tree, "postgres-13", "13")
    make(tree, "postgres/postgres-15")
    (tree / "store/postgres-previous-glibc-tracking").mkdir()
    (tree / "store/postgres/config").mkdir()
    assert data_directories(str(tree / "store")) == [
        {"name": "postgres/postgres-15", "major": "15"},
        {"name": "postgres-13", "major": "13"},
    ]


NAMES = ["pgdata/15", "postgres_15", "Postgres-15", "postgres/15", "pgsql/15", "postgres/postgres-15/data", "a/b/c/d"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("recorded", [True, False])
def test_a_data_directory_is_one_whatever_its_name_is(tree, name, recorded):
    make(tree, name)
    report = {"postgresql": {"data_directory": f"store/{name}", "version": "15.18"}} if recorded else {}
    found = file_layout(str(tree.parent), report)
    assert found == {"postgres": [{"name": name, "major": "15"}], "live": name, "unrestorable": None}
    host = {"postgres": found["postgres"], "live": name, "majors": ["15"]}
    assert choose("auto", found, host)[0] == "files"
    assert choose("auto", dict(found, dumps=DUMPS, unrestorable="torn"), host)[0] == "dump"


def test_one_that_was_told_counts_though_it_has_a_hole(tree):
    (make(tree, "deep/er/and/deep/er") / "global/pg_control").unlink()
    report = {"postgresql": {"data_directory": "store/deep/er/and/deep/er"}}
    assert "deep/er/and/deep/er has no global/pg_control" in unrestorable(tree, **report)
    assert "no files of PostgreSQL" in unrestorable(tree)


def test_nothing_is_looked_for_where_links_lead_or_where_crowds_are(tree, tmp_path):
    outside = make(tmp_path / "outside", "pg").parent
    (tree / "store/link").symlink_to(outside)
    assert file_layout(str(tree.parent), {"postgresql": {"data_directory": "store/link/pg"}})["postgres"] == []
    for top in ("store/blobstore", "store/director/tasks", "store/crowd"):
        make(tree / top, "pg")
    for number in range(CROWD):
        (tree / "store/crowd/store" / str(number)).touch()
    assert possible_directories(str(tree / "store")) == []
    assert possible_directories(str(tree / "store"), ["crowd/store/pg"]) == ["crowd/store/pg"]


def test_a_copy_that_somebody_keeps_is_not_a_servers(tree):
    """Whoever copied it took the file along that names where its server ran."""
    started = '/usr/bin/postgres "-h" "127.0.0.1" "-D" "/var/vcap/store/%s"\n'
    (make(tree, "pgdata/15") / "postmaster.opts").write_text(started % "pgdata/15")
    (make(tree, "old/copied", "16") / "postmaster.opts").write_text(started % "pgdata/15")
    make(tree, "old/base_backup", "16")
    store = str(tree / "store")
    found = data_directories(store)
    assert len(found) == 3
    assert [item["name"] for item in serving(store, found, place="/var/vcap/store")] == ["pgdata/15"]
    assert file_layout(str(tree.parent), {})["live"] == "pgdata/15"


def test_of_several_of_one_version_the_name_decides():
    found = [{"name": name, "major": "15"} for name in ("postgres-15", "zz", "pgdata/15")]
    assert live_of(found) == "postgres-15"
    assert live_of(found, like="pgdata/15") == "pgdata/15"
    assert live_of([*found, {"name": "postgres-16", "major": "16"}], like="pgdata/15") == "postgres-16"


def test_what_nobody_lived_on_is_only_files(tree):
    """The director's database is elsewhere, and it has no PostgreSQL; an old directory is still there."""
    make(tree, "postgres-13", "13")
    report = {"postgresql": None, "elsewhere": {"databases": ["bosh"]}}
    found = {**file_layout(str(tree.parent), report), "dumps": [], "elsewhere": ["bosh"]}
    assert found["live"] is None
    host = {"postgres": found["postgres"], "live": "postgres-13", "majors": [], "inhabited": []}
    assert choose("auto", found, host) == ("files", "its databases are on a server elsewhere")
    for other in ({"inhabited": ["postgres-13"]}, {"live": "postgres-15", "postgres": FIFTEEN}):
        with pytest.raises(NoWayBack, match="would go away"):
            choose("auto", found, {**host, **other})


def test_the_microbosh_of_2014_is_known(tree):
    make(tree, "postgres", "9.0", wal="pg_xlog")
    assert file_layout(str(tree.parent), {}) == {
        "postgres": [{"name": "postgres", "major": "9.0"}], "live": "postgres", "unrestorable": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("recorded", "major", "live"),
    [
        (None, None, "postgres-16"),
        (None, "15.18", "postgres-15"),
        (None, "9.4.26", "postgres-9.4"),
        ("postgres-15", None, "postgres-15"),
        (None, "14", "postgres-16"),
    ],
)
def test_the_directory_that_counts_is_that_of_the_server(recorded, major, live):
    found = [{"name": f"postgres-{version}", "major": version} for version in ("9.4", "15", "16")]
    assert live_of(found, recorded, major) == live


def test_directories_that_nobody_uses_decide_nothing(tree):
    make(tree, "postgres-15")
    (tree / "store/postgres-13").mkdir()
    (tree / "store/postgres-13/PG_VERSION").write_text("13\n")
    (tree / "store/postgres-previous-glibc-tracking").write_text("2.35")
    for report in ({}, {"postgresql": {"data_directory": "store/postgres-15"}}, {"versions": {"postgresql": "15.3"}}):
        assert unrestorable(tree, **report) is None
    assert "store/postgres-13 has no" in unrestorable(tree, postgresql={"data_directory": "store/postgres-13"})


@pytest.mark.parametrize("recorded", ["store/postgres/postgres-15", "/var/vcap/store/postgres/postgres-15"])
def test_the_deeper_layout_comes_back_by_files(tree, recorded):
    make(tree, "postgres/postgres-15")
    assert unrestorable(tree, postgresql={"data_directory": recorded}) is None


def test_a_backup_without_the_files_says_so(tree):
    assert "no files of PostgreSQL" in unrestorable(tree)
    assert unrestorable(tree, mode="online").startswith("it was made online, while PostgreSQL ran")
    make(tree, "postgres-13", "13")
    for recorded in ("data/pg", "/var/vcap/data/pg", "/data/pg"):
        assert f"{recorded}, which is not in it" in unrestorable(tree, postgresql={"data_directory": recorded})


@pytest.mark.parametrize(
    ("online", "said"),
    [
        ({"verdict": "still", "moved": []}, "made online of a director that held still, while"),
        ({"verdict": "moved", "moved": [{}]}, "made online OF A DIRECTOR THAT MOVED, while"),
        ({"verdict": ["still"]}, "made online, while"),
        ({"verdict": "whatever"}, "made online, while"),
        ("still", "made online, while"),
        (None, "made online, while"),
    ],
)
def test_an_online_backup_says_whether_the_director_held_still(tree, online, said):
    assert said in unrestorable(tree, mode="online", online=online)


@pytest.mark.parametrize("missing", ["global/pg_control", "base", "pg_wal"])
def test_a_data_directory_with_a_hole_says_so(tree, missing):
    path = make(tree, "postgres-15") / missing
    path.rename(tree / "elsewhere")
    assert f"has no {missing} in it" in unrestorable(tree)


def test_logs_and_tablespaces_outside_of_what_was_copied_are_told(tree):
    directory = make(tree, "postgres-15")
    (directory / "pg_wal").rmdir()
    (directory / "pg_wal").symlink_to("/var/vcap/data/wal")
    (directory / "pg_tblspc/16400").symlink_to("/mnt/fast")
    told = unrestorable(tree, postgresql={"tablespaces": [{"name": "fast", "location": "/mnt/fast"}]})
    assert "its pg_wal is in /var/vcap/data/wal, which is not in it" in told
    assert "the tablespace 16400 is in /mnt/fast" in told
    assert "the tablespace fast is in /mnt/fast" in told


def test_logs_and_tablespaces_that_were_copied_too_are_no_obstacle(tree):
    directory = make(tree, "postgres-15")
    (directory / "pg_wal").rmdir()
    (tree / "store/wal").mkdir()
    (tree / "store/fast").mkdir()
    (directory / "pg_wal").symlink_to("../wal")
    (directory / "pg_tblspc/16400").symlink_to("/var/vcap/store/fast")
    spaces = [{"name": "fast", "location": "store/fast"}]
    assert unrestorable(tree, postgresql={"tablespaces": spaces, "wal_directory": "/mnt/wal"}) is not None
    assert unrestorable(tree, postgresql={"tablespaces": spaces, "wal_directory": "store/wal"}) is None


FIFTEEN = [{"name": "postgres-15", "major": "15"}]
DUMPS = [{"database": "bosh", "server_version": "15.18"}]


def backup(**more):
    return {"postgres": FIFTEEN, "live": "postgres-15", "unrestorable": None, "dumps": DUMPS, "rewrite": False, **more}


def host(**more):
    return {"postgres": FIFTEEN, "live": "postgres-15", "majors": ["13", "15"], **more}


ONLINE = {"postgres": [], "live": None, "unrestorable": "it was made online"}
DEEPER = [{"name": "postgres/postgres-15", "major": "15"}]
OLD_BESIDE = [*FIFTEEN, {"name": "postgres-13", "major": "13"}]
EMPTIED = {"postgres": [], "live": None, "maker": {"data_directory": "postgres-15", "major": "15"}}
NINE = [{"name": "postgres", "major": "9.0"}]


@pytest.mark.parametrize(
    ("of_backup", "of_host", "chosen", "why"),
    [
        ({}, {}, "files", "can use"),
        ({}, {"postgres": [], "live": None}, "files", "can use"),
        ({}, EMPTIED, "files", "can use"),
        (ONLINE, EMPTIED, "dump", "online"),
        ({"postgres": OLD_BESIDE}, {}, "files", "can use"),
        ({}, {"postgres": OLD_BESIDE}, "files", "can use"),
        (ONLINE, {}, "dump", "online"),
        ({"unrestorable": "its pg_wal is elsewhere"}, {}, "dump", "pg_wal"),
        ({}, {"postgres": DEEPER, "live": "postgres/postgres-15"}, "dump", "store/postgres/postgres-15"),
        ({"postgres": NINE, "live": "postgres"}, {}, "dump", "9.0"),
        ({"architecture": "x86_64"}, {"architecture": "aarch64"}, "dump", "aarch64"),
        ({"architecture": "x86_64"}, {}, "files", "can use"),
        ({"rewrite": True}, {}, "dump", "rewritten"),
        ({"dumps": []}, {}, "files", "can use"),
        ({"dumps": [], **ONLINE}, {"postgres": [], "live": None}, "files", "no databases"),
        ({"dumps": [], "elsewhere": ["bosh"], **ONLINE}, {"postgres": [], "live": None}, "files", "server elsewhere"),
    ],
)
def test_auto_takes_the_files_where_they_serve_and_the_dump_where_they_do_not(of_backup, of_host, chosen, why):
    found = choose("auto", backup(**of_backup), host(**of_host))
    assert found[0] == chosen
    assert why in found[1]


@pytest.mark.parametrize(
    ("asked", "of_backup", "of_host", "words"),
    [
        ("files", ONLINE, {}, "add -e microbosh_restore_database=dump"),
        ("files", {"postgres": NINE, "live": "postgres"}, {}, "add -e microbosh_restore_database=dump"),
        ("dump", {"dumps": []}, {}, "add -e microbosh_restore_database=files"),
        ("dump", {"dumps": []}, {"majors": []}, "Nor can they come back as files"),
        ("auto", {"dumps": [], "unrestorable": "it was made online"}, {}, "Nor can they come back as files: it was"),
        ("auto", ONLINE, {"postgres": [], "live": None}, "its data directory is gone"),
        ("auto", ONLINE, {**EMPTIED, "maker": None, "no_maker": "because"}, "is gone, and because. Deploy"),
        ("auto", ONLINE, {**EMPTIED, "majors": ["13"]}, "can run PostgreSQL 15 in store/postgres-15"),
        ("auto", ONLINE, {**EMPTIED, "maker": {"data_directory": "a", "major": "9.0"}, "majors": ["9.0"]}, "newer"),
        ("auto", ONLINE, {"postgres": NINE, "live": "postgres", "majors": ["9.0"]}, "newer than the director's 9.0"),
        ("auto", ONLINE, {"majors": []}, "no programs on the director"),
        ("auto", {"rewrite": True, "dumps": []}, {}, "it has no dumps"),
        ("auto", {"dumps": [], **ONLINE}, {}, "which would go away"),
    ],
)  # fmt: skip
def test_what_has_no_way_back_is_refused_with_the_reason(asked, of_backup, of_host, words):
    with pytest.raises(NoWayBack, match="Nothing was touched") as refused:
        choose(asked, backup(**of_backup), host(**of_host))
    assert words in str(refused.value)


SORTED = {"sorting": {"libc": "2.27", "databases": ["bosh"]}}


@pytest.mark.parametrize(
    ("asked", "of_backup", "libc", "chosen", "why"),
    [
        ("auto", SORTED, "2.35", "dump", "sorted with glibc 2.27, and the director has 2.35"),
        ("auto", {"sorting": {"libc": "2.27", "databases": None}}, "2.35", "dump", "files of its databases"),
        ("auto", {**SORTED, "dumps": []}, "2.35", "files", "REINDEX DATABASE"),
        ("files", SORTED, "2.35", "files", "REINDEX DATABASE"),
        ("auto", SORTED, "2.27", "files", "as they are"),
        ("auto", SORTED, None, "files", "as they are"),
        ("auto", {"sorting": {"libc": "2.27", "databases": []}}, "2.35", "files", "as they are"),
        ("auto", {"sorting": {"libc": None, "databases": ["bosh"]}}, "2.35", "files", "as they are"),
    ],
)
def test_files_sorted_by_another_glibc_are_not_taken_unasked(asked, of_backup, libc, chosen, why):
    found = choose(asked, backup(**of_backup), host(libc=libc))
    assert found[0] == chosen
    assert why in found[1]
    assert ("REINDEX" in found[1]) == (why == "REINDEX DATABASE")


def test_which_glibc_sorted_is_told_by_the_release_or_else_by_the_report(tree):
    """The release writes down with which one it made its indexes anew, when a stemcell brought another."""
    collates = {"bosh": "en_US.UTF-8", "uaa": "C", "credhub": "C.utf8"}
    report = {"machine": {"libc": "2.35"}, "postgresql": {"collates": collates}}
    assert sorting(str(tree.parent), report) == {"libc": "2.35", "databases": ["bosh"]}
    (tree / "store/postgres-previous-glibc-tracking").mkdir()
    (tree / "store/postgres-previous-glibc-tracking/previous-glibc-version.txt").write_text("2.27\n")
    assert sorting(str(tree.parent), report)["libc"] == "2.27"
    assert sorting(str(tree.parent), {}) == {"libc": "2.27", "databases": None}


def test_this_host_tells_its_glibc():
    assert libc_version() is None or libc_version()[0].isdigit()
