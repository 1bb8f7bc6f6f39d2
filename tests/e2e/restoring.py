"""What a director holds, and the ways to destroy and to restore it."""

from __future__ import annotations

import json
import os
import signal

import testhost
from conftest import Run

# Every name with its metadata and its content; what services write all the time, and our own directories, are left out.
FILES = r"""
cd /var/vcap && find . -mindepth 1 \( -path ./data -o -path ./packages -o -path ./jobs -o -path ./monit -o -path ./micro \
    -o -path ./micro_bosh -o -path ./sys -o -path './store/microbosh-*' -o -path './store/postgres*' -o -path ./store/redis \
    -o -path ./store/lost+found -o -path ./bosh/log -o -path ./bosh/etc \) -prune \
    -o -printf '%P|%y|%U|%G|%m|%l|%n|' \( ! -path ./store ! -path ./bosh -printf '%T@' -o -true \) -printf '\n'
find /var/vcap/store/blobstore /var/vcap/store/director /var/vcap/bosh -maxdepth 9 -type f ! -path '*/log/*' -exec sha256sum {} +
"""
TABLES = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"


def files(director):
    """Every file of the director with content and metadata, without those that running services write."""
    return sorted(director.shell(FILES).splitlines())


def psql(director, database, query):
    facts = dict(line.split("=", 1) for line in director.shell("cat /etc/testhost").splitlines())
    command = [f"{facts['POSTGRES']}/bin/psql", "-qAtX", "-h", "127.0.0.1", "-U", "vcap", "-d", database, "-c", query]
    return director.execute(*command).stdout


def tables(director):
    """Every row of every table, as a digest of them all by table."""
    found = {}
    for database in psql(director, "postgres", "SELECT datname FROM pg_database WHERE NOT datistemplate").split():
        for table in psql(director, database, TABLES).split():
            query = f"SELECT count(*), md5(coalesce(string_agg(t::text, '\n' ORDER BY t::text), '')) FROM {table} t"
            found[f"{database}.{table}"] = psql(director, database, query).strip()
    return found


def content(director):
    """All that a restore has to bring back."""
    return {"files": files(director), "tables": tables(director)}


def destroy(director):
    """What happens to directors: blobs and task logs are gone, a table too, files have other owners, new ones appear."""
    director.shell(
        "cd /var/vcap/store && find blobstore/store -type f | sort | head -n 3 | xargs rm &&"
        " f=$(find blobstore/store -type f | sort | tail -n 1) && t=$(stat -c %y $f) &&"
        " printf X | dd of=$f bs=1 seek=5 conv=notrunc status=none && touch -d \"$t\" $f &&"  # a flipped byte
        " rm -r director/tasks/1 && chmod 0777 director && chown -R root director/tasks/2 && echo new >director/new"
    )
    psql(director, "bosh", "DROP TABLE deployments CASCADE; DELETE FROM templates; UPDATE director_attributes SET value = 'x'")


def restore(director, *arguments, **settings):
    """Restore as its operator would, confirmed."""
    settings.setdefault("microbosh_restore_confirm", director.name)
    return director.play("restore", *password(director), *arguments, **settings)


def password(director):
    """The arguments that let Ansible become root."""
    if director.host.facts["user"] != "vcap":
        return ()
    path = director.directory / "become"
    path.write_text(testhost.PASSWORD)
    path.chmod(0o600)
    return ("--become-password-file", str(path))


def killed_at(director, task, **settings):
    """Start a restore and kill the controller's side of it when it comes to that task; return what it had said."""
    settings.setdefault("microbosh_restore_confirm", director.name)
    process = director.start("restore", *password(director), **settings)
    said = []
    for line in process.stdout:
        said.append(line)
        if f"TASK [{task}]" in line:
            break
    os.killpg(process.pid, signal.SIGKILL)
    said.append(process.communicate()[0])
    run = Run(process.returncode, "".join(said))
    assert run.status == -signal.SIGKILL, run.output
    return run


def marker(director):
    """How far a restore is that the host knows of, None if it knows of none."""
    found = director.execute("cat", "/var/vcap/store/microbosh-restore/marker.json", check=False)
    return json.loads(found.stdout) if found.returncode == 0 else None
