# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module on the director, lets its answer through the gate, and survives a lost connection.

Ansible runs neither C(rescue) nor C(always) for a host that it calls unreachable. A director
whose services are stopped would be left like that. So the modules that work on a director
reconnect for a while, and report a connection that stays lost as a failed task.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import time
from pathlib import Path
from types import ModuleType

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.module_utils import _modules
from ansible_collections.microbosh.director.plugins.plugin_utils._run._answer_watch import AnswerWatch
from ansible_collections.microbosh.director.plugins.plugin_utils._run._facts import require_none_of_ours
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import (
    GateError,
    admitted,
    documented,
    told,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._run._giving_way import give_way
from ansible_collections.microbosh.director.plugins.plugin_utils._run._in_process import printed
from ansible_collections.microbosh.director.plugins.plugin_utils._run._screen import warn, with_warnings

# How long a task connects again is the variable run_reconnect_seconds, or this.
RECONNECT_SECONDS = 60
PAUSE_SECONDS = 2
# How long an answer is waited for is the variable run_answer_seconds, or this: a large store is read for hours.
ANSWER_SECONDS = 21600
INTERPRETER = re.compile(r"discovered_interpreter_[a-z]+")
PROGRAM = re.compile(r"/[A-Za-z0-9._/+-]{1,200}")
# What is sent to a director in the place of each module that has its work there.
SENT = "microbosh.director.director_module"
WORK = Path(_modules.__file__).parent


class GatedAction(ActionBase):
    """An action whose modules' answers are those of a director."""

    here = False

    def _module_name(self):
        return self._task.action.rpartition(".")[2]

    def _known(self):
        """Return the name of the module that answers, and what it may answer, if its documentation does not say it."""
        return self._module_name(), None

    def _parse_returned_data(self, res, *profile):
        """Give Ansible, which would act on much of it, what passed the gate and nothing else."""
        module, known = self._known()
        answer = admitted(module, res, self._task.check_mode, known, self.here)
        return super()._parse_returned_data({**res, "stdout": json.dumps(answer), "stderr": ""}, *profile)

    def _watched(self, task_vars):
        seconds = float(self._templar.template(task_vars.get("run_answer_seconds", ANSWER_SECONDS)))
        if self._connection.transport == "local":
            # A module on this controller is no director, and may read for days; what it reads itself would count.
            return AnswerWatch(math.inf, 0)
        return AnswerWatch(seconds)


class DirectorAction(GatedAction):
    """Run the module of the task's name; all of them may be run again after a lost answer."""

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _check_facts(task_vars)
        give_way(self._templar, task_vars, heavy=self.here)
        patience = float(self._templar.template(task_vars.get("run_reconnect_seconds", RECONNECT_SECONDS)))
        lost_at, losses = None, {}
        while True:
            try:
                result.update(self._answer(task_vars))
                break
            except AnsibleConnectionFailure as error:
                # A connection that is cut is noticed late: the time begins when it is.
                lost_at = lost_at or time.monotonic()
                if time.monotonic() - lost_at >= patience:
                    result.update(self._lost(error, patience))
                    break
                self._reconnect(error, losses)
        self._remove_tmp_path(self._connection._shell.tmpdir)
        return with_warnings(result, losses)

    def _ask(self, task_vars):
        return self._execute_module(task_vars=task_vars)

    def _execute_module(self, module_name=None, *arguments, **more):
        if module_name is None and (WORK / f"_{self._module_name()}.py").exists():
            module_name = SENT  # it is packed once in a run
        return super()._execute_module(module_name, *arguments, **more)

    def _update_module_args(self, module_name, module_args, *arguments, **more):
        """Let what is sent know which module it is to be: that which its task names."""
        super()._update_module_args(module_name, module_args, *arguments, **more)
        if module_name == SENT:
            module_args["_ansible_module_name"] = self._task.action

    def _answer(self, task_vars):
        with self._watched(task_vars) as watch:
            try:
                answer = self._ask(task_vars)
            except AnsibleConnectionFailure:
                if not watch.exceeded:
                    raise
            except AnsibleError as error:  # it may quote the director
                answer = {"failed": True, "msg": told(str(error))}
        if watch.exceeded:
            return {"failed": True, "msg": f"The answer of the director was not waited for: {watch.exceeded}."}
        return with_known_interpreter(answer)

    def _reconnect(self, error, losses):
        host = self._task.delegate_to or self._connection.get_option("host")
        warn(losses, host, f"Lost the connection, connecting again: {told(str(error))}")
        time.sleep(PAUSE_SECONDS)
        with contextlib.suppress(AnsibleConnectionFailure):  # the next try tells
            self._connection.reset()

    @staticmethod
    def _lost(error, patience):
        return {
            "failed": True,
            "lost": True,
            "msg": f"The connection to the director was lost and did not come back within {patience:.0f} s: "
            f"{told(str(error))}. If services were stopped, the lease on the director starts them at its deadline.",
        }


class ControllerAction(DirectorAction):
    """Run the module of the task's name on the controller, where it reads what a director sent.

    There it needs no process of its own, if the task has given it. In a restore one of them reads on the director, and
    there it may lie as any other.
    """

    module: ModuleType | None = None

    def __init_subclass__(cls):
        super().__init_subclass__()
        if cls.module:
            documented(cls.module.__name__.rpartition(".")[2])  # once, and not in each task

    @property
    def here(self) -> bool:
        return self._connection.transport == "local"

    def _answer(self, task_vars):
        # Another user, an environment and a task that goes on behind a run need a process.
        apart = self._connection.become or any(self._task.environment or []) or self._task.async_val
        if apart or not (self.here and self.module):
            return super()._answer(task_vars)
        arguments = dict(self._task.args)
        self._update_module_args(self._task.action, arguments, task_vars)
        said = printed(self.module, arguments, self._loader.get_basedir())
        module, known = self._known()
        return admitted(module, said, self._task.check_mode, known, here=True)


def with_known_interpreter(answer: dict) -> dict:
    """Return an answer if the only facts in it are those of Ansible's own: where the director has its Python."""
    for name, value in (answer.get("ansible_facts") or {}).items():
        if not (INTERPRETER.fullmatch(name) and PROGRAM.fullmatch(str(value))):
            return {
                "failed": True,
                "msg": f"The director says that its Python is {told(str(value), 200)!r}, which is no path.",
            }
    return answer


def _check_facts(task_vars):
    try:
        require_none_of_ours(task_vars)
    except GateError as error:
        raise AnsibleActionFail(str(error)) from error
