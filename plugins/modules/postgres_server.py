#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: postgres_server
short_description: Start the director's PostgreSQL alone, without monit
version_added: 1.0.0
description:
  - Starts or stops the server of the data directory in the store with its own C(pg_ctl), as the owner of that
    directory, on the loopback address and a port of its own. So nothing that belongs to the director connects to it.
  - For a restore, while monit has everything stopped. C(monit start postgres) may start what depends on it, too.
  - Whether a server lives on the directory is found by the processes that work in it, in all namespaces, and on the
    ports and the socket that it would have. While one lives that is not a restore's own, the module fails.
  - A server that dies is not waited for, and the line in its log that tells the cause is in the message.
seealso:
  - module: microbosh.director.pg_check_info
  - module: microbosh.director.postgres_info
  - module: microbosh.director.monit_all
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.databases
notes:
  - Runs on the director with Python 2.7 or 3.6 and later, and only the standard library. Needs C(become).
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
  state:
    description:
      - Whether the restore's own server is to run. Where there is no data directory, there is nothing to stop.
    type: str
    choices: [started, stopped]
    required: true
  port:
    description: Port to listen on.
    type: int
    default: 15432
  store:
    description: Directory that holds the data directory.
    type: path
    default: /var/vcap/store
  data_directory:
    description: The data directory that counts, below O(store). By default the newest that a package can run.
    type: str
  packages:
    description: Directory in which the programs are looked for, as C(postgres*/bin/pg_ctl).
    type: path
    default: /var/vcap/packages
  scratch:
    description: Directory for its socket and its log. It is made if only its last part is missing.
    type: path
    default: /var/vcap/store/microbosh-restore/server
  timeout:
    description: Seconds that starting or stopping may take.
    type: int
    default: 600
"""

EXAMPLES = r"""
- name: A server runs that only this play knows of
  microbosh.director.postgres_server:
    state: started
  become: true
"""

RETURN = r"""
seconds:
  description: How long it took.
  returned: success
  type: float
  sample: 0.42
servers:
  description: PostgreSQL servers that live on the directory.
  type: list
  elements: raw
  returned: when there are any
  sample: []
"""

from ansible_collections.microbosh.director.plugins.module_utils._modules._postgres_server import main

if __name__ == "__main__":
    main()
