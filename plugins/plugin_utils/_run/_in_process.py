# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a module's work in the process of its action, where a process of its own would take longer than the work.

The module is the same, with the same check of its arguments. A task is a process anyway: what a module leaves behind in
it ends with the task.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import traceback
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import NoReturn

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.common.text.converters import to_text
from ansible_collections.microbosh.director.plugins.module_utils._core import _module


class Answered(BaseException):
    """A module has come to its end, whatever is caught on the way."""

    def __init__(self, answer: dict):
        super().__init__()
        self.answer = answer


class ModuleHere(AnsibleModule):
    """What a module knows of its task. Its end is not that of the process."""

    def __init__(self, given: dict, environment: dict | None = None, **options: object):
        self._given, self._warned = given, []
        super().__init__(**options)
        self.run_command_environ_update = environment or {}

    def _load_params(self):
        self.params = self._given

    def warn(self, warning: str, **dummy: object) -> None:
        self._warned.append(warning)

    def exit_json(self, **answer: object) -> NoReturn:
        if self._warned:
            answer["warnings"] = self._warned
        raise Answered(remove_values({"changed": False, **answer}, self.no_log_values))

    def fail_json(self, msg: str, **answer: object) -> NoReturn:
        self.exit_json(**{**answer, "failed": True, "msg": msg})


def printed(module: ModuleType, arguments: dict, directory: str) -> dict:
    """Given a module, its arguments and where it runs, return what a process of it would print, and its exit status."""
    kind = functools.partial(ModuleHere, plain_values(arguments))
    with _known_as(_module, "KIND", kind), _in(directory):
        try:
            module.main()
        except Answered as end:
            return {"rc": int(bool(end.answer.get("failed"))), "stdout": _as_json(end.answer), "stderr": ""}
        except (Exception, SystemExit):
            return {"rc": 1, "stdout": "", "stderr": traceback.format_exc()}
    return {"rc": 0, "stdout": "", "stderr": ""}


def answer_of_another(module: ModuleType, arguments: dict, directory: str, environment: dict) -> dict | None:
    """Given a module that is not ours, return its answer, None if it came to none; as printed() otherwise.

    ``environment`` is added to that of the commands which it runs.
    """
    kind = functools.partial(ModuleHere, plain_values(arguments), environment)
    with _known_as(module, "AnsibleModule", kind), _in(directory):
        try:
            module.main()
        except Answered as end:
            return end.answer
        except (Exception, SystemExit):  # of another version than is known, say
            return None
    return None


def _as_json(answer):
    """Return an answer as a module prints it, which may have bytes and sets in it."""
    return json.dumps(answer, default=lambda value: to_text(value) if isinstance(value, bytes) else list(value))


def plain_values(value: object) -> object:
    """Return the arguments of a task as a module gets them: without what Ansible knows of each value."""
    if isinstance(value, Mapping):
        return {str(name): plain_values(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain_values(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    kind = next((kind for kind in (int, float) if isinstance(value, kind)), str)
    return kind(value)


@contextlib.contextmanager
def _known_as(place, name, kind) -> Iterator[None]:
    """Have a name in a place stand for another kind of module for as long as one runs."""
    before = getattr(place, name)
    setattr(place, name, kind)
    try:
        yield
    finally:
        setattr(place, name, before)


@contextlib.contextmanager
def _in(directory) -> Iterator[None]:
    before = os.open(".", os.O_PATH)
    try:
        os.chdir(directory)
        yield
    finally:
        os.fchdir(before)
        os.close(before)
