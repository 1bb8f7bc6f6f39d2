# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease with real processes, a real lock and real signals; only sudo, monit and sv are stand-ins."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._lease import _lease
from ansible_collections.microbosh.director.plugins.module_utils._lease._lease_holder import Switch, run_command
from ansible_collections.microbosh.director.plugins.module_utils._lease._lease_staging import LeaseStaging
from places import REPOSITORY

PATIENCE = 20  # seconds until a condition that is not met fails a test; none waits for that long when all is well

# A task: it ends as soon as it has its answer, as a module does.
TASK = """
import json, sys
from ansible_collections.microbosh.director.plugins.module_utils._services import _agent
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._lease._lease import look, perform
params = json.loads(sys.argv[1])
_agent.SV = params.pop("sv")
_agent.SERVICE_DIRECTORIES = (_agent.SV,)
try:
    answer = perform(params, params.pop("check_mode")) if params["state"] != "asked" else look(params["staging"])
except DirectorError as error:
    answer = dict(error.facts, failed=True, msg=str(error))
print(json.dumps(answer))
"""

SUDO = """#!/bin/sh
[ "$1" = -n ] || exit 1
shift
echo "$*" >>"$HOST/commands"
exec "$@"
"""

SV = """#!/bin/sh
[ "$1" != start ] || touch "$HOST/agent"
if [ -e "$HOST/agent" ]; then echo "run: agent: (pid 12) 8s"; else echo "down: agent: 1s, normally up"; fi
"""

# Two services: stopped while the file of their name is missing. They stay so while "broken" is there.
MONIT = """#!/bin/sh
show() { if [ -e "$HOST/$1" ]; then echo running; else echo "not monitored"; fi; }
case "$1 $2" in
"summary "|"status ")
    [ ! -e "$HOST/hung" ] || exec sleep 600
    [ ! -e "$HOST/daemon_down" ] || exit 0
    echo "The Monit daemon 5.2.5 uptime: 10m"
    echo
    for name in nats director; do
        if [ "$1" = summary ]; then printf "%-35s %s\\n" "Process '$name'" "$(show $name)"
        else printf "Process '%s'\\n  status                            %s\\n\\n" $name "$(show $name)"; fi
    done
    ;;
"start all") [ -e "$HOST/broken" ] || touch "$HOST/nats" "$HOST/director" ;;
start*) [ -e "$HOST/broken" ] || touch "$HOST/$2" ;;
*) exit 1 ;;
esac
"""


def wait_for(condition, what):
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up, f"waited {PATIENCE} s in vain for: {what}"
        time.sleep(0.02)


def exists(pid):
    """A zombie is gone: it holds nothing."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def works(python):
    """Return whether it is a Python that runs; a version manager also puts names there that do not."""
    return python is not None and subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0


OLD_PYTHONS = list(filter(works, map(shutil.which, ("python2.7", "python3.6"))))


def package_for_old_pythons(top):
    """Python 2.7 wants an __init__.py in every package; Ansible brings them with a module."""
    package = top
    for name in ("ansible_collections", "microbosh", "director", "plugins", "module_utils"):
        package = package / name
        package.mkdir()
        (package / "__init__.py").touch()
    sources = REPOSITORY / "plugins/module_utils"
    rooms = [path for path in sources.iterdir() if (path / "__init__.py").exists()]
    listing = ["git", "ls-files", "*/__init__.py"]
    listed = subprocess.run(listing, cwd=sources, check=True, capture_output=True, text=True)
    assert {f"{room.name}/__init__.py" for room in rooms} == set(listed.stdout.split())
    for room in rooms:
        (package / room.name).symlink_to(room)


class Site:
    """A director's host: its staging directory, its commands, and the tasks that are sent to it."""

    def __init__(self, top, python=sys.executable):
        self.python = python
        self.top = Path(top)
        self.staging = self.top / "staging"
        self.staging.mkdir(mode=0o700)
        self.programs = self.top / "bin"
        self.programs.mkdir()
        for name, text in (("sudo", SUDO), ("monit", MONIT), ("sv", SV)):
            (self.programs / name).write_text(text, encoding="utf-8")
            (self.programs / name).chmod(0o755)
        self.holders = set()
        self.start_all()

    def start_all(self):
        for name in ("nats", "director", "agent"):
            (self.top / name).touch()

    def stop_all(self):
        for name in ("nats", "director", "agent"):
            (self.top / name).unlink(missing_ok=True)

    def running(self):
        return all((self.top / name).exists() for name in ("nats", "director", "agent"))

    def commands(self):
        log = self.top / "commands"
        return log.read_text(encoding="utf-8").splitlines() if log.exists() else []

    def files(self):
        return sorted(path.name for path in self.staging.iterdir())

    def environment(self):
        return dict(
            os.environ,
            PATH=f"{self.programs}:{os.environ['PATH']}",
            PYTHONPATH=os.pathsep.join(sys.path) if self.python == sys.executable else str(self.top),
            PYTHONDONTWRITEBYTECODE="1",
            HOST=str(self.top),
            SSH_CONNECTION="192.0.2.10 40000 192.0.2.1 22",
        )

    def params(self, state, **given):
        defaults = {
            "staging": str(self.staging),
            "holder": "backup@controller",
            "purpose": "backup",
            "run": "20261122T221326Z",
            "token": None,
            "limit": 1800,
            "on_deadline": "start",
            "monit": str(self.programs / "monit"),
            "manager": "runit",
            "sv": str(self.programs / "sv"),
            "controller": "",
            "takeover": "",
            "check_mode": False,
        }
        return dict(defaults, state=state, **given)

    def task(self, state, **given):
        """Run a task to its end and return its result. Its output ends with it: nothing else has inherited it."""
        ended = subprocess.run(
            [self.python, "-c", TASK, json.dumps(self.params(state, **given))],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert ended.returncode == 0, ended.stderr
        result = json.loads(ended.stdout)
        if not result.get("failed") and result["lease"]:
            self.holders.add(result["lease"]["pid"])
        return result

    def hold(self, **given):
        result = self.task("held", **given)
        assert not result.get("failed"), result["msg"]
        return result

    def arm(self, lease, limit=600, on_deadline="start", **given):
        result = self.task("armed", token=lease["token"], limit=limit, on_deadline=on_deadline, **given)
        assert not result.get("failed"), result["msg"]
        return result

    def kill_holder(self, lease, number=signal.SIGKILL):
        pid = lease["lease"]["pid"]
        os.kill(pid, number)
        wait_for(lambda: not exists(pid), "the end of the holder")

    def close(self):
        for pid in self.holders:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def site():
    # not tmp_path: the path of a socket has to be short
    top = tempfile.mkdtemp(prefix="lease")
    here = Site(top)
    yield here
    here.close()
    shutil.rmtree(top)


class TestHeld:
    def test_gives_a_token_and_leaves_a_process_that_shares_nothing(self, site):
        lease = site.hold()
        pid = lease["lease"]["pid"]
        assert lease["changed"]
        assert lease["held"]
        assert not lease["armed"]
        assert os.getsid(pid) != os.getsid(0)
        assert os.readlink(f"/proc/{pid}/cwd") == "/"
        opened = {os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")}
        assert {path for path in opened if not path.startswith("socket:")} == {
            "/dev/null",
            str(site.staging / "lease.lock"),
        }
        assert Path(f"/proc/{pid}/comm").read_text(encoding="ascii") == "microbosh-lease\n"

    def test_only_the_backup_user_reaches_it(self, site):
        site.arm(site.hold())
        for name in ("lease.lock", "lease.sock", "lease-armed"):
            assert (site.staging / name).lstat().st_mode & 0o077 == 0, name

    def test_another_run_is_refused_at_once_and_told_who_holds_it(self, site):
        site.hold()
        began = time.monotonic()
        refused = site.task("held", holder="other@elsewhere", run="20261122T230000Z")
        assert time.monotonic() - began < 5
        assert refused["reason"] == "held"
        for said in ("backup@controller", "192.0.2.10", "backup 20261122T221326Z", refused["lease"]["since"]):
            assert said in refused["msg"]

    def test_of_many_that_ask_at_once_one_gets_it(self, site):
        asking = [
            subprocess.Popen(
                [sys.executable, "-c", TASK, json.dumps(site.params("held", run=str(number)))],
                env=site.environment(),
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(6)
        ]
        answers = [json.loads(process.communicate(timeout=PATIENCE)[0]) for process in asking]
        (winner,) = (answer for answer in answers if not answer.get("failed"))
        site.holders.add(winner["lease"]["pid"])
        losers = [answer for answer in answers if answer.get("failed")]
        assert {answer["reason"] for answer in losers} == {"held"}
        assert {answer["lease"]["run"] for answer in losers} == {winner["lease"]["run"]}

    def test_the_same_run_gets_the_same_lease_when_it_asks_again(self, site):
        lease = site.hold(controller="boot:1/2/3")
        again = site.hold(controller="boot:1/2/3")
        assert again["token"] == lease["token"]
        assert not again["changed"]
        assert site.task("held", controller="boot:1/4/5")["reason"] == "held"

    def test_a_hanging_holder_is_named_by_its_lock_file(self, site):
        lease = site.hold()
        os.kill(lease["lease"]["pid"], signal.SIGSTOP)
        refused = site.task("held", run="other")
        assert "backup@controller" in refused["msg"]

    def test_in_check_mode_it_only_tells(self, site):
        assert site.task("held", check_mode=True)["changed"]
        assert site.files() == []
        site.hold()
        assert site.task("held", check_mode=True, run="other")["reason"] == "held"

    def test_in_check_mode_a_dead_runs_lease_is_in_nobodys_way(self, site):
        dead = site.hold(limit=1)
        assert not site.task("held", check_mode=True, run="next", takeover=dead["token"]).get("failed")
        wait_for(lambda: not site.task("held", check_mode=True, run="next").get("failed"), "the limit of a dead run")
        assert site.task("asked")["lease"]["run"] == dead["lease"]["run"]


class TestDeadRuns:
    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
    def test_the_lock_of_a_dead_holder_is_free_at_once(self, site, number):
        site.kill_holder(site.hold(), number)
        lease = site.hold(run="next")
        assert lease["previous_fired"] is None
        assert lease["seconds"] < 1

    def test_an_unarmed_lease_is_taken_over_from_a_dead_run(self, site):
        dead = site.hold()
        lease = site.hold(run="next", takeover=dead["token"])
        assert lease["token"] != dead["token"]
        assert not exists(dead["lease"]["pid"])
        assert lease["previous_fired"] is None
        assert site.commands() == []

    def test_an_armed_lease_is_taken_over_after_it_has_started_the_director(self, site):
        dead = site.hold()
        site.arm(dead)
        site.stop_all()
        lease = site.hold(run="next", takeover=dead["token"])
        assert site.running()
        assert lease["previous_fired"]["whole"]
        assert lease["previous_fired"]["restarted"] == ["nats", "director"]
        assert lease["previous_fired"]["token"] == dead["token"]

    def test_a_wrong_token_takes_nothing_over(self, site):
        site.hold()
        assert site.task("held", run="next", takeover="0" * 32)["reason"] == "held"

    def test_an_unarmed_lease_without_a_sign_of_life_is_taken_over(self, site):
        silent = site.hold(limit=1)
        wait_for(lambda: not site.task("held", run="next", limit=1).get("failed"), "the takeover")
        assert site.task("armed", token=silent["token"])["reason"] == "lost"

    def test_an_armed_lease_is_not(self, site):
        lease = site.hold(limit=1)
        armed = site.arm(lease, limit=600)
        wait_for(lambda: uptime() > armed["lease"]["renewed_at"] + 1.2, "the limit of the unarmed lease")
        assert site.task("held", run="next")["reason"] == "held"

    def test_a_sign_of_life_keeps_it(self, site):
        lease = site.hold(limit=2)
        began = lease["lease"]["held_at"]
        while uptime() < began + 3:
            assert not site.task("held", token=lease["token"]).get("failed")
            assert site.task("held", run="next")["reason"] == "held"


class TestArmed:
    def test_the_deadline_is_counted_from_the_boot(self, site):
        armed = site.arm(site.hold(), limit=600)
        assert armed["armed"]
        assert 0 < armed["deadline"] - uptime() <= 600
        assert armed["lease"]["seconds_left"] <= 600

    def test_fails_when_the_holder_is_dead(self, site):
        lease = site.hold()
        site.kill_holder(lease)
        refused = site.task("armed", token=lease["token"])
        assert refused["reason"] == "lost"
        assert "Stop nothing" in refused["msg"]

    def test_fails_when_the_lease_is_another_run_s(self, site):
        site.hold()
        refused = site.task("armed", token="0" * 32)
        assert refused["reason"] == "lost"
        assert not site.task("asked")["armed"]

    def test_fails_when_the_holder_does_not_answer(self, site):
        lease = site.hold()
        os.kill(lease["lease"]["pid"], signal.SIGSTOP)
        began = time.monotonic()
        refused = site.task("armed", token=lease["token"])
        assert refused["reason"] == "lost"
        assert "does not answer" in refused["msg"]
        assert time.monotonic() - began < 8

    def test_fails_when_the_mark_for_the_next_boot_cannot_be_written(self, site):
        lease = site.hold()
        (site.staging / "lease-armed").mkdir()
        refused = site.task("armed", token=lease["token"])
        assert refused["reason"] == "lost"
        assert not site.task("asked")["armed"]

    def test_a_second_time_moves_the_deadline(self, site):
        lease = site.hold()
        first = site.arm(lease, limit=1)
        second = site.arm(lease, limit=600)
        assert second["deadline"] > first["deadline"] + 500
        wait_for(lambda: uptime() > first["deadline"] + 0.5, "the first deadline to be past")
        assert site.task("released", token=lease["token"])["intact"]

    def test_waiting_costs_nothing(self, site):
        lease = site.hold()
        site.arm(lease)
        stat = Path(f"/proc/{lease['lease']['pid']}/stat")
        before = stat.read_text(encoding="ascii").split()[13:15]
        began = uptime()
        wait_for(lambda: uptime() > began + 1, "a second to pass")
        assert stat.read_text(encoding="ascii").split()[13:15] == before
        assert stat.read_text(encoding="ascii").split()[2] == "S"


class TestDisarmed:
    def test_nothing_happens_at_the_deadline_any_more(self, site):
        lease = site.hold()
        site.arm(lease, limit=1)
        disarmed = site.task("disarmed", token=lease["token"])
        assert (disarmed["intact"], disarmed["fired"]) == (True, False)
        assert (disarmed["held"], disarmed["armed"]) == (True, False)
        site.stop_all()
        began = uptime()
        wait_for(lambda: uptime() > began + 1.5, "the deadline to pass")
        assert not site.running()
        assert site.task("asked")["token"] == lease["token"]
        assert "lease-armed" not in site.files()

    def test_another_run_is_refused_and_told_who_has_it(self, site):
        lease = site.hold(holder="first@controller")
        site.arm(lease)
        site.task("disarmed", token=lease["token"])
        refused = site.task("held", run="another")
        assert refused["reason"] == "held"
        assert "first@controller" in refused["msg"]

    def test_from_a_run_that_is_dead_by_now_it_is_taken_over_at_once(self, site):
        lease = site.hold(controller="c1")
        site.arm(lease)
        site.task("disarmed", token=lease["token"])
        taken = site.hold(run="another", takeover=lease["token"])
        assert taken["previous_fired"] is None
        assert site.commands() == []

    def test_one_that_is_gone_was_not_intact(self, site):
        lease = site.hold()
        site.arm(lease)
        site.kill_holder(lease)
        disarmed = site.task("disarmed", token=lease["token"])
        assert (disarmed["intact"], disarmed["held"], disarmed["changed"]) == (False, False, False)

    def test_afterwards_it_is_released_as_any_other(self, site):
        lease = site.hold()
        site.arm(lease)
        site.task("disarmed", token=lease["token"])
        assert site.task("released", token=lease["token"])["intact"]
        assert site.files() == []


class TestReleased:
    def test_leaves_nothing_behind(self, site):
        lease = site.hold()
        site.arm(lease)
        released = site.task("released", token=lease["token"])
        assert released["intact"]
        assert released["changed"]
        assert not released["fired"]
        assert not exists(lease["lease"]["pid"])
        assert site.files() == []
        assert site.commands() == []

    def test_the_next_run_gets_it_at_once(self, site):
        site.task("released", token=site.hold()["token"])
        lease = site.hold(run="next")
        assert lease["previous_fired"] is None

    def test_a_lease_that_is_gone_was_not_intact(self, site):
        lease = site.hold()
        site.kill_holder(lease)
        released = site.task("released", token=lease["token"])
        assert (released["intact"], released["fired"], released["changed"]) == (False, False, False)

    def test_the_lease_of_another_run_stays(self, site):
        lease = site.hold()
        assert not site.task("released", token="0" * 32)["intact"]
        assert site.task("asked")["token"] == lease["token"]

    def test_in_check_mode_it_stays(self, site):
        lease = site.hold()
        assert site.task("released", token=lease["token"], check_mode=True)["changed"]
        assert site.task("asked")["held"]


class TestFired:
    def fire(self, site, on_deadline="start", limit=1, **given):
        lease = site.hold(**given)
        site.arm(lease, limit=limit, on_deadline=on_deadline)
        site.stop_all()
        return lease

    def wait_for_end(self, lease):
        wait_for(lambda: not exists(lease["lease"]["pid"]), "the end of the holder")

    def test_starts_the_services_and_the_agent(self, site):
        lease = self.fire(site)
        self.wait_for_end(lease)
        assert site.running()
        assert site.files() == ["lease-fired.json"]
        assert (site.staging / "lease-fired.json").stat().st_mode & 0o777 == 0o600

    def test_not_before_its_deadline(self, site):
        lease = self.fire(site, limit=2)
        deadline = site.task("asked")["deadline"]
        wait_for(site.running, "the services")
        assert uptime() >= deadline
        self.wait_for_end(lease)

    def test_the_run_learns_that_what_it_copied_is_lost(self, site):
        lease = self.fire(site)
        wait_for((site.staging / "lease-fired.json").exists, "the record")
        released = site.task("released", token=lease["token"])
        assert (released["intact"], released["fired"]) == (False, True)
        assert released["record"]["run"] == "20261122T221326Z"
        assert site.task("armed", token=lease["token"])["record"]["token"] == lease["token"]

    def test_the_next_run_reports_it_once(self, site):
        lease = self.fire(site)
        self.wait_for_end(lease)
        assert site.task("asked")["previous_fired"]["whole"]
        following = site.hold(run="next")
        record = following["previous_fired"]
        assert record["whole"]
        assert record["restarted"] == ["nats", "director"]
        assert 1 <= record["seconds_down"] < PATIENCE
        site.task("released", token=following["token"])
        assert site.hold(run="third")["previous_fired"] is None
        assert site.task("released", token=lease["token"])["fired"]  # the dead run may still come and ask

    def test_tries_again_until_all_runs_and_keeps_the_lock_meanwhile(self, site):
        (site.top / "broken").touch()
        (site.top / "daemon_down").touch()
        lease = self.fire(site)
        wait_for(lambda: site.commands().count(f"{site.programs}/monit status") > 1, "a second attempt")
        refused = site.task("held", run="next")
        assert refused["reason"] == "held"
        assert "being started" in refused["msg"]
        (site.top / "daemon_down").unlink()
        (site.top / "broken").unlink()
        self.wait_for_end(lease)
        assert site.running()
        assert site.task("asked")["previous_fired"]["attempts"] > 1

    def test_only_tells_during_a_restore(self, site):
        lease = self.fire(site, on_deadline="tell", purpose="restore")
        self.wait_for_end(lease)
        assert not site.running()
        assert site.commands() == []
        record = site.task("asked")["previous_fired"]
        assert (record["on_deadline"], record["whole"], record["purpose"]) == ("tell", None, "restore")

    def test_a_full_disk_does_not_keep_the_director_down(self, site):
        lease = self.fire(site, limit=2)
        (site.staging / "lease-fired.json").mkdir()
        self.wait_for_end(lease)
        assert site.running()
        (site.staging / "lease-fired.json").rmdir()
        assert not site.task("released", token=lease["token"])["intact"]


class TestHolderDiedArmed:
    """The state after a reboot, or after the holder was killed in the outage."""

    def test_the_next_run_starts_the_director_first(self, site):
        dead = site.hold()
        site.arm(dead)
        site.stop_all()
        site.kill_holder(dead)
        assert not site.running()
        assert site.task("asked")["left_armed"]["on_deadline"] == "start"
        lease = site.hold(run="next")
        assert site.running()
        assert lease["previous_fired"]["whole"]
        assert "died" in lease["previous_fired"]["reason"]
        assert lease["left_armed"] is None

    def test_but_not_what_a_restore_left(self, site):
        dead = site.hold(purpose="restore", run="r1")
        site.arm(dead, on_deadline="tell")
        site.stop_all()
        site.kill_holder(dead)
        lease = site.hold(run="next")
        assert not site.running()
        assert lease["left_armed"]["run"] == "r1"

    def test_a_restore_that_went_on_to_its_end_leaves_nothing(self, site):
        dead = site.hold(purpose="restore", run="r1")
        site.arm(dead, on_deadline="tell")
        site.kill_holder(dead)
        assert not site.task("released", token="0" * 32)["intact"]
        assert site.task("asked")["left_armed"]
        assert not site.task("released", token=dead["token"])["intact"]
        assert site.task("asked")["left_armed"] is None

    def test_what_would_start_the_director_stays_until_it_has(self, site):
        dead = site.hold()
        site.arm(dead)
        site.kill_holder(dead)
        site.task("released", token=dead["token"])
        assert site.task("asked")["left_armed"]["on_deadline"] == "start"


class TestStaging:
    def test_missing(self, site):
        site.staging.rmdir()
        assert "Run the setup playbook" in site.task("held")["msg"]

    def test_writable_by_others(self, site):
        site.staging.chmod(0o770)
        assert "Others may write" in site.task("held")["msg"]

    def test_a_link(self, site):
        site.staging.rmdir()
        (site.top / "elsewhere").mkdir(mode=0o700)
        site.staging.symlink_to(site.top / "elsewhere")
        assert "is not a directory" in site.task("held")["msg"]

    def test_of_another_user(self, site, monkeypatch):
        monkeypatch.setattr(os, "geteuid", lambda: site.staging.stat().st_uid + 1)
        with pytest.raises(DirectorError, match="belongs to user"):
            LeaseStaging(str(site.staging)).check()

    def test_a_planted_link_is_not_followed(self, site):
        target = site.top / "precious"
        target.write_text("precious", encoding="ascii")
        (site.staging / "lease.lock").symlink_to(target)
        assert "cannot be used" in site.task("held")["msg"]
        assert target.read_text(encoding="ascii") == "precious"

    def test_a_limit_of_nothing(self, site):
        assert "at least 1 second" in site.task("armed", token="0", limit=0)["msg"]

    def test_a_lock_file_that_is_removed_before_it_is_locked_is_not_the_lock(self, site, monkeypatch):
        path = str(site.staging / "lease.lock")
        opened = []

        def open_as_the_holder_leaves(*arguments):
            opened.append(open_file(*arguments))
            if len(opened) == 1:
                os.unlink(path)
            return opened[-1]

        open_file = os.open
        monkeypatch.setattr(os, "open", open_as_the_holder_leaves)
        lock = LeaseStaging(str(site.staging)).lock()
        assert os.fstat(lock).st_ino == os.stat(path).st_ino
        os.close(lock)

    def test_a_lock_file_that_was_removed_is_not_taken_for_the_lock(self, site):
        staging = LeaseStaging(str(site.staging))
        before = staging.lock()
        staging.unlock()
        after = staging.lock()
        assert os.fstat(before).st_ino != os.fstat(after).st_ino
        assert staging.lock() is None
        os.close(before)
        assert staging.lock() is None
        os.close(after)


class FakeDirector:
    def __init__(self, failures):
        self.failures = list(failures)

    def not_running(self):
        return ["nats"]

    def start(self, unmonitored):
        self.unmonitored = unmonitored
        if self.failures:
            raise self.failures.pop(0)


ARMED = {"on_deadline": "start", "armed_at": 0, "holder": "h", "purpose": "backup", "run": "r", "token": "t"}


class TestSwitch:
    def test_waits_longer_after_each_failure_but_never_for_long(self, site):
        pauses = []
        failures = [DirectorError("busy")] * 7 + [RuntimeError("anything at all")]
        record = Switch(LeaseStaging(str(site.staging)), FakeDirector(failures), pauses.append).fire(ARMED, "test")
        assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
        assert (record["whole"], record["attempts"], record["error"]) == (True, 9, "")

    def test_what_monit_did_not_watch_is_told_to_who_starts(self, site):
        director = FakeDirector([])
        Switch(LeaseStaging(str(site.staging)), director).fire(dict(ARMED, unmonitored=["powerdns"]), "test")
        assert director.unmonitored == ["powerdns"]
        Switch(LeaseStaging(str(site.staging)), director).fire(ARMED, "test of a lease that an earlier version armed")
        assert director.unmonitored == []

    def test_gives_up_and_says_why(self, site):
        failures = [DirectorError("nats does not start")] * 3
        switch = Switch(LeaseStaging(str(site.staging)), FakeDirector(failures), lambda seconds: None, give_up=-1)
        record = switch.fire(ARMED, "test")
        assert (record["whole"], record["error"]) == (False, "nats does not start")
        assert LeaseStaging(str(site.staging)).recorded()["error"] == "nats does not start"


class TestRunCommand:
    def test_tells_output_errors_and_status_apart(self):
        assert run_command(["/bin/sh", "-c", "echo out; echo err >&2; exit 3"]) == (3, "out\n", "err\n")

    def test_does_not_wait_for_a_command_that_hangs(self, tmp_path):
        os.mkfifo(tmp_path / "never")
        began = time.monotonic()
        assert run_command(["cat", str(tmp_path / "never")], seconds=0.3)[0] == 124
        assert time.monotonic() - began < 5
        os.close(os.open(tmp_path / "never", os.O_RDWR))  # now it ends, too

    def test_a_missing_program_is_an_answer(self):
        assert run_command(["/nowhere/program"]) == (127, "", "/nowhere/program: No such file or directory")


class TestArming:
    def test_what_monit_did_not_watch_is_kept_for_who_comes_next(self, site):
        lease = site.hold()
        site.arm(lease, limit=600, unmonitored=["powerdns"])
        action, text = (site.staging / "lease-armed").read_text(encoding="ascii").split("\n", 1)
        assert (action, json.loads(text)["unmonitored"]) == ("start", ["powerdns"])


class TestMessages:
    def test_nobody_has_signed_yet(self):
        assert "has not said whose" in _lease.refusal({})

    def test_an_armed_lease_tells_when_it_ends(self, site):
        lease = site.hold()
        site.arm(lease, limit=600)
        assert re.search(r"wait for it to end, in (600|59\d) s at the latest", site.task("held", run="other")["msg"])


@pytest.mark.parametrize("python", OLD_PYTHONS)
def test_the_whole_life_of_a_lease_on_an_old_python(site, python):
    package_for_old_pythons(site.top)
    site.python = python
    holder = "B\u00e4ckup@controller"
    lease = site.hold(holder=holder)
    assert holder in site.task("held", run="other")["msg"]
    site.arm(lease, limit=1)
    site.stop_all()
    wait_for(lambda: not exists(lease["lease"]["pid"]), "the end of the holder")
    assert site.running()
    assert site.task("released", token=lease["token"])["fired"]
    lease = site.hold(run="next")
    assert lease["previous_fired"]["holder"] == holder
    assert site.arm(lease)["armed"]
    site.kill_holder(lease)
    assert site.task("armed", token=lease["token"])["reason"] == "lost"
    lease = site.hold(run="third")
    assert site.task("released", token=lease["token"])["intact"]
    assert site.files() == ["lease-fired.last.json"]


def test_the_ssh_session_does_not_wait_for_the_holder(site):
    """sshd ends a session when the last process that has its pipe ends."""
    task = subprocess.Popen(
        [sys.executable, "-c", TASK, json.dumps(site.params("held"))], env=site.environment(), stdout=subprocess.PIPE
    )
    output = b""
    while select.select([task.stdout], [], [], PATIENCE)[0]:
        part = os.read(task.stdout.fileno(), 65536)
        if not part:
            break
        output += part
    else:
        pytest.fail("the pipe stayed open")
    pid = json.loads(output)["lease"]["pid"]
    site.holders.add(pid)
    assert exists(pid)
    task.wait()


def uptime():
    return float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
