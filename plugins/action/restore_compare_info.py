# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends the metadata of a backup along with the module, and survives a lost connection."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.plugin_utils._source._tree_action import TreeAction as ActionModule

__all__ = ["ActionModule"]
