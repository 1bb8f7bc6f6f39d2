# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor: what the fastest hands could do as root on the host itself, for the same guarantee.

A first pass while everything runs; then all but postgres stopped, dumps, postgres stopped, a second pass, a third one
of postgres' files by content, start. No network, no controller, no Ansible, no waiting for monit's next cycle; but
monit takes its own time for each service, and whoever knows how to hurry an old monit may be faster than this.

    floor.py COPY FILTER DATABASE...
"""

import pathlib
import subprocess
import sys
import time

from watch import INTERVAL, lives, pidfiles

MONIT = "/var/vcap/bosh/bin/monit"
POSTGRES = "/var/vcap/packages/postgres/bin"
AS_VCAP = ["chpst", "-u", "vcap"]
LIMIT = 120
VANISHED = 24


def step(name):
    print(f"== {name}", flush=True)


def run(*command, accept=(0,), **options):
    status = subprocess.run(command, **options).returncode
    if status not in accept:
        raise SystemExit(f"floor: {' '.join(map(str, command))} failed with exit status {status}")


def accepted(*action):
    """Tell whether monit takes the action; while another one is pending for the service it does not."""
    return subprocess.run([MONIT, *action], capture_output=True).returncode == 0


def wait_until(condition, what):
    deadline = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"floor: {what} took more than {LIMIT} s")
        time.sleep(INTERVAL)


def stop(services):
    """Stop one after the other, those that depend on others first, and wait until their processes are gone."""
    left = list(reversed(services))

    def gone():
        left[:] = [name for name in left if not accepted("stop", name)]
        return not any(lives(pidfile) for pidfile in services.values())

    wait_until(gone, "stopping " + ", ".join(services))


def start(services):
    wait_until(lambda: accepted("start", "all"), "monit's other action")
    wait_until(lambda: all(lives(pidfile) for pidfile in services.values()), "starting " + ", ".join(services))


def copy(target, rules, accept=(0,)):
    options = ["-aH", "--numeric-ids", "--delete", f"--exclude-from={rules}"]
    run("rsync", *options, "/var/vcap/", f"{target}/", accept=accept)


def compare_postgres(target):
    """Copy what changed without a change of size or time."""
    run("rsync", "-aH", "--numeric-ids", "--checksum", "/var/vcap/store/postgres/", f"{target}/store/postgres/")


def dump(directory, databases):
    for database in databases:
        write(directory / f"{database}.sql", "pg_dump", database)
    write(directory / "globals.sql", "pg_dumpall", "--globals-only")


def write(path, program, *arguments):
    with open(path, "wb") as output:
        run(*AS_VCAP, f"{POSTGRES}/{program}", "-h", "127.0.0.1", *arguments, stdout=output)


def main():
    target, rules, databases = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    services = pidfiles()
    others = {name: pidfile for name, pidfile in services.items() if name != "postgres"}
    for directory in ("vcap", "dbs"):
        (target / directory).mkdir(parents=True, exist_ok=True)
    step("first pass")
    copy(target / "vcap", rules, accept=(0, VANISHED))
    step("stop services")
    stop(others)
    step("stop agent")
    run("sv", "stop", "agent")
    step("dump databases")
    dump(target / "dbs", databases)
    step("stop postgres")
    stop({"postgres": services["postgres"]})
    step("second pass")
    copy(target / "vcap", rules)
    step("compare PostgreSQL's files by content")
    compare_postgres(target / "vcap")
    step("start")
    run("sv", "start", "agent")
    start(services)


if __name__ == "__main__":
    main()
