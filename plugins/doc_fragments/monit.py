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

    LOOKED_AT = r"""
options:
  wait:
    description:
      - Seconds for which a service is waited for that monit calls initializing, or that has an action pending.
      - Two cycles of monit are enough for it to look at everything, which is 20 seconds on a director.
    type: int
    default: 0
  required_checks:
    description:
      - Names of services that count as not running if monit complains about them, or does not watch them, even if they
        are no processes or their processes live.
      - A name that monit does not know is an error.
    type: list
    elements: str
    default: []
"""
