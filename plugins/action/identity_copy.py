# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the files that only root reads out of the module's answer, unlogged, and keeps them on the controller."""

from __future__ import annotations

from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible_collections.microbosh.director.plugins.module_utils._backup._identity_copy import IdentityCopy
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.plugin_utils._run._director_action import DirectorAction
from ansible_collections.microbosh.director.plugins.plugin_utils._run._identity_answer import AnswerError, checked

TOLD = ("msg", "unnamed", "failed", "lost", "unreachable", "warnings", "deprecations")


class ActionModule(DirectorAction):
    """Run the module as root on the director; only names and a digest are left of its answer."""

    def run(self, tmp=None, task_vars=None):
        censored = self._play_context.no_log
        self._play_context.no_log = True  # the connection would show the answer with -vvv
        try:
            answer = super().run(tmp, task_vars)
        finally:
            self._play_context.no_log = censored
        if answer.get("failed") or answer.get("unreachable"):
            return {name: answer[name] for name in TOLD if name in answer}
        directory, host = (str(self._task.args[name]) for name in ("directory", "host"))
        try:
            files = checked(answer, self._task.args["named"])
            copy = IdentityCopy(str(Path(directory).expanduser()))
            changed = copy.replace(host, files, dry_run=self._task.check_mode)
        except (AnswerError, DirectorError) as error:
            raise AnsibleActionFail(f"{error}") from error
        except OSError as error:
            raise AnsibleActionFail(f"What only root reads cannot be kept in {directory}: {error}") from error
        kept = self._keep_digest(answer["digest"], task_vars)
        if kept.get("failed"):
            return {name: kept[name] for name in TOLD if name in kept}
        sealed = [entry["path"] for entry in files]
        return {"changed": changed or kept.get("changed", False), "sealed": sealed, "digest": answer["digest"]}

    def _keep_digest(self, digest, task_vars):
        """Write the digest on the director, after the copy it belongs to is complete."""
        if not self._task.args.get("digest_file"):
            return {}
        self._task.args = dict(self._task.args, digest=digest)
        return super().run(None, task_vars)
