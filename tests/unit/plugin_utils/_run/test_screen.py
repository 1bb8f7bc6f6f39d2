# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said is in the result, and printed once: by us as it comes, or by the callback with the result."""

from __future__ import annotations

import pytest
from ansible import constants
from ansible.utils.display import Display
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _screen as screen

OF_PROGRAMS = ["ansible.posix.json", "json", "ansible.posix.jsonl", "minimal", "ansible.builtin.oneline", "awx_display"]
OF_PEOPLE = ["default", "ansible.builtin.default", "community.general.yaml"]


@pytest.fixture
def printed(monkeypatch):
    """What Display is given."""
    lines = []
    monkeypatch.setattr(Display(), "display", lambda line, **options: lines.append((line, options["color"])))
    monkeypatch.setattr(Display(), "verbosity", 0)
    monkeypatch.setattr(constants, "DEFAULT_STDOUT_CALLBACK", "default")
    return lines


@pytest.mark.parametrize("callback", OF_PEOPLE)
def test_a_person_reads_it_as_it_comes(printed, monkeypatch, callback):
    monkeypatch.setattr(constants, "DEFAULT_STDOUT_CALLBACK", callback)
    result = {}
    screen.tell(result, "m1", ["a", "b"])
    screen.tell(result, "m1", ["c"], "error")
    assert printed == [("m1: a", "bright blue"), ("m1: b", "bright blue"), ("m1: c", "red")]
    assert result == {"lines": ["a", "b", "c"]}


@pytest.mark.parametrize("callback", OF_PROGRAMS)
def test_a_program_finds_it_in_the_result_alone(printed, monkeypatch, callback):
    monkeypatch.setattr(constants, "DEFAULT_STDOUT_CALLBACK", callback)
    result = {"warnings": ["old"]}
    screen.tell(result, "m1", ["a", "b"])
    screen.warn(result, "m1", "lost")
    screen.show_progress("m1", "copied 3 MiB")
    assert printed == []
    assert result["lines"] == ["a", "b"]
    assert result["warnings"] == ["old", "m1: lost"]
    assert result["_ansible_verbose_always"]  # so a callback like AWX's, which leaves out results, prints this one


def test_with_v_the_result_says_it_and_progress_is_shown_all_the_same(printed, monkeypatch):
    monkeypatch.setattr(Display(), "verbosity", 1)
    result = {}
    screen.tell(result, "m1", ["a"])
    screen.show_progress("m1", "copied 3 MiB")
    assert result["lines"] == ["a"]
    assert printed == [("m1: copied 3 MiB", None)]


def test_a_person_is_warned_at_once_and_once(printed):
    result = {}
    screen.warn(result, "m1", "lost")
    assert printed == [("m1: lost", "bright purple")]
    assert screen.with_warnings({"changed": True}, result) == {"changed": True}
    assert screen.with_warnings({"warnings": ["a"]}, {"warnings": ["b"]}) == {"warnings": ["a", "b"]}


def test_what_is_hidden_is_not_printed(printed):
    result = {}
    screen.tell(result, "m1", ["secret"], hidden=True)
    assert printed == []
    assert result == {"lines": ["secret"]}  # Ansible censors it
