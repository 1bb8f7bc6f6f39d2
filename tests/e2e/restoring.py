"""What a director holds, and the ways to destroy and to restore it."""

from __future__ import annotations

import json
import os
import signal
import tarfile

import testhost
from conftest import Run

# Every name with its metadata and its content. What running services write is left out, and our own directories.
FILES = r"""
cd /var/vcap
find bosh store -mindepth 1 \( -path 'store/microbosh-*' -o -path 'store/postgres*' -o -path store/redis \
    -o -path store/lost+found -o -path bosh/log -o -path bosh/etc \) -prune \
    -o -printf '%p|%y|%U|%G|%m|%l|%n|%T@\n'
find store/blobstore store/director bosh -type f ! -path 'bosh/log/*' -exec sha256sum {} +
"""
TABLES = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
ROWS = "SELECT count(*), md5(coalesce(string_agg(t::text, '\n' ORDER BY t::text), '')) FROM {} t"
DESTROY = r"""
cd /var/vcap/store
find blobstore/store -type f | sort | head -n 3 | xargs rm
blob=$(find blobstore/store -type f | sort | tail -n 1)
time=$(stat -c %y "$blob")
printf '\377' | dd of="$blob" bs=1 seek=5 conv=notrunc status=none
touch -d "$time" "$blob"
rm -r director/tasks/1
chmod 0777 director
chown -R root director/tasks/2
echo new >director/new
"""


def files(director):
    """Every file of the director with content and metadata."""
    return sorted(director.shell(FILES).splitlines())


def psql(director, database, query):
    """What the director's own PostgreSQL answers."""
    facts = dict(line.split("=", 1) for line in director.shell("cat /etc/testhost").splitlines())
    command = [f"{facts['POSTGRES']}/bin/psql", "-qAtX", "-h", "127.0.0.1", "-U", "vcap", "-d", database, "-c", query]
    return director.execute(*command).stdout.strip()


def tables(director):
    """The rows of every table, as their number and a digest of them all."""
    found = {}
    for database in psql(director, "postgres", "SELECT datname FROM pg_database WHERE NOT datistemplate").split():
        for table in psql(director, database, TABLES).split():
            found[f"{database}: {table}"] = psql(director, database, ROWS.format(table))
    return found


def content(director):
    """All that a restore has to bring back."""
    return {"files": files(director), "tables": tables(director)}


def destroy(director):
    """Blobs, logs and a table are gone, a byte is flipped, files have other owners, and there are new ones."""
    director.shell(DESTROY)
    psql(director, "bosh", "DROP TABLE deployments CASCADE; UPDATE director_attributes SET value = 'x'")


def restore(director, *arguments, **settings):
    """Restore as its operator would, confirmed."""
    settings.setdefault("microbosh_restore_confirm", director.name)
    return director.play("restore", *become(director), *arguments, **settings)


def become(director):
    """The arguments that let Ansible become root."""
    if director.host.facts["user"] != "vcap":
        return ()
    path = director.directory / "become"
    path.write_text(testhost.PASSWORD)
    path.chmod(0o600)
    return ("--become-password-file", str(path))


def killed_at(director, task, **settings):
    """Start a restore and kill the controller's side of it when it comes to that task."""
    settings.setdefault("microbosh_restore_confirm", director.name)
    process = director.start("restore", *become(director), **settings)
    said = []
    for line in process.stdout:
        said.append(line)
        if f"TASK [{task}]" in line:
            break
    os.killpg(process.pid, signal.SIGKILL)
    said.append(process.communicate()[0])
    run = Run(process.returncode, "".join(said))
    assert run.status == -signal.SIGKILL, run.output


def marker(director):
    """How far a restore is that the host knows of, None if it knows of none."""
    found = director.execute("cat", "/var/vcap/store/microbosh-restore/marker.json", check=False)
    return json.loads(found.stdout) if found.returncode == 0 else None


def pack_as_the_old_tool(backup, archive, edit=None):
    """Pack vcap/ and dbs/ of a backup, without manifest; ``edit`` may change the dump of the director."""
    dump = archive.with_name("bosh.sql")
    text = (backup / "dbs" / "bosh.sql").read_text(encoding="utf-8")
    dump.write_text(edit(text) if edit else text, encoding="utf-8")
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(backup / "vcap", "cache/vcap")
        tar.add(dump, "cache/dbs/bosh.sql")
    return archive
