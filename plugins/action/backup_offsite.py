# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps copies of backups in a repository of restic; what fails there fails no backup here."""

from __future__ import annotations

import time
from pathlib import Path

from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._copying import Copying, Outcome, said_of
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._restic import (
    require_password,
    require_program,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._settings import (
    ARCHIVE,
    OffsiteError,
    offsite_of,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import plain, told
from ansible_collections.microbosh.director.plugins.plugin_utils._run._giving_way import give_way
from ansible_collections.microbosh.director.plugins.plugin_utils._run._screen import show_moved

ARGUMENTS = {
    "directory": {"type": "path", "required": True},
    "offsite": {"type": "dict", "required": True},
    "archive": {"type": "bool", "default": False},
}


class ActionModule(ActionBase):
    """Work on the controller only."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        host = task_vars["inventory_hostname"]
        try:
            offsite = offsite_of(arguments["offsite"])
            version = _require(offsite, arguments["archive"])
        except OffsiteError as error:
            result.update(failed=True, msg=told(str(error)))
            return result
        result.update(changed=False, version=version, repository=told(offsite.shown))
        if not self._task.check_mode:
            give_way(self._templar, task_vars, heavy=True)
            result.update(_copied(Copying(offsite, host, Path(arguments["directory"])), offsite, host))
        return result


def _require(offsite, archive):
    """Return the version of restic. Raise OffsiteError if no copy can be made, whatever becomes of the repository."""
    if offsite is None:
        raise OffsiteError("microbosh_offsite is empty, so there is nowhere for a copy to go.")
    if offsite.of == ARCHIVE and not archive:
        raise OffsiteError(
            "microbosh_offsite.copy is archive, and microbosh_archive names none. Set that, or copy: backup."
        )
    require_password(offsite)
    return "{}.{}".format(*require_program())


def _copied(copying, offsite, host):
    began = time.monotonic()
    try:
        outcome = copying.run(lambda done, total: show_moved(host, done, total))
    except Exception as error:  # the backup is published: nothing that comes after it may look as if it had failed
        outcome = Outcome(problems=[offsite.hide(f"{type(error).__name__}: {error}")])
    seconds = round(time.monotonic() - began, 2)
    problem = told(_problem_said(outcome, offsite)) if outcome.problem else ""
    return {
        "changed": bool(outcome.copied), "copied": outcome.copied, "copies": outcome.copies, "missing": outcome.missing,
        "bytes": outcome.bytes, "new_bytes": outcome.new_bytes, "seconds": seconds, "step": outcome.step,
        "problem": problem, "said": plain([*said_of(outcome, offsite.shown, seconds), *([problem] if problem else [])]),
    }  # fmt: skip


def _problem_said(outcome, offsite):
    """Return what is missing where, and what becomes of it."""
    damaged = f" THE REPOSITORY {offsite.shown} IS DAMAGED." if outcome.damaged else ""
    if outcome.missing:
        names, several = ", ".join(outcome.missing), len(outcome.missing) > 1
        return (
            f"NO COPY ELSEWHERE of {names}, which {'are' if several else 'is'} published here: {outcome.problem}."
            f"{damaged} The next backup copies {'them' if several else 'it'} to {offsite.shown}, too."
        )
    done = {
        "forget": "old ones were not removed from", "check": "nobody could check", "copy": "something failed in",
    }.get(outcome.step, "nobody reached")  # fmt: skip
    return f"Copies elsewhere:{damaged or f' {done} {offsite.shown}:'} {outcome.problem}"
