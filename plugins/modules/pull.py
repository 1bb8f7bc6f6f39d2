#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/pull.py does the work, on the controller."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: pull
short_description: Copy files from the director and show how far it is
description:
  - Hands the transfer to M(ansible.posix.synchronize), with the options that a backup needs. Owners stay numeric,
    hard links stay hard links, nothing is compressed, the host key is checked, and Ansible's own connection is shared.
  - If the controller's user is not root, copies are theirs, and have modes that let them read and remove everything.
  - Meanwhile it reads rsync's log and prints a line every 10 seconds with the bytes copied and their share.
seealso:
  - module: microbosh.director.push
  - module: microbosh.director.rsync_holes_info
  - module: microbosh.director.spared_files
  - module: ansible.posix.synchronize
author: microbosh.director contributors (@microbosh)
version_added: 1.0.0
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.backup
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    platforms: posix
options:
  src:
    description: Path on the director, as rsync takes it.
    type: str
    required: true
  dest:
    description: Directory on the controller. Required without O(trial) and O(containing).
    type: path
  reader:
    description:
      - Program on the director that runs rsync's daemon as root, with C(/var/vcap) as the module C(vcap).
        O(src) is a path below C(/var/vcap) then.
      - Empty for rsync itself, which reads what belongs to the backup user. Then owner and group are not kept.
    type: str
    default: ""
  filter:
    description: File with filter rules.
    type: path
  rules:
    description: Filter rules, instead of a file with them.
    type: list
    elements: str
    default: []
  listing:
    description:
      - File that gets a line for every entry the director has, changed or not, in rsync's log format
        C(%i|%U|%G|%B|%l|%n). A file that exists is appended to.
      - If the controller's user is not root, modes in it are those of the copy, and it lacks groups. Use O(owners).
    type: path
  owners:
    description:
      - Copy nothing, but write O(listing) with owner, group and mode as they are on the director. For a controller's
        user who is not root.
      - With O(vanishing), what O(dest) has and the director has not any more is removed from O(dest), and what only the
        director has by now is left out of O(listing).
    type: bool
    default: false
  look:
    description:
      - Copy nothing, but write O(listing) with what the director has and O(filter) names. O(dest) does not count.
      - Groups in it are not those on the director.
    type: bool
    default: false
  attributes:
    description:
      - With O(look=true), compare O(dest) also by access control lists and extended attributes, which it does not have,
        and return the names that have any as RV(attributes). Fails where rsync on either side was built without them.
    type: bool
    default: false
  keep:
    description:
      - With O(attributes=true), bring the access control lists and extended attributes of the names that have any, with
        none of their content, and write them into this file, in the format of C(getfattr --dump). Without any there is
        no such file afterwards.
      - The lists, C(user.*) and C(security.capability) are kept, where O(dest) or the directory for temporary files is
        on a file system that has extended attributes itself.
    type: path
    default: ""
  staging:
    description: Directory for unfinished files, on the file system of O(dest). An interrupted file goes on from there.
    type: path
  link_dest:
    description: Directories whose unchanged files become hard links in O(dest), the likeliest first.
    type: list
    elements: path
    default: []
  delete:
    description: Remove from O(dest) what the director does not have or the filter leaves out.
    type: bool
    default: false
  take:
    description:
      - Remove each file from the director once it is in O(dest). Directories stay.
      - Such a transfer is made once. With O(delete) a second one would remove from O(dest) what the first one brought.
    type: bool
    default: false
    version_added: 1.1.0
  checksum:
    description: Compare files by content instead of by size and time.
    type: bool
    default: false
  relative:
    description: Keep the part of O(src) behind C(/./) below O(dest).
    type: bool
    default: false
  vanishing:
    description:
      - Files may vanish during the transfer, as they do while services run, or if something else than a service removes
        them. They are left out of the copy, and RV(left_out) names them.
    type: bool
    default: false
  steady:
    description:
      - Directories relative to C(/var/vcap) in which nothing may vanish, even with O(vanishing). If something does, or
        if it is not known what did, the task fails.
    type: list
    elements: str
    default: []
  spare:
    description:
      - File that says which directories hold what an earlier pass copied of them. They come empty, and what has changed
        by now, by the time of the directory, is looked into all the same and taken out of the file. Then
        M(microbosh.director.spared_files) brings what was spared.
      - Without such a file, nothing is spared.
    type: path
    version_added: 1.1.0
  spare_in:
    description:
      - Places of blobs, relative to C(/var/vcap). With them, be it an empty list, this is a first pass, which goes by
        no earlier O(spare) and writes it anew after the transfer.
      - It gets the directories there, or in a C(store) there, that hold no other directory, are named by two
        hexadecimal digits or hold all blobs, and in which nothing had changed for 60 seconds at O(clock).
    type: list
    elements: str
    version_added: 1.1.0
  clock:
    description: What the director's clock said before the transfer, as Unix time. V(0) is unknown, and spares nothing.
    type: float
    default: 0
    version_added: 1.1.0
  spared_only:
    description: Look at nothing but what is spared, instead of all else.
    type: bool
    default: false
    version_added: 1.1.0
  estimate:
    description: Copy nothing and return what would be copied.
    type: bool
    default: false
  trial:
    description:
      - Only try whether files come, over this connection and with these options. Nothing does but the directory O(src)
        itself, into a place that goes away again.
    type: bool
    default: false
  containing:
    description:
      - Only look whether the file O(src) comes and has this text in it. The copy goes away again. If not, the task
        fails.
    type: str
    version_added: 1.1.0
  total:
    description: Bytes that are expected to be copied, for the share in the progress lines. V(0) is unknown.
    type: int
    default: 0
  limit:
    description:
      - Bytes that may come, counted in finished files and those in O(staging). V(0) is no limit.
      - Besides, the transfer is stopped before the file system of O(dest) is full; 32 MiB stay free.
    type: int
    default: 0
  limit_files:
    description: The number of names that may come, 0 for any. Whatever sends more is stopped.
    type: int
    default: 0
  timeout:
    description: Seconds without any data after which the transfer fails.
    type: int
    default: 600
"""

EXAMPLES = r"""
- name: Everything is copied while the director works
  microbosh.director.pull:
    src: /var/vcap/
    dest: /backups/director1/20261122T221326Z.partial/vcap/
    reader: /usr/local/sbin/microbosh-read
    filter: /backups/director1/20261122T221326Z.partial/filter
    vanishing: true
"""

RETURN = r"""
files:
  description: Regular files that were copied.
  returned: when O(listing) is given
  type: int
  sample: 184
bytes:
  description: Their size in bytes.
  returned: when O(listing) is given
  type: int
  sample: 209715200
wire_bytes:
  description: Bytes that came over the network.
  returned: when O(listing) is given
  type: int
  sample: 209801234
seconds:
  description: How long it took.
  returned: always
  type: float
  sample: 3.25
total_files:
  description: Entries that the director has.
  returned: when O(estimate=true)
  type: int
  sample: 1840
total_bytes:
  description: Size in bytes of all of them.
  returned: when O(estimate=true)
  type: int
  sample: 1073741824
transfer_files:
  description: Number of files that would be copied.
  returned: when O(estimate=true)
  type: int
  sample: 12
transfer_bytes:
  description: Size in bytes of the files that would be copied.
  returned: when O(estimate=true)
  type: int
  sample: 1048576
free_bytes:
  description: Bytes that are free where O(dest) is, or would be.
  returned: when O(estimate=true)
  type: int
  sample: 53687091200
attributes:
  description: Names below O(src), in the octal escapes of vis(3), that have what a copy does not keep.
  returned: when O(attributes=true)
  type: dict
  contains:
    access_lists:
      description: Those that have an access control list, kept or not.
      type: list
      elements: str
      sample: [store/director/shared]
    extended:
      description: Those that have an extended attribute, kept or not. The first thousand.
      type: list
      elements: str
      sample: []
    kept:
      description: Those that are in O(keep).
      type: list
      elements: str
      returned: with O(keep)
      sample: [store/director/shared]
    lost:
      description: Those of which something is not in O(keep).
      type: list
      elements: str
      returned: with O(keep)
      sample: []
spared:
  description: How many directories O(spare) names in the end.
  returned: when O(spare) is given
  type: int
  sample: 256
vanished:
  description: Whether a file went away while it was to be copied.
  returned: when one did
  type: bool
  sample: true
left_out:
  description: What the director had when the copy began, and has not any more; relative to C(/var/vcap).
  returned: with O(vanishing), when something went away
  type: list
  elements: str
  sample: [store/director/tasks/7/debug]
"""
