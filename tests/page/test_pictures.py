# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the pictures that the guides show, into build/pictures: from there they are copied to docs/images."""

from __future__ import annotations

import struct

import pytest
from places import REPOSITORY
from told import fleet
from views import PHONE

TAKEN = REPOSITORY / "build" / "pictures"
SHOWN = REPOSITORY / "docs" / "images"
FAILING = "bosh-us-2"


def size_of(picture):
    return struct.unpack(">II", picture.read_bytes()[16:24])


@pytest.mark.parametrize(
    ("name", "anchor", "look"),
    [
        ("report.png", "", {"viewport": {"width": 1400, "height": 860}}),
        (
            "report-director.png",
            f"#director={FAILING}",
            {"viewport": {"width": 1400, "height": 1400}, "color_scheme": "dark"},
        ),
        ("report-phone.png", f"#director={FAILING}", {"viewport": {**PHONE, "height": 1200}}),
    ],
)
def test_the_guides_show_pictures_as_they_are_taken_here(opened, name, anchor, look):
    TAKEN.mkdir(parents=True, exist_ok=True)
    found = opened(fleet(60), anchor, **look)
    found.page.locator(".u-wrap").last.wait_for()
    found.page.screenshot(path=TAKEN / name)
    assert size_of(TAKEN / name) == size_of(SHOWN / name)
