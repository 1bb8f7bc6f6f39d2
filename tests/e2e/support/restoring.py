"""Reads, destroys and restores what a director holds."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import signal
import tarfile
import termios
import time

import testhost
import watching
from conftest import Run, ansible_environment

TYPING_SECONDS = 600
# Every name with its metadata and its content. What running services write is left out, and our own directories.
FILES = r"""
cd /var/vcap
find bosh store -mindepth 1 \( -path 'store/microbosh-*' -o -path 'store/postgres*' -o -path store/pgdata \
    -o -path store/redis -o -path store/lost+found -o -path bosh/log -o -path bosh/etc \) -prune \
    -o -printf '%p|%y|%U|%G|%m|%l|%n|%T@\n'
find store/blobstore store/director bosh -type f ! -path 'bosh/log/*' -exec sha256sum {} +
"""
# A question for each table; psql runs what it answers: the table, its rows, and a digest of them all.
TABLES = r"""
SELECT format($$SELECT %L, count(*), md5(coalesce(string_agg(t::text, E'\n' ORDER BY t::text), '')) FROM %s t$$,
    current_database() || ': ' || c.oid::regclass, c.oid::regclass)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname = 'public' ORDER BY c.relname \gexec
"""
DESTROY = r"""
cd /var/vcap/store
find blobstore/store -type f | sort | head -n 1 | xargs rm
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
    """Return the answer of the director's own PostgreSQL."""
    return _psql(director, "-d", database, "-c", query).strip()


def _psql(director, *arguments):
    facts = dict(line.split("=", 1) for line in director.shell("cat /etc/testhost").splitlines())
    command = [f"{facts['POSTGRES']}/bin/psql", "-qAtX", "-h", "127.0.0.1", "-U", "vcap", *arguments]
    return director.execute(*command).stdout


def tables(director):
    """The rows of every table, as their number and a digest of them all."""
    mine = "NOT datistemplate AND has_database_privilege(datname, 'CONNECT')"
    names = psql(director, "postgres", f"SELECT datname FROM pg_database WHERE {mine}").split()
    script = "".join(f'\\connect "{name}"\n{TABLES}' for name in sorted(names))
    director.execute("sh", "-c", 'printf %s "$1" >/run/tables.sql', "sh", script)
    rows = _psql(director, "-d", "postgres", "-f", "/run/tables.sql").splitlines()
    return {name: (count, digest) for name, count, digest in (row.split("|") for row in rows)}


# In either Python of a host, which has no setfacl either: as stemcells are.
ATTRIBUTES = r"""
import binascii, ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for line in sys.stdin:
    path, name, value = line.rstrip("\n").split("|")
    value = binascii.unhexlify(value)
    if libc.setxattr(path.encode(), name.encode(), value, len(value), 0):
        sys.exit("%s: %s" % (line, os.strerror(ctypes.get_errno())))
buffer = ctypes.create_string_buffer(65536)
for top, directories, files in os.walk("/var/vcap/store"):
    directories[:] = [name for name in directories if not name.startswith("microbosh-")]
    for path in [top] + [os.path.join(top, name) for name in files]:
        length = libc.llistxattr(path.encode(), buffer, 65536)
        for name in sorted(buffer.raw[: max(length, 0)].split(b"\0")[:-1]):
            size = libc.lgetxattr(path.encode(), name, buffer, 65536)
            print("%s|%s|%s" % (path, name.decode(), binascii.hexlify(buffer.raw[:size]).decode()))
"""
# Owner rw-, user 1 rw-, group ---, group 4321 r--, mask rw-, others ---; by default in a directory the same with x.
LISTED = "0200000001000600ffffffff020006000100000004000000ffffffff08000400e110000010000600ffffffff20000000ffffffff"


def attributes(director, *given):
    """Give files in the store attributes, as (path, name, value in hexadecimal); return all that there are."""
    lines = "".join(f"/var/vcap/store/{path}|{name}|{value}\n" for path, name, value in given)
    write = 'printf %s "$1" >/run/attributes.py; printf %s "$2" >/run/attributes'
    director.execute("sh", "-c", write, "sh", ATTRIBUTES, lines)
    python = "$(command -v python3 || command -v python2 || command -v python)"
    return sorted(director.shell(f"{python} /run/attributes.py </run/attributes").splitlines())


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


def restore_at_terminal(director, answer):
    """Restore from a terminal, and type this when asked for the director's name; return the Run."""
    asks = {"microbosh_restore_confirm": "ask"}
    return at_terminal(director.command("restore", *become(director), **asks), answer)


def at_terminal(command, answer=None, **environment):
    """Run a command of Ansible's at a terminal, and type the answer if it asks for a name; return the Run."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir("/")
        os.execve(command[0], command, ansible_environment(TERM="dumb", **environment))
    said = b""
    deadline = time.monotonic() + TYPING_SECONDS
    with contextlib.suppress(OSError):  # EIO: the other side is gone
        while time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.5)[0]:
                said += os.read(terminal, 4096)
            elif answer and b"Type its inventory name" in said and listens(terminal):
                os.write(terminal, answer.encode() + b"\r")
                answer = None
    os.close(terminal)
    assert answer is None, said.decode()
    return Run(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode().replace("\r\n", "\n"))


def listens(terminal):
    """Return whether the other side reads key by key; what was typed before is thrown away."""
    return not termios.tcgetattr(terminal)[3] & termios.ICANON


def started(director, **settings):
    """Start a restore; return its process."""
    settings.setdefault("microbosh_restore_confirm", director.name)
    return director.start("restore", *become(director), **settings)


def read_until(process, task):
    """Return what a run has said when it comes to that task."""
    said = []
    for line in process.stdout:
        said.append(line)
        if f"TASK [{task}]" in line:
            return "".join(said)
    raise AssertionError(f"the run did not come to '{task}':\n{''.join(said)}")


def killed_at(director, task, **settings):
    """Start a restore and kill the controller's side of it when it comes to that task."""
    process = started(director, **settings)
    said = read_until(process, task)
    os.killpg(process.pid, signal.SIGKILL)
    run = Run(process.wait(), said + process.communicate()[0])
    assert run.status == -signal.SIGKILL, run.output


def meddled_at(director, task, script, **settings):
    """Restore, and run a script on the host when the run comes to that task; return the Run."""
    process = started(director, **settings)
    said = read_until(process, task)
    director.shell(script)
    said += process.communicate()[0]
    return Run(process.returncode, said)


def marker(director):
    """Return the marker of the restore on the host, None if there is none."""
    found = director.execute("cat", "/var/vcap/store/microbosh-restore/marker.json", check=False)
    return json.loads(found.stdout) if found.returncode == 0 else None


def is_down(director):
    """Return whether none of the services has a process."""
    return watching.look(director).startswith("0 of ")


def pack_as_the_old_tool(backup, archive, edit=None, replaced=None):
    """Pack vcap/ and dbs/ of a backup, without manifest.

    ``edit`` may change the dump of the director, ``replaced`` is the new text of files by their path.
    """
    dump = archive.with_name("bosh.sql")
    text = (backup / "dbs" / "bosh.sql").read_text(encoding="utf-8")
    dump.write_text(edit(text) if edit else text, encoding="utf-8")
    replaced = replaced or {}
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add(backup / "vcap", "cache/vcap", filter=lambda entry: entry if entry.name[6:] not in replaced else None)
        for path, text in replaced.items():
            other = archive.with_name(re.sub(r"\W", "_", path))
            other.write_text(text, encoding="utf-8")
            tar.add(other, f"cache/{path}")
        tar.add(dump, "cache/dbs/bosh.sql")
    return archive
