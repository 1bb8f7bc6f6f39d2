# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare three ways to back up one director, side by side on one embedded microBOSH.

  ours      the playbook backup, with an archive .tar.zst
  classic   classic.sh, the old tool's steps as an operator would type them
  floor     the same guarantee by hand, as root on the host, with nothing in between

At the end, ours runs without an archive, offline and online, and restores its backup into an emptied store, beside a
plain rsync of the same tree to the same host.

Each runs twice; before its second, warm run the host gets some new blobs. Outages are observed on the host, by watching
the processes of the services.

Call it as script/bench. With --many N it is many.py that runs.
"""

import argparse
import json
import shutil
import sys

from bench_host import REPOSITORY, BenchHost, Watcher
from contenders import contenders
from outage_parts import parts_table
from restoring import measure_restore
from results import RUNS, BenchError, as_json, restore_table, table
from warm import measure_warm, warm_table

BUILD = REPOSITORY / "build"
SIZES = (
    ("--blobs", 1024, "size of all blobs"),
    ("--database-mib", 100, "size of the rows in the database"),
    ("--new-blobs", 10, "size of the new blobs before each warm run"),
)


def arguments():
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="bench", description=__doc__, formatter_class=raw)
    for name, default, what in SIZES:
        parser.add_argument(name, type=int, default=default, metavar="MIB", help=f"{what} (default: {default})")
    parser.add_argument(
        "--monit", metavar="FILE", help="a monit for the host, such as the 5.2.5 of directors (default: Debian's)"
    )
    parser.add_argument("--keep", action="store_true", help="leave the host, the backups and the logs of every run")
    return parser.parse_args()


def race(host, options):
    """Let each contender run, first and warm, and ours again by mode, and restore what it has. Return all of it."""
    runs = []
    those = contenders(host, BUILD / "bench")
    for number, contender in enumerate(those):
        for which in RUNS:
            if which != RUNS[0]:
                host.add(options.new_blobs, seed=100 + number)
            runs.append(contender.measure(which, Watcher))
            say(f"{contender.name}, {which} run: outage {runs[-1].outage:.2f} s of {runs[-1].total:.1f} s")
    ours, work = those[0], BUILD / "bench"
    say("Ours without an archive, by mode")
    warm = measure_warm(host, ours, work, options.new_blobs)
    say("Ours restores it")
    return runs, warm, measure_restore(host, ours, work)


def bench(options):
    host = BenchHost("bench")
    say(f"Starting an embedded microBOSH with {options.blobs} MiB of blobs and {options.database_mib} MiB of rows")
    try:
        host.up(options.blobs, options.database_mib, options.monit)
        runs, warm, restore = race(host, options)
    finally:
        if not options.keep:
            host.down()
    BUILD.mkdir(exist_ok=True)
    (BUILD / "bench.json").write_text(json.dumps(as_json(vars(options), runs, restore, warm), indent=2) + "\n")
    parts = parts_table(BUILD / "bench" / "backups" / host.name, runs)
    if not options.keep:
        shutil.rmtree(BUILD / "bench")
    print("", table(runs), parts, warm_table(warm), restore_table(restore), sep="\n\n")
    print(f"\nEvery step and event: {BUILD / 'bench.json'}")


def say(text):
    print(text, file=sys.stderr, flush=True)


def main():
    try:
        bench(arguments())
    except BenchError as error:
        raise SystemExit(f"bench: {error}") from None


if __name__ == "__main__":
    main()
