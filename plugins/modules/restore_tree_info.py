#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: restore_tree_info
short_description: Tell whether a restore is under way on a director, and how far it is
version_added: 1.0.0
description:
  - Reads the marker of a restore, which M(microbosh.director.restore_tree) keeps on the director for everyone to read,
    and tells what it means.
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.attributes.director
  - microbosh.director.restore
  - microbosh.director.guides.recovery
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    platforms: posix
options: {}
seealso:
  - module: microbosh.director.restore_tree
  - module: microbosh.director.restore_compare_info
"""

EXAMPLES = r"""
- name: No restore is under way
  microbosh.director.restore_tree_info:
  register: restore
  failed_when: restore is failed or restore.unfinished
"""

RETURN = r"""
marker:
  description: How far a restore is, null if none is under way.
  returned: success
  type: dict
  contains:
    phase:
      description: How far it is.
      type: str
      sample: swapping
    updated:
      description: Since when, in UTC.
      type: str
      sample: "2026-11-22T22:13:26Z"
    about:
      description: What O(microbosh.director.restore_tree#module:about) was.
      type: dict
      sample: {"backup": 20261122T221326Z}
    failed_phase:
      description: How far the restore had come that is rolled back.
      type: str
      sample: proving
unfinished:
  description:
    - Whether a restore is under way that has to go on or back. Until then its services stay stopped, and what it kept
      aside is needed.
  returned: success
  type: bool
  sample: true
settled:
  description: Whether all but the cleaning up is done, of a restore that is proven or rolled back.
  returned: success
  type: bool
  sample: false
rolling_back:
  description: Whether the restore was rolled back, at least in part. Then it can only be rolled back to the end.
  returned: success
  type: bool
  sample: false
loaded:
  description: Whether the dumps are loaded, so that who goes on with the restore does not load them again.
  returned: success
  type: bool
  sample: true
started:
  description:
    - Whether services may have been started on what was restored. Then they may have changed rows that were proven.
  returned: success
  type: bool
  sample: false
may_have_loaded:
  description:
    - Whether a load may have begun that a rollback has to undo, on a server elsewhere, too. Always V(false) of a
      restore that is settled.
  returned: success
  type: bool
  sample: true
abandoned:
  description:
    - Whether O(workspace) has what a restore needs no more, one that was interrupted before it stopped anything or when
      all was done. It does no harm, but takes space until M(microbosh.director.restore_tree) removes it. While a
      restore holds the lease, it is that one's.
  returned: success
  type: bool
  sample: false
seconds:
  description: How long it took.
  returned: success
  type: float
  sample: 1.24
"""

from ansible_collections.microbosh.director.plugins.module_utils._modules._restore_tree_info import main

if __name__ == "__main__":
    main()
