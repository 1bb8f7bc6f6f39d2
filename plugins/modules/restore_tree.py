#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: restore_tree
short_description: Put the files of a backup in the place of those on a director, and back
version_added: 1.0.0
description:
  - The part of a restore that needs root on the director. Files are pushed by the backup user; this module copies them
    from there into files of root's own, and what it digests and uses is the copy, so that nothing that somebody still
    has open comes into the director. No program but this one runs as root and no right is left behind.
  - Below directories that others may write to, each step is made in a directory that is open, and no symbolic link is
    followed. Where the kernel does not show what is open in C(/proc/self/fd), the module refuses.
  - What is wanted is built beside what is there, on the same file system, with owner, group, mode, time and links as
    they were recorded. Then both are exchanged by renames, within a second or two. What was there is kept aside until
    the restore is proven, at no cost in space.
  - A marker says how far the restore is. It is readable by everyone. Each step can be killed at any moment and done
    again; until the marker says V(proven) the old state can be put back.
  - Blobs that are there already, with their content and metadata, are not pushed. Both trees share them as hard links,
    because a blob is written once and never changed.
  - C(/var/vcap/bosh) holds the identity of the machine for its agent. It is restored only if C(settings.json) there
    names the same agent as the backup's.
seealso:
  - module: microbosh.director.restore_source
  - module: microbosh.director.push
  - module: microbosh.director.director_lease
  - module: microbosh.director.restore_compare_info
  - module: microbosh.director.restore_tree_info
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.restore
  - microbosh.director.restore.backup
  - microbosh.director.guides.recovery
notes:
  - Runs on the director with Python 2.7 or 3.6 and later, and only the standard library. Needs C(become), but for
    O(state=cleared).
attributes:
  check_mode:
    support: full
    details: M(microbosh.director.restore_compare_info) says what would change.
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    platforms: posix
options:
  state:
    description:
      - V(staged) builds what is wanted out of O(incoming). The director may still run.
      - V(marked) writes O(phase) and O(about) into the marker. It only goes forward, so that a task which arrives late
        does no harm.
      - V(swapped) exchanges the trees. Every service has to be stopped; while a PostgreSQL lives, it refuses.
      - V(initialized), while the marker says V(loading), lets the director's own job make an empty data directory of
        PostgreSQL, if the restore began without one. That is its C(pre-start), or the C(postgres_ctl) of a director
        that has none; only one that nobody but root could have put there is run, and nothing while there is anything in
        the store that it may upgrade or remove. Since 1.1.0.
      - V(rolled_back) puts back what was there. Every service has to be stopped, unless nothing was exchanged yet;
        while a PostgreSQL lives, it refuses.
      - V(absent) removes what the restore kept, and the marker. It refuses while either may be needed.
      - V(cleared) removes O(incoming) and O(incoming_dumps), unless a restore is under way that needs them still. It is
        for whoever pushed them, without C(become).
    type: str
    choices: [staged, marked, swapped, initialized, rolled_back, absent, cleared]
    required: true
  incoming_dumps:
    description: Directory that the dumps were pushed to.
    type: path
    default: /var/vcap/store/microbosh-backup/restore-dbs
  dump:
    description:
      - A dump below O(incoming_dumps) that root has to read. O(state=staged) makes a copy of it that nobody else can
        change.
    type: dict
    suboptions:
      name:
        description: Its name there.
        type: str
        required: true
      sha256:
        description: Its SHA-256, in hexadecimal digits. Another one is refused.
        type: str
        required: true
  identity:
    description:
      - Files of the backup that only root is to read, with their paths on the controller, as
        RV(microbosh.director.restore_source#module:sealed) has them. Their content travels with the module, because the
        backup user can read what is pushed. What has not the digest that O(metadata) says is not sent.
    type: dict
  database:
    description:
      - What becomes of the directory of PostgreSQL.
      - V(files) restores it like everything else.
      - V(dump) leaves it as it is, for a dump that is loaded later, and keeps a copy aside.
    type: str
    choices: [files, dump]
    default: files
  phase:
    description:
      - How far the restore is.
      - V(rolling_back) is for what has to come back before the trees do. From then on the restore can only be rolled
        back to the end.
    type: str
    choices: [stopping, loading, proving, starting, proven, rolling_back]
  timeout:
    description: Seconds that a program of the director's has to make a data directory.
    type: int
    default: 600
    version_added: 1.1.0
  about:
    description: What somebody who goes on with this restore has to know. Kept in the marker, which everyone can read.
    type: dict
"""

EXAMPLES = r"""
- name: Everything is ready beside what is there
  microbosh.director.restore_tree:
    state: staged
    metadata: /backups/director1/20261122T221326Z/metadata.mtree
    filter: ["+ store", "+ store/**", "- *"]
  become: true

- name: What was pushed is removed, unless a restore needs it
  microbosh.director.restore_tree:
    state: cleared
"""

RETURN = r"""
marker:
  description: RV(microbosh.director.restore_tree_info#module:marker), after the task.
  returned: all states but V(staged)
  type: dict
  sample: {"phase": swapping, "updated": "2026-11-22T22:13:26Z"}
unfinished:
  description: RV(microbosh.director.restore_tree_info#module:unfinished), after the task.
  returned: all states but V(staged)
  type: bool
  sample: true
settled:
  description: RV(microbosh.director.restore_tree_info#module:settled), after the task.
  returned: all states but V(staged)
  type: bool
  sample: false
rolling_back:
  description: RV(microbosh.director.restore_tree_info#module:rolling_back), after the task.
  returned: all states but V(staged)
  type: bool
  sample: false
loaded:
  description: RV(microbosh.director.restore_tree_info#module:loaded), after the task.
  returned: all states but V(staged)
  type: bool
  sample: true
started:
  description: RV(microbosh.director.restore_tree_info#module:started), after the task.
  returned: all states but V(staged)
  type: bool
  sample: false
may_have_loaded:
  description: RV(microbosh.director.restore_tree_info#module:may_have_loaded), after the task.
  returned: all states but V(staged)
  type: bool
  sample: true
abandoned:
  description: RV(microbosh.director.restore_tree_info#module:abandoned), after the task.
  returned: O(state=cleared)
  type: bool
  sample: false
left_out:
  description: Paths below O(root) that stay as they are on this host, though the backup has them.
  returned: O(state=staged)
  type: list
  elements: str
  sample: [bosh]
blobs_in:
  description: The tree that the blobs are in until the exchange, as they may have a file system of their own.
  returned: O(state=staged)
  type: str
  sample: /var/vcap/store/microbosh-restore/new
dump_in:
  description: Where the copy of O(dump) is until the restore ends, null if none was named.
  returned: O(state=staged)
  type: str
  sample: /var/vcap/store/microbosh-restore/dump/bosh.sql
unset:
  description:
    - Paths below O(root), in the octal escapes of vis(3), with an access control list or an extended attribute that
      this host does not take. Without its list, a group has no right.
  returned: O(state=staged), of files, or O(state=swapped), of directories
  type: list
  elements: str
  sample: []
shared:
  description: Number of blobs that were there already.
  returned: O(state=staged)
  type: int
  sample: 5120
copied:
  description:
    - Of what is hard links, how many files were copied, as their file system takes no link. Nothing has compared these.
  returned: O(state=staged)
  type: int
  sample: 0
seconds:
  description: How long it took.
  returned: always
  type: float
  sample: 1.24
servers:
  description: PostgreSQL servers that live on what was to be exchanged.
  type: list
  elements: raw
  returned: when there are any
  sample: []
"""

from ansible_collections.microbosh.director.plugins.module_utils._modules._restore_tree import main

if __name__ == "__main__":
    main()
