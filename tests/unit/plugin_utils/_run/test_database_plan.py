# SPDX-License-Identifier: GPL-3.0-or-later
"""The director's own database, what is dumped where, and refusals are decided by the servers' answers."""

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.microbosh.director.plugins.action.database_plan_info import planned
from ansible_collections.microbosh.director.plugins.filter.postgres_services import postgres_services
from ansible_collections.microbosh.director.plugins.plugin_utils._run._database_plan import PlanError
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._rules import copies
from planned_databases import BOSH, NO_SERVER, database, server

RULES = ["- data/", "- sys", "+ bosh", "+ bosh/settings.json", "- bosh/**"]
RULES += ["+ store", "- store/lost+found", "+ store/**"]
SERVICES = ["nats", "postgres", "director", "worker_1"]


def elsewhere(*databases, **facts):
    return server(*databases, **{"superuser": False, "data_directory": None, **facts})


def plan(local, wanted=("all",), **given):
    arguments = {
        "databases": list(wanted),
        "director_database": "",
        "local": local,
        "elsewhere": None,
        "where": "db.example.com:5432",
        "filter": RULES,
        "mode": "offline",
        "services": SERVICES,
        "servers": [],
        "copy": None,
    }
    return planned({**arguments, **given})


# --- which is the director's own --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bosh", "director", "bosh-prod"])
def test_it_is_found_by_its_tables_whatever_its_name(name):
    found = plan(server(database("uaa"), database(name, director=True)))
    assert (found["director_database"], found["without"], found["local"]) == (name, "", ["all"])


def test_a_postgres_without_it_is_refused_with_the_settings_to_set():
    with pytest.raises(PlanError) as raised:
        plan(server(database("uaa"), database("credhub")))
    said = str(raised.value)
    assert "No database on 127.0.0.1:5432 has the tables of a director. The server has: credhub, uaa." in said
    assert all(f"microbosh_director_database{name}" in said for name in ("_host", ""))
    assert all(name in said for name in ("_port", "_user", "_password", "_ca", "microbosh_databases: []"))


def test_no_server_at_all_is_refused_with_the_settings_to_set():
    with pytest.raises(PlanError, match=r"does not answer on .*microbosh_director_database_host, _port"):
        plan(NO_SERVER)


def test_of_several_that_one_counts_which_is_in_use():
    found = plan(server(BOSH, database("bosh_before_upgrade", director=True, sessions=0)))
    assert found["director_database"] == "bosh"


@pytest.mark.parametrize("sessions", [0, 2])
def test_several_of_which_none_or_all_are_in_use_are_refused(sessions):
    copies = [database(name, director=True, sessions=sessions) for name in ("bosh", "bosh2")]
    with pytest.raises(PlanError, match=r"Several databases .*: bosh, bosh2\. Name the one "):
        plan(server(*copies))
    assert plan(server(*copies), director_database="bosh2")["director_database"] == "bosh2"


def test_one_that_nobody_uses_may_be_left_from_before_and_is_refused_unless_it_is_named():
    left = server(database("bosh", director=True, sessions=0), database("uaa"))
    with pytest.raises(PlanError, match=r"Nothing is connected to the database bosh .*_director_database: bosh"):
        plan(left)
    assert plan(left, director_database="bosh")["director_database"] == "bosh"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bsh", "has no such database"),
        ("closed", "that database lets nobody in"),
        ("uaa", "has not the tables of a director"),
    ],
)
def test_a_name_that_cannot_be_it_is_refused(name, said):
    with pytest.raises(PlanError, match=f"microbosh_director_database is {name}, .*{said}.*The server has: bosh, uaa"):
        plan(server(BOSH, database("uaa"), database("closed", connectable=False)), director_database=name)


# --- what is dumped ---------------------------------------------------------------------------------------------------


def test_a_list_without_it_is_refused():
    with pytest.raises(PlanError, match=r"names uaa and not bosh, .*Add it\. .*microbosh_databases: \[\]"):
        plan(server(BOSH, database("uaa")), ["uaa"])


def test_a_list_keeps_its_order():
    found = plan(server(BOSH, database("uaa")), ["uaa", "bosh", "uaa"])
    assert (found["local"], found["without"]) == (["uaa", "bosh"], "")


def test_a_name_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(PlanError, match=r"No such database: bosch\. The server has: bosh, uaa\."):
        plan(server(BOSH, database("uaa")), ["bosch"])


def test_none_is_what_was_asked_for_and_is_called_that():
    found = plan(server(BOSH), [])
    assert found["without"] == "WITHOUT A DUMP OF THE DIRECTOR'S DATABASE (only PostgreSQL's files)"
    assert found["local"] == []
    assert any("no dump" in line for line in found["told"])


@pytest.mark.parametrize(
    "given",
    [{"mode": "online"}, {"elsewhere": elsewhere(BOSH)}, {"local": server(BOSH, data_directory="/data/pg")}],
)
def test_none_and_no_files_of_it_either_is_called_that(given):
    assert plan(**{"local": server(BOSH), "wanted": [], **given})["without"] == "WITHOUT THE DIRECTOR'S DATABASE"


def test_none_needs_no_server():
    assert plan(NO_SERVER, [])["directories"] is None


def test_what_all_leaves_out_is_told():
    closed = [database("closed", connectable=False), database("model", template=True)]
    told = plan(server(BOSH, *closed))["told"]
    assert told == [
        "The database closed on 127.0.0.1:5432 lets nobody in, so it is not dumped",
        "The database model on 127.0.0.1:5432 is a template, so it is not dumped",
    ]


# --- a database elsewhere ---------------------------------------------------------------------------------------------


def test_elsewhere_without_a_server_on_the_director():
    found = plan(NO_SERVER, elsewhere=elsewhere(BOSH), services=["nats", "director"])
    assert (found["director_database"], found["elsewhere"], found["local"]) == ("bosh", ["bosh"], [])
    assert found["without"] == ""
    assert found["directories"] is None


def test_elsewhere_with_a_server_on_the_director_both_are_dumped():
    local = server(database("uaa"), database("credhub"))
    found = plan(local, elsewhere=elsewhere(BOSH, database("others", mine=False)))
    assert (found["elsewhere"], found["local_names"], found["local"]) == (["bosh"], ["credhub", "uaa"], ["all"])
    assert found["told"] == ["Not dumped, as they are another's on db.example.com:5432: others"]


def test_one_of_the_same_name_that_was_left_on_the_director_is_told_and_not_dumped():
    local = server(database("bosh", director=True, sessions=0), database("uaa"))
    found = plan(local, elsewhere=elsewhere(BOSH))
    assert (found["elsewhere"], found["local"]) == (["bosh"], ["uaa"])
    assert found["told"] == [
        "The database bosh on 127.0.0.1:5432 is not dumped: one of that name on db.example.com:5432 is"
    ]


def test_names_are_shared_out():
    found = plan(server(database("uaa")), ["bosh", "uaa"], elsewhere=elsewhere(BOSH))
    assert (found["elsewhere"], found["local"]) == (["bosh"], ["uaa"])


def test_elsewhere_does_not_answer():
    with pytest.raises(PlanError, match="says no"):
        plan(server(BOSH), elsewhere={**NO_SERVER, "problem": "db.example.com says no."})


def test_a_server_on_the_director_that_monit_runs_and_nobody_can_ask_is_refused():
    with pytest.raises(PlanError, match="monit has the service postgres, and its server cannot be asked"):
        plan(NO_SERVER, elsewhere=elsewhere(BOSH))


# --- where its files are ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "directories"),
    [
        ("/var/vcap/store/postgres", ["store/postgres"]),
        ("/var/vcap/store/postgres/postgres-16", ["store/postgres/postgres-16"]),
        ("/var/vcap/data/pg", []),
        ("/srv/pg", []),
        (None, None),
    ],
)
def test_the_directories_are_those_that_the_server_names(path, directories):
    assert plan(server(BOSH, data_directory=path))["directories"] == directories


def test_a_data_directory_that_is_not_copied_is_told():
    found = plan(server(BOSH, data_directory="/srv/pg"))
    assert found["postgresql"]["data_directory"] == "/srv/pg"
    assert found["postgresql"]["outside"] == {"data directory": "/srv/pg"}
    assert any("/srv/pg, is not in what is copied: this backup cannot" in line for line in found["told"])


def test_tablespaces_are_told_and_compared_by_content_too():
    spaces = [{"name": "in", "location": "/var/vcap/store/fast"}, {"name": "out", "location": "/mnt/fast"}]
    found = plan(server(BOSH, tablespaces=spaces))
    assert found["directories"] == ["store/fast", "store/postgres-15"]
    assert found["postgresql"]["outside"] == {"tablespace out": "/mnt/fast"}
    assert found["postgresql"]["tablespaces"][0] == {"name": "in", "location": "store/fast"}
    assert len([line for line in found["told"] if "has none of that name, a restore by dump puts" in line]) == 2


@pytest.mark.parametrize(
    ("target", "leads", "out"),
    [
        ("/var/vcap/data/pg_wal", "data/pg_wal", True),
        ("/mnt/wal", "/mnt/wal", True),
        ("../wal", "store/wal", False),
        ("/var/vcap/store/wal", "store/wal", False),
    ],
)
@pytest.mark.parametrize("name", ["pg_wal", "pg_xlog"])
def test_where_the_write_ahead_log_leads_is_seen_in_the_copy(tmp_path, name, target, leads, out):
    (tmp_path / "store/postgres-15").mkdir(parents=True)
    (tmp_path / "store/postgres-15" / name).symlink_to(target)
    found = plan(server(BOSH), copy=str(tmp_path))
    assert found["postgresql"]["wal_directory"] == leads
    assert ("write-ahead log" in found["postgresql"]["outside"]) is out
    assert found["directories"] == (["store/postgres-15"] if out else ["store/postgres-15", "store/wal"])


def test_a_log_in_its_place_leads_nowhere(tmp_path):
    (tmp_path / "store/postgres-15/pg_wal").mkdir(parents=True)
    found = plan(server(BOSH), copy=str(tmp_path))
    assert (found["postgresql"]["wal_directory"], found["postgresql"]["outside"], found["told"]) == (None, {}, [])


def test_a_collation_of_another_version_is_told():
    found = plan(server({**BOSH, "actual_version": "2.36"}))
    versions = {"collate": "en_US.UTF-8", "recorded": "2.35", "actual": "2.36"}
    assert found["postgresql"]["collations"] == {"bosh": versions}
    assert any("version 2.35 of the collation en_US.UTF-8, and the host has 2.36" in line for line in found["told"])


def test_a_server_that_monit_does_not_run_is_refused_where_its_files_are_copied():
    given = {"services": ["nats", "postgres_exporter"]}
    with pytest.raises(PlanError, match="no service of monit, so it would go on while its files"):
        plan(server(BOSH), **given)
    with pytest.raises(PlanError, match="set microbosh_mode: online"):
        plan(server(BOSH), mode="auto", **given)
    assert plan(server(BOSH), mode="online", **given)["services"] == []
    assert plan(server(BOSH, data_directory="/srv/pg"), **given)["directories"] == []


SERVER_NAMES = ["postgres", "postgres-13", "postgresql", "postgres15", "postgresql-15-main", "pg"]


@pytest.mark.parametrize("name", SERVER_NAMES)
def test_the_services_that_stop_last(name):
    assert plan(server(BOSH), services=["director", name])["services"] == [name]


def test_a_service_is_known_by_what_it_runs():
    services = ["director", "database", "pg_exporter", "postgres_backup"]
    assert plan(server(BOSH), services=services, servers=["database"])["services"] == ["database"]
    told = {"services": [{"name": name} for name in services]}
    assert postgres_services(dict(told, postgres=["database"])) == ["database"]
    assert postgres_services(dict(told, services=[{"name": "pg"}, {"name": "nats"}])) == ["pg"]


@pytest.mark.parametrize(
    ("local", "services", "left_out", "words"),
    [
        (server(BOSH, data_directory="/var/vcap/store/pgdata/15"), SERVICES, ["store/pgdata/15"], "store/pgdata/15"),
        (server(BOSH, data_directory="/srv/pg"), SERVICES, [], None),
        (server(BOSH, data_directory=None), SERVICES, ["store/postgres*"], "does not tell where they are"),
        (NO_SERVER, ["nats", "director"], [], None),
        (NO_SERVER, SERVICES, ["store/postgres*"], "does not tell where they are"),
    ],
)
def test_online_nothing_is_left_out_but_what_a_server_on_the_director_has(local, services, left_out, words):
    """What an older one left, and what an operator keeps in store/postgres_backups, is copied like everything else."""
    found = plan(local, [], mode="online", services=services)
    assert found["never_live"] == left_out
    assert [words in line for line in found["told"] if "its files are not copied" in line] == ([True] if words else [])
    assert plan(local, [], mode="auto", services=services)["told"] == found["told"]
    offline = plan(local, [], services=services)
    assert not any("its files are not copied" in line for line in offline["told"])


@pytest.mark.parametrize(
    ("rules", "path", "copied"),
    [
        (RULES, "store/postgres/postgres-16", True),
        (RULES, "store/lost+found/x", False),
        (RULES, "data/pg", False),
        (RULES, "bosh/pg", False),
        (RULES, "other", True),
        (["- /store/pg*", "+ store/***"], "store/pg-1", False),
        (["- pg", "+ store/***"], "store/a/pg/b", False),
        (["- /pg", "+ store/***"], "store/pg", True),
        (["+ store", "+ store/*", "- *"], "store/pg/base", False),
        (["- store/[ab]?", "+ store/**"], "store/ax", False),
    ],
)
def test_what_rsync_would_copy(tmp_path, rules, path, copied):
    assert copies(rules, path) is copied
    (tmp_path / "from" / path).mkdir(parents=True)
    filters = [f"--filter={rule}" for rule in rules]
    subprocess.run(["rsync", "-r", *filters, f"{tmp_path}/from/", f"{tmp_path}/to/"], check=True)
    assert (tmp_path / "to" / path).is_dir() is copied
