# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Back up N embedded directors in one run, and compare that with one alone, and with N one after the other.

Each is set up and has one backup before anything is measured. Outages are those of backup.json. Processor time and
memory are those of the controller: of ansible-playbook and of all that it started (see footprint.py).

Call it as script/bench --many N.
"""

import argparse
import concurrent.futures
import json
import os
import shutil
import subprocess
import sys

import yaml
from bench_host import HERE, REPOSITORY, BenchHost, output
from contenders import PASSWORD, tail
from many_results import as_table, judged
from results import BenchError

BUILD = REPOSITORY / "build"
WORK = BUILD / "bench-many"
FORKS = 20
STARTED_AT_ONCE = 2
ALONE = 3
# One of its services does not stop: its outage fails while it has a slot, after this time.
FAILING = "touch /var/vcap/jobs/health_monitor/no_stop"
FAILING_SETTINGS = {"microbosh_timeout": 30}


def arguments(given=None):
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="bench", description=__doc__, formatter_class=raw)
    parser.add_argument("--many", type=int, required=True, metavar="N", help="how many directors")
    parser.add_argument("--blobs", type=int, default=5, metavar="MIB", help="size of the blobs of each (default: 5)")
    parser.add_argument("--forks", type=int, default=FORKS, metavar="N", help=f"of Ansible (default: {FORKS})")
    parser.add_argument("--outages-at-once", type=int, metavar="N", help="instead of the default of the setting")
    parser.add_argument("--alone", type=int, default=ALONE, metavar="N", help=f"runs of one alone (default: {ALONE})")
    parser.add_argument("--serial", action="store_true", help="measure N one after the other, too: takes long")
    parser.add_argument("--failing", action="store_true", help="one of them fails in its outage: it touches no other")
    parser.add_argument("--keep", action="store_true", help="leave the hosts, the backups and the logs of every run")
    return parser.parse_args(given)


class Fleet:
    """Directors of our own, and the controller's side of them."""

    def __init__(self, options):
        self.options = options
        self.hosts = [BenchHost(f"many{number}") for number in range(1, options.many + 1)]
        self.failing = self.hosts[-1].name if options.failing else None

    def __enter__(self):
        shutil.rmtree(WORK, ignore_errors=True)
        (WORK / "logs").mkdir(parents=True)
        try:
            self._in_turns(lambda host: host.up(self.options.blobs, 1))
            self._prepare()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception):
        if not self.options.keep:
            self._in_turns(BenchHost.down)

    def _in_turns(self, what):
        with concurrent.futures.ThreadPoolExecutor(STARTED_AT_ONCE) as pool:
            list(pool.map(what, self.hosts))

    def _prepare(self):
        hosts = {host.name: host.variables() for host in self.hosts}
        settings = {
            "microbosh_backup_dir": f"{WORK}/backups/{{{{ inventory_hostname }}}}",
            "microbosh_private_key": str(WORK / "key"),
            "ansible_python_interpreter": "auto_silent",
        }
        if self.options.outages_at_once:
            settings["microbosh_outages_at_once"] = self.options.outages_at_once
        if self.failing:
            hosts[self.failing].update(FAILING_SETTINGS)
        (WORK / "hosts.yml").write_text(yaml.safe_dump({"microbosh": {"hosts": hosts, "vars": settings}}))
        (WORK / "password").write_text(PASSWORD + "\n")
        passwords = [f"--{name}-password-file={WORK / 'password'}" for name in ("connection", "become")]
        say("Setting them up")
        output([*self._playbook("setup"), *passwords], cwd="/")
        say("A first backup of each")
        output(self._playbook("backup"), cwd="/")
        if self.failing:
            self.hosts[-1].execute("sh", "-c", FAILING)

    def _playbook(self, name, *limit):
        forks = f"--forks={self.options.forks}"
        return ["ansible-playbook", "-i", str(WORK / "hosts.yml"), forks, *limit, f"microbosh.director.{name}"]

    def backup(self, which, *names):
        """Back these up in one run, all without names; return what it took, with the report of each."""
        log = WORK / "logs" / f"{which}.log"
        limit = [f"--limit={','.join(names)}"] if names else []
        load, before = os.getloadavg()[0], self._published()
        command = [sys.executable, str(HERE / "footprint.py"), str(log), *self._playbook("backup", *limit)]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, cwd="/", check=True).stdout)
        wanted = [host.name for host in self.hosts if host.name != self.failing and (not names or host.name in names)]
        expected = 2 if self.failing and not names else 0
        if found["status"] != expected:
            raise BenchError(f"{which}: status {found['status']}, expected {expected}. The end of {log}:\n{tail(log)}")
        new = self._published() - before
        found["outages"] = {name: report["outage_seconds"] for name, report in self._reports(new).items()}
        if sorted(found["outages"]) != sorted(wanted):
            raise BenchError(f"{which}: backups of {sorted(found['outages'])}, expected {sorted(wanted)}; see {log}")
        outages = list(found["outages"].values())
        say(f"{which}: {found['seconds']} s, {found['cpu_seconds']} s of CPU, outages {outages}")
        return {"load_before": load, **found}

    def _published(self):
        """The reports of all backups that are published."""
        return set((WORK / "backups").glob("*/2*Z/backup.json"))

    @staticmethod
    def _reports(paths):
        return {path.parents[1].name: json.loads(path.read_text()) for path in sorted(paths)}


def run(options):
    """Measure one alone, all at once, and, if wanted, all one after the other; return what was measured."""
    with Fleet(options) as fleet:
        first = fleet.hosts[0].name
        alone = [fleet.backup(f"alone-{number}", first) for number in range(1, options.alone + 1)]
        together = fleet.backup("together")
        names = [host.name for host in fleet.hosts if host.name != fleet.failing]
        serial = [fleet.backup(f"serial-{name}", name) for name in names] if options.serial else []
        return {"settings": vars(options), "alone": alone, "together": together, "serial": serial}


def bench(options):
    say(f"Starting {options.many} embedded directors with {options.blobs} MiB of blobs each")
    measured = run(options)
    measured["aims"] = judged(measured)
    BUILD.mkdir(exist_ok=True)
    (BUILD / "bench-many.json").write_text(json.dumps(measured, indent=2) + "\n")
    if not options.keep:
        shutil.rmtree(WORK)
    print(f"\n{as_table(measured)}\n\nAll of it: {BUILD / 'bench-many.json'}")


def say(text):
    print(text, file=sys.stderr, flush=True)


def main():
    try:
        bench(arguments())
    except BenchError as error:
        raise SystemExit(f"bench: {error}") from None


if __name__ == "__main__":
    main()
