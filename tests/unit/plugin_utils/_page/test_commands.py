# SPDX-License-Identifier: GPL-3.0-or-later
"""The command that a person copies is the one that restores that backup, whatever the director is called."""

from __future__ import annotations

import json
import shlex

import pytest
from ansible.parsing.splitter import parse_kv
from ansible_collections.microbosh.director.plugins.plugin_utils._page._commands import (
    copy_option,
    restore_command,
    restore_options,
)
from told import told

ID = "20261124T145449Z"
NAMES = ["director1", "bosh-1.eu_west", "it's odd", 'two "words"', "$(reboot)", "a;b", "grün", "123", "-x", "a=b"]


def variables(words):
    """Return what ansible-playbook makes of its words behind -e."""
    given = [words[at + 1] for at, word in enumerate(words) if word == "-e"]
    return {key: value for one in given for key, value in (json.loads(one) if one[0] == "{" else parse_kv(one)).items()}


@pytest.mark.parametrize("name", NAMES)
def test_a_shell_and_ansible_understand_it_whatever_the_name(name):
    options = restore_options({"id": ID, "verdict": "proven"})
    words = shlex.split(f"{restore_command(name, ['/etc/a', '/home/me/my inventory'])} {options['restore']}")
    begin = ["ansible-playbook", "-i", "/etc/a", "-i", "/home/me/my inventory", "microbosh.director.restore"]
    assert words[:6] == begin
    assert words[6:7] == [f"--limit={name}"]
    assert variables(words) == {"microbosh_restore_confirm": name, "microbosh_restore_from": ID}


def test_it_reads_as_the_guide_has_it():
    backup = told()["directors"][0]["backups"][0]
    playbook = "ansible-playbook -i inventory microbosh.director.restore"
    line = f"{playbook} --limit=director1 -e microbosh_restore_confirm=director1"
    assert restore_command("director1", ["inventory"]) == line
    assert restore_options(backup) == {
        "restore": f"-e microbosh_restore_from={backup['id']}",
        "restore_archive": f"-e microbosh_restore_from={backup['archive']['path']}",
    }


@pytest.mark.parametrize("verdict", ["damaged", "unreadable"])
def test_what_a_restore_would_refuse_has_no_command(verdict):
    assert restore_options({"id": ID, "verdict": verdict, "archive": {"path": "/a"}}) == {}


@pytest.mark.parametrize("verdict", ["proven", "still", "moved", "lost_blobs", "not_proven"])
def test_all_others_have_one(verdict):
    assert set(restore_options({"id": ID, "verdict": verdict, "archive": None})) == {"restore"}


@pytest.mark.parametrize("odd", [None, "", "latest", f"{ID}\n", f"{ID}; reboot", "../x"])
def test_what_is_no_id_gets_into_no_command(odd):
    assert restore_options({"id": odd, "verdict": "proven"}) == {}


@pytest.mark.parametrize("name", ["a b.tar", "a';reboot;'.tar", "$(reboot).tar", "a\nb.tar", "\u202erat.tar", "-e.tar"])
def test_an_archive_may_have_any_name(name):
    path = f"/backups/x/archives/{name}"
    line = restore_options({"id": ID, "verdict": "proven", "archive": {"path": path}})["restore_archive"]
    assert line.isprintable()
    assert variables(shlex.split(line)) == {"microbosh_restore_from": path}


@pytest.mark.parametrize("name", ["{{ lookup('pipe', 'reboot') }}.tar", "{% if x %}.tar", "{# x #}.tar"])
def test_an_archive_with_a_name_that_ansible_would_work_out_has_no_command(name):
    found = restore_options({"id": ID, "verdict": "proven", "archive": {"path": f"/backups/{name}"}})
    assert set(found) == {"restore"}


def test_a_copy_elsewhere_is_named_by_the_id_of_its_backup():
    line = f"{restore_command('director1', [])} {copy_option()}{ID}"
    assert line.endswith(f" -e microbosh_restore_from=offsite:{ID}")
    given = {"microbosh_restore_confirm": "director1", "microbosh_restore_from": f"offsite:{ID}"}
    assert variables(shlex.split(line)) == given


def test_without_an_inventory_of_its_own_ansible_takes_that_of_its_settings():
    assert shlex.split(restore_command("a", []))[:2] == ["ansible-playbook", "microbosh.director.restore"]
