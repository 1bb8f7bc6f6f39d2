# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a director held still, by what was dumped before and after."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _harmless_tables as harmless
from ansible_collections.microbosh.director.plugins.plugin_utils._run._online_verdict import online_verdict
from places import UNIT

IDLE = {"known": True, "running": [], "dead": [], "queued": []}
TASKS = {"before": IDLE, "after": IDLE}


def mark(transactions="10:10:"):
    return {
        "tables": {
            "public.tasks": {"versions": "1 3 30 7", "counted": "3 0 0"},
            "public.events": {"versions": "2 1 9 8", "counted": "1 0 0"},
        },
        "sequences": {"public.tasks_id_seq": "3,t", "public.events_id_seq": "1,t"},
        "catalog": "44 5 6",
        "transactions": transactions,
        "counts": True,
        "problem": None,
    }


def dump(database="bosh", began=100.0, transactions="10:10:"):
    return {
        "database": database,
        "properties": {"sha256": "p"},
        "content": {
            "schema": "s",
            "tables": {"public.tasks": {"rows": 3, "digest": "a"}, "public.events": {"rows": 1, "digest": "b"}},
            "sequences": {"public.tasks_id_seq": "3,t", "public.events_id_seq": "1,t"},
            "marks": {"before": mark(transactions), "after": mark(transactions)},
            "settled": True,
            "began": began,
            "ended": began + 1,
        },
    }


def result(*dumps):
    return {"dumps": list(dumps), "globals": {"content": {"schema": "g"}}, "globals_problem": None}


def before():
    return [result(*(dump(name) for name in ("bosh", "credhub", "uaa")))]


def after():
    return [result(*(dump(name, began=200.0, transactions="10:14:") for name in ("bosh", "credhub", "uaa")))]


def verdict(change=None, first=None, tasks=None):
    """The verdict after a change to what was dumped after the copy."""
    second = after()
    if change:
        change(second[0])
    return online_verdict(first or before(), second, "bosh", TASKS if tasks is None else tasks)


def content(result, database="bosh"):
    return next(one["content"] for one in result["dumps"] if one["database"] == database)


def moved(found):
    return [(item["database"], item["table"], item["what"]) for item in found["moved"]]


def test_where_both_dumps_say_the_same_the_director_held_still():
    found = verdict()
    assert (found["verdict"], found["moved"], found["harmless"], found["notes"]) == ("still", [], [], [])
    assert found["lines"] == [
        "Nothing moved while the files were copied: the dumps before and after say the same (bosh, credhub, uaa)"
    ]


def test_that_nothing_was_written_at_all_is_told():
    second = [result(*(dump(name, began=200.0) for name in ("bosh", "credhub", "uaa")))]
    found = online_verdict(before(), second, "bosh", TASKS)
    assert (found["verdict"], len(found["notes"])) == ("still", 3)


def test_where_nothing_was_written_a_late_count_is_of_earlier_and_a_step_of_a_sequence_still_counts():
    second = [result(*(dump(name, began=200.0) for name in ("bosh", "credhub", "uaa")))]
    marked("public.tasks", {"versions": "1 3 30 7", "counted": "9 9 9"})(second[0])
    assert online_verdict(before(), second, "bosh", TASKS)["verdict"] == "still"
    marked("public.tasks_id_seq", "4,t", "sequences")(second[0])
    assert online_verdict(before(), second, "bosh", TASKS)["verdict"] == "moved"


def rows(table, number, digest="z", database="bosh"):
    def change(result):
        content(result, database)["tables"][table] = {"rows": number, "digest": digest}

    return change


def marked(key, value, part="tables", database="bosh", when="after"):
    def change(result):
        content(result, database)["marks"][when][part][key] = value

    return change


def with_all(*changes):
    def change(result):
        for one in changes:
            one(result)

    return change


def set_content(key, value, database="bosh"):
    def change(result):
        content(result, database)[key] = value

    return change


def set_mark(key, value):
    def change(result):
        content(result)["marks"]["after"][key] = value

    return change


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (rows("public.tasks", 4), ("bosh", "public.tasks", "has 1 row more")),
        (rows("public.tasks", 1), ("bosh", "public.tasks", "has 2 rows fewer")),
        (rows("public.tasks", 3), ("bosh", "public.tasks", "has rows that were changed")),
        (
            with_all(rows("public.new", 0), marked("public.new", {"versions": "9 0 0 0", "counted": "0 0 0"})),
            ("bosh", "public.new", "is new"),
        ),
        (lambda result: content(result)["tables"].pop("public.tasks"), ("bosh", "public.tasks", "is gone")),
        (rows("public.events", 2, database="uaa"), ("uaa", "public.events", "has 1 row more")),
        (
            marked("public.tasks", {"versions": "1 3 31 9", "counted": "3 0 0"}),
            ("bosh", "public.tasks", "has rows that were changed, perhaps changed back"),
        ),
        (
            marked("public.tasks", {"versions": "1 3 30 7", "counted": "4 0 1"}),
            ("bosh", "public.tasks", "had rows that came and went again, or were changed a moment before"),
        ),
        (marked("public.unseen", {"versions": "", "counted": ""}), ("bosh", "public.unseen", "is new")),
        (
            lambda result: content(result)["sequences"].update({"public.tasks_id_seq": "4,t"}),
            ("bosh", "public.tasks_id_seq", "went on from 3"),
        ),
        (marked("public.tasks_id_seq", "4,t", "sequences"), ("bosh", "public.tasks_id_seq", "went on from 3")),
        (
            lambda result: content(result)["sequences"].pop("public.tasks_id_seq"),
            ("bosh", "public.tasks_id_seq", "is gone"),
        ),
        (set_content("schema", "t"), ("bosh", "", "its definitions were changed")),
        (set_mark("catalog", "45 5 6"), ("bosh", "", "its definitions were changed, perhaps changed back")),
        (
            lambda result: result["dumps"][0].update(properties={"sha256": "q"}),
            ("bosh", "", "its owner, rights or settings were changed"),
        ),
        (
            lambda result: result["dumps"][0].pop("properties"),
            ("bosh", "", "its owner, rights or settings were changed"),
        ),
        (
            lambda result: result.update(globals={"content": {"schema": "h"}}),
            ("", "", "roles or tablespaces were changed"),
        ),
        (lambda result: result.update(globals={}), ("", "", "roles or tablespaces were changed")),
        (lambda result: result.update(globals=None), ("", "", "roles or tablespaces were changed")),
    ],
)
def test_what_moved_is_told(change, expected):
    found = verdict(change)
    assert found["verdict"] == "moved"
    assert expected in moved(found)
    assert len(found["moved"]) == 1
    assert expected[2] in found["lines"][0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda result: result["dumps"].pop(), "was dumped only before the copy"),
        (lambda result: result["dumps"].append(dump("new", 200.0)), "was dumped only after the copy"),
        (lambda result: result["dumps"].append(dump("bosh", 200.0)), "was dumped twice after the copy"),
        (lambda result: result["dumps"].append(dump("", 200.0)), "without a name"),
        (lambda result: result["dumps"][0].pop("content"), "nothing is known of the content of its dump"),
        (lambda result: content(result).pop("tables"), "nothing is known of the content of its dump"),
        (set_content("began", 100.5), "its second dump was not begun after the first had ended"),
        (set_content("marks", {}), "there is no mark of it"),
        (set_content("marks", {"after": None}), "there is no mark of it"),
        (set_mark("problem", "permission denied"), "permission denied"),
        (set_mark("transactions", None), "there is no mark of it"),
        (lambda result: content(result)["marks"]["after"]["tables"].pop("public.tasks"), "no mark of public.tasks"),
        (set_content("settled", False), "what sessions did was not waited for"),
        (lambda result: content(result).pop("settled"), "what sessions did was not waited for"),
        (lambda result: result.clear(), "no database was dumped after the copy"),
    ],
)
def test_what_cannot_be_told_is_never_still(change, reason):
    found = verdict(change)
    assert found["verdict"] == "moved"
    assert any(reason in line for line in found["lines"])


@pytest.mark.parametrize("second", [[], [{}], [{"skipped": True}], [{"dumps": []}]])
def test_a_second_dump_that_was_skipped_is_noticed(second):
    found = online_verdict(before(), second, "bosh", TASKS)
    assert found["verdict"] == "moved"
    assert "no database was dumped after the copy" in found["lines"][0]


def test_the_same_dump_twice_is_noticed():
    first = before()
    for second in (first, copy.deepcopy(first)):
        assert online_verdict(first, second, "bosh", TASKS)["verdict"] == "moved"


def test_nothing_of_no_dump_is_still():
    assert online_verdict([], [], "", {})["verdict"] == "moved"


def test_a_director_whose_own_database_is_not_dumped_is_not_known_to_be_still():
    first, second = [result(dump("uaa"))], [result(dump("uaa", 200.0))]
    assert online_verdict(first, second, "bosh", TASKS)["verdict"] == "moved"
    assert online_verdict(first, second, "", TASKS)["verdict"] == "still"


def test_the_server_elsewhere_counts_as_well():
    first, second = [*before(), result(dump("director"))], [*after(), result(dump("director", 200.0))]
    assert online_verdict(first, second, "director", TASKS)["verdict"] == "still"
    second[1]["globals"] = {"content": {"schema": "other"}}
    assert moved(online_verdict(first, second, "director", TASKS)) == [("", "", "roles or tablespaces were changed")]
    assert online_verdict(first, second[:1], "director", TASKS)["verdict"] == "moved"


def test_roles_that_nobody_may_read_are_noted():
    first, second = before(), after()
    for side in (first, second):
        side[0].update(globals=None, globals_problem="permission denied for pg_authid")
    found = online_verdict(first, second, "bosh", TASKS)
    assert (found["verdict"], found["notes"]) == ("still", ["permission denied for pg_authid"])


def test_the_bracket_is_from_before_the_first_to_after_the_second():
    """What moved before the first mark, or after the last, is nobody's business."""
    first, second = before(), after()
    content(first[0])["marks"]["after"]["sequences"]["public.tasks_id_seq"] = "9,t"
    content(second[0])["marks"]["before"]["sequences"]["public.tasks_id_seq"] = "9,t"
    assert online_verdict(first, second, "bosh", TASKS)["verdict"] == "still"
    content(first[0])["marks"]["before"]["sequences"]["public.tasks_id_seq"] = "2,t"
    assert online_verdict(first, second, "bosh", TASKS)["verdict"] == "moved"


def test_a_server_that_does_not_count_is_noted():
    found = verdict(set_mark("counts", False))
    assert (found["verdict"], len(found["notes"])) == ("still", 1)
    assert "track_counts" in found["notes"][0]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (rows("public.events", 3), "has 2 rows more"),
        (rows("public.events", 1), "has rows that were changed"),
        (
            marked("public.events", {"versions": "2 1 9 8", "counted": "2 0 1"}),
            "had rows that came and went again, or were changed a moment before",
        ),
    ],
)
def test_what_moves_without_harm_is_told_and_the_director_held_still(change, what):
    found = verdict(with_all(change, marked("public.events_id_seq", "2,t", "sequences")))
    assert found["verdict"] == "still"
    reason = harmless.DIRECTOR["events"]
    assert found["harmless"] == [
        {"database": "bosh", "table": "public.events", "what": what, "why": reason},
        {"database": "bosh", "table": "public.events_id_seq", "what": "went on from 1", "why": reason},
    ]
    assert found["lines"][1] == f"Moved without harm: public.events in bosh {what} ({reason})"


def test_a_harmless_table_that_is_dropped_is_no_longer_harmless():
    assert verdict(lambda result: content(result)["tables"].pop("public.events"))["verdict"] == "moved"


def test_what_is_harmless_in_one_database_is_not_in_another():
    assert "public.events" in harmless.harmless_tables("director", "director")
    assert harmless.harmless_tables("bosh", "director") == {}
    assert harmless.harmless_tables("credhub2", "bosh") == {}
    assert "public.request_audit_record" in harmless.harmless_tables("credhub", "bosh")
    assert "public.users" not in harmless.harmless_tables("uaa", "bosh")
    assert "public.tasks" not in harmless.harmless_tables("bosh", "bosh")


@pytest.mark.parametrize("tables", [harmless.DIRECTOR, *harmless.BY_DATABASE.values()])
def test_every_harmless_table_has_its_reason(tables):
    assert all(len(reason.split()) >= 4 for reason in tables.values())


def test_the_director_s_harmless_tables_are_in_its_schema():
    names = {line.split("\t")[0] for line in (UNIT / "fixtures/director/schema.tsv").read_text().splitlines()}
    assert {*harmless.DIRECTOR} <= names


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({**IDLE, "running": [{"id": 31, "words": "31 'create deployment'"}]}, "31 'create deployment'"),
        ({**IDLE, "known": False, "problem": "x"}, "is not known"),
        ({"failed": True, "msg": "x"}, "is not known"),
    ],
)
def test_a_task_at_either_end_is_no_stillness(when, answer, expected):
    found = verdict(tasks={**TASKS, when: answer})
    assert found["verdict"] == "moved"
    assert expected in found["lines"][0]
    assert when in found["lines"][0]


@pytest.mark.parametrize("answer", [{}, {"skipped": True}])
def test_one_end_tells_of_the_tasks_and_none_is_noted(answer):
    for tasks in ({"before": IDLE, "after": answer}, {"before": answer, "after": IDLE}):
        assert (verdict(tasks=tasks)["verdict"], verdict(tasks=tasks)["notes"]) == ("still", [])
    found = verdict(tasks={"before": answer, "after": answer})
    assert (found["verdict"], found["notes"]) == ("still", ["Nobody asked what the director worked on"])


def test_lines_are_bounded_and_printable():
    def change(result):
        for number in range(500):
            name = f"public.\x1b[31m{number}\n{'x' * 5000}"
            content(result)["tables"][name] = {"rows": 1, "digest": "d"}
            content(result)["marks"]["after"]["tables"][name] = {"versions": "9 1 1 1", "counted": "1 0 0"}

    found = verdict(change)
    assert (len(found["moved"]), found["verdict"]) == (500, "moved")
    assert len(found["lines"]) < 15
    assert found["lines"][-1].endswith("and 490 more")
    assert all(line.isprintable() and len(line) < 600 for line in found["lines"])
    assert all(len(item["table"]) < 300 for item in found["moved"])
