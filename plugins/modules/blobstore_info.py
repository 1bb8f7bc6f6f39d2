#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: blobstore_info
short_description: Tell which blobs a director's database names and the director has not got
version_added: 1.0.0
description:
  - Holds the blobs that a dump names against a listing of the director's blobstore, both taken while the director
    works. The dump has to be the older of the two, so that what it names was written before the listing.
  - A blob of rendered templates that is not there is made again on demand and no fault. Since 2017 the director gives
    them to its agents over NATS, and most of them were never written.
  - Any other blob that is not there is lost. It is told what it is of (package, job, release, instance, deployment)
    and what mends it. One that an earlier backup holds with the right digest is newly lost, and the command that puts
    it back is told.
  - Finds out, too, whether the blobs are somewhere else altogether.
seealso:
  - module: microbosh.director.blobstore_check_info
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.backup
  - microbosh.director.attributes.controller
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
  dump:
    description: Path of the complete plain dump of the director's database.
    type: path
    required: true
  listing:
    description: Path of rsync's listing of C(/var/vcap/store/blobstore), as M(microbosh.director.pull) writes it.
    type: path
    required: true
  place:
    description: Where the blobs are, relative to C(/var/vcap); another place if a link leads there.
    type: str
    default: store/blobstore
  links:
    description: The real paths of the blobstore's places, by the path relative to C(/var/vcap) that each is known by.
    type: dict
    default: {}
  kind:
    description:
      - Where the director keeps its blobs. V(auto) finds out. They are external if O(served) is V(false), not one of
        the blobs that are named is there, and the newest backup had none either.
    type: str
    choices: [auto, local, external]
    default: auto
  served:
    description: Whether monit has a service that serves blobs from this VM.
    type: bool
    default: false
  directory:
    description: Directory of the director's backups, where an earlier one may hold what is lost.
    type: path
  lost:
    description: Whether a backup is made of a director that has lost blobs.
    type: str
    choices: [refuse, publish]
    default: refuse
  accepted:
    description: Ids of blobs that are known to be lost for good.
    type: list
    elements: str
    default: []
  damaged:
    description:
      - Blobs whose content is wrong on the director, as RV(microbosh.director.blobstore_check_info#module:wrong).
    type: list
    elements: dict
    default: []
  host:
    description: Name of the director in the inventory, for the command that puts a blob back.
    type: str
    default: ""
  inventory:
    description: The inventory's sources, for the same.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: What the director has lost is known
  microbosh.director.blobstore_info:
    dump: /backups/director1/20261122T221326Z.partial/.work/preflight/dbs/bosh.sql
    listing: /backups/director1/20261122T221326Z.partial/.work/preflight/blobs.log
    directory: /backups/director1
    served: true
  delegate_to: localhost
"""

RETURN = r"""
external:
  description: Whether the blobs are somewhere else.
  returned: always
  type: bool
  sample: false
because:
  description: Why that is thought; empty if they are here and nothing was set.
  returned: always
  type: str
  sample: not one of the blobs that the database names is here, and monit runs no blobstore_nginx
unserved:
  description: Whether blobs are lost on a director where monit runs no C(blobstore_nginx), and nothing was set.
  returned: always
  type: bool
  sample: false
links:
  description: Links in place of the blobstore that leave what is copied.
  returned: always
  type: list
  elements: dict
  sample: [{"path": "store/blobstore", "target": "/mnt/blobs"}]
named:
  description: Number of different blobs that the database names.
  returned: always
  type: int
  sample: 5123
here:
  description: Number of those that the director has.
  returned: always
  type: int
  sample: 5001
made_again:
  description: Number of those that it has not got and makes again on demand.
  returned: always
  type: int
  sample: 121
lost:
  description: Those that it has lost.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: Id of the blob.
      type: str
      sample: 8f1d5a2e-9b1c-4f43-8a55-1f2f3a9d7c11
    table:
      description: The tables that name it, separated by commas.
      type: str
      sample: packages
    about:
      description: What it is of.
      type: str
      sample: package nginx/5d1c of release web/12
    mend:
      description: What gives the director a new one, or takes away the need for it.
      type: str
      sample: "upload the release again: bosh upload-release --fix"
    path:
      description: Where it should be, relative to C(/var/vcap); null if its id cannot be the name of a file.
      type: str
      sample: store/blobstore/store/3f/8f1d5a2e-9b1c-4f43-8a55-1f2f3a9d7c11
damaged:
  description: As O(damaged).
  returned: always
  type: list
  elements: dict
  sample: []
newly_lost:
  description: Of what is lost or damaged and not accepted, what an earlier backup holds.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: Id of the blob.
      type: str
      sample: 8f1d5a2e-9b1c-4f43-8a55-1f2f3a9d7c11
    about:
      description: What it is of.
      type: str
      sample: package nginx/5d1c of release web/12
    backup:
      description: Id of the newest backup that holds it.
      type: str
      sample: 20261121T221319Z
    command:
      description: The command that puts it back.
      type: str
      sample: ansible -i hosts.yml director1 -b -m ansible.builtin.copy -a '{}'
unknown_columns:
  description: Columns that may name blobs in a way that is not known, so that nobody looked for those.
  returned: always
  type: list
  elements: str
  sample: [packages.source_blob_id]
unsure:
  description: Whether something is lost that the newest backup does not record, so that a second look is worth while.
  returned: always
  type: bool
  sample: false
refusal:
  description: Why no backup is made of that; empty if one is.
  returned: always
  type: str
  sample: ""
message:
  description: What a person has to know, in lines.
  returned: always
  type: list
  elements: str
  sample: []
"""

from ansible_collections.microbosh.director.plugins.module_utils._backup._blob_listing import read_listings
from ansible_collections.microbosh.director.plugins.module_utils._backup._blob_names import names_with_origins
from ansible_collections.microbosh.director.plugins.module_utils._backup._blob_survey import Survey, refusal, tell
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module


def perform(params):
    """Given the module's parameters, return what the director has not got, and what becomes of a backup."""
    names, origins = names_with_origins(params["dump"])
    result = Survey(names, origins, read_listings([params["listing"]], params["place"]), params).run()
    return dict(result, message=tell(result), refusal=refusal(result, params["lost"], params["accepted"]))


def main():
    run_module(
        lambda module: perform(module.params),
        argument_spec={
            "dump": {"type": "path", "required": True},
            "listing": {"type": "path", "required": True},
            "place": {"type": "str", "default": "store/blobstore"},
            "links": {"type": "dict", "default": {}},
            "kind": {"type": "str", "choices": ["auto", "local", "external"], "default": "auto"},
            "served": {"type": "bool", "default": False},
            "directory": {"type": "path"},
            "lost": {"type": "str", "choices": ["refuse", "publish"], "default": "refuse"},
            "accepted": {"type": "list", "elements": "str", "default": []},
            "damaged": {"type": "list", "elements": "dict", "default": []},
            "host": {"type": "str", "default": ""},
            "inventory": {"type": "list", "elements": "str", "default": []},
        },
    )


if __name__ == "__main__":
    main()
