# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options by which a PostgreSQL server is found and asked."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  host:
    description: Address of the server. A director's socket may be out of reach, so this is TCP.
    type: str
    default: 127.0.0.1
  port:
    description: Port of the server. V(0) means 5432, or the port of the one server whose socket is known on this host.
    type: int
    default: 5432
  user:
    description: Role to connect as. It has to be let in without a password, or with that of O(passfile).
    type: str
    default: vcap
  packages:
    description:
      - Directory in which the clients are looked for, as C(postgres*/bin/psql).
      - If it is empty, they are looked for where distributions keep them, as on a controller.
    type: path
    default: /var/vcap/packages
  address:
    description: Address that is connected to if it is another than O(host), whose certificate the server has.
    type: str
  ca:
    description: File with the certificates that the server's is verified against.
    type: path
  passfile:
    description: File with the password, in the form of C(.pgpass).
    type: path
  elsewhere:
    description:
      - Whether to ask the server that the settings C(microbosh_director_database_*) name, from the controller and
        through the director. O(host), O(port), O(user), O(address), O(ca), O(passfile) and O(packages) come from them.
    type: bool
    default: false
"""

    # What is dumped of it, and where to.
    DUMPS = r"""
options:
  databases:
    description:
      - Names of the databases. V([all]) means every database that is no template and allows connections.
      - An empty list means that nothing is dumped, no globals either; the server need not run.
    type: list
    elements: str
    default: [all]
  dest:
    description:
      - Directory for the dumps. It is made, with mode V(0700), if only its last part is missing.
      - Needs 1.1 times as much free space as the databases have bytes.
    type: path
    required: true
  globals:
    description: Whether to dump roles and tablespaces as well, as C(globals.sql). It holds password hashes.
    type: bool
    default: true
"""
