# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dump and the server that it is for: loaded, looked at before that, or read alone."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_file import (
    RolesFile,
    read_as_restore,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import Endpoint
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres_info import (
    listening_ports,
    port_there,
)
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore import (
    DatabaseServer,
    examine,
    restore_database,
)


def server_of(params, run_command):
    """Given a module's parameters, return the server that they name."""
    endpoint = Endpoint.of(dict(params, port=port_there(params["port"], listening_ports())))
    return DatabaseServer.find(endpoint, params["packages"], run_command)


def load(params, check_mode, run_command):
    """Load a dump as a module's parameters say; return what was, or would be, done."""
    return _restore(params, run_command, pretend=check_mode, way_in=not check_mode)


def look(params, check_mode, run_command):
    """Return what loading a dump would do; raise DirectorError where the server would not take it."""
    return _restore(params, run_command, pretend=True, way_in=not check_mode, asked=True)


def read_only(params):
    """Return what a load would replace in a dump; raise DirectorError if the dump or the map is refused."""
    return examine(_source_of(params), params["rewrite"])


def _source_of(params):
    return read_as_restore(params["src"], params["checksum"], params["database"], params["properties_checksum"])


def _restore(params, run_command, pretend, **more):
    source = _source_of(params)
    roles = RolesFile(params["roles"], params["roles_checksum"]) if params["roles"] else None
    server = server_of(params, run_command)
    if not params["packages"]:
        server.require_restricting()  # on the controller, for a server elsewhere
    return restore_database(source, server, dict(params, roles_file=roles, **more), pretend)
