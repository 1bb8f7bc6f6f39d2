#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: rsync_holes_info
short_description: Tell which known holes the rsync of a host has
version_added: 1.0.0
description:
  - An rsync before 3.5.0 has holes by which either side of a transfer may harm the other (CVE-2024-12084 to 12088,
    CVE-2024-12747 and, since 3.4.0, those of 2025 and 2026). Distributions mended them without a new number.
  - So the package is asked first, by its changelog, or where that was removed by its version. A hole that nobody says
    is mended counts as open.
  - Runs on a director as well as on the controller.
seealso:
  - module: microbosh.director.pull
  - module: microbosh.director.push
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.security
  - microbosh.director.attributes.director
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
"""

EXAMPLES = r"""
- name: Ask the director
  microbosh.director.rsync_holes_info:
  register: there

- name: Ask the controller
  microbosh.director.rsync_holes_info:
  delegate_to: localhost
  register: here
"""

RETURN = r"""
version:
  description: The number that rsync says of itself, null if there is no rsync.
  returned: always
  type: str
  sample: 3.2.7
package:
  description: The version of the package, null if there is none.
  returned: always
  type: str
  sample: 3.2.7-1+deb12u2
open:
  description: Names of the holes that nothing says are mended.
  returned: always
  type: list
  elements: str
  sample: []
mended_by:
  description:
    - What says that none is open. V(version) is rsync's own number, V(changelog) and V(package) are the package's.
    - Null where some are open.
  returned: always
  type: str
  sample: package
"""

from ansible_collections.microbosh.director.plugins.module_utils._modules._rsync_holes_info import main

if __name__ == "__main__":
    main()
