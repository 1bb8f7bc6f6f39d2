# SPDX-License-Identifier: GPL-3.0-or-later
"""Which key setup installs and tests, for every way in which a controller may have one."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._run._backup_key import (
    Found,
    chosen,
    is_key,
    shown,
    usable,
)

A, B, C = (f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{letter * 43} {letter.lower()}@host" for letter in "ABC")
CERTIFICATE = f"ssh-ed25519-cert-v01@openssh.com {A.split()[1]} a"
FILE, LOGIN, DEFAULT = "/keys/backup", "/keys/login", "/home/op/.ssh/id_ed25519"
# What there is, and what is installed, with what identity it is tested, whether with it alone.
CASES = {
    "a private key": (Found(private=FILE, public=A), (A, FILE, True)),
    "a private key, whatever else there is": (
        Found(private=FILE, public=A, login=LOGIN, login_public=B, agent=[B, C], password=True),
        (A, FILE, True),
    ),
    "a private key that check mode would make": (Found(private=FILE), ("", FILE, True)),
    "a private key with a passphrase, and its part": (Found(private=FILE, given=A), (A, FILE, True)),
    "a public key of the login's file": (
        Found(given=A, login=LOGIN, login_public=f"{A} other comment"), (A, LOGIN, True),
    ),
    "a public key of the agent": (Found(given=B, agent=[A, B, C]), (B, "", True)),
    "a public key of ssh's own file": (Found(given=B, own={DEFAULT: B}, agent=[A]), (B, DEFAULT, True)),
    "the login's file": (Found(login=LOGIN, login_public=A, agent=[B]), (A, LOGIN, True)),
    "the login's file with a passphrase": (Found(login=LOGIN, apart=False), ("", "", False)),
    "one key in the agent": (Found(agent=[A]), (A, "", True)),
    "one key in the agent and as a file": (Found(agent=[A], own={DEFAULT: A}), (A, DEFAULT, True)),
    "one key in the agent, and a password": (Found(agent=[A], password=True, apart=False), (A, "", True)),
    "one key of ssh's own": (Found(own={DEFAULT: A}), (A, DEFAULT, True)),
    "several keys, the same user": (Found(agent=[A, B], apart=False), ("", "", False)),
    "a password, the same user": (Found(password=True, apart=False), ("", "", False)),
}  # fmt: skip
PROBLEMS = {
    "a public key of another private one": (Found(private=FILE, public=A, given=B), "is not the public part"),
    "the login's file with a passphrase": (Found(login=LOGIN), f"The public part of {LOGIN} cannot be read"),
    "several keys in the agent": (Found(agent=[A, B]), "has 2 keys: SHA256:"),
    "a key in the agent and another of ssh's own": (Found(agent=[A], own={DEFAULT: B}), "microbosh_public_key"),
    "a password, and another user": (Found(password=True), "there is no other key"),
    "nothing at all": (Found(apart=False), "there is no other key"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_key(name):
    found, expected = CASES[name]
    choice = chosen(found)
    assert (choice.public, choice.identity, choice.alone) == expected
    assert (choice.problem, choice.tested) == ("", True)


@pytest.mark.parametrize("name", PROBLEMS)
def test_where_no_key_is_meant_it_is_said(name):
    found, message = PROBLEMS[name]
    choice = chosen(found)
    assert message in choice.problem
    assert choice.public == ""


def test_every_key_is_named_where_one_has_to_be_chosen():
    problem = chosen(Found(agent=[A, B, C])).problem
    assert all(shown(line) in problem for line in (A, B, C))


@pytest.mark.parametrize("found", [Found(given=A), Found(given=A, login=LOGIN, login_public=B, agent=[C])])
def test_a_key_that_is_somewhere_else_is_installed_and_not_tested(found):
    choice = chosen(found)
    assert (choice.public, choice.tested, choice.problem) == (A, False, "")
    assert choice.told.startswith("Connection not tested")


def test_it_is_said_when_none_is_installed_and_which_one_was_found():
    assert "with the password, which each of them needs" in chosen(Found(password=True, apart=False)).told
    assert "No key was installed" in chosen(Found(agent=[A, B], apart=False)).told
    assert shown(A) in chosen(Found(agent=[A])).told


@pytest.mark.parametrize(
    ("found", "opens"),
    [
        (Found(private=FILE, public=A, apart=False), False),
        (Found(private=FILE, public=A, login=LOGIN, login_public=A, apart=False), True),
        (Found(private=FILE, public=A, login=LOGIN, login_public=A), False),
        (Found(agent=[A], apart=False), True),
        (Found(agent=[A]), False),
        (Found(password=True, apart=False), False),
    ],
)
def test_a_key_that_lets_the_operator_in_is_known(found, opens):
    assert chosen(found).opens_login is opens


def test_what_an_agent_lists_is_each_key_once_without_certificates():
    assert usable([A, CERTIFICATE, f"{A} again", B, "The agent has no identities.", ""]) == [A, B]


def test_a_key_is_no_path():
    assert is_key(f"{A}\n")
    for text in ("", "~/.ssh/microbosh_backup.pub", "/keys/of a backup.pub", CERTIFICATE, f"{A}\n{B}"):
        assert not is_key(text)
