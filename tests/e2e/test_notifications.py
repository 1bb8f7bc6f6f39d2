# SPDX-License-Identifier: GPL-3.0-or-later
"""A run tells how it ended: once, of all its directors, to who wants to know, whatever became of it."""

from __future__ import annotations

import json
import os
import secrets
import signal
import time
from dataclasses import dataclass

import pytest
from breakage import wait_until
from conftest import finish, playbook_command, run_ansible, start_ansible, write_inventory
from listeners import HOST, mail, silent, web

LOUD = {"ANSIBLE_VERBOSITY": "3", "ANSIBLE_SHOW_CUSTOM_STATS": "1", "ANSIBLE_DISPLAY_TRACEBACK": "always"}
INTERRUPTED = 99


@dataclass
class Told:
    """A run, what arrived of it, and the word that is in every address."""

    run: object
    site: object
    box: object
    reports: dict
    killed: str
    word: str


def away(place):
    """A director that nobody can reach."""
    return {"ansible_host": HOST, "ansible_port": 1, "microbosh_backup_dir": str(place / "backups" / "gone")}


def hooks(place):
    """Commands that keep what they are told."""
    return {stage: [f"cat >{place}/{stage}.json"] for stage in ("before", "after", "failed")}


def began_since(director, known):
    """Return the records of runs of a director that began after these were known."""
    return sorted(set((director.backups / "logs").glob("*.backup.json")) - known)


@pytest.fixture(scope="module")
def told(micro, tmp_path_factory):
    """A backup that is killed, and then one of the same director and of another, which does not answer."""
    place, word = tmp_path_factory.mktemp("told"), secrets.token_hex(12)
    with web() as site, mail() as box:
        settings = {
            "microbosh_notify": [site.url(f"/{word}", "json"), box.url(word)],
            "microbosh_ping_url": site.url(f"/check/{word}"),
            "microbosh_hooks": hooks(place),
        }
        hosts = {micro.name: micro.variables(**settings), "gone": {**away(place), **settings}}
        alone = write_inventory(place / "alone.yml", {micro.name: hosts[micro.name]})
        known = set((micro.backups / "logs").glob("*.backup.json"))
        process = start_ansible(playbook_command(alone, "microbosh.director.backup"))
        wait_until(lambda: began_since(micro, known), "the run is on record")
        os.killpg(process.pid, signal.SIGKILL)
        finish(process)
        killed = began_since(micro, known)[-1].name.partition(".")[0]
        assert [request.path.partition("?")[0] for request in site.requests] == [f"/check/{word}/start"]
        site.requests.clear()
        inventory = write_inventory(place / "hosts.yml", hosts)
        run = run_ansible(playbook_command(inventory, "microbosh.director.backup"), LOUD)
        reports = {path.stem: json.loads(path.read_text()) for path in place.glob("*.json")}
        yield Told(run, site, box, reports, killed, word)


def test_there_is_one_message_for_all_directors_and_for_the_run_that_was_killed(micro, told):
    assert told.run.status == 4
    (letter,) = told.box.mails
    assert letter["subject"] == "Backup of 2 directors: 1 failed"
    lines = letter.get_body().get_content().splitlines()
    assert lines[0].startswith("FAILED gone: Preflight: gone (127.0.0.1) cannot be reached")
    assert f"KILLED {micro.name}: the backup {told.killed} before this one never came to its end" in lines
    (well,) = [line for line in lines if line.startswith(f"recovered {micro.name}: {micro.latest.name}, in ")]
    assert f"outage {micro.report['outage_seconds']:.1f} s" in well
    (posted,) = [request for request in told.site.requests if request.path == f"/{told.word}"]
    assert json.loads(posted.body)["title"] == letter["subject"]


def test_who_watches_is_pinged_at_the_start_and_the_end(told):
    pings = [request for request in told.site.requests if request.path.startswith("/check")]
    assert [ping.path.partition("?")[0].rpartition("/")[2] for ping in pings] == ["start", "fail"]
    assert len({ping.path.partition("?")[2] for ping in pings}) == 1
    assert pings[1].body.startswith("Backup of 2 directors: 1 failed\nFAILED gone: ")


def test_hooks_have_the_report(micro, told):
    names = [micro.name, "gone"]
    assert [one["host"] for one in told.reports["before"]["directors"]] == names
    for stage in ("failed", "after"):
        by_name = {one["host"]: one for one in told.reports[stage]["directors"]}
        assert {name: by_name[name]["outcome"] for name in names} == {micro.name: "succeeded", "gone": "refused"}
        assert by_name[micro.name]["path"] == str(micro.latest)
        assert by_name[micro.name]["log"] == str(micro.backups / "logs" / f"{micro.latest.name}.log")


def test_no_address_is_shown_or_kept(micro, told):
    assert "microbosh_backup" in told.run.output
    assert told.word not in told.run.output
    files = [path for path in (micro.backups, micro.latest) for path in path.iterdir() if path.is_file()]
    files += (micro.backups / "logs").iterdir()
    assert len(files) > 5
    assert [path for path in files if told.word.encode() in path.read_bytes()] == []


@pytest.fixture
def gone(tmp_path):
    """Start a playbook for a director that nobody can reach, with these settings."""

    def start(playbook, *arguments, **settings):
        path = write_inventory(tmp_path / "hosts.yml", {"gone": {**away(tmp_path), **settings}})
        return start_ansible(playbook_command(path, f"microbosh.director.{playbook}", *arguments))

    return start


@pytest.mark.rotating_alone
def test_a_trial_tells_nobody(gone, tmp_path):
    with web() as site:
        run = finish(gone("backup", "--check", microbosh_ping_url=site.url(), microbosh_hooks=hooks(tmp_path)))
        assert (run.status, site.requests) == (4, [])
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.rotating_alone
def test_a_command_that_fails_before_refuses_the_run_and_it_is_told(gone):
    with web() as site:
        before = {"before": ["echo nothing is mounted; exit 3"]}
        run = finish(gone("backup", microbosh_notify=[site.url("/", "json")], microbosh_hooks=before))
        why = "microbosh_hooks.before[0] ended with status 3: nothing is mounted. So nothing was touched."
        assert run.status == 2
        assert why in run.told("gone")
        (request,) = site.requests
        assert f"FAILED gone: Settings: {why}" in json.loads(request.body)["message"]


@pytest.mark.rotating_alone
def test_a_run_that_is_interrupted_tells(gone, tmp_path):
    """As with Ctrl-C, in a command that would take for ever."""
    with web() as site:
        waits = {"before": [f"touch {tmp_path}/waits; sleep 30"]}
        process = gone("backup", microbosh_notify=[site.url("/", "json")], microbosh_hooks=waits)
        wait_until((tmp_path / "waits").exists, "the command has begun")
        os.kill(process.pid, signal.SIGINT)
        assert finish(process).status == INTERRUPTED
        (request,) = site.requests
        said = json.loads(request.body)
        assert said["title"] == "Backup of gone failed"
        assert "FAILED gone: The run was interrupted before it came to its end." in said["message"]


@pytest.mark.long
def test_servers_that_hang_delay_no_outage_and_fail_no_backup(micro):
    with silent() as port:
        address = f"http://{HOST}:{port}/s3cr3t"
        began = time.monotonic()
        run = micro.backup(
            microbosh_ping_url=address,
            microbosh_notify=[address.replace("http", "json")],
            microbosh_notify_on=["every"],
        )
        assert run.status == 0, run.output
        assert time.monotonic() - began < 180
    log = (micro.backups / "logs" / f"{micro.latest.name}.log").read_text()
    for name in ("microbosh_ping_url", "microbosh_notify[0] (json)"):
        assert f"{name}: nobody was told how the run ended there: " in run
        assert f"{name}: nobody was told how the run ended there: " in log
    assert "microbosh_ping_url was not told that the run starts" in run
    assert "s3cr3t" not in run.output + log
    assert micro.wholly_up()
