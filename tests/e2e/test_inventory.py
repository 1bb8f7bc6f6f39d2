"""To do nothing is no success: whatever the inventory and the command line leave out, 0 means that it was done."""

from __future__ import annotations

import points
import pytest
import yaml
from conftest import REPOSITORY, playbook_command, run_ansible

INVENTORIES = {"misspelt": "microbsh:\n  hosts:\n    director1:\n", "empty": "microbosh:\n  hosts: {}\n"}
INVENTORY = """
microbosh:
  hosts: {director1: , director2: }
  vars: {microbosh_backup_dir: "{{ lookup('env', 'BACKUPS') }}/{{ inventory_hostname }}"}
web:
  hosts: {web1: {ansible_connection: local}}
"""
OURS = "microbosh.director.verify"
OWN = f"""
- import_playbook: {OURS}
  tags: nightly
"""
NEVER = OWN.replace("nightly", "[never, nightly]")
MIXED = f"""{OWN}
- name: Web servers
  hosts: web
  gather_facts: false
  tasks:
    - name: Deploy
      ansible.builtin.debug: {{msg: deployed}}
      tags: deploy
"""
# Playbook, arguments, what it says. Nothing is done in any of these.
NOTHING = {
    "tags": (OURS, ["--tags", "nightly"], "--tags nightly leaves no task to run"),
    "skip_tags": (OURS, ["--skip-tags", "all"], "--skip-tags all leaves no task to run"),
    "untagged": (OURS, ["--tags", "tagged"], "--tags tagged leaves no task to run"),
    "start": (OURS, ["--start-at-task", "Tkae the backup"], "no task is called that"),
    "middle": (OURS, ["--start-at-task", points.VERIFY], "safe as a whole only"),
    "pattern": (OURS, ["--start-at-task", "*verified"], "safe as a whole only"),
    "other_host": (OURS, ["--limit", "web1"], "leaves no director to work on. The directors are director1, director2"),
    "other_group": (OURS, ["--limit", "web"], "leaves no director to work on"),
    "excluded": (OURS, ["--limit", "all:!microbosh"], "leaves no director to work on"),
    "one_misspelt": (OURS, ["--limit", "director1,directr2"], "--limit names directr2"),
    "one_elsewhere": (OURS, ["--limit", "director1,web1"], "--limit names web1, where no director is"),
    "one_of_a_file": (OURS, ["--limit", "@{list}"], "--limit names directr2"),
    "nobody": (OURS, ["--limit", "directr1"], "no hosts to target"),
    "localhost": (OURS, ["--limit", "localhost"], "no hosts to target"),
    "step": (OURS, ["--step"], "--step lets tasks be left out"),
    "own_tags": (OWN, ["--tags", "nigthly"], "--tags nigthly leaves no task to run"),
    "own_skipped": (OWN, ["--skip-tags", "nightly"], "--skip-tags nightly leaves no task to run"),
    "own_limit": (OWN, ["--tags", "nightly", "--limit", "web1"], "leaves no director to work on"),
    "own_never": (NEVER, [], "leaves no task to run"),
    "mixed_tags": (MIXED, ["--tags", "deploi"], "--tags deploi leaves no task to run"),
    "mixed_limit": (MIXED, ["--tags", "deploy", "--limit", "director1"], "leaves no task to run"),
}
# What was selected comes to its turn: the verification, which finds no backup, or the other play.
DONE = {
    "plain": (OURS, [], "There is no backup latest"),
    "all": (OURS, ["--tags", "all"], "There is no backup latest"),
    "limit": (OURS, ["--limit", "director2"], "There is no backup latest"),
    "wildcard": (OURS, ["--limit", "direct*:!director1"], "There is no backup latest"),
    "own_tags": (OWN, ["--tags", "nightly"], "There is no backup latest"),
    "own_never": (NEVER, ["--tags", "nightly"], "There is no backup latest"),
    "mixed_tags": (MIXED, ["--tags", "deploy"], "deployed"),
    "mixed_skipped": (MIXED, ["--skip-tags", "nightly"], "deployed"),
    "mixed_limit": (MIXED, ["--limit", "web1"], "deployed"),
    "mixed_both": (MIXED, ["--tags", "deploy", "--limit", "director1,web1"], "deployed"),
    "mixed_start": (MIXED, ["--start-at-task", "Deploy"], "deployed"),
}
LISTINGS = ("--list-tasks", "--list-hosts", "--list-tags", "--syntax-check")


@pytest.mark.parametrize("playbook", ["setup", "backup", "restore", "verify", "checkup", "backups", "health"])
def test_a_run_for_no_director_fails(tmp_path, playbook):
    for name, text in INVENTORIES.items():
        inventory = tmp_path / f"{name}.yml"
        inventory.write_text(text)
        run = run_ansible(playbook_command(inventory, f"microbosh.director.{playbook}"))
        assert run.status == 2, run.output
        assert "no host in the group microbosh" in run
        assert str(inventory) in run


@pytest.mark.parametrize("playbook", ["setup", "backup", "restore", "verify", "checkup"])
def test_a_run_whose_roles_keep_their_variables_to_themselves_is_refused(tmp_path, playbook):
    """No task would know the defaults, nor whom to log in as."""
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(INVENTORY)
    ended = run_ansible(
        playbook_command(inventory, f"microbosh.director.{playbook}"), {"ANSIBLE_PRIVATE_ROLE_VARS": "1"}
    )
    assert ended.status == 2, ended.output
    assert "ANSIBLE_PRIVATE_ROLE_VARS" in ended
    assert "TASK [" not in ended.output


def test_every_playbook_asks_first_whether_it_does_anything():
    playbooks = {path.stem: yaml.safe_load(path.read_text()) for path in (REPOSITORY / "playbooks").glob("*.yml")}
    assert len(playbooks) >= 6
    directors = playbooks.pop("directors")
    assert "microbosh.director.hosts_of_run" in directors[0]["hosts"]
    for name, plays in playbooks.items():
        assert plays[0].get("ansible.builtin.import_playbook") == "directors.yml", name


def run(tmp_path, playbook, arguments):
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(INVENTORY)
    if "\n" in playbook:
        own = tmp_path / "own.yml"
        own.write_text(playbook)
        playbook = own
    names = tmp_path / "names.txt"
    names.write_text("director1\ndirectr2\n")
    arguments = [argument.replace("{list}", str(names)) for argument in arguments]
    return run_ansible(playbook_command(inventory, playbook, *arguments), {"BACKUPS": str(tmp_path)})


@pytest.mark.parametrize("name", NOTHING)
def test_a_run_that_would_do_nothing_fails(tmp_path, name):
    playbook, arguments, message = NOTHING[name]
    ended = run(tmp_path, playbook, arguments)
    assert ended.status in (1, 2), ended.output
    assert message in ended, ended.output
    assert "There is no backup" not in ended


@pytest.mark.parametrize("name", DONE)
def test_what_was_selected_is_done(tmp_path, name):
    playbook, arguments, message = DONE[name]
    ended = run(tmp_path, playbook, arguments)
    assert message in ended, ended.output
    assert ended.status == (0 if message == "deployed" else 2), ended.output


@pytest.mark.parametrize("listing", LISTINGS)
def test_listings_are_never_refused(tmp_path, listing):
    ended = run(tmp_path, OURS, [listing, "--tags", "nightly"])
    assert ended.status == 0, ended.output
