# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the rsync rules for some paths and nothing else."""

from __future__ import annotations

import re


def only_paths(paths):
    """Given paths, return the rules for them alone; one with a slash at its end is a directory with all in it."""
    rules = []
    for path in paths:
        if "\n" in path:
            continue  # no rule can name it
        name = re.sub(r"([\\*?\[])", r"\\\1", path) if re.search(r"[*?\[]", path) else path
        steps = name.strip("/").split("/")
        rules += [f"+ /{'/'.join(steps[:length])}/" for length in range(1, len(steps))]
        rules.append(f"+ /{'/'.join(steps)}" + ("/***" if path.endswith("/") else ""))
        if path.endswith("/"):
            rules.append(f"+ /{'/'.join(steps)}")  # it may be a link
    return [*dict.fromkeys(rules), "- *"]


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"only_paths": only_paths}
