# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a director once; each part of the answer passes the gate as that of the module that it is of."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.plugin_utils._run._director_action import DirectorAction
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import documented

MODULE = "director_info"
PARTS = {"summary": "monit_summary", "agent": "bosh_agent_info", "postgres": "postgres_info"}
KNOWN = documented(MODULE)
for part, module in PARTS.items():
    KNOWN[part] = {**KNOWN[part], "contains": documented(module)}


class ActionModule(DirectorAction):
    """Run the module; what it answers is what the modules of its parts may answer."""

    def _known(self):
        return MODULE, KNOWN
