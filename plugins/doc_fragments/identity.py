# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that say what is known of the copy of what only root reads."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  directory:
    description: Directory of the copy.
    type: path
    required: true
  host:
    description: The director's name in the inventory.
    type: str
    required: true
  named:
    description: Single paths of the filter, relative to C(/var/vcap).
    type: list
    elements: str
    required: true
  answer:
    description: What C(microbosh-identity) on the director answered, empty if it did not.
    type: str
    default: ""
  reader:
    description:
      - Version of the reader on the director. Before V(3) it handed out what only root reads to the backup key, so
        rsync has copied that.
    type: int
    default: 3
"""
