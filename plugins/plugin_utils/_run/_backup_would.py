# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup would do, for a person who asks with --check."""

from __future__ import annotations

from ansible.module_utils.common.text.formatters import bytes_to_human


def backup_would(would: dict) -> list[str]:
    """Given what a backup would do, as it is known without one, return the lines that are told.

    ``would`` has the ``mode``, the ``estimate`` of the copy, the ``databases`` and the ``dump_bytes``, the ``services``
    that run, the ``previous`` backup and its ``outage`` (None if it is not known), the ``limit`` of an outage, the
    ``path`` and the ``archive``.
    """
    estimate, databases = would["estimate"], would["databases"]
    lines = [
        "A backup could be made; nothing was dumped, copied or stopped. It would",
        f"  copy     {estimate['transfer_files']} files, {bytes_to_human(estimate['transfer_bytes'])}, of "
        f"{estimate['total_files']} files, {bytes_to_human(estimate['total_bytes'])} in all",
        f"  dump     {', '.join(databases)}, about {bytes_to_human(int(would['dump_bytes']))}"
        if databases
        else "  dump     no database",
        f"  stop     {_stopped(would)}",
        f"  outage   {_outage(would)}",
        f"  to       {would['path']}, where {bytes_to_human(estimate['free_bytes'])} are free",
    ]
    return lines + ([f"  pack     {would['archive']}"] if would["archive"] else [])


def _stopped(would):
    if would["mode"] != "offline":
        return "nothing (online)"
    return f"{len(would['services'])} services and the agent: {', '.join(would['services'])}"


def _outage(would):
    if would["mode"] != "offline":
        return "none"
    limit = f"the lease ends it after {would['limit']} s"
    if would["outage"]:
        return f"about {would['outage']} s, as in the backup {would['previous']}; {limit}"
    return f"not known before the first backup that stops the director; {limit}"
