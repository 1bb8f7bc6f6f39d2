# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Composes the options of the backup key in authorized_keys."""

from __future__ import annotations

import re

# Before OpenSSH 7.8 no option keeps a key from listening on the director.
PERMITLISTEN = re.compile(r"OpenSSH_(7[.][89]|[89]|[1-9][0-9])")
REST = "no-agent-forwarding,no-X11-forwarding"


def key_options(target, version):
    """Given the database server that is not on the director, and what ``ssh -V`` printed there, return the options.

    The key forwards nothing, but to that server. ``target`` is "" where the director has the database.
    """
    if not target:
        return f"no-port-forwarding,{REST}"
    listen = ',permitlisten="127.0.0.1:1"' if PERMITLISTEN.search(str(version)) else ""
    return f'permitopen="{target}"{listen},{REST}'


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"key_options": key_options}
