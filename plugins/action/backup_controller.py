# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has on the controller what a run needs there: what it tells passes the gate as well."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.modules import backup_controller
from ansible_collections.microbosh.director.plugins.plugin_utils._run._director_action import ControllerAction


class ActionModule(ControllerAction):
    """Do the module's work in this process."""

    module = backup_controller
