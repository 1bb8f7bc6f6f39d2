# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three ways to back up one director. Each is prepared once and run twice."""

import json
import os
import re
import shutil
import subprocess
import time

from bench_host import HERE, ON_HOST, output
from results import BenchError, Run, begun_steps, ended_steps, outage

DATABASE = "bosh"
PASSWORD = "c1oudc0w"
GROUP_VARS = """---
microbosh_backup_dir: "{work}/backups/{{{{ inventory_hostname }}}}"
microbosh_private_key: "{key}"
microbosh_databases: ["{database}"]
microbosh_archive: "{{{{ inventory_hostname }}}}_{{id}}.tar.zst"
"""
SSH_CONFIG = """Host director
  HostName {ansible_host}
  Port {ansible_port}
  User {ansible_user}
  IdentityFile {key}
  IdentitiesOnly yes
  UserKnownHostsFile {known_hosts}
  StrictHostKeyChecking yes
"""
# What the old tool's setup left: with rsync as root, the key of a backup is root.
OLD_RIGHTS = """
chown root:vcap /var/vcap/store && chmod 0775 /var/vcap/store &&
echo 'vcap ALL=(ALL) NOPASSWD: /var/vcap/bosh/bin/monit, /usr/bin/sv, /usr/bin/rsync' >/etc/sudoers.d/classic &&
chmod 0440 /etc/sudoers.d/classic && visudo -cqf /etc/sudoers.d/classic
"""


class Contender:
    """One way to back up the director: what to run, and how its output names its steps."""

    name = ""
    mark = re.compile(r"== (.+)$")
    steps = staticmethod(begun_steps)
    remote = True

    def __init__(self, host, work):
        self.host, self.work = host, work
        self.key = work / "key"

    def prepare(self):
        """Do what has to be done once."""

    def command(self):
        raise NotImplementedError

    def environment(self):
        return dict(os.environ)

    def archive_seconds(self, steps):
        """Return how long the last run packed its archive; nothing where there is none."""

    def measure(self, run, watch):
        """Run it under the watcher's eyes. Return the Run; a run that failed or had no outage is an error."""
        log = self.work / "logs" / f"{self.name}-{run}.log"
        self.host.settle()
        load = os.getloadavg()[0]
        with watch(self.host) as watcher:
            status, marks, total = transcript(self.command(), self.environment(), self.mark, log)
        if status:
            raise BenchError(f"{self.name}, {run} run: failed with status {status}. The end of {log}:\n{tail(log)}")
        if not watcher.seen:
            raise BenchError(f"{self.name}, {run} run: the watcher on the host failed, so there is no outage to show")
        steps = self.steps(marks, total)
        return Run(
            contender=self.name,
            run=run,
            outage=outage(watcher.services, watcher.seen["events"]),
            total=round(total, 2),
            load=load,
            archive=self.archive_seconds(steps),
            moved=watcher.seen["sent_bytes"] if self.remote else None,
            watched=watcher.seen,
            steps=steps,
        )


class Ours(Contender):
    """The collection's playbooks, as an operator runs them."""

    name = "ours"
    mark = re.compile(r"TASK \[(.+)\] \**$")
    # With the strategy host_pinned the name of a task is printed with its result.
    steps = staticmethod(ended_steps)

    def prepare(self):
        inventory = self.work / "inventory"
        (inventory / "group_vars").mkdir(parents=True)
        hosts = {"microbosh": {"hosts": {self.host.name: self.host.variables()}}}
        (inventory / "hosts.yml").write_text(json.dumps(hosts))
        settings = GROUP_VARS.format(work=self.work, key=self.key, database=DATABASE)
        (inventory / "group_vars" / "microbosh.yml").write_text(settings)
        password = self.work / "password"
        password.write_text(PASSWORD + "\n")
        output([*self._playbook("setup"), f"--connection-password-file={password}", self._become], cwd="/")

    def command(self):
        return self._playbook("backup")

    def command_as(self, mode):
        return [*self._playbook("backup"), f"--extra-vars=microbosh_mode={mode} microbosh_archive="]

    def restore_command(self, *options):
        confirmed = f"--extra-vars=microbosh_restore_confirm={self.host.name}"
        return [*self._playbook("restore"), self._become, confirmed, *options]

    @property
    def latest(self):
        return self._backups / "latest"

    @property
    def _backups(self):
        return self.work / "backups" / self.host.name

    @property
    def _become(self):
        return f"--become-password-file={self.work / 'password'}"

    def _playbook(self, name):
        return ["ansible-playbook", "-i", str(self.work / "inventory"), f"microbosh.director.{name}"]

    def archive_seconds(self, steps):
        """The phase as the run's log has it, with the archive's checksum."""
        return self.told(r" Packed .*\(([\d.]+) s\)$")

    def told(self, pattern):
        """The seconds that the log of the last run tells in the line with this pattern."""
        return float(told_in(max((self._backups / "logs").glob("*.log")), pattern).group(1))


def told_in(log, pattern):
    """What a log says in the line with this pattern."""
    found = re.search(pattern, log.read_text(), re.MULTILINE)
    if found is None:
        raise BenchError(f"expected a line with '{pattern}' in {log}, which tells the seconds")
    return found


class Classic(Contender):
    """The shell script that an operator would have made of the old tool's steps."""

    name = "classic"

    def prepare(self):
        self.host.execute("sh", "-c", OLD_RIGHTS)
        variables = self.host.variables()
        known_hosts = re.search(r"UserKnownHostsFile=(\S+)", variables["ansible_ssh_common_args"]).group(1)
        (self.work / "ssh_config").write_text(SSH_CONFIG.format(key=self.key, known_hosts=known_hosts, **variables))
        (self.work / "cache").mkdir()

    def command(self):
        return [str(HERE / "classic.sh")]

    def environment(self):
        return {
            **os.environ,
            "SSH_CONFIG": str(self.work / "ssh_config"),
            "DATABASES": DATABASE,
            "CACHE": str(self.work / "cache"),
            "OUTPUT": str(self.work / "classic.tgz"),
        }

    def archive_seconds(self, steps):
        return next(step["seconds"] for step in steps if step["step"] == "pack")


class Floor(Contender):
    """The same guarantee by the fastest hands, on the host itself."""

    name = "floor"
    remote = False

    def command(self):
        return self.host.command("python3", f"{ON_HOST}/floor.py", "/var/lib/bench", f"{ON_HOST}/rsync_list", DATABASE)


def transcript(command, environment, mark, log):
    """Run the command, keep its output in the log. Return its status, when each step began, and the total time."""
    marks = []
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    began = time.monotonic()
    with (
        open(log, "w", encoding="utf-8") as kept,
        subprocess.Popen(command, env=environment, cwd="/", **streams) as process,
    ):
        for line in process.stdout:
            kept.write(line)
            found = mark.match(line.rstrip())
            if found:
                marks.append((time.monotonic() - began, found.group(1)))
    return process.returncode, marks, time.monotonic() - began


def tail(log, lines=30):
    return "\n".join(log.read_text(encoding="utf-8").splitlines()[-lines:])


def contenders(host, work):
    """Return the three, prepared, in an empty working directory with the key that they share."""
    shutil.rmtree(work, ignore_errors=True)
    (work / "logs").mkdir(parents=True)
    found = [kind(host, work) for kind in (Ours, Classic, Floor)]
    for contender in found:
        contender.prepare()
    return found
