# SPDX-License-Identifier: GPL-3.0-or-later
"""A run tells of its begin and its end: once, to whom it may concern, and it never fails by that."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time

import pytest
from ansible.errors import AnsibleError
from ansible_collections.microbosh.director.plugins.plugin_utils._told import _begin, _end
from ansible_collections.microbosh.director.plugins.plugin_utils._told._desk import Desk
from ansible_collections.microbosh.director.plugins.plugin_utils._told._settings import settings_of
from listeners import HOST, free_port, mail, web

ID = "20261128T020000Z"


@pytest.fixture
def desk():
    return Desk()


def begun(desk, host="m1", playbook="backup", earlier=(), log="", hosts=None, **settings):
    who = {"playbook": playbook, "host": host, "id": ID, "began": 1000.0, "log": log, "earlier": list(earlier)}
    return _begin.begin(
        desk, who, settings_of({f"microbosh_{name}": settings[name] for name in settings}), list(hosts or [host])
    )


def ended(desk, host="m1", playbook="backup", outcome="succeeded", **more):
    desk.say("ended", playbook=playbook, host=host, artifact={"outcome": outcome, "seconds": 3, **more})


def told(desk):
    return _end.tell(desk.records(), desk.run)


def test_the_start_is_pinged_once_and_the_end_too(desk):
    with web() as site:
        for host in ("m1", "m2"):
            assert begun(desk, host, ping_url=site.url("/c")) == _begin.Begun()
        assert site.paths() == ["POST /c/start"]
        ended(desk, "m1")
        ended(desk, "m2")
        assert told(desk) == []
        assert site.paths() == ["POST /c/start", "POST /c"]
        assert {request.path.partition("?")[2] for request in site.requests} == {f"rid={desk.run}"}
        assert site.requests[1].body.startswith("Backup of 2 directors went well\nok m1")


def test_one_director_that_failed_is_a_failed_ping_with_the_end_of_its_log(desk, tmp_path):
    log = tmp_path / "x.log"
    log.write_text("the last line\n")
    with web() as site:
        begun(desk, "m1", ping_url=site.url("/c"))
        begun(desk, "m2", ping_url=site.url("/c"), log=str(log))
        ended(desk, "m1")
        ended(desk, "m2", outcome="failed", error="Proof: no")
        assert told(desk) == []
        assert site.paths()[1:] == ["POST /c/fail"]
        assert site.requests[1].body.startswith("Backup of 2 directors: 1 failed\nFAILED m2: Proof: no")
        assert site.requests[1].body.endswith("the last line")


def test_a_director_that_never_began_fails_the_check_of_the_others(desk):
    """As with Ctrl-C between two of them: the check would be called well."""
    with web() as site, mail() as box:
        begun(desk, "m1", hosts=["m1", "m2"], ping_url=site.url("/c"), notify=[box.url()], notify_on=["failed"])
        ended(desk, "m1")
        assert told(desk) == []
        assert site.paths()[1:] == ["POST /c/fail"]
        (letter,) = box.mails
        assert letter["subject"] == "Backup of 2 directors: 1 failed"
        assert "FAILED m2: The run ended before it began" in letter.get_body().get_content()


def test_what_watches_backups_hears_of_nothing_else(desk):
    with web() as site:
        begun(desk, playbook="verify", ping_url=site.url("/c"))
        ended(desk, playbook="verify")
        assert told(desk) == []
        assert site.requests == []


def test_a_start_that_nobody_hears_refuses_nothing(desk):
    found = begun(desk, ping_url=f"http://{HOST}:{free_port()}/s3cr3t")
    assert found.refusals == []
    assert found.warnings == ["microbosh_ping_url was not told that the run starts: no connection: Connection refused."]


@pytest.mark.parametrize(
    ("on", "earlier", "outcome", "sent"),
    [
        (["failed"], [], "succeeded", 0),
        (["failed"], [], "failed", 1),
        (["failed"], [{"id": "1", "outcome": "killed"}], "succeeded", 1),
        (["recovered"], [{"id": "1", "outcome": "failed"}], "succeeded", 1),
        (["recovered"], [{"id": "1", "outcome": "succeeded"}], "succeeded", 0),
        (["every"], [], "succeeded", 1),
        ([], [], "failed", 0),
    ],
)
def test_a_mail_is_sent_for_what_is_asked_for(desk, on, earlier, outcome, sent):
    with mail() as box:
        begun(desk, earlier=earlier, notify=[box.url()], notify_on=on)
        ended(desk, outcome=outcome, error="Proof: no")
        assert told(desk) == []
        assert len(box.mails) == sent


def test_many_directors_are_one_message(desk):
    with web() as site:
        for number in range(5):
            begun(desk, f"m{number}", notify=[site.url("/", "json")], notify_on=["every"])
        for number in range(4):
            ended(desk, f"m{number}", outcome="failed" if number % 2 else "succeeded")
        assert told(desk) == []
        (request,) = site.requests
        assert json.loads(request.body)["title"] == "Backup of 5 directors: 3 failed"
        assert json.loads(request.body)["type"] == "failure"


def test_what_is_not_taken_is_told_with_no_secret_and_with_the_logs_of_its_directors(desk, tmp_path):
    port = free_port()
    begun(desk, log=str(tmp_path / "1.log"), notify=[f"json://u:s3cr3t@{HOST}:{port}/s3cr3t", "nope://s3cr3t"])
    ended(desk, outcome="failed")
    lines = told(desk)
    assert [logs for line, logs in lines] == [[str(tmp_path / "1.log")]] * 2
    assert "s3cr3t" not in str(lines)
    assert lines[0][0].startswith("microbosh_notify[0] (json): nobody was told how the run ended there: no connection")
    assert lines[1][0].endswith("it is no address that Apprise understands.")


def test_an_address_that_will_not_do_is_known_before_it_is_needed(desk):
    begun(desk, notify=["nope://x"], notify_on=["failed"])
    ended(desk)
    assert "no address that Apprise understands" in told(desk)[0][0]


def test_a_hook_before_runs_once_and_refuses_for_all(desk, tmp_path):
    command = f"cat >>{tmp_path}/said; echo nothing is mounted; exit 4"
    for host in ("m1", "m2"):
        found = begun(desk, host, hosts=["m1", "m2"], hooks={"before": [command, f"touch {tmp_path}/second"]})
        assert found.refusals == [
            "microbosh_hooks.before[0] ended with status 4: nothing is mounted. So nothing was touched."
        ]
    said = json.loads((tmp_path / "said").read_text())
    assert (said["event"], said["directors"]) == ("before", [{"host": "m1"}, {"host": "m2"}])
    assert not (tmp_path / "second").exists()


@pytest.mark.parametrize("playbook", ["backup", "checkup"])
def test_hooks_of_another_type_are_refused_before_ansible_would_show_them(desk, playbook):
    (refusal,) = begun(desk, playbook=playbook, hooks=[["s3cr3t"]]).refusals
    assert refusal.startswith("microbosh_hooks is no mapping")
    assert "s3cr3t" not in refusal


def test_hooks_after_have_the_report_and_fail_nothing(desk, tmp_path):
    hooks = {
        "after": [f"cat >{tmp_path}/after", "exit 5"],
        "failed": [f"cat >{tmp_path}/failed"],
    }
    with web() as site:
        for host in ("m1", "m2"):
            begun(desk, host, hooks=hooks, notify=[site.url("/", "json")])
            ended(desk, host, path=f"/b/{host}")
        ((line, _),) = told(desk)
        assert line == "microbosh_hooks.after[1] ended with status 5"
        said = json.loads((tmp_path / "after").read_text())
        assert [one["path"] for one in said["directors"]] == ["/b/m1", "/b/m2"]
        assert not (tmp_path / "failed").exists()
        assert "FAILED microbosh_hooks.after[1] ended with status 5" in json.loads(site.requests[0].body)["message"]


def test_a_hook_of_a_failure_is_told_of_all_its_directors(desk, tmp_path):
    hooks = {"failed": f"cat >{tmp_path}/failed"}
    begun(desk, "m1", hooks=hooks)
    begun(desk, "m2", hooks=hooks)
    ended(desk, "m1")
    assert told(desk) == []
    said = json.loads((tmp_path / "failed").read_text())
    assert [(one["host"], one["outcome"]) for one in said["directors"]] == [("m1", "succeeded"), ("m2", "failed")]


@pytest.mark.parametrize("playbook", ["checkup", "restore"])
def test_what_brings_a_director_up_is_refused_by_nothing(desk, monkeypatch, playbook, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    found = begun(desk, playbook=playbook, notify=["json://x"], hooks={"before": f"touch {tmp_path}/ran; exit 1"})
    assert found.refusals == []
    assert "pip install apprise" in found.warnings[0]
    assert not (tmp_path / "ran").exists()


def test_a_backup_is_refused_before_anything_where_nobody_could_be_told(desk, monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    found = begun(desk, notify=["json://x"], hooks={"before": f"touch {tmp_path}/ran"})
    assert "pip install apprise" in found.refusals[0]
    assert not (tmp_path / "ran").exists()


class Templar:
    def template(self, value):
        if value == "{{ broken }}":
            raise AnsibleError("s3cr3t")
        return value


def test_settings_are_looked_at_only_if_there_are_any():
    assert _begin.settings_in(None, {"microbosh_notify": [], "microbosh_notify_on": ["every"], "x": 1}) == {}
    made = _begin.settings_in(Templar(), {"microbosh_notify": ["json://a"], "microbosh_notify_on": ["every"]})
    assert (made["notify"], made["on"]) == (["json://a"], ["every"])


def test_a_setting_that_cannot_be_worked_out_is_named_and_not_quoted():
    with pytest.raises(AnsibleError, match=r"^microbosh_ping_url cannot be worked out: AnsibleError$") as failed:
        _begin.settings_in(Templar(), {"microbosh_ping_url": "{{ broken }}"})
    assert failed.value.__cause__ is None


AT_THE_END = """
import os, sys
from ansible_collections.microbosh.director.plugins.plugin_utils._told import _begin, _end
from ansible_collections.microbosh.director.plugins.plugin_utils._told._desk import desk
_end.tell_at_the_end()
_end.tell_at_the_end()
if not os.fork():
    who = {"playbook": "backup", "host": "m1", "id": "1", "began": 0, "log": sys.argv[2], "earlier": []}
    _begin.begin(desk(), who, _begin.settings_of({"microbosh_ping_url": sys.argv[1]}), ["m1"])
    desk().say("ended", playbook="backup", host="m1", artifact={"outcome": "succeeded"})
    sys.exit(0)  # a process that is forked tells nobody
os.wait()
print("the plays are done", flush=True)
sys.exit(4)
"""


def test_it_is_told_when_the_process_ends_and_its_status_stays(tmp_path):
    with web() as site:
        ran = subprocess.run(
            [sys.executable, "-c", AT_THE_END, site.url("/s3cr3t"), str(tmp_path / "logs" / "1.log")],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert (ran.returncode, ran.stdout, ran.stderr) == (4, "the plays are done\n", "")
        assert site.paths() == ["POST /s3cr3t/start", "POST /s3cr3t"]


def test_what_could_not_be_told_is_on_the_screen_and_in_the_log(tmp_path):
    log = tmp_path / "logs" / "1.log"
    log.parent.mkdir()
    address = f"http://{HOST}:{free_port()}/s3cr3t"
    ran = subprocess.run(
        [sys.executable, "-c", AT_THE_END, address, str(log)],
        capture_output=True, text=True, check=False, timeout=60, env={**os.environ, "COLUMNS": "1000"},
    )  # fmt: skip
    said = "microbosh_ping_url: nobody was told how the run ended there: no connection: Connection refused."
    assert (ran.returncode, ran.stdout) == (4, "the plays are done\n")
    assert ran.stderr.strip() == f"[WARNING]: {said}"
    assert log.read_text().endswith(f" {said}\n")


def test_an_error_of_ours_fails_nothing_and_shows_nothing(desk, monkeypatch, capsys):
    def breaks(*dummy):
        raise RuntimeError("s3cr3t")

    monkeypatch.setattr(_end, "tell", breaks)
    _end._at_the_end(desk)
    assert capsys.readouterr().err.strip() == "[WARNING]: The messages about this run were not sent: RuntimeError."


@pytest.mark.parametrize(("playbook", "hooks", "refused"), [
    ("backup", {"before": ["mountpoint -q /backups"]}, True),
    ("verify", {"before": ["mountpoint -q /backups"]}, True),
    ("checkup", {"before": ["mountpoint -q /backups"]}, False),
    ("backup", {}, False),
])  # fmt: skip
def test_a_fault_before_a_run_refuses_what_a_hook_may_guard(monkeypatch, playbook, hooks, refused):
    def fault(*dummy):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_begin, "_arrived", fault)
    found = _begin.arrive(None, {"microbosh_hooks": hooks}, playbook, refused=False)
    assert bool(found.refusals) is refused
    assert "OSError" in " ".join(found.refusals + found.warnings)


def test_a_hook_whose_process_was_killed_is_not_run_again(desk, tmp_path):
    command = f"echo run >>{tmp_path}/runs"
    with desk.claim(f"before backup {command}"):
        pass  # and then it was killed
    found = begun(desk, "m2", hooks={"before": [command]})
    assert found.refusals == ["microbosh_hooks.before[0] was interrupted. So nothing was touched."]
    assert not (tmp_path / "runs").exists()


def test_what_fails_in_the_making_leaves_the_others(desk, monkeypatch):
    def fault(*dummy):
        raise ValueError("s3cr3t")

    monkeypatch.setattr(_end, "message", fault)
    with web() as site:
        begun(
            desk, hooks={"after": [f"wget -q -O- {site.url('/hook')}"]}, notify=["json://s3cr3t"], notify_on=["every"]
        )
        ended(desk)
        said = told(desk)
    assert [line for line, dummy in said] == ["Not everybody was told how the run ended: ValueError."]
    assert site.paths() == ["GET /hook"]


def test_hooks_of_a_run_that_was_interrupted_have_little_time_together(desk, monkeypatch):
    monkeypatch.setattr(_end, "INTERRUPTED_SECONDS", 1)
    begun(desk, hooks={"failed": ["sleep 60"], "after": ["sleep 60"], "seconds": 300})
    began = time.monotonic()
    assert [line for line, dummy in told(desk)] == [
        f"microbosh_hooks.{stage}[0] did not end within 1 s, and was killed" for stage in ("failed", "after")
    ]
    assert time.monotonic() - began < 20
