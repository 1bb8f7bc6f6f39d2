# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person sees is what is told: each director, each backup, each command."""

from __future__ import annotations

import shlex

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._page._commands import restore_command
from ansible_collections.microbosh.director.plugins.plugin_utils._run._lines import duration, size
from told import PARTS, PHASES, fail, fleet, lose, told
from views import RESTORE, WHERE, rows

VERDICTS = {
    "proven": "✓ Proven",
    "still": "✓ Proven, online",
    "moved": "! Moved",
    "lost_blobs": "! Blobs lost 3 blobs lost",
    "damaged": "✕ Damaged",
}


def away(backup):
    return "none" if backup["mode"] == "online" else duration(backup["outage_seconds"])


def copied(offsite):
    if not offsite:
        return "none"
    hours = (offsite["age_seconds"] + 2 * 3600) // 3600  # the page is looked at later
    return f"{hours} h ago" if hours < 48 else f"! Too old {hours // 24} d ago"


def expected(director):
    """Return what the table has to say of a director that is well, from its outage on."""
    newest = director["backups"][0]
    sizes = [away(newest), size(newest["all"]["bytes"]), size(newest["new"]["bytes"])]
    return [*sizes, "3 d ago back in 58.3 s", copied(director["offsite"]), str(len(director["backups"])), ""]


def test_every_director_is_in_the_table_with_its_state_the_worst_first(opened):
    given = fleet(5)
    by_name = {one["name"]: one for one in given["directors"]}
    shown = rows(opened(given).page, "Directors")
    assert [row[0] for row in shown[:4]] == ["bosh-us-2", "bosh-ap-4", "bosh-eu-3", "bosh-us-5"]
    assert {row[0]: row[4:] for row in shown} == {name: expected(one) for name, one in by_name.items()}
    problem = given["directors"][7]["health"]["problems"][0]["said"]
    assert shown[0][1:4] == [f"✕ Failed {problem}", "2 d ago", "✕ Failed 5 h ago"]
    assert shown[3][1:4] == ["↻ Running", "5 h ago", "✓ Succeeded 5 h ago"]
    assert {row[1] for row in shown[4:]} == {"✓ Fine"}


@pytest.mark.parametrize(
    ("state", "health", "word"),
    [
        ("none", 2, "✕ No backup"),
        ("unreadable", 0, "✕ Unreadable"),
        ("ok", 1, "! Warning"),
        ("ok", 2, "✕ Critical"),
        ("ok", 3, "? Unknown"),
        ("running", 2, "✕ Critical"),
        ("running", 0, "↻ Running"),
    ],
)
def test_each_state_has_its_word(opened, state, health, word):
    given = told(1, 0 if state == "none" else 1)
    given["directors"][0].update(state=state, health={"status": health, "problems": []})
    assert rows(opened(given).page, "Directors")[0][1] == word


def test_every_backup_of_a_director_is_shown(opened):
    given = fleet(200)
    director = given["directors"][11]
    page = opened(given, f"#director={director['name']}").page
    shown = rows(page, "Backups")
    assert len(shown) == 200
    for row, backup in zip(shown, director["backups"], strict=True):
        assert row[0].endswith(backup["id"])
        assert row[1] == VERDICTS[backup["verdict"]]
        assert row[3:7] == [backup["mode"], away(backup), size(backup["new"]["bytes"]), size(backup["all"]["bytes"])]
    assert shown[2][7] == "✕ not whole 11 h ago"
    assert {row[7] for row in shown[4:]} == {"not since"}


def test_the_phases_of_the_last_run_and_where_the_outage_went(opened):
    given = told(1, 3)
    newest = given["directors"][0]["backups"][0]
    page = opened(given, f"#director={given['directors'][0]['name']}").page
    phases = [[one["phase"], duration(one["seconds"]), ""] for one in newest["phases"]]
    parts = [[one["part"], duration(one["seconds"]), ""] for one in newest["outage"]]
    assert rows(page, "Phases of the last run") == phases
    assert rows(page, "Where the outage went") == parts
    assert (len(phases), len(parts)) == (len(PHASES), len(PARTS))


def test_the_last_failure_with_the_end_of_its_log(opened):
    given = told(1, 5)
    director = fail(given["directors"][0])
    page = opened(given, f"#director={director['name']}").page
    run = director["runs"][0]
    assert page.get_by_label("The end of the log").inner_text() == "\n".join(run["log_end"])
    failure = page.locator(".failure").inner_text()
    assert run["error"] in failure
    assert run["log"] in failure
    problems = page.get_by_role("list", name="What is wrong").get_by_role("listitem").all_inner_texts()
    assert problems == [one["said"] for one in director["health"]["problems"]]
    assert rows(page, "Phases of the last run") == [["Settings", "1.4 s", ""], ["Preflight", "4.7 s", ""]]


def test_a_failure_after_which_it_succeeded_is_there_but_closed(opened):
    given = told(1, 5)
    director = given["directors"][0]
    director["runs"][1].update(outcome="killed", error="", log_end=["the last words"])
    page = opened(given, f"#director={director['name']}").page
    assert not page.get_by_label("The end of the log").is_visible()
    page.get_by_text("The last failure, since then it succeeded").click()
    assert page.get_by_label("The end of the log").inner_text() == "the last words"


def test_the_command_that_restores_a_backup_is_shown_and_copied(opened):
    given = told(2, 3)
    director = given["directors"][1]
    backup = director["backups"][1]
    found = opened(given, f"#director={director['name']}", permissions=["clipboard-read", "clipboard-write"])
    page = found.page
    page.get_by_role("button", name=f"Restore, and all about {backup['id']}").click()
    about = f"the command that restores {backup['id']}"
    command = f"{restore_command(director['name'], WHERE)} -e microbosh_restore_from={backup['id']}"
    assert page.get_by_label(f"The {about[4:]}", exact=True).inner_text() == command
    page.get_by_role("button", name=f"Copy {about}", exact=True).click()
    page.get_by_role("status").get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == command
    assert shlex.split(command)[-1] == f"microbosh_restore_from={backup['id']}"
    archived = page.get_by_label(f"The {about[4:]} from its archive", exact=True).inner_text()
    assert archived.endswith(f"-e microbosh_restore_from={backup['archive']['path']}")


def test_a_copy_elsewhere_is_shown_with_its_backup_and_the_command_that_takes_it(opened):
    given = told(1, 4)
    director = lose(given["directors"][0])
    whole, damaged = director["backups"][1:3]
    page = opened(given, f"#director={director['name']}").page
    assert {row[8] for row in rows(page, "Backups")} == {"archive, copied"}
    for backup in (whole, damaged):
        page.get_by_role("button", name=backup["id"]).click()
        line = page.get_by_label(f"The command that restores {backup['id']} from its copy elsewhere", exact=True)
        command = restore_command(director["name"], WHERE)
        assert line.inner_text() == f"{command} -e microbosh_restore_from=offsite:{backup['id']}"
    said = f"Copy elsewhere of its archive, 135.4 MiB, snapshot {whole['offsite']['snapshot'][:8]}"
    assert said in page.locator(".inside").first.inner_text().replace("\n", " ")


def test_what_is_only_elsewhere_is_listed_with_its_command(opened):
    given = told(1, 2)
    director = given["directors"][0]
    only = [one for one in director["offsite"]["copies"] if not one["here"]]
    page = opened(given, f"#director={director['name']}").page
    shown = rows(page, "Only elsewhere")
    assert [row[0].split()[-1] for row in shown] == [one["id"] for one in only]
    page.get_by_role("button", name=f"Restore, and all about {only[1]['id']}").click()
    about = f"The command that restores {only[1]['id']} from its copy elsewhere"
    command = f"{restore_command(director['name'], WHERE)} -e microbosh_restore_from=offsite:{only[1]['id']}"
    assert page.get_by_label(about, exact=True).inner_text() == command
    facts = page.locator(".facts").inner_text().replace("\n", " ")
    assert "Elsewhere 6 h ago 4 copies, checked 5 h ago" in facts


@pytest.mark.parametrize("lost", ["all backups", "all proof"])
def test_where_nothing_here_would_do_a_copy_is_what_brings_it_back(opened, lost):
    """On a new controller, say, or when the disk of the old one is damaged."""
    given = told(1, 2)
    director = given["directors"][0]
    director.update(newest_proven=None)
    if lost == "all backups":
        director.update(backups=[], newest=None, state="none")
    page = opened(given, f"#director={director['name']}").page
    copied = director["offsite"]["newest"]
    command = f"{restore_command(director['name'], WHERE)} -e microbosh_restore_from=offsite:{copied}"
    assert page.get_by_label("The command that restores the newest copy elsewhere", exact=True).inner_text() == command


def test_without_a_repository_in_the_settings_no_command_takes_a_copy(opened):
    given = told(1, 2)
    director = given["directors"][0]
    director["offsite"].update(configured=False, checked={"at": None, "good": False})
    page = opened(given, f"#director={director['name']}").page
    for button in page.get_by_role("button", name=RESTORE).all():
        button.click()
    text = page.locator("main").inner_text()
    assert "offsite:" not in text
    said = "sftp:backup@nas:/srv/restic, which microbosh_offsite of this director does not name any more"
    assert text.count(said) == 4
    assert "4 copies, damaged" in text


def test_where_nobody_copies_elsewhere_nothing_is_said_of_it(opened):
    given = told(2, 2)
    for director in given["directors"]:
        director["offsite"] = None
        for backup in director["backups"]:
            backup["offsite"] = None
    found = opened(given)
    assert "Elsewhere" not in found.page.locator("main").inner_text()
    found.director(given["directors"][0]["name"])
    found.page.get_by_role("button", name=RESTORE).first.click()
    assert "lsewhere" not in found.page.locator("main").inner_text()


@pytest.mark.parametrize(("rule", "status", "word"), [("offsite_age", 1, "! Too old"), ("offsite", 2, "✕ Damaged")])
def test_the_line_of_a_director_says_that_its_copies_are_too_old_or_damaged(opened, rule, status, word):
    given = told(1, 2)
    problem = {"rule": rule, "status": status, "said": "what health says"}
    given["directors"][0]["health"] = {"status": status, "problems": [problem]}
    given["directors"][0]["offsite"]["newest"] = "20261120T020000Z"
    (row,) = rows(opened(given).page, "Directors")
    assert (row[1].split(" ", 2)[2], row[8]) == ("what health says", f"{word} 8 d ago")


def test_the_command_of_the_newest_proven_backup_stands_by_itself(opened):
    given = fleet(5)
    director = given["directors"][18]
    assert director["newest_proven"] != director["newest"]
    page = opened(given, f"#director={director['name']}").page
    command = f"{restore_command(director['name'], WHERE)} -e microbosh_restore_from={director['newest_proven']}"
    assert page.get_by_label("The command that restores the newest proven backup", exact=True).inner_text() == command


def test_without_a_clipboard_the_command_is_selected(opened):
    given = told(1, 1)
    found = opened(given, f"#director={given['directors'][0]['name']}")
    found.page.evaluate("void (navigator.clipboard.writeText = () => Promise.reject(new Error()))")
    found.page.get_by_role("button", name=RESTORE).first.click()
    found.page.get_by_role("button", name="Copy").first.click()
    found.page.get_by_role("status").get_by_text("Selected").wait_for()
    assert found.page.evaluate("getSelection().toString()") == found.page.locator(".command code").first.inner_text()


def test_what_was_lost_moved_or_found_is_told_with_its_backup(opened):
    given = fleet(5)
    lost, moved = given["directors"][11], given["directors"][18]
    found = opened(given, f"#director={lost['name']}")
    for backup in (lost["backups"][0], lost["backups"][2]):
        found.page.get_by_role("button", name=backup["id"]).click()
    text = found.page.get_by_role("region", name="Backups", exact=True).inner_text()
    assert "The director had lost 3 blobs before this backup was made; an earlier backup has 1 of them." in text
    assert lost["backups"][2]["verified"]["findings"][0] in text
    assert f"A restore would refuse this backup. The newest proven one is {lost['newest_proven']}." in text
    found.go(f"#director={moved['name']}")
    found.page.get_by_role("button", name=moved["backups"][0]["id"]).click()
    assert found.page.locator(".names li").all_inner_texts() == ["bosh.events", "bosh.tasks"]


def test_charts_read_as_the_backups_are_and_their_bars_are_drawn(opened):
    given = told(1, 30)
    director = given["directors"][0]
    page = opened(given, f"#director={director['name']}").page
    newest, oldest = director["backups"][0], director["backups"][-1]
    for title, words in {
        "Outage": lambda backup: f"away {duration(backup['outage_seconds'])}",
        "Size": lambda backup: f"in all {size(backup['all']['bytes'])}",
        "New with each backup": lambda backup: f"new {size(backup['new']['bytes'])}",
        "Backups over time": lambda backup: f"proven {duration(backup['seconds'])}",
    }.items():
        chart = page.get_by_role("img", name=f"{title}.")
        chart.focus()
        said = page.locator("figure").filter(has=chart).locator("figcaption .faint")
        for key, backup in (("Home", oldest), ("End", newest)):
            page.keyboard.press(key)
            assert said.inner_text().endswith(f": {words(backup)}")
            assert page.get_by_role("status").inner_text() == said.inner_text()
        assert len(colours(chart)) > 3


COLOURS = """canvas => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return [...new Set(new Uint32Array(data.buffer))];
}"""


def colours(chart):
    """Return the colours that a chart has in it."""
    return chart.locator("canvas").evaluate(COLOURS)


def test_failed_runs_are_in_the_charts(opened):
    given = told(1, 30)
    director = fail(given["directors"][0])
    page = opened(given, f"#director={director['name']}").page
    page.get_by_role("img", name="Backups over time. 28 backups, 2 failed").focus()
    page.keyboard.press("End")
    assert page.get_by_role("status").inner_text().endswith("failed 6.1 s")


def test_the_pointer_reads_a_chart_too(opened):
    given = told(1, 30)
    page = opened(given, f"#director={given['directors'][0]['name']}").page
    chart = page.get_by_role("img", name="Outage.")
    chart.locator(".u-over").hover()
    assert " away " in page.locator("figure").filter(has=chart).locator("figcaption .faint").inner_text()


def test_tiles_and_words_choose_directors_and_heads_order_them(opened):
    page = opened(fleet(5)).page
    page.get_by_role("button", name="2 with a warning").click()
    assert [row[0] for row in rows(page, "Directors")] == ["bosh-ap-4", "bosh-eu-3"]
    page.get_by_label("Find a director").fill("EU")
    assert [row[0] for row in rows(page, "Directors")] == ["bosh-eu-3"]
    page.get_by_role("button", name="1 with a warning").or_(page.get_by_role("button", name="2 with a warning")).click()
    page.get_by_role("button", name="Director", exact=True).click()
    names = [row[0] for row in rows(page, "Directors")]
    assert names == sorted(names)
    assert len(names) == 6
    page.get_by_role("button", name="Director").click()
    assert [row[0] for row in rows(page, "Directors")] == names[::-1]
    page.get_by_label("Find a director").fill("nobody")
    assert page.get_by_text("No director is like that.").is_visible()


def test_a_page_that_is_old_says_so(opened):
    old = "This page is old"
    assert not opened(told(), later=25).page.get_by_text(old).is_visible()
    page = opened(told(), later=50).page
    assert page.get_by_text(old).is_visible()
    assert rows(page, "Directors")[0][2] == "2 d ago"


def test_of_what_is_not_known_nothing_is_made_up(opened):
    given = told()
    given["directors"] = [{"name": "a"}, {"name": "b", "backups": [{}], "runs": [{}]}]
    found = opened(given)
    assert [row[0] for row in rows(found.page, "Directors")] == ["a", "b"]
    found.director("b")
    text = found.page.locator("main").inner_text()
    assert "NaN" not in text
    assert "undefined" not in text
    found.go("#director=a")
    assert "There is no backup." in found.page.locator("main").inner_text()
