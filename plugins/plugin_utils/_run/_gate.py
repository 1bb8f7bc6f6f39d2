# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate: checks every answer of a director before Ansible uses it.

A director may be hostile. An answer has the keys that the module documents in RETURN, of the documented types, bounded
and printable; anything else fails the task. Keys that Ansible itself would act on (facts, groups, hosts, warnings with
markup, internal keys) are never documented, so they never pass.
"""

from __future__ import annotations

import ast
import functools
import json
import math
from pathlib import Path

from ansible.module_utils.common.yaml import yaml_load
from ansible.module_utils.json_utils import _filter_non_json_lines
from ansible_collections.microbosh.director.plugins.plugin_utils._run._lines import size
from ansible_collections.microbosh.director.plugins.plugin_utils._run._printable import printable, printable_lines

MODULES = Path(__file__).parents[2] / "modules"
MOST_BYTES = 256 * 1024 * 1024
MOST_ITEMS = 4_000_000
DEEPEST = 12
LONGEST = 65_536
LONGEST_TEXT = 16 * 1024 * 1024
LONGEST_MESSAGE = 16_384
LARGEST = 2**63
MOST_WARNINGS = 20
# Texts for a person, which have lines. In whatever else has an end of line, it is shown as an escape.
TEXTS = ("msg", "problem", "globals_problem", "error", "reason", "why", "before", "after", "prepared")
# Keys of every module's answer besides the documented ones. No others are looked at.
COMMON = {
    "changed": {"type": "bool"},
    "failed": {"type": "bool"},
    "skipped": {"type": "bool"},
    "msg": {"type": "str"},
    "diff": {
        "type": "dict",
        "contains": {
            name: {"type": "raw"} for name in ("before", "after", "prepared", "before_header", "after_header")
        },
    },
}
# Keys that AnsibleModule adds and that are not needed here: the arguments, which the controller knows, and the like.
DROPPED = ("invocation", "deprecations", "exception", "_ansible_trusted_utf8", "_ansible_exception", "ansible_loop_var")

# Keys that it adds to an answer with a path, which the controller can see for itself.
OF_A_PATH = ("uid", "gid", "owner", "group", "mode", "state", "secontext", "size")


class GateError(ValueError):
    """An answer has something in it that it may not have."""


@functools.cache
def documented(module: str) -> dict:
    """Given the name of a module of this collection, return what its RETURN says."""
    tree = ast.parse((MODULES / f"{module}.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "RETURN":
            return yaml_load(ast.literal_eval(node.value)) or {}
    return {}


def admitted(
    module: str, result: dict, check_mode: bool = False, known: dict | None = None, here: bool = False
) -> dict:
    """Given the result of running a module on a director, return the answer that a task may have.

    ``result`` has what was printed and the exit status. An answer that does not pass is one that failed. ``known`` is
    what a module of others may answer. A module that ran ``here``, on the controller, is ours: it may quote a director,
    but does not lie about the types of its values.
    """
    try:
        answer = _parsed(module, result)
        if answer.get("skipped") and not check_mode:
            raise GateError("skipped, and nobody asked for check mode")
        known = documented(module) if known is None else known
        if here:
            known = {key: {"type": "raw"} for key in known}
        return _passed(answer, known)
    except GateError as error:
        return {"failed": True, "msg": f"The answer of {module} was not taken, as the director sent {error}."}


def plain(value):
    """Given data from a backup that may be anybody's, return it printable and bounded, or raise GateError."""
    return _free(value, "it", 0)


def told(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """Given what a director said, return it as it may be shown: printable, and not too long."""
    shown = printable_lines(text[: longest + 1])
    return shown if len(shown) <= longest else f"{shown[:longest]}... (cut)"


def _parsed(module, result):
    """Return the answer in what was printed, or one that says that there is none."""
    printed = result.get("stdout") or ""
    if len(printed) > MOST_BYTES:
        raise GateError(f"more than the {size(MOST_BYTES)} that an answer may have")
    try:
        text, dummy = _filter_non_json_lines(printed, objects_only=True)
        answer = json.loads(text, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        if isinstance(error, GateError):
            raise
        said = told("\n".join(part.strip() for part in (result.get("stderr") or "", printed) if part.strip()))
        message = (
            f"{module} gave no answer, its exit status is {int(result.get('rc') or 0)}: {said or 'it said nothing'}"
        )
        return {"failed": True, "msg": message}
    return answer


def _constant(name):
    raise GateError(f"{name}, which is no number")


def _passed(answer, known):
    """Return an answer whose every key and value is one that is documented.

    Undocumented parts of a failed answer are left out: the reason of the failure must not be lost.
    """
    failed = answer.get("failed") is True or _has_failed(answer)
    passed, wrong = {}, []
    for key, value in answer.items():
        if key in DROPPED or (key not in known and _is_added(key, value, known)):
            continue
        try:
            passed[key] = _warnings(value) if key == "warnings" else _known(key, value, known)
        except GateError as error:
            if not failed:
                raise
            wrong.append(str(error))
    if failed:
        passed["failed"] = True
        left_out = f" (left out of this answer: {'; '.join(wrong)[:1000]})" if wrong else ""
        passed["msg"] = told(str(passed.get("msg") or "no message")) + left_out
    return passed


def _is_added(key, value, known):
    """Return whether AnsibleModule adds this to what a module answers that documents none of that name."""
    return (key == "rc" and isinstance(value, int)) or (key in OF_A_PATH and "path" in known)


def _known(key, value, known):
    return _checked(value, _specification(key, {**COMMON, **known}), key)


def _has_failed(answer):
    """Return whether a module that was ended by an exception of its own says so, as newer ones do."""
    return "exception" in answer and "failed" not in answer


def _specification(key, known):
    if key not in known:
        raise GateError(f"{printable(str(key))[:100]}, which the module does not document")
    return known[key]


def _checked(value, specification, where, depth=0):
    """Return a value, printable, if it is of the type that is documented. Null is of any."""
    if value is None:
        return None
    kind = specification.get("type", "raw")
    check = CHECKS.get(kind)
    if check is None:
        return _free(value, where, depth)
    return check(value, specification, where, depth)


def _wrong(where, expected):
    return GateError(f"in {where} something else than {expected}")


def _text(value, specification, where, *dummies):
    if not isinstance(value, str):
        raise _wrong(where, "text")
    lines = where.rpartition(".")[2] in TEXTS or (specification or {}).get("lines")
    if where == "msg":
        return told(value)
    if len(value) > (LONGEST_TEXT if lines else LONGEST):
        raise _wrong(where, "text of a length that makes sense")
    return printable_lines(value) if lines else printable(value)


def _flag(value, dummy, where, *dummies):
    if not isinstance(value, bool):
        raise _wrong(where, "true or false")
    return value


def _whole_number(value, dummy, where, *dummies):
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= LARGEST:
        raise _wrong(where, "a number")
    return value


def _number(value, dummy, where, *dummies):
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not math.isfinite(value)
        or abs(value) >= LARGEST
    ):
        raise _wrong(where, "a number")
    return value


def _list(value, specification, where, depth):
    if not isinstance(value, list) or len(value) > MOST_ITEMS:
        raise _wrong(where, "a list")
    of = {"type": specification.get("elements", "raw"), "contains": specification.get("contains")}
    return [_checked(item, of, where, depth + 1) for item in value]


def _mapping(value, specification, where, depth):
    known = specification.get("contains")
    if not known:
        if not isinstance(value, dict):
            raise _wrong(where, "a mapping")
        return _free(value, where, depth)
    if not isinstance(value, dict):
        raise _wrong(where, "a mapping")
    return {
        key: _checked(item, _specification(key, known), f"{where}.{printable(key)[:100]}", depth + 1)
        for key, item in value.items()
    }


def _free(value, where, depth):
    """Return a value whose parts are not documented one by one: plain data, not too deep."""
    if depth > DEEPEST:
        raise _wrong(where, "data of a depth that makes sense")
    if isinstance(value, dict):
        return _free_mapping(value, where, depth)
    if isinstance(value, list):
        return [_free(item, where, depth + 1) for item in value[: MOST_ITEMS + 1]]
    if isinstance(value, str):
        return _text(value, None, where)
    return value if value is None or isinstance(value, bool) else _number(value, None, where)


def _free_mapping(value, where, depth):
    passed = {}
    for key, item in value.items():
        if key.startswith(("_ansible", "__ansible")) or len(key) > LONGEST:
            raise GateError(f"in {where} the key {printable(key)[:100]}, which is none of a module's")
        passed[printable(key)] = _free(item, f"{where}.{printable(key)[:100]}", depth + 1)
    return passed


def _warnings(value):
    """Return warnings as plain texts, whatever form this version of Ansible gives them."""
    if not isinstance(value, list):
        raise _wrong("warnings", "a list")
    return [printable(_warning(item))[:1000] for item in value[:MOST_WARNINGS]]


def _warning(item, depth=0):
    """Return the message in one: newer modules answer a mapping with an event in it."""
    if isinstance(item, str):
        return item
    if isinstance(item, dict) and depth < 4:
        found = [_warning(item[key], depth + 1) for key in ("msg", "event", "details") if key in item]
        return next((text for text in found if text), "")
    if isinstance(item, list) and item:
        return _warning(item[0], depth + 1)
    return ""


CHECKS = {
    "str": _text,
    "path": _text,
    "bool": _flag,
    "int": _whole_number,
    "float": _number,
    "list": _list,
    "dict": _mapping,
    "complex": _mapping,
}
