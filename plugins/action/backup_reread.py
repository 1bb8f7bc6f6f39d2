# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the share of all backups that is due again, remembers how far it came, and tells what is damaged."""

from __future__ import annotations

import time
from pathlib import Path

from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.module_utils._backup._verdict import MOST_FINDINGS
from ansible_collections.microbosh.director.plugins.module_utils._backup._verification import finding_lines
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import plain, told
from ansible_collections.microbosh.director.plugins.plugin_utils._run._giving_way import give_way
from ansible_collections.microbosh.director.plugins.plugin_utils._run._lines import duration, size
from ansible_collections.microbosh.director.plugins.plugin_utils._run._screen import tell
from ansible_collections.microbosh.director.plugins.plugin_utils._source._reread_share import (
    CIRCLE,
    Progress,
    remember,
    remembered,
    stamp,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._source._rereading import Rereading
from ansible_collections.microbosh.director.plugins.plugin_utils._source._signing import Trust
from ansible_collections.microbosh.director.plugins.plugin_utils._source._source import SourceError
from ansible_collections.microbosh.director.plugins.plugin_utils._source._verifying import Verifier

ARGUMENTS = {
    "directory": {"type": "path", "required": True},
    "scratch": {"type": "path", "required": True},
    "days": {"type": "int", "default": 30},
    "sign_key": {"type": "path", "default": ""},
    "host": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):
    """Read what is due; every backup that has a damaged file is told."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        arguments["host"] = arguments["host"] or task_vars["inventory_hostname"]
        give_way(self._templar, task_vars, heavy=True)
        try:
            result.update(self._reread(arguments))
        except (DirectorError, SourceError, OSError, ValueError) as error:
            result.update(failed=True, msg=told(str(error)), verdicts=[])
            return result
        tell(result, task_vars["inventory_hostname"], [told(_said(result["share"]))], hidden=self._task.no_log)
        if result["verdicts"]:
            result.update(failed=True, msg="\n".join(told(line) for one in result["verdicts"] for line in _lines(one)))
        return result

    def _reread(self, arguments):
        if arguments["days"] < 1:
            raise DirectorError(
                f"microbosh_reread_days is {arguments['days']}. Expected the days in which everything is read again."
            )
        began, directory = time.time(), Path(arguments["directory"])
        trust = Trust(arguments["sign_key"], arguments["host"]) if arguments["sign_key"] else None
        work = Rereading(Verifier(directory, Path(arguments["scratch"]), None, not self._task.check_mode, trust=trust))
        work.open()
        if not (work.backups or work.known or work.verdicts or work.archive_paths()):
            raise SourceError(f"There is no backup in {directory}, and no archive in {directory / layout.ARCHIVES}.")
        part, progress = self._read_pieces(work, directory / layout.REREAD, arguments["days"], began)
        verdicts = [{**one, "findings": one["findings"][:MOST_FINDINGS]} for one in work.verdicts.values()]
        share = {
            "backups": len(work.backups), "archives": work.archives, "files": work.files, "bytes": work.bytes,
            "part": part, "known": work.known, "since": stamp(progress.since()),
            "seconds": round(time.time() - began, 2),
        }  # fmt: skip
        return {"changed": bool(part), "verdicts": plain(verdicts), "share": plain(share)}

    def _read_pieces(self, work: Rereading, path: Path, days: int, began: float) -> tuple[float, Progress]:
        """Read what is due, remembering each piece of it; return which part of everything it was, and how far it is."""
        progress = remembered(path)
        due = progress.due(days, began)
        left = due.width
        for piece in due.pieces():
            work.read(piece)
            left -= piece.width
            progress = progress.gone(piece, left, began)
            if not self._task.check_mode:
                remember(path, progress)
        return due.width / CIRCLE, progress


def _said(share):
    """Return in a line what was read."""
    archives = f" and {share['archives']} archives" if share["archives"] else ""
    since = f"; all of them were read again since {share['since']}" if share["since"] else ""
    known = f"; without {', '.join(share['known'])}, found damaged before" if share["known"] else ""
    return (
        f"Read again {100 * share['part']:.1f} % of {share['backups']} backups: {share['files']} files{archives}, "
        f"{size(share['bytes'])} ({duration(share['seconds'])}){known}{since}"
    )


def _lines(verdict):
    """Return what is wrong with one backup, as lines for a person."""
    return [f"{verdict['name']} IS NOT WHOLE", *(f"  {line}" for line in finding_lines(verdict["findings"]))]
