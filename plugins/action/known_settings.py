# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuses a misspelt setting, which Ansible would leave unused, and what would overrule a play about root."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars
from ansible_collections.microbosh.director.plugins.plugin_utils._look import _records
from ansible_collections.microbosh.director.plugins.plugin_utils._look._place import place_of_backups
from ansible_collections.microbosh.director.plugins.plugin_utils._run._controller_process import identify
from ansible_collections.microbosh.director.plugins.plugin_utils._run._facts import require_none_of_ours
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import GateError, told
from ansible_collections.microbosh.director.plugins.plugin_utils._run._preloaded import preload
from ansible_collections.microbosh.director.plugins.plugin_utils._run._screen import warn
from ansible_collections.microbosh.director.plugins.plugin_utils._told._begin import arrive, unknown

ARGUMENTS = {"begins": {"type": "str", "choices": list(_records.KINDS)}}
PREFIX = "microbosh_"
# The plays say who runs what, and have these as null. What is not null then beats them: -e, or a fact.
WHO = ("ansible_become", "ansible_become_user", "ansible_sudo_user", "ansible_su_user", "ansible_doas_user")
# The plays have it, so that what is done on the controller is done there.
WHERE = ("ansible_connection",)
# AWX hands the artifacts of a job to the next one of a workflow, as variables.
ARTIFACTS = ("microbosh_backup", "microbosh_restore", "microbosh_verified", "microbosh_checkup", "microbosh_health")
SPECIFICATION = Path(__file__).parents[2] / "roles" / "microbosh" / "meta" / "argument_specs.yml"

TEXTS = ("str", "path")
VAULTED = "AnsibleVaultEncryptedUnicode"

# The first action of each playbook is loaded in the process that all tasks are forked from.
preload()


class ActionModule(ActionBase):
    """Compare the names of all variables of the host with the settings there are."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            require_none_of_ours(task_vars)
        except GateError as error:
            if arguments.get("begins") and not self._task.check_mode:
                unknown(task_vars, arguments["begins"], str(error))  # no such fact says who is told
            raise AnsibleActionFail(str(error)) from error
        known = self._loader.load_from_file(str(SPECIFICATION))["argument_specs"]["main"]["options"]
        misspelt = sorted(name for name in task_vars if name.startswith(PREFIX) and name not in (*known, *ARTIFACTS))
        problems = [_refusal(name, list(known)) for name in misspelt] + overruling(task_vars) + sealed(task_vars, known)
        problems += misleading(load_extra_vars(self._loader))
        result.update(changed=False, unknown=misspelt)
        begins = None if self._task.check_mode else arguments["begins"]
        if begins:
            begun = arrive(self._templar, task_vars, begins, refused=bool(problems))
            problems += begun.refusals
            for warning in begun.warnings:
                warn(result, task_vars["inventory_hostname"], warning)
        if problems:
            result.update(failed=True, msg=" ".join(problems))
        elif begins:
            self._begin(result, begins, task_vars)
        return result

    def _begin(self, result, playbook, task_vars):
        """Put it on record that a run has begun, before anything of it can be cut short."""
        host, problem = task_vars["inventory_hostname"], ""
        try:
            directory = place_of_backups(self._templar, task_vars)
            run = {"id": str(task_vars["run_id"]), "host": host, "playbook": playbook}
            run["began"] = float(task_vars["run_began"])
            problem = _records.begin(directory, run, identify(os.getppid())) if directory else ""
        except Exception as error:  # what only tells of a run does not keep it from bringing a director up
            problem = f"There is no record that this run began: {type(error).__name__}."
        if problem:
            warn(result, host, told(problem))


def overruling(task_vars):
    """Given the variables of a host, return what is wrong with those that would overrule the plays about root."""
    return [
        f"{name} is given with -e or as a fact, which beats the plays, and would make the controller's own tasks run "
        "as root there. Leave it out: setup and restore become root on the director by themselves, nothing else does."
        for name in WHO
        if task_vars.get(name) is not None
    ]


def misleading(extra_vars):
    """Given the variables of -e, return what is wrong with one that leads the controller's own tasks elsewhere."""
    return [
        f"{name} is given with -e, which counts for the controller's own tasks, too. Leave it out, or set it for the "
        "hosts in the inventory."
        for name in WHERE
        if name in extra_vars
    ]


def sealed(task_vars, options):
    """Given the variables of a host and the settings, return what is wrong with those whose vault is not opened.

    Until ansible-core 2.19 a vaulted variable is neither text nor a number nor a list to who looks at its type.
    """
    return [
        f"{name} is vaulted itself, and this ansible-core takes such a variable for text only. Vault a variable of "
        f'another name, and set {name} to that one in braces: "{{{{ ... }}}}".'
        for name, option in options.items()
        if option["type"] not in TEXTS and type(task_vars.get(name)).__name__ == VAULTED
    ]


def _refusal(name, known):
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the settings are {', '.join(sorted(known))}."
    return f"There is no setting {name}: {hint}"
