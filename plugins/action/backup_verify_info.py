# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifies backups on the controller and tells the verdict of each as soon as it is known."""

from __future__ import annotations

from pathlib import Path

from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.module_utils._backup._verdict import MOST_FINDINGS
from ansible_collections.microbosh.director.plugins.module_utils._backup._verification import finding_lines
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._restore._rehearsal import SECONDS
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._bringing import elsewhere_of
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import plain, told
from ansible_collections.microbosh.director.plugins.plugin_utils._run._giving_way import give_way
from ansible_collections.microbosh.director.plugins.plugin_utils._run._lines import duration
from ansible_collections.microbosh.director.plugins.plugin_utils._run._screen import tell
from ansible_collections.microbosh.director.plugins.plugin_utils._source._restore_time import said_of
from ansible_collections.microbosh.director.plugins.plugin_utils._source._signing import Trust
from ansible_collections.microbosh.director.plugins.plugin_utils._source._source import SourceError
from ansible_collections.microbosh.director.plugins.plugin_utils._source._verifying import ALL, backups_meant, verifier

ARGUMENTS = {
    "backup": {"type": "str", "required": True},
    "directory": {"type": "path", "required": True},
    "scratch": {"type": "path", "required": True},
    "rehearse": {"type": "bool", "default": False},
    "rehearse_in": {"type": "path"},
    "rehearse_seconds": {"type": "int", "default": SECONDS},
    "as_superuser": {"type": "bool", "default": False},
    "user": {"type": "str", "default": ""},
    "fail": {"type": "bool", "default": True},
    "identity": {"type": "path", "default": ""},
    "sign_key": {"type": "path", "default": ""},
    "host": {"type": "str", "default": ""},
    "offsite": {"type": "dict", "default": {}},
}


class ActionModule(ActionBase):
    """Verify one backup after the other, all of them whatever is found."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        required = [("rehearse", True, ["rehearse_in"])]
        dummy, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS, required_if=required)
        give_way(self._templar, task_vars, heavy=True)
        verdicts = []
        try:
            arguments["host"] = arguments["host"] or task_vars["inventory_hostname"]
            arguments["own"] = arguments["host"] == task_vars["inventory_hostname"]
            for verdict in map(plain, self._verdicts(arguments)):
                verdicts.append(verdict)
                self._tell(result, task_vars["inventory_hostname"], verdict)
        except (DirectorError, SourceError, OSError, ValueError) as error:
            result.update(failed=True, msg=told(str(error)), verdicts=verdicts)
            return result
        bad = [verdict for verdict in verdicts if not verdict["good"]]
        # As many findings as the verdict itself keeps: of a disk that is broken there may be as many as files.
        short = [{**verdict, "findings": verdict["findings"][:MOST_FINDINGS]} for verdict in verdicts]
        result.update(changed=False, good=not bad, verdicts=short)
        if bad and arguments["fail"]:
            result.update(failed=True, msg="\n".join(line for verdict in bad for line in _lines(verdict)))
            result["lines"] = [line for line in result["lines"] if line not in result["msg"].split("\n")]
        return result

    def _verdicts(self, arguments):
        directory = Path(arguments["directory"])
        rehearsal = None
        if arguments["rehearse"]:
            rehearsal = {
                "parent": arguments["rehearse_in"],
                "user": arguments["user"],
                "seconds": arguments["rehearse_seconds"],
                "as_superuser": arguments["as_superuser"],
            }
        identity = Path(arguments["identity"]) if arguments["identity"] else None
        trust = Trust(arguments["sign_key"], arguments["host"]) if arguments["sign_key"] else None
        wanted, looks = arguments["backup"], self._task.check_mode
        elsewhere = elsewhere_of(wanted, arguments["offsite"], arguments["host"], arguments["own"], looks)
        work = verifier(directory, Path(arguments["scratch"]), rehearsal, not looks, identity, trust, elsewhere)
        examine = work.examine_in_turn if wanted == ALL else work.examine
        for one in backups_meant(wanted, directory):
            yield examine(one)

    def _tell(self, result, host, verdict):
        lines = [told(line) for line in _lines(verdict)]
        tell(result, host, lines, "info" if verdict["good"] else "error", self._task.no_log)


SIGNATURES = {"": "", "signed": ", signed", "unsigned": ", NOT SIGNED", "wrong": ", ITS SIGNATURE IS WRONG"}


def _said(verdict):
    """Return whether one backup is whole, and what that was found out by."""
    if any(item["kind"] == "key" for item in verdict["findings"]):
        return "COULD NOT BE OPENED: whether it is whole is not known"
    said = "is whole" if verdict["whole"] else "IS NOT WHOLE"
    said += f" BUT {verdict['without']}" if verdict["whole"] and verdict["without"] else ""
    if verdict["sealed"]:
        return f"{said}: encrypted, and without microbosh_archive_identity only its checksum was compared"
    blobs = _said_of_blobs(verdict["blobs"])
    said += SIGNATURES[verdict["signature"]]
    return f"{said}: {verdict['files']} files read again, {len(verdict['dumps'])} dumps{blobs}"


def _said_of_blobs(blobs):
    """Return the number of blobs, and how many of them the director itself had lost."""
    if not blobs:
        return ""
    if blobs["external"]:
        return f", {blobs['named']} blobs in an external blobstore, which is no part of it"
    lost = f", of which the director itself had lost {len(blobs['lost'])}" if blobs["lost"] else ""
    return f", {blobs['named']} blobs{lost}"


def _lines(verdict):
    """Return the result for one backup as lines for a person."""
    lines = [f"{verdict['name']} {_said(verdict)} ({duration(verdict['seconds'])})"]
    lines += [f"  {line}" for line in finding_lines(verdict["findings"])]
    rehearsed = verdict["rehearsed"]
    if rehearsed is None:
        return lines
    loaded = [f"{item['database']} with {item['rows']} rows" for item in rehearsed["databases"]]
    said = "was rehearsed" if rehearsed["good"] else "COULD NOT BE REHEARSED"
    lines.append(f"{verdict['name']} {said}: {', '.join(loaded) or 'no dump'} ({duration(rehearsed['seconds'])})")
    lines += [f"  {problem}" for problem in rehearsed["problems"]]
    return lines + ([f"{verdict['name']} {_said_of_restore(verdict['restore'])}"] if verdict["restore"] else [])


def _said_of_restore(time):
    """Return how long a restore takes onto a director that has nothing of the backup, and what its dumps add."""
    loads = f"; from its dumps {duration(time['loading_seconds'])} more" if time["by"] == "files" else ""
    return f"would be restored onto an empty director in {said_of(time)}{loads}"
