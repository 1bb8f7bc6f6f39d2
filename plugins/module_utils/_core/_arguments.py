# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several modules take; plugins/doc_fragments describes each of these groups once."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

MONIT_PROGRAM = "/var/vcap/bosh/bin/monit"
MONIT = {"monit": {"type": "path", "default": MONIT_PROGRAM}}

# How monit's services are looked at.
LOOKED_AT = dict(
    MONIT,
    wait={"type": "int", "default": 0},
    required_checks={"type": "list", "elements": "str", "default": []},
)

AGENT = {"manager": {"type": "str", "choices": ["auto", "runit", "systemd"], "default": "auto"}}

STAGING = {"staging": {"type": "path", "default": "/var/vcap/store/microbosh-backup"}}

# The lease under which something is stopped or started, and where it is.
LEASE = dict(STAGING, lease={"type": "str", "no_log": False})

# The copy of what only root reads, and what is known of it.
IDENTITY = {
    "directory": {"type": "path", "required": True},
    "host": {"type": "str", "required": True},
    "named": {"type": "list", "elements": "str", "required": True},
    "answer": {"type": "str", "default": ""},
    "reader": {"type": "int", "default": 3},
}

# Which PostgreSQL server is asked, by whom, and with whose clients.
POSTGRES = {
    "host": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "default": 5432},
    "user": {"type": "str", "default": "vcap"},
    "packages": {"type": "path", "default": "/var/vcap/packages"},
    "address": {"type": "str"},
    "ca": {"type": "path"},
    "passfile": {"type": "path", "no_log": False},
    "elsewhere": {"type": "bool", "default": False},
}

# Which database is loaded out of a dump,
LOADED = {
    "checksum": {"type": "str"},
    "properties_checksum": {"type": "str"},
    "database": {"type": "str"},
    "rewrite": {"type": "dict", "default": {}},
}

# and how into a server.
LOADING = dict(
    dict(POSTGRES, **LOADED),
    roles={"type": "path"},
    roles_checksum={"type": "str"},
    missing_roles={"type": "str", "choices": ["leave_out", "refuse"], "default": "leave_out"},
    target={"type": "str"},
    replace={"type": "bool", "default": False},
    keep_replaced={"type": "bool", "default": False},
    as_superuser={"type": "bool", "default": False},
)

# Where a restore works on the director,
WORKSPACE = {"workspace": {"type": "path", "default": "/var/vcap/store/microbosh-restore"}}

# and what it puts there. What is a path on the controller comes as the content of that file.
RESTORED = dict(
    WORKSPACE,
    root={"type": "path", "default": "/var/vcap"},
    incoming={"type": "path", "default": "/var/vcap/store/microbosh-backup/restore"},
    metadata={"type": "str", "no_log": True},  # it would fill the host's log
    groupless={"type": "list", "elements": "str", "default": []},
    records={"type": "dict"},
    attributes={"type": "str", "no_log": True},
    filter={"type": "list", "elements": "str", "default": []},
    source={"type": "dict"},
    data_directory={"type": "str"},
    packages={"type": "path", "default": "/var/vcap/packages"},
    scratch={"type": "path", "default": "/var/vcap/store/microbosh-restore/server"},
    agent_id={"type": "str"},
)

# What is dumped of such a server.
DUMPS = {
    "databases": {"type": "list", "elements": "str", "default": ["all"]},
    "dest": {"type": "path", "required": True},
    "globals": {"type": "bool", "default": True},
}
