# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Chromium opens pages made of what a test says is told, and nothing may be asked for or complained about."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._page._page import page as page_of
from playwright.sync_api import sync_playwright
from told import AT
from views import WHERE, WIDE

# As script/setup looks for it.
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium():
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    assert program, "there is no Chromium: script/setup --with page installs it"
    # Chromium has no sandbox of its own for root, and opens nothing here but files that a test has made.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


class Opened:
    """A page that is open, and what it asked for and complained of."""

    def __init__(self, context, file: Path):
        self.context, self.file = context, file
        self.asked, self.complained = [], []
        self.page = context.new_page()
        self.page.set_default_timeout(10_000)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.complained.append(message.text))
        self.page.on("pageerror", lambda error: self.complained.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complained.append(f"dialog {dialog.message}"))

    def go(self, anchor=""):
        self.page.goto(f"{self.file.as_uri()}{anchor}")
        return self.page

    def director(self, name):
        """Go to a director by its link in the table."""
        self.page.get_by_role("link", name=name, exact=True).click()
        self.page.get_by_role("heading", level=1).filter(has_text=name).wait_for()


@pytest.fixture
def opened(chromium, tmp_path):
    """Open the page of what is told, so many hours after it was made, or today.

    Afterwards nothing was asked for but the page itself, and nobody complained.
    """
    made = []

    def open_page(what, anchor="", later=2, **more):
        file = tmp_path / "report.html"
        file.write_text(page_of(what, WHERE), encoding="utf-8")
        context = chromium.new_context(**{"viewport": WIDE, **more})
        found = Opened(context, file)
        made.append(found)
        if later is not None:
            found.page.clock.set_fixed_time(AT.timestamp() + later * 3600)
        found.go(anchor)
        return found

    yield open_page
    for one in made:
        one.context.close()
        assert [url for url in one.asked if url.partition("#")[0] != one.file.as_uri()] == []
        assert one.complained == []
