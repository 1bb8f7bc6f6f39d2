# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells the director which process of the controller the lease is for, so that a dead one delays no other run."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.plugin_utils._run._lease_action import LeaseAction as ActionModule

__all__ = ["ActionModule"]
