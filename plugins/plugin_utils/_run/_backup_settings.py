# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the settings of a backup, each of which is valid by itself, go together."""

from __future__ import annotations

import os
from collections import Counter

# What a backup has itself among the extra files.
OURS = ("elsewhere", "attributes.getfattr")


def settings_refusal(settings: dict) -> str:
    """Given settings by their names without C(microbosh_), return why no backup can be made with them, or ""."""
    return _of_numbers(settings) or _of_mode(settings) or _of_extra_files(settings["extra_files"])


def _of_numbers(settings):
    above_zero = [float(settings[name] or 0) for name in ("timeout", "outage_limit", "online_attempts")]
    counts = [float(count or 0) for count in settings["keep"].values()]
    if min(above_zero) >= 1 and min(counts, default=0) >= 0:
        return ""
    return (
        f"microbosh_timeout ({settings['timeout']}) and microbosh_outage_limit ({settings['outage_limit']}) are "
        f"seconds above 0, microbosh_online_attempts ({settings['online_attempts']}) is one at least, and no count in "
        f"microbosh_keep ({settings['keep']}) may be negative."
    )


def _of_mode(settings):
    if settings["mode"] == "offline" or settings["databases"]:
        return ""
    return (
        f"microbosh_mode is {settings['mode']}, and microbosh_databases is empty. Whether the director held still "
        "while it was copied is seen by dumps of its databases, so without one nothing is proven. Set "
        "microbosh_databases: all, or microbosh_mode: offline."
    )


def _of_extra_files(files):
    names = Counter(os.path.basename(str(path)) for path in files)
    if max(names.values(), default=1) == 1 and not names.keys() & set(OURS):
        return ""
    return (
        f"microbosh_extra_files is {', '.join(map(str, files))}. In the backup each has its name without its "
        f"directory, so no two may have the same name, and none {' or '.join(OURS)}, which a backup has itself. "
        "Rename one."
    )
