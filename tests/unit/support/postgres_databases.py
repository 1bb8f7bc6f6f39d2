# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real server with databases, and dumps to load into it."""

from __future__ import annotations

import subprocess

from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_file import (
    DumpFile,
    RolesFile,
    properties_beside,
)
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore import (
    DatabaseServer,
    restore_database,
)
from places import DUMPS
from postgres_rig import run_command

SMALL = DUMPS / "small.sql"
ROLES = ["kept_owner", "kept_reader", "role; of 'odd' \"name\""]


class Postgres:
    """A running server, with what tests ask of it."""

    def __init__(self, scratch, packages):
        self.scratch = scratch
        self.packages = packages
        (packages / "postgres-1").symlink_to(scratch.binaries.package)
        self.sql("postgres", "CREATE ROLE vcap")

    def sql(self, database, *commands):
        """Run SQL, return what it prints."""
        argv = [self.scratch.binaries.command("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", *self.scratch.endpoint.options]
        argv += ["-d", database, *(f"--command={command}" for command in commands)]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

    def run_file(self, database, path):
        argv = [self.scratch.binaries.command("psql"), "-Xq", *self.scratch.endpoint.options, "-d", database]
        done = subprocess.run([*argv, "-f", path], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def dump(self, *arguments):
        argv = [self.scratch.binaries.command("pg_dump"), *self.scratch.endpoint.options, *arguments]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    def server(self):
        return DatabaseServer.find(self.scratch.endpoint, str(self.packages), run_command)

    def drop(self, name):
        self.server().drop(name)

    def databases(self):
        return set(self.sql("postgres", "SELECT datname FROM pg_database WHERE NOT datistemplate").splitlines())

    def restore(self, src, pretend=False, checksum=None, **options):
        params = {"database": None, "target": None, "replace": False, "rewrite": {}, **options}
        source = DumpFile(str(src), checksum, params["database"])
        source.properties = properties_beside(str(src))
        if "roles" in options:
            params["roles_file"] = RolesFile(str(options["roles"]))
        return restore_database(source, self.server(), params, pretend)


def altered(tmp_path, *replacements, source=SMALL):
    text = source.read_text(encoding="utf-8")
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "dump.sql"
    path.write_text(text, encoding="utf-8")
    return path
