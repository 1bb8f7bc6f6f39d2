# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops and starts the BOSH agent, which runit supervises up to jammy and systemd from noble on."""

from __future__ import absolute_import, division, print_function

import re

from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._sudo import run_as_root

__metaclass__ = type

SV = "/usr/bin/sv"
SYSTEMCTL = "/bin/systemctl"
UNIT = "bosh-agent.service"
SERVICE_DIRECTORIES = ("/etc/service/agent", "/etc/sv/agent")

FIRST_LOOK, LONGEST_LOOK = 0.1, 0.5  # seconds between two looks

# "run: agent: (pid 12) 8s, want down, got TERM; run: log: (pid 11) 9s", after "ok: " or "timeout: " from a command.
_SV_STATE = re.compile(r"^(?:ok: |timeout: |kill: )?(run|down|finish): agent: ([^;\n]*)", re.MULTILINE)
_ACTIVE_STATE = re.compile(r"^ActiveState=(\S+)$", re.MULTILINE)


class AgentError(DirectorError):
    """The agent is not there, or its manager does not do what it was asked."""


class Runit(object):
    """The agent as a runit service."""

    name = "runit"

    def __init__(self, run_command):
        self._run_command = run_command

    @staticmethod
    def found(_run_command, exists):
        return exists(SV) and any(exists(directory) for directory in SERVICE_DIRECTORIES)

    def state(self):
        """Return started, stopped, or None while it is on the way from one to the other."""
        return self._read("status", *self._sv("status"))

    def ask(self, action):
        """Ask for start or stop. sv waits up to 7 s for it, and tells the state that it saw last."""
        return self._read(action, *self._sv(action))

    def _sv(self, action):
        return run_as_root(self._run_command, [SV, action, "agent"])

    @staticmethod
    def _read(action, rc, out, err):
        state = _SV_STATE.search(out)
        if not state:
            said = " ".join((out + " " + err).split()) or "nothing"
            raise AgentError("'%s %s agent' failed with exit status %d: %s" % (SV, action, rc, said))
        word, detail = state.groups()
        if word == "run" and "want down" not in detail:
            return "started"
        return "stopped" if word == "down" and "want up" not in detail else None


class Systemd(object):
    """The agent as a systemd unit."""

    name = "systemd"

    def __init__(self, run_command):
        self._run_command = run_command

    @staticmethod
    def found(run_command, exists):
        if not exists(SYSTEMCTL):
            return False
        _rc, out, _err = run_command([SYSTEMCTL, "show", "--property=LoadState", UNIT])
        return "LoadState=loaded" in out.splitlines()

    def state(self):
        """Return started, stopped, or None while it is on the way from one to the other."""
        rc, out, err = self._run_command([SYSTEMCTL, "show", "--property=ActiveState", UNIT])
        active = _ACTIVE_STATE.search(out)
        if not active:
            said = " ".join((out + " " + err).split()) or "nothing"
            raise AgentError("'%s show %s' failed with exit status %d: %s" % (SYSTEMCTL, UNIT, rc, said))
        return {"active": "started", "inactive": "stopped", "failed": "stopped"}.get(active.group(1))

    def ask(self, action):
        """Ask for start or stop. systemctl returns when it is done."""
        argv = [SYSTEMCTL, action, UNIT]
        rc, out, err = run_as_root(self._run_command, argv)
        if rc:
            said = " ".join((err + " " + out).split()) or "it gave no reason"
            raise AgentError("'%s' failed with exit status %d: %s" % (" ".join(argv), rc, said))
        return self.state()


MANAGERS = (Runit, Systemd)


def find_agent(manager, run_command, exists):
    """Given auto, runit or systemd, return what manages the agent; raise AgentError if it is not on this host."""
    for candidate in MANAGERS:
        if manager in ("auto", candidate.name) and candidate.found(run_command, exists):
            return candidate(run_command)
    looked_for = dict(
        runit="a runit service (%s, and %s)" % (" or ".join(SERVICE_DIRECTORIES), SV),
        systemd="a systemd unit %s that is loaded" % UNIT,
    )
    raise AgentError(
        "No BOSH agent on this host: found neither %s. Is this a microBOSH or a BOSH director?"
        % " nor ".join(looked_for.values())
        if manager == "auto"
        else "No BOSH agent on this host: did not find %s. Leave the manager at 'auto' to have it looked for."
        % looked_for[manager],
        manager=manager,
    )


def look_at_agent(agent):
    """Return what a playbook sees of the agent as it is."""
    return dict(manager=agent.name, state=agent.state())


def bring_agent(agent, host, state, timeout, check_mode=False, permit=None):
    """Make the agent started or stopped, and return what a playbook sees of it."""
    began = host.now()
    before = seen = agent.state()
    changed = before != state
    if changed and not check_mode:
        if state == "stopped" and permit:
            permit.require()
        seen = agent.ask({"started": "start", "stopped": "stop"}[state])
        seen = _wait(agent, host, state, seen, began + timeout)
    if seen != state and not check_mode:
        raise AgentError(
            "The BOSH agent has not %s within %d s (%s). Look at its log, /var/vcap/bosh/log/current on runit and "
            "'journalctl -u bosh-agent' on systemd." % (state, timeout, agent.name),
            manager=agent.name,
        )
    ended = host.now()
    return dict(
        changed=changed,
        manager=agent.name,
        began=began,
        ended=ended,
        seconds=round(ended - began, 2),
        diff=dict(before=dict(agent=before), after=dict(agent=state)),
    )


def _wait(agent, host, state, seen, deadline):
    interval = FIRST_LOOK
    while seen != state and host.now() < deadline:
        host.sleep(interval)
        interval = min(2 * interval, LONGEST_LOOK)
        seen = agent.state()
    return seen
