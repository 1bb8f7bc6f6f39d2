"""Directors whose database is elsewhere: beside a server of their own (other port, other layout), or alone."""

from __future__ import annotations

import json

import points
import pytest
from restoring import files, killed_at, marker, restore
from standing import unharmed, whole

pytestmark = pytest.mark.long

VARIANT = dict(
    generation="director",
    blobs=2,
    tasks=2,
    database_mib=1,
    database_at="split",
    director_database="bosh_production",
    postgres_port=5433,
    postgres_layout="successor",
)


def settings(director):
    """Return an operator's settings for the server elsewhere."""
    server = director.host.elsewhere
    return {
        "microbosh_director_database_host": server.host,
        "microbosh_director_database_port": server.port,
        "microbosh_director_database_user": server.user,
        "microbosh_director_database_password": server.password,
        "microbosh_director_database_ca": str(server.ca),
    }


@pytest.fixture(scope="module")
def split(new_director):
    """Return such a director, set up before its settings said where its database is."""
    director = new_director("e2e-split", **VARIANT)
    run = director.setup()
    assert run.status == 0, run.output
    return director


def refused(director, *said, **given):
    with unharmed(director):
        run = director.backup(**given)
    assert run.status != 0
    for text in (*said, "Nothing was stopped"):
        assert text in run.told(director.name)


def test_a_postgres_without_the_directors_database_is_refused_with_the_settings(split):
    where = {"microbosh_director_database_port": 5433}
    refused(split, "has the tables of a director", "microbosh_director_database_host, _port", **where)


def test_a_key_that_may_not_go_there_is_refused_with_the_way_out(split):
    refused(split, "does not let the backup key connect to", "Run the setup playbook", **settings(split))


@pytest.fixture(scope="module")
def backup(split):
    """A backup of both servers, as loud as Ansible can be."""
    split.settings.update(settings(split))
    run = split.setup()
    assert run.status == 0, run.output
    run = split.backup("-vvvvv")
    assert run.status == 0, run.output
    return split.latest, run


def test_both_servers_are_dumped(split, backup):
    path, dummy = backup
    assert whole(path) is True
    dumps = {item.name for item in (path / "dbs").iterdir()}
    assert {"bosh_production.sql", "uaa.sql", "credhub.sql", "globals.sql"} <= dumps
    report = json.loads((path / "backup.json").read_text())
    assert (report["director_database"], report["without"]) == ("bosh_production", "")
    assert report["elsewhere"]["databases"] == ["bosh_production"]
    assert report["postgresql"]["port"] == 5433
    assert report["postgresql"]["data_directory"].startswith("store/postgres/postgres-")
    assert (path / "vcap" / report["postgresql"]["data_directory"] / "PG_VERSION").is_file()
    assert report["proof"]["blobs"]["named"] > 0


def test_roles_of_the_server_elsewhere_are_kept_without_passwords(split, backup):
    roles = (backup[0] / "extra" / "elsewhere" / "globals.sql").read_text()
    assert f"CREATE ROLE {split.host.elsewhere.user};" in roles
    assert "PASSWORD" not in roles


def test_the_password_is_nowhere(split, backup):
    run = backup[1]
    password = split.host.elsewhere.password
    written = [item for item in split.backups.rglob("*") if item.is_file() and not item.is_symlink()]
    assert len(written) > 20
    # As it is, and as JSON, YAML and shells write it.
    for form in {password, json.dumps(password)[1:-1], password.split(":")[0]}:
        assert form not in run.output
        assert [item for item in written if form.encode() in item.read_bytes()] == []
        assert form not in split.shell("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")


def test_verify_loads_both(split, backup):
    run = split.play("verify", microbosh_rehearse=True)
    assert run.status == 0, run.output
    assert "was rehearsed: bosh_production with" in run.told(split.name)


def test_a_restore_does_not_touch_a_server_elsewhere(split, backup):
    with unharmed(split):
        run = split.play("restore", microbosh_restore_confirm=split.name)
    assert run.status != 0
    assert "a restore does not touch a server elsewhere" in run.told(split.name)
    assert "microbosh_restore_elsewhere=left" in run.told(split.name)


# Of the server elsewhere, as its provider sees it.
ADMIN = "$(echo /usr/lib/postgresql/*/bin)/psql -qAtX -h /run/elsewhere -p 25432 -U rdsadmin"
ALL = "SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1"
DIGEST = "SELECT md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM {} t"


@pytest.fixture(scope="module")
def remote(new_director):
    """A director without any PostgreSQL of its own, and with a backup."""
    small = {"generation": "director", "blobs": 2, "tasks": 2, "database_mib": 1}
    director = new_director("e2e-remote", database_at="elsewhere", **small)
    director.settings.update(settings(director))
    for run in (director.setup(), director.backup()):
        assert run.status == 0, run.output
    return director


def provider(director, database, query):
    """Return what the server elsewhere answers its provider."""
    script = f'{ADMIN} -d "$1" -c "$2"'
    done = director.host.engine.run("exec", director.host.second, "sh", "-c", script, "sh", database, query)
    return done.stdout.strip()


def state(director):
    """All that a restore has to bring back, here and elsewhere."""
    tables = ("deployments", "director_attributes", "templates", "vms")
    rows = [provider(director, "bosh", DIGEST.format(table)) for table in tables]
    return {"files": files(director), "rows": rows, "databases": provider(director, "postgres", ALL)}


def change(director):
    provider(director, "bosh", "UPDATE director_attributes SET value = md5(random()::text)")
    provider(director, "bosh", "UPDATE deployments SET name = name || '-today'")
    director.shell("cd /var/vcap/store && echo today >director/today && rm $(find blobstore/store -type f | head -n 1)")


def test_a_database_elsewhere_comes_back_with_the_rest(remote):
    wanted = state(remote)
    change(remote)
    run = restore(remote, microbosh_restore_elsewhere="load")
    assert run.status == 0, run.output
    assert state(remote) == wanted
    where = "bosh, credhub, uaa on rds.microbosh.test:25432"
    assert f"Loaded {where}" in run.told(remote.name)
    assert f"The database elsewhere ({where}) is that of the backup" in run.told(remote.name)
    assert marker(remote) is None
    assert remote.wholly_up()


def test_a_restore_that_fails_leaves_the_database_elsewhere_as_it_was(remote):
    """One service does not start on what is restored, when the database has been loaded."""
    change(remote)
    remote.shell("rm -r /var/vcap/store/director/tasks/1")
    before = state(remote)
    remote.shell("ln -s /var/vcap/store/director/tasks/1 /var/vcap/jobs/nats/no_start")
    run = restore(remote, microbosh_restore_elsewhere="load", microbosh_timeout=90)
    remote.shell("rm /var/vcap/jobs/nats/no_start")
    assert run.status != 0
    assert "nats" in run
    assert "It was rolled back" in run.told(remote.name)
    assert state(remote) == before
    assert marker(remote) is None
    assert remote.wholly_up()


def keep(director, said):
    write = 'printf %s "$1" >/var/vcap/store/microbosh-restore/marker.json'
    director.execute("sh", "-c", write, "sh", json.dumps(said))


def is_refused_the_database_of_another(director):
    """Check that a restore refuses a database that the host names and no backup of this director has."""
    kept, databases = marker(director), provider(director, "postgres", ALL)
    lie = json.loads(json.dumps(kept).replace('"database": "uaa"', '"database": "anothers"'))
    assert lie != kept
    keep(director, lie)
    run = restore(director, microbosh_restore_unfinished="rollback")
    keep(director, kept)
    assert run.status != 0
    assert "says that the interrupted restore replaced anothers on rds.microbosh.test" in run.told(director.name)
    assert provider(director, "postgres", ALL) == databases


def test_a_restore_that_was_killed_after_its_load_goes_back(remote):
    before = state(remote)
    killed_at(remote, points.COUNT_ROWS_ELSEWHERE, microbosh_restore_elsewhere="load")
    assert marker(remote)["phase"] == "proving"
    assert state(remote)["rows"] != before["rows"]
    is_refused_the_database_of_another(remote)
    run = restore(remote, microbosh_restore_unfinished="rollback")
    assert run.status == 0, run.output
    assert state(remote) == before
    assert marker(remote) is None
    assert remote.wholly_up()
