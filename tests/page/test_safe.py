# SPDX-License-Identifier: GPL-3.0-or-later
"""What a director says stays text, and the page asks nobody for anything, whatever gets into it."""

from __future__ import annotations

import re

import pytest
from told import fail, lose, told, warn
from views import RESTORE

ELSEWHERE = "http://203.0.113.1/x"
MARKUP = f"<img src={ELSEWHERE} onerror=alert(1)><script>alert(2)</script><b>b</b></script><svg onload=alert(3)>"
STYLE = "Object.assign(document.createElement('style'), {textContent: '*{}'})"
KEPT = re.compile(r"\d{8}T\d{6}Z|\d{4}-\d\d-\d\dT[\d:]+Z|[a-z_]*")


def hostile(value):
    """Return what is told with markup behind each text that is no id, no time and none of a few words."""
    if isinstance(value, dict):
        return {name: hostile(one) for name, one in value.items()}
    if isinstance(value, list):
        return [hostile(one) for one in value]
    return f"{value}{MARKUP}" if isinstance(value, str) and not KEPT.fullmatch(value) else value


@pytest.mark.parametrize("spoil", [fail, warn, lose], ids=lambda one: one.__name__)
def test_a_hostile_name_stays_text(opened, spoil):
    given = told(2, 6)
    spoil(given["directors"][0])
    given = hostile(given)
    director = given["directors"][0]
    found = opened(given)
    assert MARKUP in found.page.locator("main").inner_text()
    found.director(director["name"])
    for button in found.page.get_by_role("button", name=RESTORE).all():
        button.click()
    text = found.page.locator("main").inner_text()
    assert text.count(MARKUP) > 20
    assert director["health"]["problems"][0]["said"] in text
    assert found.page.locator("main img, main script, main b, main svg, main [onerror], main [onload]").count() == 0
    assert found.page.locator("main :not(canvas):not(.u-wrap, .u-wrap *, .uplot)[style]").count() == 0


def test_words_that_no_reader_knows_stay_text(opened):
    given = told(1, 1)
    director = given["directors"][0]
    director["state"] = "ok"
    director["backups"][0].update(verdict=MARKUP, mode=MARKUP)
    director["runs"][0].update(kind=MARKUP, outcome=MARKUP, reason=MARKUP)
    found = opened(given, f"#director={director['name']}")
    assert found.page.locator("main").inner_text().count(MARKUP) >= 4


@pytest.mark.parametrize("word", ["__proto__", "constructor", "toString"])
def test_a_word_that_javascript_knows_is_one_that_no_reader_knows(opened, word):
    given = told(1, 1)
    director = given["directors"][0]
    director.update(state=word, name=word)
    director["backups"][0]["verdict"] = word
    director["runs"][0]["outcome"] = word
    found = opened(given)
    assert found.page.locator("tbody .badge").all_inner_texts() == ["✓ Fine", f"? {word}"]
    found.director(word)
    assert found.page.locator("tbody .badge").all_inner_texts() == [f"? {word}"] * 2


def blocked(found, what):
    """Return which directive of the policy stood in the way of what a script tries."""
    watch = "addEventListener('securitypolicyviolation', (event) => blocked.push(event.effectiveDirective))"
    found.page.evaluate(f"window.blocked = []; {watch}")
    found.page.evaluate(what)
    found.page.wait_for_function("blocked.length > 0")
    found.complained.clear()
    found.asked.clear()
    return set(found.page.evaluate("blocked"))


@pytest.mark.parametrize(
    ("what", "directive"),
    [
        (f"document.body.append(Object.assign(new Image(), {{src: '{ELSEWHERE}'}}))", "img-src"),
        (f"void fetch('{ELSEWHERE}').catch(() => 0)", "connect-src"),
        (
            "document.head.append(Object.assign(document.createElement('style'), {textContent: '*{}'}))",
            "style-src-elem",
        ),
        ("try { document.body.setAttribute('onclick', 'alert(1)') } catch {}", "require-trusted-types-for"),
        ("document.body.setAttribute('style', 'color: red')", "style-src-attr"),
        (f"document.body.append(Object.assign(document.createElement('iframe'), {{src: '{ELSEWHERE}'}}))", "frame-src"),
        ("try { document.body.innerHTML = '<b>x</b>' } catch {}", "require-trusted-types-for"),
        ("try { trustedTypes.createPolicy('x', {}) } catch {}", "trusted-types"),
    ],
)
def test_the_policy_stands_in_the_way_of_what_a_page_could_do(opened, what, directive):
    found = opened(told())
    assert blocked(found, what) == {directive}


def test_an_address_that_names_no_director_shows_all(opened):
    found = opened(told())
    for anchor in ("#director=nobody", "#director=%E0%A4%A", "#x", "#director=<b>"):
        found.page.reload()
        assert found.go(anchor).get_by_role("heading", level=1).inner_text() == "Backups of directors"
