# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says why a login cannot become root on the director, and what to do about it."""

from __future__ import annotations

# What sudo, or Ansible of it, says, and what helps.
HINTS = (
    (
        ("must have a tty",),
        "sudo wants a terminal there (Defaults requiretty), and no run has one. Add a line to its sudoers file "
        "(visudo), for setups and restores: Defaults:{login},root !requiretty. For backups setup writes such a line "
        "itself.",
    ),
    (
        ("password is required", "Missing sudo password", "Incorrect sudo password", "Sorry, try again"),
        "Give the right password with --ask-become-pass, or ansible_become_password as a vaulted variable.",
    ),
    (("not in the sudoers", "not allowed"), "Set up as a user whom sudo lets become root there."),
)


def not_root(said, login):
    """Given what a task said that was to become root, return that and the way out. A banner is no reason."""
    lines = [line for name in ("msg", "stderr") for line in str(said.get(name) or "").splitlines()]
    known = [(line, hint) for line in lines for signs, hint in HINTS if any(sign in line for sign in signs)]
    if known:
        line, hint = known[0]
        return f"{line.rstrip('.')}. {hint.format(login=login)}"
    return " ".join(lines) or "It said nothing."


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"not_root": not_root}
