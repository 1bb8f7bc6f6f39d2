# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attributes that every module of the collection documents."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and tell what would change without changing it.
  diff_mode:
    description: Returns what changed, or would change, when in diff mode.
  idempotent:
    description: Run a second time with the same options, it changes nothing.
  platform:
    description: Where the module runs.
    platforms: posix
    support: full
"""

    # The module runs on the director, as the backup user.
    DIRECTOR = r"""
options: {}
notes:
  - Runs on the director with Python 2.7 or 3.6 and later, and only the standard library.
  - Does not need C(become). What has to run as root runs through C(sudo -n) with a command line
    that the R(setup role,ansible_collections.microbosh.director.setup_role) has allowed.
"""

    # The module runs where Ansible runs.
    CONTROLLER = r"""
options: {}
notes:
  - Runs on the controller, with C(delegate_to=localhost).
"""
