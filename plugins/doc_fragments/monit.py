# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options by which the services of a director are reached, and its agent."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  monit:
    description: Path of the monit program on the director.
    type: path
    default: /var/vcap/bosh/bin/monit
"""

    AGENT = r"""
options:
  manager:
    description: What runs the agent. V(auto) finds it out.
    type: str
    choices: [auto, runit, systemd]
    default: auto
"""
