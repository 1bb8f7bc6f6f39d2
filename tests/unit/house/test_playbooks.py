# SPDX-License-Identifier: GPL-3.0-or-later
"""A stranger finds a way through a playbook: what a phase takes and gives, where a name comes from, what is loaded."""

from __future__ import annotations

import re
from collections import Counter

import pytest
import yaml
from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import BEFORE_OUTAGE
from places import REPOSITORY

PLAYBOOKS = REPOSITORY / "playbooks"
PHASES = sorted((PLAYBOOKS / "tasks" / "backup").glob("*.yml"))
ALL_PHASES = sorted((PLAYBOOKS / "tasks").glob("*/*.yml"))
CONNECTING = {"setup", "backup", "restore", "checkup", "verify"}
VARIABLES = {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in (PLAYBOOKS / "vars").glob("*.yml")}
NAME = re.compile(r"(?<![.\w])(?:run|blobs|running)_\w+")
# Nothing is planned in a restore, and its filter does without.
UNDEFINED = {"restore": {"run_plan"}}
# Each stands in its own way of making a copy, or of telling what it would be: a run has one of them. A slot is taken
# and given back: what the run has of it is what the last of both says. How far it is says each that ends a phase.
BRANCHES = {"run_second_pass", "run_owners_pass", "run_state", "run_slot", "run_progress"}


def text(path):
    return path.read_text(encoding="utf-8")


def entries(value):
    """Return every task, block and play of a file, however deep."""
    if isinstance(value, list):
        return [found for item in value for found in entries(item)]
    if isinstance(value, dict):
        return [value, *(found for item in value.values() for found in entries(item))]
    return []


def reached(path):
    """Return the task files that a playbook or a task file leads to, itself among them."""
    found, left = set(), [path]
    while left:
        file = left.pop()
        if file not in found and file.exists():
            found.add(file)
            left += [file.parent / name for name in re.findall(r"(?:file|_tasks): \"?([\w./]+\.yml)", text(file))]
            # One of two, by what the run is.
            for folder, names in re.findall(r"file: \"([\w/]+/)\{\{ ([^}]+) \}\}\.yml\"", text(file)):
                left += [file.parent / folder / f"{name}.yml" for name in re.findall(r"'(\w+)'", names)]
    return found


def made(paths):
    """Return the names that tasks register or set."""
    found = [entry for path in paths for entry in entries(yaml.safe_load(text(path)))]
    registered = {entry["register"] for entry in found if "register" in entry}
    return registered.union(
        *(entry["ansible.builtin.set_fact"] for entry in found if "ansible.builtin.set_fact" in entry)
    )


def linked(playbook):
    """Return the files of variables that the role of the settings has for a playbook, and what they lead to."""
    return {path.name: path.resolve() for path in (REPOSITORY / "roles" / "microbosh" / "vars" / playbook).glob("*")}


def loaded(playbook):
    plays = yaml.safe_load(text(PLAYBOOKS / f"{playbook}.yml"))
    by_play = {name.removeprefix("vars/") for play in plays for name in play.get("vars_files", [])}
    return by_play | set(linked(playbook))


def used(playbook):
    """Return the names of variables files that the playbook uses, by what it says and what they say."""
    owners = {name: file for file in sorted(loaded(playbook)) for name in VARIABLES[file]}
    everywhere = {name: file for file in VARIABLES for name in VARIABLES[file]}
    paths = reached(PLAYBOOKS / f"{playbook}.yml")
    left = {name for path in paths for name in NAME.findall(text(path))}
    left |= {name for file in loaded(playbook) for name in VARIABLES[file] if name.startswith("ansible_")}
    files, seen = set(), (made(paths) - set(owners)) | UNDEFINED.get(playbook, set())
    while left:
        name = left.pop()
        if name in seen or name not in everywhere:
            continue
        seen.add(name)
        file = owners.get(name, everywhere[name])
        files.add(file)
        left |= set(NAME.findall(str(VARIABLES[file][name])))
    return files


@pytest.mark.parametrize("path", ALL_PHASES, ids=lambda path: f"{path.parent.name}_{path.stem}")
def test_a_phase_says_what_it_takes_and_what_it_gives(path):
    head = []
    for line in text(path).splitlines()[1:]:
        if not line.startswith("# "):
            break
        head.append(line)
    assert head[0].startswith("# Takes: ")
    assert sum(line.startswith("# Gives: ") for line in head) == 1


def test_a_registered_name_has_one_origin():
    names = Counter(
        entry["register"] for path in PHASES for entry in entries(yaml.safe_load(text(path))) if "register" in entry
    )
    assert len(names) > 30
    assert {name for name, times in names.items() if times > 1} <= BRANCHES


def test_what_leads_back_to_its_own_file_is_the_last_task_of_it():
    """A task after it would go by what the last round left, once more for each round."""
    circles = 0
    for path in ALL_PHASES:
        tasks = yaml.safe_load(text(path)) or []
        while tasks and "block" in tasks[-1]:
            tasks = tasks[:-1] + tasks[-1]["block"]
        for task in tasks:
            name = task.get("ansible.builtin.include_tasks") or task.get("ansible.builtin.import_tasks")
            if isinstance(name, str) and path in reached(path.parent / name):
                circles += 1
                assert task is tasks[-1], f"{path.name}: {task['name']}"
    assert circles >= 6


def test_a_phase_begins_with_the_end_of_the_one_before_which_is_never_skipped():
    """A task that is skipped would register that it was, and a failure could not say in which phase it was."""
    begun = set()
    for path in PHASES:
        for entry in entries(yaml.safe_load(text(path))):
            if "next" in entry.get("microbosh.director.run_log", {}):
                assert entry["register"] == "run_progress"
                assert "when" not in entry
                begun |= set(re.findall(r"[A-Z][a-z]+(?: [a-z]+)*", entry["microbosh.director.run_log"]["next"]))
            begun |= {entry.get("ansible.builtin.set_fact", {}).get("run_progress", {}).get("phase")} - {None}
            for inner in entries([entry.get(part, []) for part in ("block", "rescue", "always")]):
                assert inner.get("register") != "run_progress"
    page = text(REPOSITORY / "docs/architecture.md").partition("## A backup, phase by phase")[2].partition("\n## ")[0]
    table = re.findall(r"^\| \**\d+\w?\. [^|]+\|[^|]+\| ([A-Z][^|]+) \|", page, re.MULTILINE)
    assert begun == set(table)
    assert len(begun) > 12


def test_what_failed_is_told_even_if_it_is_the_words_about_a_phase_that_could_not_be_written():
    """Such a task registers that it failed, and names no phase: whatever reads one has to do without."""
    paths = [*ALL_PHASES, *(PLAYBOOKS / "vars").glob("*.yml"), *PLAYBOOKS.glob("*.yml")]
    reads = [found for path in paths for found in re.findall(r"run_progress\.phase[^}]*", text(path))]
    assert reads == ["run_progress.phase | default(run_phase) "]
    assert yaml.safe_load(text(BEGIN["backup"]))[0]["ansible.builtin.set_fact"]["run_phase"] == "Log"


def test_a_name_stands_in_one_file_of_variables():
    names = Counter(name for file, known in VARIABLES.items() if file != "restore.yml" for name in known)
    assert {name for name, times in names.items() if times > 1} == {"ansible_ssh_private_key_file"}


@pytest.mark.parametrize("playbook", sorted(CONNECTING))
def test_a_playbook_loads_the_variables_that_it_uses_and_no_more(playbook):
    assert used(playbook) == loaded(playbook)


@pytest.mark.parametrize("playbook", sorted(CONNECTING - {"setup"}))
def test_a_play_has_its_variables_of_the_role_which_ansible_reads_once(playbook):
    """It reads vars_files again for each task. What a static import brings holds for all of the play."""
    for name, target in linked(playbook).items():
        assert target == (PLAYBOOKS / "vars" / name).resolve()
    play = yaml.safe_load(text(PLAYBOOKS / f"{playbook}.yml"))[-1]
    assert "vars_files" not in play
    imports = [entry.get("ansible.builtin.import_role") for entry in entries(play)]
    assert {"name": "microbosh.director.microbosh", "vars_from": playbook} in imports


def test_all_phases_of_a_backup_are_reached():
    assert set(PHASES) <= {path.resolve() for path in reached(PLAYBOOKS / "backup.yml")}


# A name that may not be there yet when it is read: "name.part | default(...)", "name is defined".
NOT_YET = re.compile(r"(?<![.\w'\"])([a-z]\w+)((?:\.\w+)*) ?(?:\| ?default\(|is (?:not )?defined)")
BEGIN = {path.parent.name: path for path in (PLAYBOOKS / "tasks").glob("*/begin.yml")}


def not_yet(playbook):
    """Return the names that tasks make, which the playbook reads where they may not be there yet, and where it does."""
    everything = made((PLAYBOOKS / "tasks").glob("*/*.yml"))
    files = reached(PLAYBOOKS / f"{playbook}.yml") | {PLAYBOOKS / "vars" / name for name in loaded(playbook)}
    found = {}
    for path in files - set(BEGIN.values()):
        here = made([path]) if path.parent.name != "vars" and path.suffix == ".yml" else set()
        for name, part in NOT_YET.findall(text(path)):
            if name in everything - here:
                found.setdefault(name, set()).add(f"{path.name}: {name}{part}")
    return found


@pytest.mark.parametrize("playbook", sorted(BEGIN))
def test_a_run_knows_nothing_of_an_earlier_play_of_the_same_command(playbook):
    """What a task registers or sets outlives its play: a backup's lease would be a restore's."""
    known = made([BEGIN[playbook]])
    assert {name: places for name, places in not_yet(playbook).items() if name not in known} == {}
    settings = {name for file in loaded(playbook) for name in VARIABLES[file]}
    assert settings & made(reached(PLAYBOOKS / f"{playbook}.yml")) <= known


@pytest.mark.parametrize("playbook", sorted(BEGIN))
def test_what_a_run_begins_with_needs_no_default(playbook):
    known = made([BEGIN[playbook]])
    plain = re.compile(rf"(?<![.\w'\"])({'|'.join(known)}) ?(?:\| ?default\((?![^()]*, true\))|is (?:not )?defined)")
    paths = [*(PLAYBOOKS / "tasks" / playbook).glob("*.yml"), *(PLAYBOOKS / "vars").glob(f"{playbook}.yml")]
    assert [f"{path.name}: {found}" for path in paths for found in plain.findall(text(path))] == []


@pytest.mark.parametrize("playbook", sorted(BEGIN))
def test_what_a_run_begins_with_hides_no_variable(playbook):
    """A fact comes before a variable of the same name, so one that no task makes would stay what the run began with."""
    later = made(reached(PLAYBOOKS / f"{playbook}.yml") - {BEGIN[playbook].resolve()})
    settings = {name for file in loaded(playbook) for name in VARIABLES[file]}
    assert (made([BEGIN[playbook]]) - later) & settings == set()


def test_what_makes_an_outage_of_an_online_run_begins_with_its_filter_and_another_tree():
    """The filter of the online copy leaves PostgreSQL out; the files of its tree are those of earlier backups, too."""
    tasks = entries(yaml.safe_load(text(PLAYBOOKS / "tasks" / "backup" / "outage_instead.yml")))
    writes = [task.get("ansible.builtin.copy", {}).get("dest") == "{{ run_partial }}/filter" for task in tasks]
    copies = [task.get("ansible.builtin.import_tasks") == "first_pass.yml" for task in tasks]
    decides = ["run_outage_instead" in task.get("ansible.builtin.set_fact", {}) for task in tasks]
    assert decides.index(True) < writes.index(True) < copies.index(True)
    aside = [task.get("ansible.builtin.command", {}).get("argv") for task in tasks]
    assert aside.index(["mv", "{{ run_work }}/vcap", "{{ run_before_outage }}"]) < copies.index(True)
    assert VARIABLES["backup.yml"]["run_before_outage"] == "{{ run_work }}/" + BEFORE_OUTAGE


def test_each_playbook_that_connects_or_verifies_begins_anew():
    assert set(BEGIN) == {"backup", "restore", "checkup", "verify"}
    for playbook, path in BEGIN.items():
        assert path in {file.resolve() for file in reached(PLAYBOOKS / f"{playbook}.yml")}


def test_the_time_of_a_run_is_that_of_any_time_zone():
    """With utc, now() gives a time of no zone, which timestamp() takes for a local one: hours too late or too early."""
    paths = [*PLAYBOOKS.rglob("*.yml"), *(REPOSITORY / "roles").rglob("*.yml")]
    stamps = [found for path in paths for found in re.findall(r"now\(([^)]*)\)\.timestamp\(\)", text(path))]
    assert len(stamps) > 4
    assert set(stamps) == {""}


def test_the_backup_directory_is_the_one_that_modules_take_it_for():
    """Arguments of the type path have ~ and $HOME replaced; what a shell or a lookup gets has to be the same."""
    assert "expanduser" in VARIABLES["places.yml"]["run_dir"]
    assert "expandvars" in VARIABLES["places.yml"]["run_dir"]


IMPORT = "ansible.builtin.import_tasks"


def chosen_by_template(path):
    """Return the files that a file may include by a name with a template in it."""
    for entry in entries(yaml.safe_load(text(path))):
        included = entry.get("ansible.builtin.include_tasks")
        name = included.get("file", "") if isinstance(included, dict) else str(included or "")
        if "{{" in name:
            directory = path.parent / name.partition("{{")[0]
            those = {directory / f"{word}.yml" for word in re.findall(r"\w+", name)}
            yield from {one for one in those if one.exists()} or set(directory.glob("*.yml"))


def test_what_is_chosen_by_a_template_imports_nothing():
    """ansible-core 2.16 would not find it: it reads what is imported before the variables are there."""
    files = [*PLAYBOOKS.glob("**/*.yml"), *REPOSITORY.glob("roles/*/tasks/*.yml")]
    chosen = {found for path in files for first in chosen_by_template(path) for found in reached(first)}
    assert PLAYBOOKS / "tasks/restore/exchange.yml" in chosen
    assert [str(path) for path in chosen if any(IMPORT in entry for entry in entries(yaml.safe_load(text(path))))] == []
