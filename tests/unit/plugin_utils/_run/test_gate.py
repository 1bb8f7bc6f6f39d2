# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing of a director's answer passes the gate but what the module documents."""

from __future__ import annotations

import importlib
import json
from types import SimpleNamespace

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible.playbook import Play
from ansible.playbook.block import Block
from ansible.playbook.playbook_include import PlaybookInclude
from ansible.playbook.task import Task
from ansible_collections.microbosh.director.plugins.action import known_settings, run_log
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _gate as gate
from ansible_collections.microbosh.director.plugins.plugin_utils._run._answer_watch import (
    FLOOR_BYTES,
    FLOOR_SECONDS,
    NOTHING,
    AnswerWatch,
    Pace,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._run._director_action import (
    GatedAction,
    with_known_interpreter,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._run._facts import (
    PREFIXES,
    require_none_of_ours,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._run._printable import printable, printable_lines
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._told_paths import is_file_name, is_plain
from places import REPOSITORY

ROOT = REPOSITORY
ACTIONS = "ansible_collections.microbosh.director.plugins.action"
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))


def action_of(module):
    if not (ROOT / f"plugins/action/{module}.py").exists():
        return None
    return importlib.import_module(f"{ACTIONS}.{module}").ActionModule


# What modules of others answer is no documentation of ours: see test_others.py.
ON_DIRECTOR = [
    module
    for module in MODULES
    if action_of(module) and issubclass(action_of(module), GatedAction) and module != "on_director"
]
# They read here what a director sent, and what they quote of it passes the gate as well.
OF_THE_CONTROLLER = [
    "backup_controller", "backup_key_pair", "backup_key_pair_info", "backup_layout_info", "backup_manifest",
    "backup_manifest_info", "backup_partial", "backup_prune", "backup_publish", "backup_volume_info",
    "blobstore_check_info", "blobstore_info", "dump_info", "dump_load_info", "extra_files_info",
    "iaas_reconcile_info", "pg_rehearse",
]  # fmt: skip
# Those whose action makes the answer itself, and why no answer of a module has to be looked at.
UNGATED = {
    "backup_info": "reads small files within the action, and takes printable and bounded values out of them",
    "backup_key": "reads keys of the controller",
    "backup_offsite": "runs restic within the action, which makes its words plain",
    "backup_reread": "reads backups within the action, which makes each verdict plain",
    "backup_verify_info": "reads backups within the action, which makes each verdict plain",
    "database_plan_info": "decides about settings, and answers that have passed",
    "director_command": "takes an exit status and printable text, and nothing else",
    "identity_info": "looks at files that it names itself",
    "identity_place": "copies files that it names itself",
    "kept_key": "reads settings, and what an agent of the controller says",
    "known_settings": "looks at the names of settings",
    "online_verdict_info": "compares answers that have passed, and makes what it says of them plain",
    "outage_slot": "locks files of the controller, and tells names of its inventory",
    "pull": "counts what rsync logs, and makes what it says printable",
    "push": "counts what rsync logs, and makes what it says printable",
    "report_page": "looks as backup_info does, and answers with numbers and a path of the operator's",
    "restore_source": "reads a backup within the action, and makes what is in it plain",
    "run_busy": "says what a setting or a verdict says",
    "run_ended": "hands on what a run says of itself, and writes it down",
    "run_failed": "says what the tasks before it answered",
    "spared_files": "renames files, and makes what it says printable",
    "schedule_info": "looks at settings, and at what is scheduled on the controller",
    "run_log": "writes lines, and makes them printable",
}
# No playbook asks them: it is for people, or sent in the place of others.
UNASKED = ["director_lease_info", "director_module"]
LIES = {
    "facts": {"ansible_facts": {"microbosh_backup_dir": "/backups/other", "microbosh_keep": {"last": 0}}},
    "facts of nothing": {"ansible_facts": {}},
    "a host": {"add_host": {"host_name": "evil", "host_vars": {"ansible_host": "localhost"}, "groups": ["microbosh"]}},
    "a group": {"add_group": "microbosh", "parent_groups": ["all"]},
    "an internal key": {"_ansible_no_log": True},
    "another host's variables": {"_ansible_delegated_vars": {"ansible_host": "x"}},
    "an item": {"_ansible_item_result": True},
    "statistics": {"ansible_stats": {"data": {"microbosh_backup": {}}, "per_host": False, "aggregate": True}},
    "an include": {"include": "/etc/evil.yml", "include_args": {}},
    "results": {"results": [{"ansible_facts": {"microbosh_keep": {}}}]},
    "out of reach": {"unreachable": True},
    "skipped": {"skipped": True},
    "a job": {"ansible_job_id": "../../x", "started": 1},
    "what it is not asked": {"surprise": 1},
    "a lost connection": {"lost": True},
    "a tag of Ansible's own": {"__ansible_type": "_TaggedStr", "value": "{{ 1 }}"},
}


def answered(module, answer, here=False, **more):
    return gate.admitted(module, {"stdout": json.dumps(answer), "rc": 0, **more}, here=here)


def playbook_tasks():
    """Every task of ours: (file, task)."""
    for path in [*ROOT.glob("playbooks/**/*.yml"), *ROOT.glob("roles/*/tasks/*.yml")]:
        stack = [yaml.safe_load(path.read_text())]
        while stack:
            item = stack.pop()
            if isinstance(item, dict):
                yield str(path.relative_to(ROOT)), item
                stack.extend(item.values())
            elif isinstance(item, list):
                stack.extend(item)


def test_every_module_that_a_playbook_runs_on_a_director_is_gated():
    """So a module that is new is in the tables below, or this fails."""
    seen = set()
    for name, task in playbook_tasks():
        for key in task:
            module = key.removeprefix("microbosh.director.")
            if key == module or module not in MODULES or "name" not in task or task.get("delegate_to") == "localhost":
                continue
            seen.add(module)
            action = action_of(module)
            assert action, f"{name} runs {module} on the director, and nothing looks at what that answers"
            own = not issubclass(action, GatedAction)
            # The last two look at the connection, and take no answer.
            alone = ("pull", "push", "director_command", "backup_key", "outage_slot")
            assert not own or module in alone or not action._requires_connection, module
    assert set(ON_DIRECTOR) <= seen | {*OF_THE_CONTROLLER, *UNASKED}
    assert set(OF_THE_CONTROLLER) <= set(ON_DIRECTOR)
    assert len(ON_DIRECTOR) > 15


def test_every_module_is_gated_or_makes_its_answer_itself():
    """Wherever it runs: a dump, a backup and a file of an operator may quote a director, too."""
    assert [module for module in MODULES if action_of(module) is None] == []
    assert {module for module in MODULES if not issubclass(action_of(module), GatedAction)} == set(UNGATED)


# They run nothing on a director, whatever host they are for.
ON_CONTROLLER = (
    "assert", "debug", "fail", "import_playbook", "import_role", "import_tasks", "include_role", "include_tasks",
    "include_vars", "meta", "pause", "set_fact", "set_stats",
)  # fmt: skip
PARTS = ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers")
KEYWORDS = {*Task.fattributes, *Block.fattributes, *Play.fattributes, *PlaybookInclude.fattributes, "hosts", "listen"}
FEWEST_FILES = 89


def of_others(items, here=False):
    """Given plays or tasks, yield what of them a director runs though it is not ours: its name and module."""
    for item in items:
        local = here or item.get("delegate_to") == "localhost" or item.get("hosts") == "localhost"
        for key in PARTS:
            yield from of_others(item.get(key) or [], local)
        used = {key for key in item if key not in KEYWORDS and not key.startswith("with_")}
        used |= {key for key in ("action", "local_action") if key in item}
        ours = {f"microbosh.director.{module}" for module in MODULES} | {f"ansible.builtin.{n}" for n in ON_CONTROLLER}
        if item.get("gather_facts") or not (local or used <= ours):
            yield item.get("name"), *sorted(used)


def test_no_task_runs_a_module_of_others_on_a_director_but_through_the_gate():
    files = [*ROOT.glob("playbooks/*.yml"), *ROOT.glob("playbooks/tasks/**/*.yml"), *ROOT.glob("roles/*/tasks/*.yml")]
    files += ROOT.glob("roles/*/handlers/*.yml")
    assert len(files) >= FEWEST_FILES
    files = [path for path in files if path.parts[-3:-1] != ("schedule", "tasks")]
    assert {str(path.relative_to(ROOT)): found for path in files if (found := [*of_others(read(path))])} == {}


def test_the_role_of_a_schedule_runs_on_the_controller_alone():
    plays = [play for path in ROOT.glob("playbooks/*.yml") for play in read(path)]
    using = [play["hosts"] for play in plays if {"role": "microbosh.director.schedule"} in play.get("roles", [])]
    assert using == ["localhost"]
    first = read(ROOT / "roles/schedule/tasks/main.yml")[0]
    assert first["ansible.builtin.assert"]["that"] == "inventory_hostname == 'localhost'"


def read(path):
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize(
    "text",
    [
        "- {name: x, ansible.builtin.stat: {path: /}}",
        "- {name: x, stat: {path: /}}",
        "- {name: x, action: ansible.builtin.stat path=/}",
        "- {name: x, ansible.builtin.raw: id}",
        "- {name: x, ansible.builtin.setup: }",
        "- {name: x, other.collection.module: , delegate_to: other}",
        "- {name: x, block: [{name: y, rescue: [], block: [{ansible.builtin.command: id}]}]}",
        "- {name: x, hosts: microbosh, gather_facts: true}",
        "- {name: x, hosts: microbosh, handlers: [{ansible.builtin.service: {name: x}}]}",
    ],
)
def test_and_none_would_go_unseen(text):
    assert [*of_others(yaml.safe_load(text))]
    assert not [*of_others(yaml.safe_load("- {block: [{ansible.builtin.stat: {path: /}}], delegate_to: localhost}"))]


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
@pytest.mark.parametrize("module", ON_DIRECTOR)
def test_what_is_not_documented_fails_the_task(module, lie):
    found = answered(module, {"changed": False, **lie})
    assert set(found) == {"failed", "msg"}
    assert module in found["msg"]
    assert "was not taken" in found["msg"]


@pytest.mark.parametrize("module", ["backup_partial", "backup_publish"])
def test_what_ansible_adds_to_a_path_is_left_out(module):
    added = {"uid": 0, "gid": 0, "owner": "root\x1b", "group": "x", "mode": "0700", "state": "directory", "size": 4096}
    assert answered(module, {"changed": True, "path": "/b/1", **added}) == {"changed": True, "path": "/b/1"}
    assert answered("monit_all", {"changed": True, "uid": 0})["failed"]


WRONG = {
    "str": [1, {}, [], True, "x" * 70_000],
    "int": ["1", 1.5, True, {}, 2**70],
    "float": ["1", True, [], 1e300],
    "bool": ["yes", 1, {}],
    "list": ["x", {}, 3],
    "dict": ["x", [], 3],
}


@pytest.mark.parametrize("module", ON_DIRECTOR)
def test_what_is_of_another_type_fails_the_task(module):
    known = gate.documented(module)
    assert known
    for key, specification in known.items():
        for value in WRONG.get(specification["type"], []):
            found = answered(module, {"changed": False, key: value})
            if key in gate.TEXTS and isinstance(value, str):
                continue
            assert set(found) == {"failed", "msg"}, (module, key, value)
            assert key in found["msg"]


@pytest.mark.parametrize("module", ON_DIRECTOR)
def test_what_is_documented_comes_through(module):
    samples = {key: value["sample"] for key, value in gate.documented(module).items() if "sample" in value}
    samples = json.loads(json.dumps(samples, default=str))
    assert answered(module, {"changed": True, **samples}) == {"changed": True, **samples}


@pytest.mark.parametrize("module", ON_DIRECTOR)
def test_what_ansible_acts_on_is_never_documented(module):
    assert not [key for key in gate.documented(module) if key.startswith(("ansible", "_ansible", "add_", "include"))]
    assert not {"results", "invocation", "exception", "deprecations", "warnings", "skipped"} & set(
        gate.documented(module)
    )


@pytest.mark.parametrize("key", ["surprise", "name\x1b[2J"])
def test_within_a_value_only_what_is_documented(key):
    found = answered("monit_all", {"changed": True, "unreached": [{"name": "x", key: 1}]})
    assert found["failed"]
    assert "\x1b" not in found["msg"]


@pytest.mark.parametrize(
    ("printed", "part"),
    [
        ('{"changed": NaN}', "no number"),
        ("[" * 100_000, "gave no answer"),
        ("\x1b]0;owned\x07 sudo: a password is required", "\\x1b]0;owned\\x07 sudo: a password is required"),
        ("", "it said nothing"),
        ("[1]", "gave no answer"),
    ],
)
def test_what_cannot_be_read_fails_the_task(printed, part):
    found = gate.admitted("monit_summary", {"stdout": printed, "rc": 1})
    assert found["failed"]
    assert part in found["msg"]
    assert "\x1b" not in found["msg"]


def test_what_is_documented_as_any_data_is_not_deep():
    for data, said in [(json.loads("[" * 30 + "]" * 30), "depth"), ({"__ansible_type": "x"}, "__ansible")]:
        assert said in answered("restore_compare_info", {"changed": False, "host": {"a": data}})["msg"]


def test_an_answer_is_bounded(monkeypatch):
    monkeypatch.setattr(gate, "MOST_BYTES", 1000)
    assert "more than" in answered("monit_summary", {"running": ["x" * 1000]})["msg"]


def test_a_failure_keeps_what_a_playbook_looks_at_and_loses_the_rest():
    found = answered(
        "director_lease",
        {
            "failed": True,
            "msg": "held\x9b",
            "reason": "held",
            "lease": None,
            "invocation": {"a": 1},
            "exception": "x\x1b",
        },
    )
    assert found == {"failed": True, "msg": "held\\x9b", "reason": "held", "lease": None}


@pytest.mark.parametrize(
    "warning",
    ["bad\x1b", {"__ansible_type": "WarningSummary", "event": {"__ansible_type": "Event", "msg": "bad\x1b"}}],
)
def test_warnings_are_plain_text(warning):
    assert answered("monit_summary", {"changed": False, "warnings": [warning] * 30})["warnings"] == ["bad\\x1b"] * 20


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü 漢字 🚀", "plain ü 漢字 🚀"),
        ("\x1b[2J\x07\r", "\\x1b[2J\\x07\\x0d"),
        ("a\x9bb\x85", "a\\x9bb\\x85"),
        ("a\u202eb\u2066\u200f", "a\\u202eb\\u2066\\u200f"),
        ("a\u2028b\ufeff", "a\\u2028b\\ufeff"),
        ("\U000e0041", "\\U000e0041"),
        ("\udc80", "\\x80"),
        ("two\nlines", "two\\x0alines"),
    ],
)
def test_nothing_reaches_a_terminal_that_is_not_to_be_seen(text, shown):
    assert printable(text) == shown
    assert printable(shown) == shown
    assert answered("monit_summary", {"changed": False, "running": [text]})["running"] == [shown]


def test_texts_for_a_person_have_lines_and_tabs():
    assert printable_lines("a\r\nb\tc\rd") == "a\nb\tc\\x0dd"
    assert answered("monit_summary", {"failed": True, "msg": "a\nb"})["msg"] == "a\nb"


@pytest.mark.parametrize("module", ON_DIRECTOR)
@pytest.mark.parametrize("version", [(), ("modern",)])
def test_ansible_sees_only_what_passed(monkeypatch, version, module):
    seen = []
    monkeypatch.setattr(
        GatedAction.__mro__[1], "_parse_returned_data", lambda self, res, *more: seen.append((res, more))
    )
    action = object.__new__(action_of(module))
    action._task = SimpleNamespace(action=f"microbosh.director.{module}", check_mode=False)
    action._connection = SimpleNamespace(transport="ssh")
    action._parse_returned_data({"stdout": json.dumps(LIES["facts"]), "stderr": "\x1b", "rc": 0}, *version)
    [(res, more)] = seen
    assert more == version
    assert res["stderr"] == ""
    assert set(json.loads(res["stdout"])) == {"failed", "msg"}


@pytest.mark.parametrize(
    ("facts", "good"),
    [
        ({"discovered_interpreter_python": "/usr/bin/python3.12"}, True),
        ({}, True),
        (None, True),
        ({"discovered_interpreter_python": "/usr/bin/python3; touch /x"}, False),
        ({"discovered_interpreter_python": "/\x1b"}, False),
        ({"microbosh_keep": 1}, False),
    ],
)
def test_the_only_fact_is_where_python_is(facts, good):
    answer = {"changed": False, "ansible_facts": facts}
    found = with_known_interpreter(answer)
    assert (found == answer) is good
    assert bool(found.get("failed")) is not good


@pytest.mark.parametrize(
    "name", ["microbosh_backup_dir", "microbosh_keep", "run_dir", "setup_key", "reach_hint", "blobs_place"]
)
def test_no_fact_is_called_like_a_setting(name):
    """Such a one may come from a cache, which another playbook filled with what this director said."""
    variables = {
        "ansible_facts": {name: "x", "run_phases": [], "distribution": "y"},
        "inventory_hostname": "m1",
        "run_began": 0,
    }
    with pytest.raises(gate.GateError, match=name):
        require_none_of_ours(variables)
    for action in (known_settings, run_log):
        acting = object.__new__(action.ActionModule)
        acting.validate_argument_spec = lambda **dummy: (None, {})
        acting._loader = acting._task = None
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(action.ActionBase, "run", lambda *dummy: {})
            with pytest.raises(AnsibleActionFail, match=name):
                acting.run(None, variables)


def test_all_that_a_run_registers_has_a_name_that_no_fact_may_have():
    """Or a fact would be there where the task that registers it has not run."""
    names = [item["register"] for dummy, item in playbook_tasks() if isinstance(item.get("register"), str)]
    names += [name for dummy, item in playbook_tasks() for name in item.get("ansible.builtin.set_fact") or ()]
    assert len(names) > 100
    assert sorted({name for name in names if not name.startswith(PREFIXES)}) == []


@pytest.mark.parametrize(("transport", "here"), [("local", True), ("ssh", False)])
def test_what_runs_on_a_director_is_held_to_the_types(transport, here):
    """As blobstore_check_info does in a restore: it may lie there as any other."""
    acting = object.__new__(action_of("blobstore_check_info"))
    acting._connection = SimpleNamespace(transport=transport)
    assert acting.here is here


def test_other_facts_are_nobodys_business():
    require_none_of_ours({"ansible_facts": {"run_phases": [], "distribution": "Ubuntu"}})
    require_none_of_ours({})


@pytest.mark.parametrize("path", ["/var/vcap", "/var/vcap/store/blob store", "/a"])
def test_plain_paths(path):
    assert is_plain(path)


@pytest.mark.parametrize(
    "path", ["", "a", "/a/../b", "/a//b", "//a", "/a/", "/a\nb", "/a*", "/a\\x0ab", "/a[b]", "/" + "a" * 5000, None, 1]
)
def test_other_paths(path):
    assert not is_plain(path)


@pytest.mark.parametrize(
    ("name", "good"),
    [("bosh", True), ("uaa-2", True), ("Ünicode", True), ("..", False), ("a/b", False), ("", False), ("a\nb", False),
     (".work", False), ("-x", False), ("a\\x0a", False), ("x" * 300, False), (None, False), ("\u202e", False)],
)  # fmt: skip
def test_file_names(name, good):
    assert is_file_name(name) is good


def test_an_answer_without_end_is_ended():
    pace = Pace(0, 3600, 1000, now=0)
    assert pace.problem(NOTHING, 1) == ""
    assert "larger" in pace.problem(NOTHING + 2001, 2)
    assert Pace(0, 3600, 0, now=0).problem(NOTHING * 100, 70) == ""


def test_an_answer_that_never_comes_is_ended():
    pace = Pace(500, 10, 1000, now=0)
    assert pace.problem(500, 9) == ""
    assert "not complete" in pace.problem(500, 11)


def test_an_answer_that_trickles_is_ended_but_not_silence_before_it():
    pace = Pace(0, 3600, 10 * NOTHING, now=0)
    assert pace.problem(1000, FLOOR_SECONDS + 1) == ""
    assert pace.problem(NOTHING + FLOOR_BYTES, 2 * FLOOR_SECONDS + 2) == ""
    assert "less than" in pace.problem(NOTHING + FLOOR_BYTES + 10, 3 * FLOOR_SECONDS + 3)


def test_the_command_itself_is_ended():
    """With what the kernel counts, of a command that prints without end."""
    import subprocess

    with AnswerWatch(60, most=1024 * 1024) as watch:
        program = subprocess.Popen(["cat", "/dev/zero"], stdout=subprocess.PIPE)
        while program.stdout.read(1 << 20):
            pass
        program.wait()
    assert "larger" in watch.exceeded
    assert program.returncode == -15


def test_what_a_module_says_on_the_controller_may_be_made_of_more():
    """A gap in what its documentation says of a list fails no backup; what Ansible would act on passes nowhere."""
    told = {"wrong": [{"new": "\x1b[2J"}], "changed": False}
    assert answered("blobstore_check_info", told)["failed"]
    assert answered("blobstore_check_info", told, here=True) == {"wrong": [{"new": "\\x1b[2J"}], "changed": False}
    assert answered("blobstore_check_info", {**told, "ansible_facts": {"microbosh_keep": {}}}, here=True)["failed"]


def test_what_is_found_of_wrong_blobs_passes_the_gate():
    """A backup of a director with an altered blob failed for its answer, and did not say which blob it was."""
    blob = {"id": "b", "table": "packages", "path": "ab/b", "about": "package b", "mend": "upload it"}
    found = {"missing": [{**blob, "had": True}], "wrong": [{**blob, "expected": "sha1:0", "found": "sha1:1"}]}
    assert answered("blobstore_check_info", found) == found
