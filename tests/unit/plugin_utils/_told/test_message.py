# SPDX-License-Identifier: GPL-3.0-or-later
"""One message about all directors of a run: what is news to whom, and what it says in the space that there is."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._told import _message as message
from ansible_collections.microbosh.director.plugins.plugin_utils._told._outcomes import by_target, outcomes

ID = "20261128T020000Z"
SETTINGS = {"notify": ["json://a"], "on": ["failed"], "ping": "", "hooks": {}, "seconds": 300}


def entered(host="m1", playbook="backup", earlier=(), log=""):
    return {
        "what": "entered", "playbook": playbook, "host": host, "id": ID, "began": 1000.0, "log": log,
        "settings": SETTINGS, "earlier": [{"id": run, "outcome": how} for run, how in earlier],
    }  # fmt: skip


def ended(host="m1", playbook="backup", outcome="succeeded", error="", **more):
    artifact = {"outcome": outcome, "error": error, "seconds": 21.2, **more}
    return {"what": "ended", "playbook": playbook, "host": host, "artifact": artifact}


def made(*records, problems=()):
    return message.message(outcomes(records), list(problems), "ops1")


def test_all_directors_are_in_one_message():
    said = made(
        entered("m1"), entered("m2"), ended("m1", outage_seconds=7.09, moved={"bytes": 59_000_000}),
        ended("m2", outcome="failed", error="Preflight: not every service runs"),
    )  # fmt: skip
    assert said["title"] == "Backup of 2 directors: 1 failed"
    assert said["type"] == "failure"
    assert said["body"].splitlines() == [
        "FAILED m2: Preflight: not every service runs",
        f"ok m1: {ID}, in 21.2 s, outage 7.1 s, 56.3 MiB copied",
        "Controller: ops1",
    ]


def test_no_word_of_a_director_calls_everybody(tmp_path):
    log = tmp_path / "log"
    log.write_text("psql: role <@U1> @here\n")
    error = "Preflight: monit says '@everyone <!channel> root@hereafter a < b'"
    said = made(entered(log=str(log)), ended(outcome="failed", error=error))["body"]
    assert "'@ everyone < !channel> root@hereafter a < b'" in said
    assert "role < @U1> @ here" in said


@pytest.mark.parametrize(
    ("records", "title", "kind"),
    [
        ([entered(), ended()], "Backup of m1 went well", "success"),
        ([entered(earlier=[("1", "failed")]), ended()], "Backup of m1 went well again", "success"),
        ([entered(earlier=[("1", "killed")]), ended()], "Backup of m1 went well, an earlier run was killed", "warning"),
        ([entered(), ended(outcome="refused", error="x")], "Backup of m1 failed", "failure"),
        ([entered()], "Backup of m1 failed", "failure"),
        ([entered(playbook="verify"), ended(playbook="verify")], "Verification of m1 went well", "success"),
        (
            [entered(), ended(), entered(playbook="verify"), ended(playbook="verify", outcome="failed", error="x")],
            "Backup and Verification of m1 failed",
            "failure",
        ),
    ],
)
def test_the_subject_says_it_all(records, title, kind):
    said = made(*records)
    assert (said["title"], said["type"]) == (title, kind)


@pytest.mark.parametrize(
    ("earlier", "end", "events"),
    [
        ([], "succeeded", {"every"}),
        ([("1", "succeeded")], "succeeded", {"every"}),
        ([("2", "failed"), ("1", "succeeded")], "succeeded", {"every", "recovered"}),
        ([("2", "refused")], "succeeded", {"every", "recovered"}),
        ([("2", "killed")], "succeeded", {"every", "recovered", "failed"}),
        ([("2", "failed"), ("1", "killed")], "succeeded", {"every", "recovered"}),
        ([], "failed", {"every", "failed"}),
        ([], "refused", {"every", "failed"}),
        ([("2", "failed")], "failed", {"every", "failed"}),
        ([("2", "failed")], None, {"every", "failed"}),
    ],
)
def test_what_is_news(earlier, end, events):
    records = [entered(earlier=earlier)] + ([ended(outcome=end)] if end else [])
    assert outcomes(records)[0].events == events


def test_runs_that_were_killed_are_named_once_by_the_next_one():
    said = made(entered(earlier=[("3", "killed"), ("2", "killed"), ("1", "failed"), ("0", "killed")]), ended())
    named = [line for line in said["body"].splitlines() if line.startswith("KILLED")]
    assert named == [
        "KILLED m1: the backup 3 before this one never came to its end",
        "KILLED m1: the backup 2 before this one never came to its end",
    ]


def test_a_director_of_which_nothing_more_was_said_has_failed():
    said = made(entered("m1"), entered("m2"), ended("m2"))
    assert "FAILED m1: The run was interrupted before it came to its end." in said["body"]


def test_what_a_director_said_last_counts():
    """After a backup is published, something may fail yet."""
    said = made(entered(), ended(), ended(outcome="failed", error="Lost blobs: 3"))
    assert "FAILED m1: Lost blobs: 3" in said["body"]
    assert "ok m1" not in said["body"]


def test_the_end_of_a_director_that_never_began_is_nobodys():
    assert outcomes([ended("m9")]) == []


def test_what_failed_beside_a_run_is_told():
    said = made(entered(), ended(), problems=["microbosh_hooks.after[0] ended with status 3"])
    assert said["title"] == "Backup of m1 went well, something beside it failed"
    assert said["type"] == "warning"
    assert said["body"].splitlines()[0] == "FAILED microbosh_hooks.after[0] ended with status 3"


def test_a_backup_without_its_database_is_not_called_just_well():
    assert "WITHOUT A DUMP OF bosh" in made(entered(), ended(without="A DUMP OF bosh"))["body"]


def test_it_is_never_longer_than_it_may_be_and_failures_come_first(tmp_path):
    log = tmp_path / "x.log"
    log.write_text("".join(f"line {number} {'x' * 80}\n" for number in range(1000)))
    records = [entered(f"director-{number}", log=str(log)) for number in range(200)]
    records += [ended(f"director-{number}") for number in range(190)]
    records += [ended(f"director-{number}", outcome="failed", error="e" * 9000) for number in range(190, 200)]
    said = made(*records)
    assert len(said["body"]) <= message.LONGEST
    assert len(said["title"]) <= 200
    assert said["body"].startswith("FAILED director-190")
    assert "lines more" in said["body"]


def test_the_end_of_the_log_of_what_failed_is_in_it(tmp_path):
    log = tmp_path / "x.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    said = made(entered(log=str(log)), ended(outcome="failed", error="Proof: x"))
    assert said["body"].splitlines()[-message.LOG_LINES :] == [f"line {number}" for number in range(88, 100)]
    assert f"  its log: {log}" in said["body"]


def test_a_log_that_is_not_there_is_left_out():
    assert made(entered(log="/no/such.log"), ended(outcome="failed", error="x"))["body"].splitlines() == [
        "FAILED m1: x",
        "Controller: ops1",
    ]


def test_what_a_director_says_is_one_printable_line(tmp_path):
    log = tmp_path / "x.log"
    log.write_bytes(b"a\x1b[2Jb\xff\n")
    error = "Preflight: \x1b[31m\nok m2: all well\u202e"
    said = made(entered(log=str(log)), ended(outcome="failed", error=error))
    assert said["body"].splitlines()[0] == "FAILED m1: Preflight: \\x1b[31m ok m2: all well\\u202e"
    assert "\x1b" not in said["body"]


def test_a_log_is_read_from_its_end_in_whole_lines(tmp_path):
    log = tmp_path / "x.log"
    log.write_text("".join(f"{number:09d}\n" for number in range(100_000)))
    end = message.log_end(str(log))
    assert len(end) < message.LOG_BYTES
    assert {len(line) for line in end.splitlines()} == {9}
    assert end.endswith("000099999")
    assert message.log_end(str(tmp_path)) == ""


def test_each_address_has_its_own_directors():
    records = [entered("m1"), entered("m2"), entered("m3")]
    records[1] = {**records[1], "settings": {**SETTINGS, "notify": ["json://a", "json://b"]}}
    records[2] = {**records[2], "settings": {**SETTINGS, "notify": []}}
    groups = by_target(outcomes(records), lambda settings: settings["notify"])
    assert {url: [one.host for one in group] for url, group in groups.items()} == {
        "json://a": ["m1", "m2"],
        "json://b": ["m2"],
    }


def test_who_never_began_or_has_settings_that_nobody_knows_is_told_of_with_the_others():
    hosts = ["m1", "m2", "m3", "quiet", "other"]
    records = [
        {**entered("m1"), "hosts": hosts}, ended("m1"), {"what": "began", "playbook": "backup", "host": "quiet"},
        {"what": "unknown", "playbook": "backup", "host": "m2", "error": "it has a fact"},
        {**entered("other", playbook="verify"), "settings": {**SETTINGS, "notify": ["json://b"]}},
    ]  # fmt: skip
    groups = by_target(outcomes(records), lambda settings: settings["notify"])
    said = {url: [(one.host, one.error) for one in group] for url, group in groups.items()}
    assert said == {
        "json://a": [
            ("m1", ""),
            ("m2", "it has a fact"),
            ("m3", "The run ended before it began with this director."),
            ("other", "The run ended before it began with this director."),
        ],
        "json://b": [("other", "The run was interrupted before it came to its end.")],
    }
