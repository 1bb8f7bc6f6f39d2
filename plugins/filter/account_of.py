# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a user's account from what getent printed on a director."""

from __future__ import annotations

import re

from ansible.errors import AnsibleFilterError
from ansible_collections.microbosh.director.plugins.plugin_utils._run._printable import printable
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._told_paths import is_plain

FIELDS = ("password", "uid", "gid", "comment", "home", "shell")
# Nobody's home, and no place in which setup should let a key in or root remove an account's files.
SYSTEM = re.compile(
    r"/(?:bin|boot|dev|etc|lib[0-9x]*|proc|run|sbin|sys|usr)(?:/.*)?|/|/(?:home|opt|srv|tmp|var)|/var/vcap"
)
NUMBER = re.compile(r"[0-9]{1,10}")


def account_of(said, user):
    """Given what ``getent passwd`` printed, return the user's account, {} if there is none."""
    lines = [line for line in str(said).split("\n") if line.partition(":")[0] == user]
    if not lines:
        return {}
    values = lines[0].split(":")[1:]
    if len(lines) > 1 or len(values) != len(FIELDS) or not all(NUMBER.fullmatch(number) for number in values[1:3]):
        shown = printable(lines[0])[:200]
        raise AnsibleFilterError(f"The director says of its user {user} what is no account: {shown}")
    account = dict(zip(FIELDS, values, strict=True))
    if not is_plain(account["home"]) or SYSTEM.fullmatch(account["home"]):
        raise AnsibleFilterError(
            f"The director says that the home of its user {user} is {printable(account['home'])[:200]!r}, which is no "
            "place for a key. Look at that account (getent passwd), or set microbosh_user to another user."
        )
    return {**account, "uid": int(account["uid"]), "gid": int(account["gid"])}


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"account_of": account_of}
