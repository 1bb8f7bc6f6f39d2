# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of what is done to a director that a run holds."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  lease:
    description:
      - The token of an armed lease, RV(microbosh.director.director_lease#module:token). Nothing is stopped unless
        that lease is in force, even if this task arrives on the director, or goes on, after its run has ended.
      - The first start with that token forbids all further stops under it.
    type: str
  staging:
    description: The directory on the director that the lease is in.
    type: path
    default: /var/vcap/store/microbosh-backup
"""

    # The lease itself, for who takes it or looks at it.
    STAGING = r"""
options:
  staging:
    description:
      - The directory on the director that the setup playbook has made for the backup user.
      - It must belong to the user the module runs as, and nobody else may be able to write to it.
    type: path
    default: /var/vcap/store/microbosh-backup
"""
