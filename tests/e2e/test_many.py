"""Several directors in one run, by a playbook that is elsewhere, with one of them out of reach."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import shutil
import stat
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from breakage import wait_until
from conftest import ANSIBLE, PLAYBOOK_SECONDS, Run, playbook_command, start_ansible, write_inventory
from standing import refused, whole
from trees import check_archive
from watching import Watch

pytestmark = pytest.mark.rotating

SITE = """
- name: Something of the operator's own
  hosts: microbosh
  gather_facts: false
  tasks:
    - name: Before the backup
      ansible.builtin.debug:
        msg: this is another playbook
- name: Back up
  import_playbook: microbosh.director.backup
"""
MARKER = "/var/vcap/store/this is the one that was meant"
# Leads rsync to another machine than Ansible: this one.
ASTRAY = """#!/bin/sh
case " $* " in
*" rsync --server "*) while [ "$1" != rsync ]; do shift; done; exec "$@" ;;
esac
exec SSH "$@"
"""


WAITING = "Waiting, nothing is stopped yet, for the outage of somebody (1 at once, microbosh_outages_at_once)"

ONE = {"microbosh_outages_at_once": 1}


@dataclass
class Many:
    """The run, the ids that each host had before it, and when each was down."""

    run: Run
    before: dict
    watches: list


@contextlib.contextmanager
def only_slot_taken():
    """The one slot of runs with microbosh_outages_at_once=1 is another run's."""
    directory = Path(f"/tmp/microbosh-{os.geteuid()}")
    directory.mkdir(mode=0o700, exist_ok=True)
    with open(directory / "outage-0", "a+", encoding="ascii") as slot:
        fcntl.flock(slot, fcntl.LOCK_EX)
        slot.truncate(0)
        slot.write(json.dumps({"host": "somebody"}))
        slot.flush()
        yield


class Running:
    """A run that goes on while its output is read."""

    def __init__(self, command):
        self.process, self.lines = start_ansible(command), []
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True)
        self.reader.start()

    def waiting(self):
        return sum(WAITING in line for line in list(self.lines))

    def finish(self):
        self.reader.join(PLAYBOOK_SECONDS)
        return Run(self.process.wait(PLAYBOOK_SECONDS), "".join(self.lines))


def in_turns(directors, *commands):
    """Run these; the only slot gets free when all directors wait for it. Return the Runs, and a Watch of each."""
    watches = [Watch(each) for each in directors]
    with contextlib.ExitStack() as stack:
        with only_slot_taken():
            running = [Running(command) for command in commands]
            wait_until(
                lambda: sum(one.waiting() for one in running) == len(directors)
                or not any(one.reader.is_alive() for one in running),
                "all directors wait for their turn", PLAYBOOK_SECONDS,
            )  # fmt: skip
            for watch in watches:
                stack.enter_context(watch)
        return [one.finish() for one in running], watches


def one_after_the_other(watches):
    """Tell whether no two were down at the same moment, and all were."""
    spans = sorted((watch.first_down, watch.last_down) for watch in watches)
    return all(end < begin for (_first, end), (begin, _last) in itertools.pairwise(spans))


@pytest.fixture(scope="module")
def many(micro, director, tmp_path_factory):
    """Each host has its own settings."""
    directory = tmp_path_factory.mktemp("site")
    micro.execute("touch", MARKER)
    # Ansible takes these names before ansible_host and ansible_port, which lead to the other director.
    address = {"ansible_ssh_host": "127.0.0.1", "ansible_ssh_port": micro.host.facts["port"]}
    (directory / "site.yml").write_text(SITE)
    hosts = {
        micro.name: micro.variables(
            ansible_host="127.0.0.1", ansible_port=director.host.facts["port"], **address,
            microbosh_archive="{id}.tar.gz", microbosh_databases=[], microbosh_keep={"last": 1}, **ONE,
        ),
        director.name: director.variables(microbosh_archive="{id}.tar", microbosh_databases=["bosh"], **ONE),
        "gone": micro.variables(ansible_host="no-such-host.invalid", microbosh_backup_dir=str(directory / "gone")),
    }
    before = {each.name: each.ids for each in (micro, director)}
    inventory = write_inventory(directory / "hosts.yml", hosts)
    (run,), watches = in_turns((micro, director), playbook_command(inventory, directory / "site.yml"))
    return Many(run, before, watches)


def test_one_host_that_does_not_answer_makes_the_run_fail(many):
    assert many.run.status == 4
    assert many.run.recap["gone"]["unreachable"] == 1
    assert "cannot be reached" in many.run.told("gone")


def test_the_others_are_backed_up(micro, director, many):
    for each in (micro, director):
        assert many.run.recap[each.name]["failed"] == 0
        assert each.ids[-1] not in many.before[each.name]
        assert each.latest.name == each.ids[-1]
        assert whole(each.latest) is True
        assert f"Backup {each.latest.name} of {each.name} is whole" in many.run.told(each.name)


def test_the_copy_comes_from_the_machine_whose_services_stopped(micro, director, many):
    copies = [each.latest / "vcap" / MARKER.removeprefix("/var/vcap/") for each in (micro, director)]
    assert [copy.exists() for copy in copies] == [True, False]


def test_rsync_gone_astray_is_noticed_before_anything_is_stopped(micro, many, tmp_path):
    (tmp_path / "ssh").write_text(ASTRAY.replace("SSH", shutil.which("ssh")))
    (tmp_path / "ssh").chmod(0o755)
    path = f"{tmp_path}:{ANSIBLE / 'bin'}:{os.environ['PATH']}"
    refused(micro, "does not come back by rsync", "Nothing was stopped", environment={"PATH": path})


def test_no_host_waits_for_another(micro, director, many):
    spans = []
    for each in (micro, director):
        phases = each.report["phases"]
        began, last = (datetime.fromisoformat(phase["start"]) for phase in (phases[0], phases[-1]))
        spans.append((began, last + timedelta(seconds=phases[-1]["seconds"])))
    (first, first_end), (second, second_end) = spans
    assert first < second_end
    assert second < first_end


def test_outages_of_one_run_take_turns(micro, director, many):
    assert one_after_the_other(many.watches)
    for each in (micro, director):
        assert f"{WAITING} The turn of this director has come after" in many.run.told(each.name)
        assert WAITING in (each.latest / "backup.log").read_text()
        assert "slot" in [phase["phase"] for phase in each.report["phases"]]


def test_an_empty_list_of_databases_means_no_dump(micro, many):
    report = micro.report
    assert report["dumps"] == []
    assert report["versions"]["postgresql"] is None
    assert report["proof"]["blobs"] is None
    assert not list(micro.latest.rglob("*.sql"))
    assert (micro.latest / "vcap/store/postgres/PG_VERSION").exists()
    assert "WITHOUT A DUMP OF THE DIRECTOR" in many.run.told(micro.name)
    assert "proof manifest whole" in many.run.told(micro.name)


def test_a_list_of_databases_means_these(director, many):
    assert [dump["database"] for dump in director.report["dumps"]] == ["bosh"]
    assert sorted(os.listdir(director.latest / "dbs")) == ["bosh.properties", "bosh.sql", "globals.sql"]


def test_archives_hold_the_same(micro, director, many, tmp_path):
    for each, ending in ((micro, "tar.gz"), (director, "tar")):
        archive = each.backups / "archives" / f"{each.latest.name}.{ending}"
        assert stat.S_IMODE(archive.stat().st_mode) == 0o600
        check_archive(archive, each.latest, tmp_path / each.name)


def test_backups_beyond_those_to_keep_are_removed_with_their_archives(micro, many):
    assert len(many.before[micro.name]) >= 1
    *others, newest = micro.ids
    assert newest == micro.latest.name
    # The newest that somebody has verified stays, if a test before this one did.
    assert len(others) <= 1
    assert all((micro.backups / name / "verdict.json").is_file() for name in others)
    assert all(any(name in path.name for name in micro.ids) for path in (micro.backups / "archives").iterdir())
    removed = len(many.before[micro.name]) - len(others)
    assert f"Removed {removed} old backups, kept {1 + len(others)}" in many.run.told(micro.name)


def test_the_report_is_in_the_log_directory_of_each(micro, director, many):
    for each in (micro, director):
        log = each.backups / "logs" / f"{each.latest.name}.log"
        assert log.read_text().startswith((each.latest / "backup.log").read_text())
        assert json.loads((each.latest / "backup.json").read_text())["host"] == each.name


def test_outages_of_several_runs_take_turns(micro, director, many):
    """The last one: what the run of all others left is gone then."""
    commands = [each.command("backup", **ONE) for each in (micro, director)]
    runs, watches = in_turns((micro, director), *commands)
    assert [run.status for run in runs] == [0, 0], "\n".join(run.output for run in runs)
    assert one_after_the_other(watches)
