# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command on the director without any Python there, and takes nothing of it but status and output."""

from __future__ import annotations

import shlex

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.plugin_utils._run._answer_watch import AnswerWatch
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import told

ARGUMENTS = {
    "argv": {"type": "list", "elements": "str", "required": True},
    "timeout": {"type": "int", "default": 300},
    "statuses": {"type": "list", "elements": "int", "default": [0]},
}
MOST_BYTES = 1024 * 1024
# The answer begins behind it: what a login prints before is none of it. And programs say it in English.
ANSWER = "microbosh-answer:"
# What it is given is read first: who ends before that is written has lost the connection, as Ansible sees it.
BEGIN = f"cat >/dev/null; LC_ALL=C; export LC_ALL; echo {ANSWER}; "


class ActionModule(ActionBase):
    """Run the command; the director's answer is taken as plain text only."""

    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        if self._task.check_mode:
            result.update(changed=False, skipped=True, msg="Nothing is run in check mode.")
            return result
        result.update(changed=False, **self._answer(arguments))
        return result

    def _answer(self, arguments):
        said, problem = {}, ""
        with AnswerWatch(arguments["timeout"], MOST_BYTES) as watch:
            try:
                # Something to read, so that there is no terminal, in which both kinds of output are one.
                said = self._low_level_execute_command(BEGIN + shlex.join(arguments["argv"]), in_data=b"\n")
            except AnsibleConnectionFailure as error:
                problem = told(str(error))
        if problem and not watch.exceeded:
            raise AnsibleConnectionFailure(problem)
        if watch.exceeded:
            return {"failed": True, "msg": f"The answer of the director was not waited for: {watch.exceeded}."}
        return answer_of(said, arguments)


def answer_of(said: dict, arguments: dict) -> dict:
    """Given what came of a command, return what the task has of it."""
    rc = int(said.get("rc") or 0)
    before, marked, answer = (said.get("stdout") or "").partition(f"{ANSWER}\n")
    parts = {"stdout": answer if marked else before, "stderr": said.get("stderr") or ""}
    # Set explicitly: Ansible takes any other status than 0 for a failure.
    answer = {"failed": False, "rc": rc, **{name: told(text.strip(), MOST_BYTES) for name, text in parts.items()}}
    if max(len(text) for text in parts.values()) > MOST_BYTES:
        return {"rc": rc, "failed": True, "msg": "The director printed more than a command may."}
    if rc not in arguments["statuses"]:
        words = answer["stderr"] or answer["stdout"] or "it said nothing"
        answer.update(
            failed=True, msg=f"{arguments['argv'][0]} on the director ended with status {rc}: {told(words, 4000)}"
        )
    return answer
