# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the other keys of an ssh agent away from a login that has its own key, or a password."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.plugin_utils._run._ssh_settings import (
    arguments_for,
    has_password,
    identity_options,
)


def ssh_identity(variables, key=""):
    """Given a host's variables and the private key of the login, perhaps none, return arguments for ssh."""
    return " ".join(identity_options(key, arguments_for(variables), has_password(variables)))


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"ssh_identity": ssh_identity}
