"""What a run says is heard by whatever listens: once, of the right host, and in the result of the task that says it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time

import pytest
from conftest import REPOSITORY, ansible_environment, playbook_command, run_ansible, write_inventory
from restoring import at_terminal

pytestmark = pytest.mark.rotating

RUNNER = REPOSITORY / ".venv-runner" / "bin" / "ansible-runner"
NAMES = ("director1", "d-2.example")
FAILED = r"Backup \d+T\d+Z of {} FAILED"
REFUSAL_SECONDS = 90  # of the whole run, while other tests run beside it: it ends by itself
# The largest of the collection's own has 13 KB, and grows with monit's services. AWX drops a result of 700 KB.
LARGEST_EVENT = 100_000
ALL_KEYS = {"host", "playbook", "id", "outcome", "reason", "error", "path", "archive", "seconds", "phases"}


@pytest.fixture(scope="module")
def away(tmp_path_factory):
    """The inventory of two directors that nobody can reach."""
    place = tmp_path_factory.mktemp("away")
    host = {
        "ansible_host": "127.0.0.1",
        "ansible_port": 1,
        "microbosh_backup_dir": f"{place}/{{{{ inventory_hostname }}}}",
    }
    return write_inventory(place / "hosts.yml", {name: dict(host) for name in NAMES})


def output_of(away, playbook, *arguments, **environment):
    """Run a playbook as a program does that reads what it prints on stdout."""
    command = playbook_command(away, f"microbosh.director.{playbook}", *arguments)
    cache = {
        "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(away.parent / "facts"),
    }
    env = ansible_environment(**cache, ANSIBLE_SHOW_CUSTOM_STATS="1", **environment)
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/", env=env, stdin=subprocess.DEVNULL
    )


def events_of(private, playbook, inventory, *arguments):
    """Run a playbook as AWX does; return the events."""
    (private / "project").mkdir(parents=True)
    (private / "inventory").mkdir()
    shutil.copy(inventory, private / "inventory" / "hosts.yml")
    (private / "project" / "main.yml").write_text(f"- import_playbook: microbosh.director.{playbook}\n")
    command = [str(RUNNER), "run", str(private), "--playbook", "main.yml", "--quiet", "--ident", "it"]
    command += ["--cmdline", " ".join(arguments)] if arguments else []
    subprocess.run(command, check=False, cwd="/", env=ansible_environment(), stdin=subprocess.DEVNULL)
    files = (private / "artifacts" / "it" / "job_events").glob("*.json")
    return sorted((json.loads(path.read_text()) for path in files), key=lambda event: event["counter"])


@pytest.mark.parametrize("callback", ["ansible.posix.json", "ansible.posix.jsonl"])
def test_for_a_program_stdout_is_json_and_no_more(away, callback):
    ended = output_of(away, "backup", ANSIBLE_STDOUT_CALLBACK=callback)
    assert ended.returncode == 4, ended.stdout + ended.stderr
    documents = [json.loads(text) for text in (ended.stdout.splitlines() if callback.endswith("l") else [ended.stdout])]
    for name in NAMES:
        assert len(re.findall(FAILED.format(re.escape(name)), ended.stdout)) == 1
        assert f"{name}: " not in ended.stderr
    if len(documents) == 1:
        tasks = [task for play in documents[0]["plays"] for task in play["tasks"]]
        ended_by = [task["hosts"] for task in tasks if task["task"]["name"] == "The backup failed"]
        for name in NAMES:
            failed = [hosts[name] for hosts in ended_by if name in hosts]
            assert re.match(FAILED.format(re.escape(name)), failed[0]["msg"])
        check_artifacts(documents[0]["global_custom_stats"])


def check_artifacts(stats):
    assert set(stats["microbosh_backup"]) == set(NAMES)
    for name, made in stats["microbosh_backup"].items():
        assert set(made) > ALL_KEYS
        assert (made["host"], made["outcome"], made["reason"]) == (name, "refused", "unreachable")
        assert "cannot be reached" in made["error"]
        assert made["phases"][-1]["phase"] == "preflight"


@pytest.mark.parametrize(
    "environment",
    [
        {"ANSIBLE_STDOUT_CALLBACK": "minimal"},
        {"ANSIBLE_STDOUT_CALLBACK": "oneline"},
        {"ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml"},
        {"ANSIBLE_VERBOSITY": "1"},
    ],
    ids=["minimal", "oneline", "yaml", "verbose"],
)
def test_nothing_is_said_twice(away, environment):
    ended = output_of(away, "backup", **environment)
    for name in NAMES:
        assert len(re.findall(FAILED.format(re.escape(name)), ended.stdout + ended.stderr)) == 1, ended.stdout


def test_no_fact_of_ours_is_kept_in_a_cache(away):
    output_of(away, "backup")
    output_of(away, "verify")
    files = [json.loads(path.read_text()) for path in (away.parent / "facts").glob("*")]
    kept = [
        json.loads(file["__payload__"]) if "__payload__" in file else file for file in files
    ]  # since 2.19, or before
    assert not {name for facts in kept for name in facts if not name.startswith("discovered_interpreter")}


def test_awx_gets_it_with_the_event_of_its_host_and_task(away, tmp_path):
    events = events_of(tmp_path / "runner", "backup", away)
    for name in NAMES:
        said = [event for event in events if re.search(FAILED.format(re.escape(name)), event["stdout"])]
        assert [event["event"] for event in said] == ["runner_on_unreachable"]
        data = said[0]["event_data"]
        assert (data["host"], data["task"]) == (name, "The backup failed")
        assert re.match(FAILED.format(re.escape(name)), data["res"]["msg"])
    ours = [
        event
        for event in events
        if event["event"] == "verbose" and any(f"{name}: " in event["stdout"] for name in NAMES)
    ]
    assert ours == []
    assert max(len(json.dumps(event)) for event in events) < LARGEST_EVENT
    check_artifacts(events[-1]["event_data"]["artifact_data"])


def test_a_failure_names_a_log_that_is_there_and_no_other(away, tmp_path):
    arguments = ("--limit", NAMES[0], "-e", f"microbosh_backup_dir={tmp_path}/new")
    ended = output_of(away, "backup", *arguments)
    assert ended.returncode == 4, ended.stdout
    assert "The log is" not in ended.stdout
    (tmp_path / "new" / "logs").mkdir(parents=True)
    ended = output_of(away, "backup", *arguments)
    assert ended.returncode == 4, ended.stdout
    (log,) = (tmp_path / "new" / "logs").glob("*.log")
    assert f"The log is {log}" in ended.stdout
    assert re.search(FAILED.format(NAMES[0]), log.read_text(encoding="utf-8"))


def test_a_misspelt_setting_has_an_artifact_too(away):
    ended = output_of(
        away, "verify", "--limit", NAMES[0], "-e", "microbosh_verfy=all", ANSIBLE_STDOUT_CALLBACK="ansible.posix.json"
    )
    assert ended.returncode == 2
    made = json.loads(ended.stdout)["global_custom_stats"]["microbosh_verified"][NAMES[0]]
    assert (made["outcome"], made["reason"]) == ("refused", "settings")
    assert "did you mean microbosh_verify?" in made["error"]


def test_the_next_job_of_a_workflow_takes_what_awx_hands_on(away):
    handed = json.dumps({"microbosh_backup": {"director1": {"outcome": "succeeded"}}})
    ended = output_of(away, "verify", "--limit", NAMES[0], "-e", handed)
    assert "There is no setting" not in ended.stdout
    assert "There is no backup" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        ([], {}),
        (["-e", "microbosh_restore_confirm=ask"], {"AWX_ISOLATED_DATA_DIR": "/tmp"}),
        (["-e", "microbosh_restore_confirm=ask"], {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}),
    ],
    ids=["not_asked_for", "awx", "json"],
)
def test_a_restore_waits_for_nobody_at_a_terminal(away, arguments, environment):
    command = playbook_command(away, "microbosh.director.restore", "--limit", NAMES[0], *arguments)
    began = time.monotonic()
    ended = at_terminal(command, **environment)
    assert time.monotonic() - began < REFUSAL_SECONDS
    assert ended.status == 2, ended.output
    assert "Add -e microbosh_restore_confirm=director1" in ended
    assert "Type its inventory name" not in ended


def test_a_restore_without_a_terminal_waits_for_nobody(away):
    arguments = ("--limit", NAMES[0], "-e", "microbosh_restore_confirm=ask")
    ended = run_ansible(playbook_command(away, "microbosh.director.restore", *arguments))
    assert ended.status == 2, ended.output
    assert "nobody confirmed it" in ended


def test_a_restore_asks_who_wants_to_be_asked(away):
    command = playbook_command(
        away, "microbosh.director.restore", "--limit", NAMES[0], "-e", "microbosh_restore_confirm=ask"
    )
    ended = at_terminal(command, answer="another")
    assert ended.status == 2, ended.output
    assert "the name that was confirmed is another" in ended
