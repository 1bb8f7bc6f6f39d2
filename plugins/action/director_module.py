# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuses a task of this name: the module is sent in the place of others, by their own actions."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.plugin_utils._run._director_action import (
    DirectorAction as ActionModule,
)

__all__ = ["ActionModule"]
