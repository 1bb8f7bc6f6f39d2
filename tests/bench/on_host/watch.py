# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watch the processes of a director's services, 20 times a second, until standard input ends.

Nobody's log is asked, neither monit's: a service is there while the process that its pidfile names is. The first line
of output says who is watched; the last one what was seen, times in seconds after the first line.
"""

import json
import pathlib
import re
import select
import sys
import time

INTERVAL = 0.05
CHECK = re.compile(r"^check process (\S+)\s+with pidfile (\S+)", re.MULTILINE)


def pidfiles():
    """Return the pidfile of every service that monit is configured to keep."""
    files = sorted(pathlib.Path("/var/vcap/monit/job").glob("*.monitrc"))
    return dict(CHECK.findall("\n".join(path.read_text() for path in files)))


def lives(pidfile):
    """Tell whether the process that the pidfile names is there and no zombie."""
    try:
        pid = int(pathlib.Path(pidfile).read_text())
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, ValueError):
        return False
    return state not in "ZX"


def sent_bytes():
    """Return what this host has sent over the network so far."""
    lines = pathlib.Path("/proc/net/dev").read_text().splitlines()[2:]
    counters = dict(line.split(":", 1) for line in lines)
    return sum(int(values.split()[8]) for name, values in counters.items() if name.strip() != "lo")


def watch(services):
    """Look until standard input ends. Return the events, the number of looks and the longest time between two."""
    began = last = time.monotonic()
    there = set(services)
    events, looks, longest = [], 0, 0.0
    while not select.select([sys.stdin], [], [], INTERVAL)[0]:
        now = time.monotonic()
        looks, longest, last = looks + 1, max(longest, now - last), now
        alive = {name for name, pidfile in services.items() if lives(pidfile)}
        events += [{"at": now - began, "service": name, "event": "gone"} for name in sorted(there - alive)]
        events += [{"at": now - began, "service": name, "event": "back"} for name in sorted(alive - there)]
        there = alive
    return {"events": events, "looks": looks, "longest_interval": longest}


def main():
    services = pidfiles()
    missing = [name for name, pidfile in services.items() if not lives(pidfile)]
    if missing or not services:
        raise SystemExit(f"watch: every service has to run before an outage can be seen; without a process: {missing}")
    sent = sent_bytes()
    print(json.dumps(sorted(services)), flush=True)
    seen = watch(services)
    print(json.dumps({**seen, "sent_bytes": sent_bytes() - sent}), flush=True)


if __name__ == "__main__":
    main()
