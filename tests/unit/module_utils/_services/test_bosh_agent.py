# SPDX-License-Identifier: GPL-3.0-or-later
"""bosh_agent: conversations with runit and with systemd."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core._sudo import SudoRefused
from ansible_collections.microbosh.director.plugins.module_utils._services._agent import (
    AgentError,
    bring_agent,
    find_agent,
    look_at_agent,
)
from monit_rig import FakeHost

RUNIT = {"/usr/bin/sv", "/etc/service/agent"}
SYSTEMD = {"/bin/systemctl"}
STATUS = "sudo -n /usr/bin/sv status agent"
STOP = "sudo -n /usr/bin/sv stop agent"
START = "sudo -n /usr/bin/sv start agent"
LOADED = "/bin/systemctl show --property=LoadState bosh-agent.service"
ACTIVE = "/bin/systemctl show --property=ActiveState bosh-agent.service"
LOG = "; run: log: (pid 70) 100s"


def ok(out="", rc=0, err=""):
    return rc, out, err


class Conversation:
    """Answers the expected command lines in order; the last answer is repeated."""

    def __init__(self, host, *turns):
        self.host, self.turns, self.spoken = host, list(turns), []

    def __call__(self, argv):
        line = " ".join(argv)
        self.host.clock = round(self.host.clock + 0.02, 4)
        self.spoken.append(line)
        expected, answer = self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]
        assert line == expected
        return answer


def converse(state, *turns, paths=RUNIT, manager="auto", timeout=60, check_mode=False):
    host = FakeHost()
    conversation = Conversation(host, *turns)
    agent = find_agent(manager, conversation, lambda path: path in paths)
    return bring_agent(agent, host, state, timeout, check_mode), conversation


def test_runit_stops_it():
    result, conversation = converse(
        "stopped",
        (STATUS, ok(f"run: agent: (pid 71) 100s{LOG}\n")),
        (STOP, ok("ok: down: agent: 0s, normally up\n")),
    )
    assert conversation.spoken == [STATUS, STOP]
    assert (result["changed"], result["manager"], result["seconds"]) == (True, "runit", 0.04)
    assert result["ended"] - result["began"] == pytest.approx(0.04)
    assert result["diff"] == {"before": {"agent": "started"}, "after": {"agent": "stopped"}}


def test_runit_starts_it():
    result, conversation = converse(
        "started",
        (STATUS, ok(f"down: agent: 9s, normally up{LOG}\n")),
        (START, ok("ok: run: agent: (pid 88) 0s\n")),
        paths={"/usr/bin/sv", "/etc/sv/agent"},
    )
    assert conversation.spoken == [STATUS, START]
    assert result["changed"]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("stopped", "down: agent: 9s, normally up"),
        ("started", "run: agent: (pid 71) 100s"),
        ("stopped", "down: agent: 9s"),
    ],
)
def test_runit_has_nothing_to_do(state, words):
    result, conversation = converse(state, (STATUS, ok(words + LOG + "\n")))
    assert conversation.spoken == [STATUS]
    assert result["changed"] is False


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("run: agent: (pid 71) 100s", "started"),
        ("down: agent: 9s, normally up", "stopped"),
        ("run: agent: (pid 71) 107s, want down, got TERM", None),
    ],
)
def test_who_only_looks_asks_for_the_status_and_no_more(words, state):
    conversation = Conversation(FakeHost(), (STATUS, ok(words + LOG + "\n")))
    agent = find_agent("auto", conversation, lambda path: path in RUNIT)
    assert look_at_agent(agent) == {"manager": "runit", "state": state}
    assert conversation.spoken == [STATUS]


def test_runit_gives_up_waiting_before_we_do():
    result, conversation = converse(
        "stopped",
        (STATUS, ok(f"run: agent: (pid 71) 100s{LOG}\n")),
        (STOP, ok("timeout: run: agent: (pid 71) 107s, want down, got TERM\n", rc=1)),
        (STATUS, ok(f"run: agent: (pid 71) 107s, want down, got TERM{LOG}\n")),
        (STATUS, ok(f"finish: agent: (pid 90) 0s, want down{LOG}\n")),
        (STATUS, ok(f"down: agent: 0s, normally up{LOG}\n")),
    )
    assert conversation.spoken == [STATUS, STOP, STATUS, STATUS, STATUS]
    assert result["seconds"] == pytest.approx(0.1 + 0.2 + 0.4 + 5 * 0.02)


def test_an_agent_that_runs_but_is_to_go_down_is_started():
    """Somebody else's stop is on the way."""
    result, conversation = converse(
        "started",
        (STATUS, ok("run: agent: (pid 71) 100s, want down, got TERM\n")),
        (START, ok("ok: run: agent: (pid 71) 100s\n")),
    )
    assert conversation.spoken == [STATUS, START]
    assert result["changed"]


def test_an_agent_that_does_not_stop():
    host = FakeHost()
    conversation = Conversation(
        host,
        (STATUS, ok("run: agent: (pid 71) 100s\n")),
        (STOP, ok("timeout: run: agent: (pid 71) 107s, want down, got TERM\n", rc=1)),
        (STATUS, ok("run: agent: (pid 71) 107s, want down, got TERM\n")),
    )
    agent = find_agent("auto", conversation, RUNIT.__contains__)
    began = host.now()
    with pytest.raises(AgentError, match=r"agent has not stopped within 30 s \(runit\)"):
        bring_agent(agent, host, "stopped", 30)
    assert 30 <= host.now() - began <= 31


def test_a_supervisor_that_is_not_there():
    with pytest.raises(
        AgentError, match="'/usr/bin/sv status agent' failed with exit status 1: fail: agent: runsv not"
    ):
        converse("stopped", (STATUS, ok("fail: agent: runsv not running\n", rc=1)))


def test_sudo_refuses():
    with pytest.raises(SudoRefused, match=r"'/usr/bin/sv status agent' as root"):
        converse("stopped", (STATUS, ok(rc=1, err="sudo: a password is required\n")))


@pytest.mark.parametrize("state", ["stopped", "started"])
def test_systemd(state):
    before, after = ("active", "inactive") if state == "stopped" else ("inactive", "active")
    ask = f"sudo -n /bin/systemctl {'stop' if state == 'stopped' else 'start'} bosh-agent.service"
    result, conversation = converse(
        state,
        (LOADED, ok("LoadState=loaded\n")),
        (ACTIVE, ok(f"ActiveState={before}\n")),
        (ask, ok()),
        (ACTIVE, ok(f"ActiveState={after}\n")),
        paths=SYSTEMD | {"/usr/bin/sv"},
    )
    assert conversation.spoken == [LOADED, ACTIVE, ask, ACTIVE]
    assert (result["changed"], result["manager"]) == (True, "systemd")


@pytest.mark.parametrize(("state", "active"), [("stopped", "inactive"), ("stopped", "failed"), ("started", "active")])
def test_systemd_has_nothing_to_do(state, active):
    result, conversation = converse(
        state, (LOADED, ok("LoadState=loaded\n")), (ACTIVE, ok(f"ActiveState={active}\n")), paths=SYSTEMD
    )
    assert conversation.spoken == [LOADED, ACTIVE]
    assert result["changed"] is False


def test_systemd_takes_its_time():
    result, _conversation = converse(
        "started",
        (LOADED, ok("LoadState=loaded\n")),
        (ACTIVE, ok("ActiveState=inactive\n")),
        ("sudo -n /bin/systemctl start bosh-agent.service", ok()),
        (ACTIVE, ok("ActiveState=activating\n")),
        (ACTIVE, ok("ActiveState=active\n")),
        paths=SYSTEMD,
    )
    assert result["changed"]


def test_systemd_refuses():
    with pytest.raises(
        AgentError, match=r"'/bin/systemctl stop bosh-agent.service' failed with exit status 1: Unit is masked"
    ):
        converse(
            "stopped",
            (LOADED, ok("LoadState=loaded\n")),
            (ACTIVE, ok("ActiveState=active\n")),
            ("sudo -n /bin/systemctl stop bosh-agent.service", ok(rc=1, err="Unit is masked\n")),
            paths=SYSTEMD,
        )


def test_runit_goes_first_where_both_are():
    result, _conversation = converse("stopped", (STATUS, ok("down: agent: 9s\n")), paths=RUNIT | SYSTEMD)
    assert result["manager"] == "runit"
    result, _conversation = converse(
        "stopped",
        (LOADED, ok("LoadState=loaded\n")),
        (ACTIVE, ok("ActiveState=inactive\n")),
        paths=RUNIT | SYSTEMD,
        manager="systemd",
    )
    assert result["manager"] == "systemd"


@pytest.mark.parametrize(
    ("paths", "manager", "words"),
    [
        (set(), "auto", "neither a runit service .* nor a systemd unit bosh-agent.service"),
        ({"/usr/bin/sv"}, "auto", "neither a runit service"),
        ({"/etc/service/agent"}, "auto", "neither a runit service"),
        (SYSTEMD, "runit", "did not find a runit service .*Leave the manager at 'auto'"),
        (RUNIT, "systemd", "did not find a systemd unit bosh-agent.service"),
    ],
)
def test_there_is_no_agent(paths, manager, words):
    with pytest.raises(AgentError, match=f"No BOSH agent on this host: .*{words}"):
        converse("stopped", (LOADED, ok("LoadState=not-found\n")), paths=paths, manager=manager)


def test_a_unit_that_is_not_there_is_no_agent():
    with pytest.raises(AgentError, match="No BOSH agent"):
        converse("stopped", (LOADED, ok("LoadState=not-found\n")), paths=SYSTEMD)
    with pytest.raises(AgentError, match="No BOSH agent"):
        converse("stopped", (LOADED, ok(rc=1, err="System has not been booted with systemd\n")), paths=SYSTEMD)


def test_check_mode_asks_for_nothing():
    result, conversation = converse("stopped", (STATUS, ok("run: agent: (pid 71) 100s\n")), check_mode=True)
    assert conversation.spoken == [STATUS]
    assert result["changed"]
    assert result["diff"] == {"before": {"agent": "started"}, "after": {"agent": "stopped"}}
