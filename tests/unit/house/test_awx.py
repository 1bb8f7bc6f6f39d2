# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The thin project of AWX: what it makes there fits AWX, our settings and our playbooks.

AWX itself is not here. A stand-in of its collection has the options of the real one (tests/fixtures/awx), and what AWX
asks beyond them (surveys, injectors, schedules) is asked as its own code does.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zoneinfo
from pathlib import Path

import awx_stub
import pytest
import yaml
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from places import REPOSITORY

PROJECT = REPOSITORY / "extensions" / "awx"
SETTINGS = yaml.safe_load((REPOSITORY / "roles/microbosh/meta/argument_specs.yml").read_text())
SETTINGS = SETTINGS["argument_specs"]["main"]["options"]
SURVEYS = yaml.safe_load((PROJECT / "surveys.yml").read_text())
QUESTIONS = [question for survey in SURVEYS.values() for question in survey["spec"]]
THIN = ["backup", "checkup", "restore", "setup", "verify"]
SLICES = 3
# What a question may be, and its default; the types of AWX.
QUESTION_TYPES = {"text": str, "textarea": str, "multiplechoice": str, "integer": int}
BOTH = ["true", "false"]
# The new key would be a file of the job's container, and gone with it when every director has forgotten the old one.
NOT_IN_A_JOB = ["rotate"]


def ansible(program, *arguments, **environment):
    """Run a program of Ansible in the project, as AWX does, and return how it ended."""
    command = [str(Path(sys.executable).parent / program), *arguments]
    environment = {**os.environ, "ANSIBLE_LOCALHOST_WARNING": "false", **environment}
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What awx.yml gives to the modules, with every credential: [(module, arguments)]."""
    there = tmp_path_factory.mktemp("awx")
    awx_stub.install(there, there / "log")
    key = there / "key"
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    key.with_name("key.pub").write_text("ssh-ed25519 AAAA\n")
    given = {f"awx_{name}": str(key) for name in ("backup_key", "login_key", "sign_key", "archive_identity")}
    given["awx_slices"] = SLICES
    paths = [str(there), *os.environ.get("ANSIBLE_COLLECTIONS_PATH", "").split(":")]
    run = ansible(
        "ansible-playbook",
        *("--inventory", "localhost,", "awx.yml", "--extra-vars", json.dumps(given)),
        ANSIBLE_COLLECTIONS_PATH=":".join(paths),
        PYTHONPATH=":".join([*sys.path]),
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return [tuple(json.loads(line)) for line in (there / "log").read_text().splitlines()]


def of(made, module):
    return [arguments for name, arguments in made if name == module]


def by_name(made, module):
    return {arguments["name"]: arguments for arguments in of(made, module)}


WRONG = [
    ("job_template", {"name": "x", "allow_parallel": True}, "allow_parallel"),
    ("job_template", {"name": "x", "verbosity": 9}, "verbosity"),
    ("job_template", {"description": "x"}, "name"),
    ("project", {"name": "x", "scm_type": "hg"}, "scm_type"),
    ("workflow_job_template", {"name": "x", "workflow_nodes": [{"identifier": "x", "related": {"then": []}}]}, "then"),
]


@pytest.mark.parametrize(("module", "arguments", "named"), WRONG)
def test_the_stand_in_refuses_what_awx_would(module, arguments, named):
    assert named in " ".join(awx_stub.complaints(module, arguments))


def test_awx_gets_all_that_a_night_needs(made):
    wanted = set(awx_stub.OPTIONS["modules"])
    assert {module for module, _arguments in made} == wanted


def test_a_module_is_not_asked_for_what_it_does_not_know(made):
    assert [awx_stub.complaints(module, arguments) for module, arguments in made] == [[]] * len(made)


@pytest.mark.parametrize("playbook", THIN)
def test_a_playbook_is_an_import_of_ours(playbook):
    (play,) = yaml.safe_load((PROJECT / f"{playbook}.yml").read_text())
    assert play["ansible.builtin.import_playbook"] == f"microbosh.director.{playbook}"
    assert set(play) == {"name", "ansible.builtin.import_playbook"}


def test_the_playbooks_can_be_read():
    names = [f"{playbook}.yml" for playbook in THIN]
    run = ansible("ansible-playbook", "--syntax-check", "-i", "inventory/hosts.yml", *names)
    assert (run.returncode, run.stdout.split()) == (0, [word for name in names for word in ("playbook:", name)])


def test_the_inventory_sets_what_there_is():
    run = ansible("ansible-inventory", "-i", "inventory/hosts.yml", "--list", "--export")
    listed = json.loads(run.stdout)["microbosh"]
    assert listed["hosts"] == ["director1"]
    assert {name for name in listed["vars"] if name.startswith("microbosh_")} <= set(SETTINGS)


def test_every_job_has_its_playbook_credentials_and_type(made):
    jobs = by_name(made, "job_template")
    assert sorted(job["playbook"] for job in jobs.values()) == [f"{one}.yml" for one in THIN]
    assert {name for job in jobs.values() for name in job["credentials"]} == set(by_name(made, "credential"))
    for name in ("backup", "checkup", "verify"):
        assert "microBOSH login" not in jobs[f"microBOSH {name}"]["credentials"]


def test_no_two_runs_at_once(made):
    one_at_a_time = of(made, "job_template") + of(made, "workflow_job_template")
    assert [job["allow_simultaneous"] for job in one_at_a_time] == [False] * (len(THIN) + 1)


def test_what_each_director_has_for_itself_is_cut_into_slices(made):
    jobs = by_name(made, "job_template")
    assert {job["playbook"]: int(job["job_slice_count"]) for job in jobs.values()} == {
        **dict.fromkeys(["backup.yml", "verify.yml", "checkup.yml"], SLICES),
        **dict.fromkeys(["setup.yml", "restore.yml"], 1),
    }
    for job in jobs.values():
        assert job["ask_job_slice_count_on_launch"] == (int(job["job_slice_count"]) > 1)


def test_nothing_ends_a_restore_halfway(made):
    assert by_name(made, "job_template")["microBOSH restore"]["timeout"] == 0


def test_no_job_becomes_root_on_the_controller(made):
    assert {job["become_enabled"] for job in of(made, "job_template")} == {False}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["variable"])
def test_a_question_is_one_of_our_settings(question):
    setting = SETTINGS[question["variable"]]
    choices = BOTH if setting["type"] == "bool" else setting.get("choices")
    choices = choices and [choice for choice in choices if choice not in NOT_IN_A_JOB]
    assert question.get("choices") == choices
    assert question["type"] == ("multiplechoice" if choices else {"str": "text", "int": "integer"}[setting["type"]])
    default = setting.get("default", "")
    default = str(default).lower() if isinstance(default, bool) else default
    assert question.get("default", "") == default


@pytest.mark.parametrize("survey", SURVEYS)
def test_awx_accepts_a_survey(survey):
    assert isinstance(SURVEYS[survey]["name"], str)
    assert isinstance(SURVEYS[survey]["description"], str)
    questions = SURVEYS[survey]["spec"]
    assert len({question["variable"] for question in questions}) == len(questions) > 0
    for question in questions:
        assert isinstance(question["question_name"], str)
        assert isinstance(question["required"], bool)
        assert isinstance(question.get("default", ""), QUESTION_TYPES[question["type"]])
        assert question.get("default", "") in ["", *question.get("choices", [question.get("default")])]


def test_a_restore_is_not_begun_without_its_confirmation():
    questions = {one["variable"]: one for one in SURVEYS["awx_survey_restore"]["spec"]}
    assert questions["microbosh_restore_confirm"]["required"]
    assert "default" not in questions["microbosh_restore_confirm"]


def test_a_job_with_a_survey_asks_it(made):
    for job in of(made, "job_template"):
        assert bool(job["survey_spec"]) == job["survey_enabled"]


class Files:
    """What AWX has as tower.filename: a path for each file that a type makes."""

    def __init__(self, names):
        for name in names:
            setattr(self, name.partition(".")[2], f"/runner/env/{name}")


def test_a_credential_becomes_files_and_the_settings_that_name_them(made):
    awx = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    for kind in of(made, "credential_type"):
        fields = {field["id"]: "text" for field in kind["inputs"]["fields"]}
        assert len(fields) == len(kind["inputs"]["fields"])
        files = kind["injectors"]["file"]
        assert [awx.from_string(text).render(fields) for text in files.values()] == ["text"] * len(files)
        paths = {"tower": {"filename": Files(files)}}
        given = {name: awx.from_string(text).render(paths) for name, text in kind["injectors"]["extra_vars"].items()}
        assert sorted(given.values()) == sorted(f"/runner/env/{name}" for name in files)
        assert {SETTINGS[name]["type"] for name in given} <= {"path", "str"}  # a public key may also be given itself


def test_a_credential_has_the_fields_of_its_type(made):
    kinds = by_name(made, "credential_type")
    for credential in of(made, "credential"):
        if credential["credential_type"] != "Machine":
            assert sorted(credential["inputs"]) == sorted(kinds[credential["credential_type"]]["inputs"]["required"])
            assert all(credential["inputs"].values())


def test_secrets_are_encrypted_by_awx(made):
    for kind in of(made, "credential_type"):
        for field in kind["inputs"]["fields"]:
            assert field.get("secret", False) == (field["id"] != "public_key")


def test_the_nights_have_a_beginning_and_a_time_zone(made):
    """What awx/api/serializers.py asks of a rule."""
    (schedule,) = of(made, "schedule")
    begin = re.fullmatch(r"DTSTART;TZID=(\S+):\d{8}T\d{6} RRULE:FREQ=DAILY;INTERVAL=1", schedule["rrule"])
    assert begin.group(1) in zoneinfo.available_timezones()
    assert schedule["unified_job_template"] in by_name(made, "workflow_job_template")


def test_a_night_is_a_backup_and_then_its_verification(made):
    (night,) = of(made, "workflow_job_template")
    nodes = {node["identifier"]: node for node in night["workflow_nodes"]}
    assert [node["identifier"] for node in nodes["backup"]["related"]["success_nodes"]] == ["verify"]
    assert set(nodes["backup"]["related"]) == {"success_nodes"}, "a path for failures would make the workflow a success"
    jobs = by_name(made, "job_template")
    for node in nodes.values():
        asked = {question["variable"] for question in jobs[node["unified_job_template"]["name"]]["survey_spec"]["spec"]}
        assert set(node.get("extra_data", {})) <= asked


def test_somebody_hears_of_each_failure(made):
    for job in of(made, "job_template") + of(made, "workflow_job_template"):
        assert job["notification_templates_error"] == list(by_name(made, "notification_template"))


def test_the_notification_has_what_awx_sends_with(made):
    (notification,) = of(made, "notification_template")
    types = {"string": str, "password": str, "int": int, "bool": bool, "list": list}
    wanted = {name: types[kind] for name, kind in awx_stub.OPTIONS["email"].items()}
    assert {name: type(value) for name, value in notification["notification_configuration"].items()} == wanted


def test_the_pod_sees_the_volume_where_backups_are_kept():
    pod = yaml.safe_load((PROJECT / "container-group.yml").read_text())
    assert (pod["apiVersion"], pod["kind"]) == ("v1", "Pod")
    (worker,) = pod["spec"]["containers"]
    assert worker["args"][:2] == ["ansible-runner", "worker"]
    (volume,) = pod["spec"]["volumes"]
    (mount,) = worker["volumeMounts"]
    assert mount["name"] == volume["name"]
    assert SETTINGS["microbosh_backup_dir"]["default"].startswith(mount["mountPath"] + "/")
    assert pod["spec"]["securityContext"]["fsGroup"]


@pytest.mark.parametrize(("key", "job", "refused"), [
    ("/runner/env/tmp1/key", {"AWX_ISOLATED_DATA_DIR": "/runner/artifacts/1"}, True),
    ("~/.ssh/microbosh_backup", {"AWX_ISOLATED_DATA_DIR": "/runner/artifacts/1"}, False),
    ("/runner/env/tmp1/key", {}, False),
])  # fmt: skip
def test_no_key_is_replaced_by_one_that_goes_away_with_the_job(tmp_path, key, job, refused):
    """What is allowed goes on to the next question, which another director with the same key answers."""
    variables = {"microbosh_private_key": key, "microbosh_public_key": "", "microbosh_private_key_text": ""}
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(json.dumps({"microbosh": {"hosts": {"localhost": {}, "other": {}}, "vars": variables}}))
    role = {"name": "microbosh.director.setup", "tasks_from": "rotate"}
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [{"ansible.builtin.include_role": role}]}
    playbook = tmp_path / "play.yml"
    playbook.write_text(json.dumps([play]))
    run = ansible("ansible-playbook", "-c", "local", "-i", str(inventory), str(playbook), **job)
    assert ("would be gone with it" in run.stdout + run.stderr) == refused
    assert ("other has the same key" in run.stdout + run.stderr) != refused
