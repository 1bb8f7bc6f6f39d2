# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the page look at, and in which size."""

from __future__ import annotations

import re

WHERE = ["/etc/ansible/inventory"]
WIDE = {"width": 1400, "height": 1000}
PHONE = {"width": 390, "height": 844}
# The buttons that open a backup.
RESTORE = re.compile("^Restore, and all about ")
ROWS = "rows => rows.map(row => [...row.children].map(cell => cell.innerText.replace(/\\s+/g, ' ').trim()))"


def rows(page, label):
    """Return what stands in the cells of a table."""
    return page.get_by_role("region", name=label, exact=True).locator("tbody > tr").evaluate_all(ROWS)
