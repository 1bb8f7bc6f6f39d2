# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the backups of a director are, also before its settings were looked at, and after these were found wrong."""

from __future__ import annotations

from ansible.errors import AnsibleError

SETTING = "microbosh_backup_dir"
RUN = "run_dir"


def place_of_backups(templar, task_vars: dict) -> str:
    """Return the directory of a run's backups, "" where the settings do not say."""
    try:
        return str(templar.template(task_vars[RUN]) or "")
    except (AnsibleError, KeyError, TypeError, ValueError):
        return ""
