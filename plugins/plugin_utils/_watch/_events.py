# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible's events say of the directors of a run: which is where, away, done, or failed."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.plugin_utils._watch._board import Board

OURS = "microbosh.director."
# Where the files of this collection are, however it was installed.
PLACE = "/ansible_collections/microbosh/director/"
TELLS, ENDS, STOPS = f"{OURS}run_log", f"{OURS}run_failed", f"{OURS}monit_all"


def is_ours(task) -> bool:
    """Return whether a task is of this collection: of a file of it, or one of its modules elsewhere."""
    return PLACE in str(task.get_path() or "") or str(task.action).startswith(OURS)


def is_rescued(task) -> bool:
    """Return whether a failure of the task is one that a rescue deals with, which tells of it."""
    part, parent = task, task._parent
    while parent is not None:
        if getattr(parent, "rescue", None) and not _is_in(part, parent.rescue + parent.always):
            return True
        part, parent = parent, parent._parent
    return False


def _is_in(part, parts):
    return any(part._uuid == each._uuid for each in parts)


class Events:
    """Tells a board what happens, event by event."""

    def __init__(self, board: Board):
        self.board = board

    def began(self, host: str, task, now: float) -> None:
        """A task begins for a host; Ansible says so before it looks whether it is skipped."""
        self.board.begin_task(host, task.name or task.action, now)
        if task.action == STOPS and task.args.get("state") == "stopped":
            self.board.stop(host, now)

    def skipped(self, host: str, task, now: float) -> None:
        """A task was skipped."""
        if task.action == STOPS:
            self.board.was_not_stopped(host)

    def ended(self, host: str, task, result: dict, now: float) -> None:
        """A task did what it is there for."""
        if task.action == TELLS and result.get("phase"):
            self.board.enter(host, result["phase"])
        if task.action == TELLS and task.args.get("severity") == "error":
            for line in result.get("lines") or []:
                self.board.attend(host, line)
        if task.action == STOPS and task.args.get("state") == "started" and "exclude" not in task.args:
            self._runs(host, task, now)
        self._facts(host, result.get("ansible_facts"))
        self._artifact(host, result.get("ansible_stats"), now)

    def _runs(self, host, task, now):
        if task.args.get("wait") is not False:
            self.board.runs(host, now)

    def _facts(self, host, facts):
        """Phases that no line ends are in facts of the run."""
        facts = facts if isinstance(facts, dict) else {}
        progress = facts.get("run_progress")
        phase = progress.get("phase") if isinstance(progress, dict) else None
        if phase or facts.get("run_phase"):
            self.board.enter(host, phase or facts["run_phase"])

    def _artifact(self, host, stats, now):
        """How a run ended is an artifact of the job, by the name of the playbook and the host."""
        data = stats.get("data") if isinstance(stats, dict) else None
        for name, hosts in (data if isinstance(data, dict) else {}).items():
            if str(name).startswith("microbosh_") and isinstance(hosts, dict) and isinstance(hosts.get(host), dict):
                self.board.end(host, hosts[host], now)

    def failed(self, host: str, task, result: dict, refused: bool, now: float) -> None:
        """A task failed, and nothing more is done for the host."""
        self.board.fail(host, str(result.get("msg") or "failed").split("\n", maxsplit=1)[0], refused, now)
