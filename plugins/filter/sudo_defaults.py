# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says which settings of sudo the backup's command lines need, whatever the host's own are."""

from __future__ import annotations

import re

VERSION = re.compile(r"Sudo version (\d+)\.(\d+)\.?(\d*)")
# Since which version of sudo there is a setting; visudo refuses what it does not know.
SINCE = {
    # Root's programs get nothing of the caller's environment: neither PATH, by which scripts find their programs, nor
    # HOME and those of XDG, where programs find their configuration.
    "env_reset": (1, 6, 0),
    "!setenv": (1, 7, 0),
    "always_set_home": (1, 6, 0),
    "!env_keep": (1, 6, 0),
    "!env_check": (1, 6, 0),
    "!exempt_group": (1, 6, 0),
    # A run has no terminal, the reader starts rsync, and neither is to be stopped in the middle of a copy, nor is what
    # is copied to be written down by sudo.
    "!requiretty": (1, 6, 0),
    "!noexec": (1, 6, 8),
    "!log_input": (1, 7, 4),
    "!log_output": (1, 7, 4),
    "!command_timeout": (1, 8, 20),
    "!runchroot": (1, 9, 3),
    "!runcwd": (1, 9, 3),
    "!intercept": (1, 9, 8),
    "!log_subcmds": (1, 9, 8),
}


def sudo_defaults(path, said):
    """Given root's PATH and what ``sudo -V`` printed on the director, return the settings for our commands."""
    found = VERSION.search(str(said))
    version = tuple(int(part or 0) for part in found.groups()) if found else (1, 7, 0)
    return [*(name for name, since in SINCE.items() if version >= since), f'secure_path="{path}"']


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"sudo_defaults": sudo_defaults}
