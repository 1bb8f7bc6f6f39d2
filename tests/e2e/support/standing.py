"""Compares the director and every backup before and after a run that failed."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess

# Each part of the answer ends with a line of its own. "dbs" is only the place for dumps; what is in it counts.
LOOK = r"""
/var/vcap/bosh/bin/monit summary
echo --
! command -v sv >/dev/null || sv status agent | sed 's/ (pid.*//'
echo --
cd /var/vcap/store/microbosh-backup && find . -mindepth 1 ! -path ./dbs -printf '%P %y %m %u\n'
echo --
grep -H . $(find /var/vcap/sys/run/ -name '*.pid') </dev/null
"""


def standing(director, processes=True):
    """Given a director, return its services, agent and staging directory, and its backups to the last mode and time.

    With ``processes``, their ids belong to it: then nothing has been started anew.
    """
    services, agent, staging, pids = director.shell(LOOK).split("--\n")
    return {
        "services": sorted(" ".join(row.split()) for row in services.splitlines()[1:] if row.strip()),
        "agent": agent.strip(),
        "staging": staging.splitlines(),
        "processes": sorted(pids.splitlines()) if processes else "not compared",
        "latest": os.readlink(director.backups / "latest") if (director.backups / "latest").is_symlink() else None,
        "backups": {name: listing(director.backups / name) for name in director.ids},
        "archives": listing(director.backups / "archives"),
    }


def listing(top):
    """Given a directory, return {path below it: type, mode, owner, group, size, mtime and target of each entry}."""
    found = {}
    for directory, directories, files in os.walk(os.fsencode(top)):
        for name in (b".", *directories, *files):
            path = os.path.normpath(os.path.join(directory, name))
            seen = os.lstat(path)
            target = os.readlink(path) if stat.S_ISLNK(seen.st_mode) else None
            known = (stat.filemode(seen.st_mode), seen.st_uid, seen.st_gid, seen.st_size, seen.st_mtime_ns, target)
            found[os.path.relpath(path, os.fsencode(top))] = known
    return found


def whole(backup):
    """Given a backup, return whether all of its files have the content that its SHA256SUMS says."""
    command = ["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"]
    done = subprocess.run(command, cwd=backup, capture_output=True, text=True, check=False)
    return done.returncode == 0 or done.stdout + done.stderr


@contextlib.contextmanager
def unharmed(director, restarted=False):
    """Whatever a run does within, it leaves the director and its backups as they were, and publishes none.

    With ``restarted`` the services may have been stopped and started again, but they run.
    """
    before = standing(director, processes=not restarted)
    yield
    assert standing(director, processes=not restarted) == before
    assert not director.ids or whole(director.latest) is True


def refused(director, *words, restarted=False, arguments=(), environment=None, **settings):
    """Run a backup that has to fail without harm, and to say these words; return the Run."""
    with unharmed(director, restarted):
        run = director.play("backup", *arguments, environment=environment, **settings)
    assert run.status != 0, run.output
    told = run.told(director.name)
    for word in words:
        assert word in told, run.output
    return run
