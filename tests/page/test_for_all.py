# SPDX-License-Identifier: GPL-3.0-or-later
"""The page is there for everybody: by keyboard, by ear, in the dark, on a phone, on paper, and at once."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from told import fleet, told
from views import PHONE, RESTORE, WIDE

FAILING = "bosh-us-2"
LOST = "bosh-eu-3"


def complaints(page):
    """Return what axe-core finds, by its rules: contrast, labels, roles, order of headings, and all the others."""
    found = Axe().run(page).response["violations"]
    return {one["id"]: [node["html"][:200] for node in one["nodes"][:3]] for one in found}


@pytest.mark.parametrize(("scheme", "viewport"), [("light", WIDE), ("dark", WIDE), ("light", PHONE)])
def test_axe_finds_nothing_to_complain_of(opened, scheme, viewport):
    found = opened(fleet(8), color_scheme=scheme, viewport=viewport, later=50, bypass_csp=True)
    assert complaints(found.page) == {}
    for name in (FAILING, LOST):
        found.go(f"#director={name}")
        for button in found.page.get_by_role("button", name=RESTORE).all()[:3]:
            button.click()
        assert complaints(found.page) == {}


def test_light_and_dark_are_different_in_the_charts_too(opened):
    found = opened(told(1, 10), "#director=bosh-lab-1", color_scheme="dark")
    picture = "document.querySelector('.chart canvas').toDataURL()"
    dark, back = found.page.evaluate(picture), "getComputedStyle(document.documentElement).backgroundColor"
    assert found.page.evaluate(back) == "rgb(18, 21, 24)"
    found.page.emulate_media(color_scheme="light")
    found.page.wait_for_function(f"dark => {picture} !== dark", arg=dark)
    assert found.page.evaluate(back) == "rgb(246, 247, 248)"


def test_it_can_be_used_with_the_keyboard_alone(opened):
    page = opened(fleet(5)).page
    page.get_by_label("Find a director").focus()
    page.keyboard.type(FAILING)
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "A":
            break
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=1, name=FAILING).wait_for()
    assert page.title() == f"{FAILING}: backups"
    assert page.evaluate("document.activeElement.id") == "page"
    page.get_by_role("button", name=RESTORE).first.focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("button", name=RESTORE).first.get_attribute("aria-expanded") == "true"
    page.keyboard.press("Enter")
    assert page.locator(".inside").count() == 0
    page.go_back()
    page.get_by_role("heading", level=1, name="Backups of directors").wait_for()


def test_the_focus_stays_with_what_was_pressed(opened):
    page = opened(fleet(5)).page
    for button in ("2 with a warning", "Size"):
        page.get_by_role("button", name=button).focus()
        page.keyboard.press("Enter")
        assert button in page.evaluate("document.activeElement.innerText")


def test_a_phone_shows_it_without_scrolling_sideways(opened):
    given = fleet(5)
    given["directors"][0]["name"] = "a-director-with-a-rather-long-name.and-a-domain.example.com"
    found = opened(given, viewport=PHONE)
    for anchor in ("", f"#director={FAILING}", f"#director={LOST}", f"#director={given['directors'][0]['name']}"):
        found.go(anchor)
        for button in found.page.get_by_role("button", name=RESTORE).all()[:2]:
            button.click()
        frames = "[document.documentElement, ...document.querySelectorAll('.frame')]"
        widths = found.page.evaluate(f"{frames}.map((one) => [one.scrollWidth, one.clientWidth])")
        assert [(inside, outside) for inside, outside in widths if inside > outside] == []
        assert widths[0] == [PHONE["width"]] * 2


def test_a_usual_screen_shows_all_columns(opened):
    page = opened(fleet(60), viewport=WIDE).page
    frame = page.get_by_role("region", name="Directors")
    assert frame.evaluate("one => one.scrollWidth - one.clientWidth") == 0
    assert page.get_by_role("columnheader", name="Elsewhere").is_visible()


def test_on_paper_it_is_light_and_has_no_buttons(opened):
    found = opened(fleet(5), f"#director={FAILING}", color_scheme="dark")
    picture = "document.querySelector('.chart canvas').toDataURL()"
    dark = found.page.evaluate(picture)
    found.page.emulate_media(media="print", color_scheme="dark")
    found.page.wait_for_function(f"dark => {picture} !== dark", arg=dark)
    assert found.page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert not found.page.get_by_role("button", name=RESTORE).first.is_visible()
    assert found.page.get_by_label("The end of the log").is_visible()
    assert found.page.pdf().startswith(b"%PDF")


def test_thirty_directors_with_two_hundred_backups_each_are_there_within_a_second(opened):
    """The best of five, as the machine may be at work with other tests."""
    found = opened(fleet(200), later=None)
    load = "performance.getEntriesByType('navigation')[0].loadEventEnd"
    took = []
    for _ in range(5):
        found.page.reload()
        took.append(found.page.evaluate(load))
    assert found.page.get_by_role("region", name="Directors").locator("tbody tr").count() == 30
    assert min(took) < 1000, took


def test_without_javascript_it_says_where_else_to_look(opened):
    page = opened(told(), java_script_enabled=False).page
    assert "microbosh.director.backups" in page.locator("noscript").inner_text()
