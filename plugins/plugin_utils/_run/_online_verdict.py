# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells whether a director held still while its files were copied: by the dumps before and after, and their marks.

The verdict is C(still) only if every single thing says so. What is missing or out of order is a reason for C(moved).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.microbosh.director.plugins.module_utils._dump._marks import quiet
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import told
from ansible_collections.microbosh.director.plugins.plugin_utils._run._harmless_tables import (
    harmless_sequences,
    harmless_tables,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._run._printable import printable

STILL = "still"
MOVED = "moved"
TASKS = "public.tasks"
# Names come from a director, and there may be any number of them.
LONGEST = 200
SHOWN = 10
NUMBER = (int, float)
CONTENT = {"schema": str, "tables": dict, "sequences": dict, "marks": dict, "began": NUMBER, "ended": NUMBER}
MARK = {"tables": dict, "sequences": dict, "catalog": str, "transactions": str, "counts": bool}


@dataclass
class Found:
    """What was found so far."""

    moved: list[dict] = field(default_factory=list)
    harmless: list[dict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def move(self, database: str, table: str, what: str):
        self.moved.append({"database": _short(database), "table": _short(table), "what": _short(what)})

    def note(self, text: str):
        self.notes.append(_short(text))


def online_verdict(
    before: list[dict], after: list[dict], director_database: str = "", tasks: dict[str, dict] | None = None
) -> dict:
    """Given the results of pg_dump_bosh from before and after a copy, return the verdict and all that led to it.

    ``tasks`` has what director_tasks_info said, by "before" and "after".
    """
    found = Found()
    _compare_tasks(tasks or {}, director_database, found)
    first, second = _by_database(before, "before", found), _by_database(after, "after", found)
    if not second:
        found.move("", "", "no database was dumped after the copy, so nobody can tell what changed")
    if director_database and director_database not in second:
        found.move(director_database, "", "the director's own database was not dumped after the copy")
    for database in sorted({*first, *second}):
        if database not in first or database not in second:
            found.move(database, "", f"was dumped only {'after' if database in second else 'before'} the copy")
        else:
            _Pair(database, first[database], second[database], director_database).compare(found)
    _compare_globals(_results(before), _results(after), found)
    return {
        "verdict": MOVED if found.moved else STILL,
        "moved": found.moved,
        "harmless": found.harmless,
        "notes": found.notes,
        "lines": _lines(found, sorted(second)),
    }


def _short(text):
    return told(printable(str(text)), LONGEST)


def _results(results):
    """Return those results that are of dumps that were made."""
    return [result for result in results if result.get("dumps") or result.get("globals")]


def _by_database(results, when, found):
    """Return the dumps by the name of their database."""
    dumps = {}
    for dump in (dump for result in _results(results) for dump in result.get("dumps") or []):
        name = dump.get("database")
        if not name or name in dumps:
            found.move(name or "", "", f"was dumped twice {when} the copy, or without a name")
        dumps[name or ""] = dump
    return dumps


def _well_formed(data, form):
    """Return data if it has all of these keys, of these types, else None."""
    if not isinstance(data, dict):
        return None
    return data if all(isinstance(data.get(key), kind) for key, kind in form.items()) else None


class _Pair:
    """Two dumps of one database."""

    def __init__(self, database, first, second, director_database):
        self.database = database
        self.dumps = first, second
        self.tables = harmless_tables(database, director_database)
        self.sequences = harmless_sequences(database, director_database)

    def compare(self, found: Found):
        """Note all that moved, or why it cannot be told."""
        contents = [_well_formed(dump.get("content"), CONTENT) for dump in self.dumps]
        if None in contents:
            found.move(self.database, "", "nothing is known of the content of its dump")
            return
        first, second = contents
        if not (second["began"] >= first["ended"] and second["began"] > first["began"]):
            found.move(self.database, "", "its second dump was not begun after the first had ended")
        self._compare_definitions(first, second, found)
        marks = [first["marks"].get("before"), second["marks"].get("after")]
        problems = [problem for problem in map(self._no_mark, marks, contents) if problem]
        for problem in problems:
            found.move(self.database, "", problem)
        marks = [] if problems else marks
        # Then what was counted meanwhile was done before; only sequences may still have made a step.
        silent = bool(marks) and quiet(marks[0]["transactions"], marks[1]["transactions"])
        if silent:
            found.note(f"No transaction wrote anything to the server of {self.database}")
        elif marks:
            self._compare_marks(marks, second.get("settled") is True, found)
        self._compare_parts("tables", contents, [] if silent else marks, found)
        self._compare_parts("sequences", contents, marks, found)

    def _compare_definitions(self, first, second, found):
        if first["schema"] != second["schema"]:
            found.move(self.database, "", "its definitions were changed")
        properties = [(dump.get("properties") or {}).get("sha256") for dump in self.dumps]
        if None in properties or properties[0] != properties[1]:
            found.move(self.database, "", "its owner, rights or settings were changed")

    @staticmethod
    def _no_mark(mark, content):
        """Return why there is no mark that goes with a dump, or None."""
        if not _well_formed(mark, MARK) or mark.get("problem"):
            return (isinstance(mark, dict) and mark.get("problem")) or "there is no mark of it"
        for kind in ("tables", "sequences"):
            missing = sorted({*content[kind]} - {*mark[kind]})
            if missing:
                return f"there is no mark of {missing[0]}"
        return None

    def _compare_marks(self, marks, settled, found):
        first, second = marks
        if first["catalog"] != second["catalog"]:
            found.move(self.database, "", "its definitions were changed, perhaps changed back")
        if not settled:
            found.move(self.database, "", "something was written, and what sessions did was not waited for (since)")
        if not (first["counts"] and second["counts"]):
            found.note(f"{self.database}'s server has track_counts off: a row that came and went would not be seen")

    def _compare_parts(self, kind, contents, marks, found):
        change = _change_of_table if kind == "tables" else _change_of_sequence
        harmless = self.tables if kind == "tables" else self.sequences
        sides = [content[kind] for content in contents]
        marked = [mark[kind] for mark in marks] or [{}, {}]
        for name in sorted({*sides[0], *sides[1], *marked[0], *marked[1]}):
            pair = [side.get(name) for side in sides]
            what = change(pair, [side.get(name) for side in marked])
            if what and name in harmless and None not in pair:
                item = {"database": self.database, "table": name, "what": what, "why": harmless[name]}
                found.harmless.append({key: _short(text) for key, text in item.items()})
            elif what:
                found.move(self.database, name, what)


def _change_of_table(pair, marks):
    """Given what two dumps and two marks have of a table, return what changed, or None."""
    if (pair[0] is None) != (pair[1] is None) or (marks[0] is None) != (marks[1] is None):
        return "is new" if pair[0] is None else "is gone"
    first, second = ({"rows": 0} if side is None else side for side in pair)
    if first["rows"] != second["rows"]:
        more = second["rows"] - first["rows"]
        return f"has {abs(more)} {'row' if abs(more) == 1 else 'rows'} {'more' if more > 0 else 'fewer'}"
    if first != second:
        return "has rows that were changed"
    first, second = ({} if mark is None else mark for mark in marks)
    if first.get("versions") != second.get("versions"):
        return "has rows that were changed, perhaps changed back"
    if first != second:
        return "had rows that came and went again, or were changed a moment before"
    return None


def _change_of_sequence(pair, marks):
    """Return the same of a sequence."""
    values = [value for value in (*pair, *marks) if value is not None]
    if len(values) not in (2, 4) or (pair[0] is None) != (pair[1] is None):
        return "is new" if pair[0] is None else "is gone"
    if len({*values}) > 1:
        return f"went on from {values[0].split(',')[0]}"
    return None


def _compare_globals(before, after, found):
    """Compare the roles and tablespaces of each server."""
    if len(before) != len(after):
        found.move("", "", "not as many servers were dumped after the copy as before it")
    for first, second in zip(before, after, strict=False):
        sides = [result.get("globals") for result in (first, second)]
        if sides == [None, None]:
            found.note(first.get("globals_problem") or "Roles were not dumped, so they were not compared")
            continue
        digests = [((side or {}).get("content") or {}).get("schema") for side in sides]
        if None in digests or digests[0] != digests[1]:
            found.move("", "", "roles or tablespaces were changed")


def _compare_tasks(tasks, database, found):
    """Note the tasks that a director worked on at either end.

    To know one end is enough: a task that begins or ends in between moves its row in the table of tasks.
    """
    answers = {when: answer for when, answer in tasks.items() if answer and not answer.get("skipped")}
    if not answers:
        found.note("Nobody asked what the director worked on")
    for when, answer in answers.items():
        if answer.get("known") is not True:
            found.move(database, TASKS, f"what the director worked on {when} the copy is not known")
        for task in answer.get("running") or []:
            found.move(database, TASKS, f"a task ran {when} the copy: {task.get('words') or task.get('id')}")


def _lines(found, databases):
    """Return what an operator reads."""
    named = _short(", ".join(databases))
    if found.moved:
        lines = [f"Moved while the files were copied: {text}" for text in _some(found.moved)]
    else:
        lines = [f"Nothing moved while the files were copied: the dumps before and after say the same ({named})"]
    return lines + [f"Moved without harm: {text}" for text in _some(found.harmless)]


def _some(items):
    shown = [_sentence(item) for item in items[:SHOWN]]
    return shown + [f"and {len(items) - SHOWN} more"] * (len(items) > SHOWN)


def _sentence(item):
    subject = " in ".join(part for part in (item["table"], item["database"]) if part)
    reason = f" ({item['why']})" if item.get("why") else ""
    joint = " " if item["table"] and not item["what"].startswith(("a ", "what ")) else ": "
    return f"{subject}{joint if subject else ''}{item['what']}{reason}"
