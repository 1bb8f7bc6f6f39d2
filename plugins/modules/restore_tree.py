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
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
notes:
  - Runs on the director with Python 2.7 or 3.6 and later, and only the standard library. Needs C(become), but for
    O(state=examined) and O(state=cleared).
attributes:
  check_mode:
    support: full
    details: O(state=compared) never changes anything, and says everything.
  diff_mode:
    support: partial
    details: O(state=compared) lists every name that would be added (C(+)), replaced (C(~)), given other metadata (C(m))
      or removed (C(-)).
  idempotent:
    support: full
  platform:
    platforms: posix
options:
  state:
    description:
      - V(examined) returns the marker. It needs no right but to read.
      - V(compared) tells what a restore would change and which files have to be pushed. It changes nothing.
      - V(staged) builds what is wanted out of O(incoming). The director may still run.
      - V(marked) writes O(phase) and O(about) into the marker. It only goes forward, so that a task which arrives late
        does no harm.
      - V(swapped) exchanges the trees. Every service has to be stopped; while a PostgreSQL lives, it refuses.
      - V(rolled_back) puts back what was there. Every service has to be stopped, unless nothing was exchanged yet;
        while a PostgreSQL lives, it refuses.
      - V(absent) removes what the restore kept, and the marker. It refuses while either may be needed.
      - V(cleared) removes O(incoming) and O(incoming_dumps), unless a restore is under way that needs them still. It is
        for whoever pushed them, without C(become).
    type: str
    choices: [examined, compared, staged, marked, swapped, rolled_back, absent, cleared]
    required: true
  root:
    description: The directory that backups are made of.
    type: path
    default: /var/vcap
  workspace:
    description: Directory of the restore, root's own, on the file system of the data.
    type: path
    default: /var/vcap/store/microbosh-restore
  incoming:
    description: Directory that the files were pushed to, on the file system of O(workspace).
    type: path
    default: /var/vcap/store/microbosh-backup/restore
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
  metadata:
    description: C(metadata.mtree) of the backup, a path on the controller. Its content travels with the module.
    type: str
  groupless:
    description:
      - Paths below O(root), in the octal escapes of vis(3), that had access control lists which the backup has not
        kept. O(metadata) shows their masks as rights of the group, so the group gets none.
    type: list
    elements: str
    default: []
  records:
    description:
      - The SHA-256 of O(metadata) and O(attributes), by their names in the backup, as
        M(microbosh.director.restore_source) found them. With another one nothing is sent; and of O(identity) nothing
        that has not the digest which O(metadata) says.
    type: dict
  attributes:
    description:
      - The backup's access control lists and extended attributes, a path on the controller. Its content, in the format
        of C(getfattr --dump), travels with the module. Files and directories get these and no others.
      - Empty if the backup knows that there were none. Without it, they stay as they are on directories.
    type: str
  identity:
    description:
      - Files of the backup that only root is to read, with their paths on the controller, as
        RV(microbosh.director.restore_source#module:sealed) has them. Their content travels with the module, because the
        backup user can read what is pushed.
    type: dict
  filter:
    description: The rsync filter rules of the backup. What they name and the backup does not have goes away.
    type: list
    elements: str
    default: []
  database:
    description:
      - What becomes of the directory of PostgreSQL.
      - V(files) restores it like everything else.
      - V(dump) leaves it as it is, for a dump that is loaded later, and keeps a copy aside.
      - V(auto), only with O(state=compared), takes V(files) where they serve and V(dump) where they do not, as
        RV(database) and RV(why) tell.
    type: str
    choices: [auto, files, dump]
    default: files
  source:
    description:
      - What M(microbosh.director.restore_source) told of the backup. With it, O(state=compared) fails where the
        databases could not come back in the way of O(database), before anything is touched.
    type: dict
  data_directory:
    description:
      - Directory of PostgreSQL that a dump is loaded into, below the store. By default the newest that can be run.
    type: str
  packages:
    description: Directory in which the programs of PostgreSQL are looked for, as C(postgres*/bin/pg_ctl).
    type: path
    default: /var/vcap/packages
  scratch:
    description: Directory of the restore's own PostgreSQL, by which that one is told from others.
    type: path
    default: /var/vcap/store/microbosh-restore/server
  port:
    description: Port that the restore's own PostgreSQL will need.
    type: int
    default: 15432
  agent_id:
    description: The agent that the backup's C(bosh/settings.json) names.
    type: str
  phase:
    description:
      - How far the restore is.
      - V(rolling_back) is for what has to come back before the trees do. From then on the restore can only be rolled
        back to the end.
    type: str
    choices: [stopping, loading, proving, starting, proven, rolling_back]
  about:
    description: What somebody who goes on with this restore has to know. Kept in the marker, which everyone can read.
    type: dict
seealso:
  - module: microbosh.director.director_lease
"""

EXAMPLES = r"""
- name: What a restore would change is known
  microbosh.director.restore_tree:
    state: compared
    metadata: /backups/director1/20261122T221326Z/metadata.mtree
    filter: ["+ store", "+ store/**", "- *"]
  become: true
  register: comparison

- name: No restore is under way
  microbosh.director.restore_tree:
    state: examined
  register: restore
  failed_when: restore is failed or restore.unfinished
"""

RETURN = r"""
marker:
  description: How far a restore is, null if none is under way.
  returned: all states but V(compared) and V(staged)
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
      description: What O(about) was.
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
  returned: all states but V(compared) and V(staged)
  type: bool
  sample: true
settled:
  description: Whether all but the cleaning up is done, of a restore that is proven or rolled back.
  returned: all states but V(compared) and V(staged)
  type: bool
  sample: false
rolling_back:
  description: Whether the restore was rolled back, at least in part. Then it can only be rolled back to the end.
  returned: all states but V(compared) and V(staged)
  type: bool
  sample: false
loaded:
  description: Whether the dumps are loaded, so that who goes on with the restore does not load them again.
  returned: all states but V(compared) and V(staged)
  type: bool
  sample: true
started:
  description:
    - Whether services may have been started on what was restored. Then they may have changed rows that were proven.
  returned: all states but V(compared) and V(staged)
  type: bool
  sample: false
may_have_loaded:
  description:
    - Whether a load may have begun that a rollback has to undo, on a server elsewhere, too. Always V(false) of a
      restore that is settled.
  returned: all states but V(compared) and V(staged)
  type: bool
  sample: true
abandoned:
  description:
    - Whether O(workspace) has what a restore needs no more, one that was interrupted before it stopped anything or when
      all was done. It does no harm, but takes space until O(state=staged) or O(state=absent) removes it. While a
      restore holds the lease, it is that one's.
  returned: O(state=examined) or O(state=cleared)
  type: bool
  sample: false
added:
  description: Number of names that are not there yet.
  returned: O(state=compared)
  type: int
  sample: 12
replaced:
  description: Number of names with other content.
  returned: O(state=compared)
  type: int
  sample: 954
altered:
  description: Number of names with the right content and other metadata.
  returned: O(state=compared)
  type: int
  sample: 3
removed:
  description: Number of names that would go away.
  returned: O(state=compared)
  type: int
  sample: 7
same:
  description: Number of names that are as they should be.
  returned: O(state=compared)
  type: int
  sample: 5120
push:
  description:
    - Files that have to be pushed, below O(root), in the octal escapes of vis(3). The action keeps them out of the
      result of the task, in RV(push_list).
  returned: O(state=compared)
  type: list
  elements: str
  sample: [store/redis/dump.rdb]
push_files:
  description: Their number.
  returned: O(state=compared)
  type: int
  sample: 17
push_list:
  description: File on the controller with these names, for O(microbosh.director.push#module:files_from). It goes away with the run.
  returned: O(state=compared)
  type: str
  sample: /root/.ansible/tmp/ansible-local-4711abcd/microbosh-push-0123456789abcdef
changes_list:
  description: File on the controller with all that would change, a line for each name. It goes away with the run.
  returned: O(state=compared)
  type: str
  sample: /root/.ansible/tmp/ansible-local-4711abcd/microbosh-changes-0123456789abcdef
push_bytes:
  description: Their size in bytes.
  returned: O(state=compared)
  type: int
  sample: 83886080
spaces:
  description: What is needed on each file system; more is free there, or the module fails.
  returned: O(state=compared)
  type: list
  elements: dict
  sample: [{"path": /var/vcap/store, "need_bytes": 150994944, "free_bytes": 8589934592, "need_files": 1012}]
database:
  description: How the databases come back, V(files) or V(dump).
  returned: O(state=compared)
  type: str
  sample: files
why:
  description: Why they do.
  returned: O(state=compared)
  type: str
  sample: the director can use PostgreSQL's files as they are
data_directory:
  description: The directory of PostgreSQL that they come to, below the store; null if there is none.
  returned: O(state=compared)
  type: str
  sample: postgres-15
host:
  description: What there is of PostgreSQL on the director.
  returned: O(state=compared)
  type: dict
  sample:
    postgres: [{"name": postgres-15, "major": "15"}]
    live: postgres-15
    majors: ["13", "15"]
    architecture: x86_64
    libc: "2.35"
postgres:
  description: The directories of PostgreSQL in the store.
  returned: O(state=compared)
  type: list
  elements: dict
  contains:
    name:
      description: Name of the directory.
      type: str
      sample: postgres-15
    major:
      description: What its C(PG_VERSION) says.
      type: str
      sample: "15"
left_out:
  description: Paths below O(root) that stay as they are on this host, though the backup has them.
  returned: O(state=compared) or O(state=staged)
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

from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_steps import TreeRestore

# What root runs here hears nothing of the caller's: rsync would run what an alias in $HOME/.popt says.
ROOTS = {
    "LANG": "C",
    "LC_ALL": "C",
    "HOME": "/",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}
MARKED = ("stopping", "loading", "proving", "starting", "proven", "rolling_back")


def main():
    run_module(
        lambda module: TreeRestore(module.params, module.run_command).perform(module.check_mode),
        argument_spec={
            "state": {
                "type": "str",
                "choices": ["examined", "compared", "staged", "marked", "swapped", "rolled_back", "absent", "cleared"],
                "required": True,
            },
            "root": {"type": "path", "default": "/var/vcap"},
            "workspace": {"type": "path", "default": "/var/vcap/store/microbosh-restore"},
            "incoming": {"type": "path", "default": "/var/vcap/store/microbosh-backup/restore"},
            "incoming_dumps": {"type": "path", "default": "/var/vcap/store/microbosh-backup/restore-dbs"},
            "dump": {
                "type": "dict",
                "options": {
                    "name": {"type": "str", "required": True},
                    "sha256": {"type": "str", "required": True},
                },
            },
            "metadata": {"type": "str", "no_log": True},  # it would fill the host's log
            "groupless": {"type": "list", "elements": "str", "default": []},
            "records": {"type": "dict"},
            "attributes": {"type": "str", "no_log": True},
            "identity": {"type": "dict", "no_log": True},
            "filter": {"type": "list", "elements": "str", "default": []},
            "database": {"type": "str", "choices": ["auto", "files", "dump"], "default": "files"},
            "source": {"type": "dict"},
            "data_directory": {"type": "str"},
            "packages": {"type": "path", "default": "/var/vcap/packages"},
            "scratch": {"type": "path", "default": "/var/vcap/store/microbosh-restore/server"},
            "port": {"type": "int", "default": 15432},
            "agent_id": {"type": "str"},
            "phase": {"type": "str", "choices": MARKED},
            "about": {"type": "dict"},
        },
        required_if=[
            ("state", "compared", ["metadata"]),
            ("state", "staged", ["metadata"]),
            ("state", "marked", ["phase"]),
        ],
        environment=ROOTS,
        trouble="The restore stopped at %(place)s: %(reason)s.",
    )


if __name__ == "__main__":
    main()
