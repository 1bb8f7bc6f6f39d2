# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database out of a backup beside the live one of a running director, with the ids that its operator's file names."""

from __future__ import annotations

import json

import pytest
import yaml
from conftest import playbook_command, run_ansible

pytestmark = pytest.mark.long

STAGED = "/var/vcap/store/microbosh-backup/restored.sql"
COPY = "bosh-backup"


@pytest.fixture
def load(director, tmp_path):
    """A function that copies the backup's dump to the host and loads it as the backup user; returns the Run."""

    def run(*arguments, source=None, **options):
        dump = {"src": str(source or director.latest / "dbs" / "bosh.sql"), "dest": STAGED, "mode": "0600"}
        result = {"content": "{{ restored | to_json }}", "dest": str(tmp_path / "result"), "mode": "0600"}
        tasks = [
            {"ansible.builtin.copy": dump, "check_mode": False},
            {"microbosh.director.pg_restore_bosh": {"src": STAGED, **options}, "register": "restored"},
            {"ansible.builtin.copy": result, "delegate_to": "localhost", "check_mode": False},
        ]
        variables = {"ansible_user": "microbosh", "ansible_ssh_private_key_file": str(director.directory / "key")}
        play = {"hosts": "microbosh", "gather_facts": False, "vars": variables, "tasks": tasks}
        playbook = tmp_path / "load.yml"
        playbook.write_text(yaml.safe_dump([play]))
        done = run_ansible(playbook_command(director.inventory(), playbook, *arguments))
        done.result = json.loads((tmp_path / "result").read_text()) if done.status == 0 else None
        return done

    yield run
    sql(director, "postgres", f'DROP DATABASE IF EXISTS "{COPY}"')
    director.shell(f"rm -f {STAGED}")


def sql(director, database, query):
    """Ask the host's server, return what it prints."""
    psql = ("/var/vcap/packages/postgres-15/bin/psql", "-XAtq", "-h", "127.0.0.1", "-U", "vcap", "-d", database)
    return director.execute(*psql, "-c", query).stdout.strip()


def databases(director):
    return set(sql(director, "postgres", "SELECT datname FROM pg_database WHERE NOT datistemplate").splitlines())


def recorded_rows(director):
    return next(dump["rows"] for dump in director.report["dumps"] if dump["database"] == "bosh")


def test_a_copy_with_the_ids_of_the_operators_file_lies_beside_the_live_database(director, load, tmp_path):
    uuid = sql(director, "bosh", "SELECT value FROM director_attributes WHERE name = 'uuid'")
    cid = sql(director, "bosh", "SELECT cid FROM vms ORDER BY id LIMIT 1")
    rewrite = {"director_uuid": {uuid: "11111111-2222-3333-4444-555555555555"}, "vm_cid": {cid: "vm-new"}}
    run = load(target=COPY, rewrite=rewrite)
    assert run.status == 0, run.output
    assert run.result["rows"] == recorded_rows(director)
    assert run.result["rewritten"] == {"director_attributes.value": 1, "vms.cid": 1}
    assert sql(director, COPY, "SELECT value FROM director_attributes WHERE name = 'uuid'").startswith("11111111")
    assert sql(director, COPY, "SELECT count(*) FROM vms WHERE cid = 'vm-new'") == "1"
    assert sql(director, "bosh", "SELECT count(*) FROM vms WHERE cid = 'vm-new'") == "0"
    assert director.wholly_up()


def test_what_is_there_is_replaced_only_if_allowed(director, load):
    assert load(target=COPY).status == 0
    sql(director, COPY, "DROP TABLE tasks CASCADE")
    refused = load(target=COPY)
    assert refused.status != 0
    assert f"There is a database {COPY} already" in refused
    run = load(target=COPY, replace=True)
    assert run.status == 0, run.output
    assert run.result["replaced"]
    assert sql(director, COPY, "SELECT count(*) >= 0 FROM tasks") == "t"
    assert databases(director) >= {"bosh", COPY, "uaa", "credhub"}
    assert not [name for name in databases(director) if name.startswith("microbosh_")]


def test_the_database_of_a_running_director_is_in_use(director, load):
    run = load(target="bosh", replace=True)
    assert run.status != 0
    assert "The database bosh is in use, so it is not replaced: process " in run
    # As whom the manifest of the release lets the director's jobs log in.
    assert "role postgres, from 127.0.0.1" in run
    assert director.wholly_up()


def test_check_mode_tells_and_loads_nothing(director, load):
    run = load("--check", target=COPY)
    assert run.status == 0, run.output
    assert COPY not in databases(director)


def test_a_cut_dump_is_refused(director, load, tmp_path):
    cut = tmp_path / "cut.sql"
    cut.write_bytes((director.latest / "dbs" / "bosh.sql").read_bytes()[:-5000])
    run = load(source=cut, target=COPY)
    assert run.status != 0
    assert "is not restored: it is not whole" in run
    assert COPY not in databases(director)
