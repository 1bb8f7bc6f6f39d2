# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test host that everyone runs against, and the watcher on it."""

import json
import shlex
import subprocess
import time
from pathlib import Path

import yaml
from results import BenchError

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
TESTHOST = REPOSITORY / "tests" / "testhost" / "testhost"
ON_HOST = "/usr/local/lib/bench"
# Rows that were just loaded are written once more when they are first read, by whoever comes first: get it over with.
SETTLE = """
psql='chpst -u vcap /var/vcap/packages/postgres/bin/psql -qX -v ON_ERROR_STOP=1 -h 127.0.0.1 -d'
$psql bosh -c 'VACUUM ANALYZE' && $psql postgres -c CHECKPOINT && sync
"""
# Another monit in place of Debian's, in the words of its configuration that the old ones know, too.
MONIT = "/var/vcap/bosh/bin/monit"
CHANGE_MONIT = f"""
sv stop monit && install -m 0755 {ON_HOST}/monit {MONIT} && rm -f /var/vcap/monit/monit.state &&
sed -i -e 's/^set log /set logfile /' -e '/^set onreboot /d' /var/vcap/bosh/etc/monitrc && sv start monit
"""


class BenchHost:
    """An embedded microBOSH of our own."""

    def __init__(self, name):
        self.name = name

    def up(self, blobs, database_mib, monit=None):
        self._testhost("down", self.name)
        self._testhost("up", self.name, f"--blobs={blobs}", f"--database-mib={database_mib}")
        self.execute("mkdir", "-p", ON_HOST)
        for path in [*sorted((HERE / "on_host").glob("*.py")), HERE / "rsync_list"]:
            self._put(path, path.name)
        if monit:
            self._put(Path(monit), "monit")
            self.execute("sh", "-c", CHANGE_MONIT)
            self._wait_for_monit()

    def _put(self, path, name):
        with open(path, "rb") as content:
            self.execute("sh", "-c", f"cat >{shlex.quote(f'{ON_HOST}/{name}')}", stdin=content)

    def _wait_for_monit(self, seconds=60):
        """Wait until monit calls every process running; the first seconds it does not even answer."""
        deadline = time.monotonic() + seconds
        rows = []
        while not rows or not all("running" in row or " OK " in row for row in rows):
            if time.monotonic() > deadline:
                raise BenchError(f"the monit given with --monit calls not every process running: {rows or 'no answer'}")
            time.sleep(0.5)
            summary = self.execute("sh", "-c", f"{MONIT} summary || true")
            rows = [line for line in summary.splitlines() if "Process" in line]

    def down(self):
        self._testhost("down", self.name)

    def add(self, blobs, seed):
        """Put that many MiB of new blobs on it."""
        self._testhost("fill", self.name, f"--blobs={blobs}", f"--seed={seed}")

    def settle(self):
        """Nothing is left to be written, so that who comes first does not pay for those who follow."""
        self.execute("sh", "-c", SETTLE)

    def variables(self):
        """Return the variables by which Ansible reaches the host, without the password."""
        return yaml.safe_load(self._testhost("inventory", self.name))["microbosh"]["hosts"][self.name]

    def command(self, *command):
        """The command line that runs a command on it as root."""
        return [str(TESTHOST), "exec", self.name, "--", *command]

    def execute(self, *command, **options):
        return output(self.command(*command), **options)

    def _testhost(self, *arguments):
        return output([str(TESTHOST), *arguments])


class Watcher:
    """A process on the host that looks at the services' processes while a contender runs."""

    def __init__(self, host):
        self._command = host.command("python3", f"{ON_HOST}/watch.py")
        self.services = []
        self.seen = {}

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        first = self._process.stdout.readline()
        if not first:
            raise BenchError(f"the watcher on the host ended at once with status {self._process.wait()}")
        self.services = json.loads(first)
        return self

    def __exit__(self, *_exception):
        answer, _no_error = self._process.communicate()
        if self._process.returncode == 0:
            self.seen = json.loads(answer)


def output(command, **options):
    """Run it and return what it printed; if it fails, show that."""
    result = subprocess.run(command, capture_output=True, text=True, **options)
    if result.returncode:
        line = " ".join(command)
        raise BenchError(f"`{line}` failed with status {result.returncode}:\n{result.stdout}{result.stderr}")
    return result.stdout
