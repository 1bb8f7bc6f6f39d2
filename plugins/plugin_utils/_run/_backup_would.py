# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup would do, for a person who asks with --check."""

from __future__ import annotations

from ansible.module_utils.common.text.formatters import bytes_to_human


def backup_would(would: dict) -> list[str]:
    """Given what a backup would do, as it is known without one, return the lines that are told.

    ``would`` has the ``mode``, the number of online ``attempts`` and what becomes of one that ``moved``, the ``window``
    of outages, the ``estimate`` of the copy, the ``databases`` and the ``dump_bytes``, the ``services`` that run, the
    ``previous`` backup and its ``outage`` (None if it is not known), the ``limit`` of an outage, the ``path`` and the
    ``archive``, and where it is copied to, ``offsite``.
    """
    estimate, databases = would["estimate"], would["databases"]
    not_now = would["mode"] == "offline" and would["window"]["refusal"]
    lines = [
        f"A backup could be made{', but not now' if not_now else ''}; nothing was dumped, copied or stopped. It would",
        f"  copy     {estimate['transfer_files']} files, {bytes_to_human(estimate['transfer_bytes'])}, of "
        f"{estimate['total_files']} files, {bytes_to_human(estimate['total_bytes'])} in all",
        f"  dump     {', '.join(databases)}, about {bytes_to_human(int(would['dump_bytes']))}"
        if databases
        else "  dump     no database",
        *BY_MODE[would["mode"]](would),
        f"  to       {would['path']}, where {bytes_to_human(estimate['free_bytes'])} are free",
    ]
    lines += [f"  pack     {would['archive']}"] if would["archive"] else []
    return lines + ([f"  copy to  {would['offsite']}"] if would["offsite"] else [])


def _online(would):
    last = "and publish what moved, with the list" if would["moved"] == "publish" else "else end with status 4"
    return [f"  online   {_attempts(would)}, {last}", "  stop     nothing (online)", "  outage   none"]


def _auto(would):
    return [
        f"  online   {_attempts(would)}; nothing is stopped then, else",
        *_offline(would),
    ]


def _offline(would):
    return [
        f"  stop     {len(would['services'])} services and the agent: {', '.join(would['services'])}",
        f"  outage   {_outage(would)}",
        *_window(would["window"]),
    ]


BY_MODE = {"online": _online, "auto": _auto, "offline": _offline}


def _attempts(would):
    attempts = int(would["attempts"])
    return f"try {f'{attempts} times' if attempts > 1 else 'once'} whether the director holds still while it is copied"


def _window(window):
    """Return when the outage may be."""
    if window["refusal"]:
        return [f"  window   {window['refusal']}"]
    return [f"  window   {window['words']}, which is open"] if window["words"] else []


def _outage(would):
    limit = f"the lease ends it after {would['limit']} s"
    if would["outage"]:
        return f"about {would['outage']} s, as in the backup {would['previous']}; {limit}"
    return f"not known before the first backup that stops the director; {limit}"
