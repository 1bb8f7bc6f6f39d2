# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore of everything into an emptied store, beside a plain copy of the same tree to the same host."""

import os
import time

from bench_host import output
from contenders import tail, told_in, transcript
from results import BenchError, Restore

AHEAD = r"about (?:(\d+) min )?([\d.]+) s, of which the director is away for about (?:(\d+) min )?([\d.]+) s"
PLAIN = "/var/vcap/store/plain"
EMPTY = "cd /var/vcap/store && rm -rf blobstore director postgres redis"


def measure_restore(host, ours, work):
    """Given the contender whose latest backup comes back, return the Restore."""
    host.settle()
    load = os.getloadavg()[0]
    copy = plain_copy(host, ours.latest, work)
    host.execute("sh", "-c", EMPTY)
    host.execute("sync")
    said = said_ahead(ours, work / "logs" / "ours-restore-check.log")
    log = work / "logs" / "ours-restore.log"
    status, _marks, total = transcript(ours.restore_command(), dict(os.environ), ours.mark, log)
    if status:
        raise BenchError(f"the restore failed with status {status}. The end of {log}:\n{tail(log)}")
    return Restore(
        total=round(total, 2),
        push=ours.told(r" Pushed .*\(([\d.]+) s\)$"),
        stop=ours.told(r" Stopped .*\(([\d.]+) s\)$"),
        start=ours.told(r" Every service runs.*\(([\d.]+) s\)$"),
        outage=ours.told(r" The director was away for ([\d.]+) s$"),
        copy=copy,
        load=load,
        said=said[0],
        said_outage=said[1],
    )


def said_ahead(ours, log):
    """Return how long a restore is going to take, and the director be away for it, as its check mode says."""
    status, _marks, _total = transcript(ours.restore_command("--check"), dict(os.environ), ours.mark, log)
    if status:
        raise BenchError(f"the check of a restore ended with status {status}. The end of {log}:\n{tail(log)}")
    minutes, seconds, away_minutes, away_seconds = told_in(log, AHEAD).groups()
    return int(minutes or 0) * 60 + float(seconds), int(away_minutes or 0) * 60 + float(away_seconds)


def plain_copy(host, backup, work):
    """Return how long rsync takes for the store of that backup, as root over ssh, into a fresh directory."""
    command = ["rsync", "-a", "-e", f"ssh -F {work / 'ssh_config'}", "--rsync-path=sudo rsync"]
    began = time.monotonic()
    output([*command, f"{backup}/vcap/store/", f"director:{PLAIN}/"])
    host.execute("sync")
    seconds = time.monotonic() - began
    host.execute("rm", "-r", PLAIN)
    return round(seconds, 2)
