# SPDX-License-Identifier: GPL-3.0-or-later
"""monit_summary: the conversation with monit, and what comes out of it."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core import _sudo
from ansible_collections.microbosh.director.plugins.module_utils._services import _monit
from ansible_collections.microbosh.director.plugins.module_utils._services._services import Monit
from monit_rig import MONIT, VERSIONS, exchange, status_text, timeline


class Conversation:
    """Answers the expected command lines, in order."""

    def __init__(self, *turns):
        self.turns = list(turns)

    def __call__(self, argv):
        expected, answer = self.turns.pop(0)
        assert argv == ["sudo", "-n", *expected.split()]
        return answer

    def over(self):
        return not self.turns


@pytest.mark.parametrize("version", VERSIONS)
def test_one_command_is_enough_when_nothing_is_cut(version):
    conversation = Conversation((f"{MONIT} summary", exchange(version, "monit summary").answer))
    facts = Monit(conversation).summary().facts()
    assert conversation.over()
    assert facts["version"] == version
    assert facts["all_running"] is True
    assert len(facts["services"]) == len(facts["running"]) == 13
    assert {"director", "nats"} < set(facts["running"])
    assert facts["not_running"] == []
    director = next(service for service in facts["services"] if service["name"] == "director")
    assert director == dict(
        name="director",
        type="Process",
        status="running" if version == "5.2.5" else "OK",
        running=True,
        lives=None,
        pid=None,
        alarm=None,
        monitored=True,
        pending=None,
    )


@pytest.mark.parametrize("version", ["5.27.2", "5.33.0"])
def test_what_the_table_cuts_comes_from_the_status(version):
    cut = dict(timeline(version, "monit start all"))[0.02]
    long_name = "a_service_whose_name_is_longer_than_the_column"
    whole = status_text(version, [("Process", long_name, "Not monitored - start pending", None)])
    conversation = Conversation((f"{MONIT} summary", (0, cut, "")), (f"{MONIT} status", (0, whole, "")))
    facts = Monit(conversation).summary().facts()
    assert conversation.over()
    assert facts["services"] == [
        dict(
            name=long_name, type="Process", status="Not monitored", running=False, lives=None, pid=None, alarm=None,
            monitored=False, pending="start",
        )
    ]  # fmt: skip
    assert facts["not_running"] == [long_name]


def test_the_path_of_monit_can_be_given():
    conversation = Conversation(("/opt/monit summary", exchange("5.33.0", "monit summary").answer))
    assert Monit(conversation, "/opt/monit").summary().all_running


@pytest.mark.parametrize("version", VERSIONS)
def test_a_daemon_that_is_down(version):
    conversation = Conversation((f"{MONIT} summary", exchange(version, "monit summary", "daemon down").answer))
    with pytest.raises(_monit.MonitDown):
        Monit(conversation).summary()


REFUSALS = [
    "sudo: a password is required\n",
    "sudo: no tty present and no askpass program specified\n",
    "sudo: sorry, you must have a tty to run sudo\n",
    "sudo: a terminal is required to read the password; either use the -S option\nsudo: a password is required\n",
    f"Sorry, user vcap is not allowed to execute '{MONIT} summary' as root on mb1.\n",
    "vcap is not in the sudoers file.  This incident will be reported.\n",
    "Sorry, user vcap may not run sudo on mb1.\n",
]


@pytest.mark.parametrize("words", REFUSALS)
def test_sudo_refuses(words):
    conversation = Conversation((f"{MONIT} summary", (1, "", words)))
    with pytest.raises(_sudo.SudoRefused, match=r"monit summary' as root .*microbosh\.director\.setup") as raised:
        Monit(conversation).summary()
    assert raised.value.facts == {"command": f"{MONIT} summary"}


def test_there_is_no_monit():
    conversation = Conversation((f"{MONIT} summary", (1, "", f"sudo: {MONIT}: command not found\n")))
    with pytest.raises(_sudo.CommandMissing, match=f"There is no {MONIT} on this host"):
        Monit(conversation).summary()


def test_warnings_of_sudo_are_none_of_our_business():
    rc, out, _err = exchange("5.2.5", "monit summary").answer
    conversation = Conversation((f"{MONIT} summary", (rc, out, "sudo: unable to resolve host mb1\n")))
    assert Monit(conversation).summary().all_running
