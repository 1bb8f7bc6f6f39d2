# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines that run the jobs of AWX: each has processes, files and a name of its own, and the volume of the backups.

A job goes the way of AWX: `ansible-runner transmit` where AWX is, `worker` on the machine, `process` where AWX is.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess

import yaml
from conftest import ANSIBLE, PLAYBOOK_SECONDS
from private_data import fill_in, lay_out
from ways import RUNNER, done

# What a machine has of its own is in memory, here, in a view of the file system that ends with its last process.
PLACE = "/mnt"
ISOLATED = ("--mount", "--pid", "--fork", "--mount-proc", "--uts", "--ipc", "--kill-child=KILL")
BECOME_MACHINE = """
set -e
name=$1 volume=$2 hidden=$3
shift 3
hostname "$name"
mount -t tmpfs -o mode=0755 tmpfs /mnt
mkdir /mnt/runner /mnt/backups /mnt/home
mkdir -m 1777 /mnt/tmp
mount --bind "$volume" /mnt/backups
mount -t tmpfs tmpfs "$hidden"
cd /mnt/home
exec "$@"
"""
KEY = f"{PLACE}/runner/env/backup_key"
# As AWX ends a job: its command line would not tell that a stream was cut off.
PROCESS = """
import sys, ansible_runner
done = ansible_runner.interface.run(streamer="process", _input=sys.stdin.buffer, private_data_dir=sys.argv[1])
sys.exit(None if done.status == "successful" else done.status)
"""
# As AWX does it, whatever the settings of Ansible are: see "The repository" in docs/awx.md.
OF_AWX = {"ANSIBLE_HOST_KEY_CHECKING": "False", "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{PLACE}/runner/cp"}


def slices(names, count):
    """Return what AWX gives to each slice of a job: every so many-th host, in the order of their names."""
    return [sorted(names)[number::count] for number in range(count)]


class Job:
    """A backup of some directors, as AWX gives it away: all that it needs is in one stream."""

    def __init__(self, directory, directors, **settings):
        self.place = lay_out(directory)
        self._stream, self._results = directory / "stream", directory / "results"
        self._fill_in(directors, settings)
        command = [RUNNER / "ansible-runner", "transmit", self.place, "--playbook", "backup.yml", "--forks", "20"]
        self._stream.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
        self.process = None

    def _fill_in(self, directors, settings):
        known = self.place / "project" / "known_hosts"
        known.write_text("".join(each.host.known_hosts.read_text() for each in directors))
        variables = {
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={PLACE}/runner/project/known_hosts",
            "ansible_python_interpreter": "auto_silent",
            "microbosh_archive": "",
            "microbosh_backup_dir": f"{PLACE}/backups/{{{{ inventory_hostname }}}}",
            **settings,
        }
        hosts = {each.name: {**each.host.inventory(), **variables} for each in directors}
        inventory = self.place / "slice.yml"
        inventory.write_text(yaml.safe_dump({"microbosh": {"hosts": hosts}}))
        # The credential "microBOSH backup key" is a file for the time of the job, and the setting that names it.
        given = {"microbosh_private_key": KEY, "microbosh_public_key": f"{KEY}.pub"}
        fill_in(self.place, inventory, extra=given, environment=OF_AWX)
        for ending in ("", ".pub"):
            shutil.copy(f"{directors[0].directory / 'key'}{ending}", self.place / "env" / f"backup_key{ending}")

    def begin(self, machine, volume, hidden):
        """Let a machine of this name begin with it."""
        worker = [RUNNER / "ansible-runner", "worker", "--private-data-dir", f"{PLACE}/runner"]
        environment = {"PATH": f"{ANSIBLE / 'bin'}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
        environment.update(HOME=f"{PLACE}/home", TMPDIR=f"{PLACE}/tmp")
        command = ["unshare", *ISOLATED, "sh", "-c", BECOME_MACHINE, "sh", machine, volume, hidden, *worker]
        with open(self._stream, "rb") as given, open(self._results, "wb") as results:
            self.process = subprocess.Popen(
                [str(word) for word in command], env=environment, stdin=given, stdout=results, start_new_session=True
            )

    def unplug(self):
        """Let the machine lose its power."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def end(self):
        """Wait for the machine, and return the Run as AWX sees it."""
        self.process.wait(timeout=2 * PLAYBOOK_SECONDS)  # of several directors
        with open(self._results, "rb") as results:
            return done([str(RUNNER / "python"), "-c", PROCESS, str(self.place)], self.place, stdin=results)

    @property
    def events(self):
        """What AWX keeps of it: the events, in their order."""
        paths = self.place.glob("artifacts/**/job_events/*.json")
        return sorted((json.loads(path.read_text()) for path in paths), key=lambda event: event["counter"])

    @property
    def artifact(self):
        """What the job hands on, by the names of the directors."""
        (stats,) = [event for event in self.events if event["event"] == "playbook_on_stats"]
        return stats["event_data"]["artifact_data"]["microbosh_backup"]

    @property
    def size(self):
        """Bytes that came back."""
        return self._results.stat().st_size
