# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter for the times of day in which an outage may begin."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.microbosh.director.plugins.plugin_utils._run._outage_window import WindowError
from ansible_collections.microbosh.director.plugins.plugin_utils._run._outage_window import outage_window as found


def outage_window(text, now):
    """Return what windows say of a time; what is none fails the task."""
    try:
        return found(text, now)
    except WindowError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"outage_window": outage_window}
