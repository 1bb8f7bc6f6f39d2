# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever cannot become root is told why, and what to do."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.filter.not_root import not_root


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ({"msg": "ended with status 1: sudo: sorry, you must have a tty to run sudo"}, "Defaults:op,root !"),
        ({"msg": "Missing sudo password"}, "--ask-become-pass"),
        ({"msg": "ended with status 1", "stderr": "sudo: a password is required"}, "--ask-become-pass"),
        ({"msg": "op is not in the sudoers file."}, "whom sudo lets become root"),
    ],
)
def test_the_way_out_is_told(said, hint):
    assert hint in not_root(said, "op")


def test_a_banner_is_not_told_with_it():
    told = not_root({"msg": "sudo ended with status 1: Welcome\nto {all}\nsudo: a password is required\n"}, "op")
    assert told.startswith("sudo: a password is required. Give the right password")


def test_what_nobody_knows_is_told_as_it_is():
    assert not_root({"msg": "{strange}"}, "op") == "{strange}"
    assert not_root({}, "op") == "It said nothing."
