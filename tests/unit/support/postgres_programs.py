# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PostgreSQL whose programs print what they are told to, and what a real one prints."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import Client, Endpoint, Version

ENDPOINT = Endpoint("127.0.0.1", 5432, "vcap")
PG_DUMP = "pg_dump (PostgreSQL) 15.18"


def row(name, size=8_000_000, server="150018", template="f", connectable="t"):
    return f"{server}|{size}|{template}|{connectable}|{name.encode().hex()}\n"


def rows(*names, server="150018"):
    template = row("template0", server=server, template="t", connectable="f")
    return template + "".join(row(name, server=server) for name in names)


def client(number):
    return Client(f"/p/postgres-{number}", Version(tuple(int(part) for part in number.split("."))))


def maker_of_packages(directory):
    """Return what makes packages in a directory with scripts for programs; a script may do anything."""

    def make(*names, **scripts):
        top = directory / "packages"
        for name in names:
            (top / name / "bin").mkdir(parents=True)
            for program in ("pg_dump", "pg_dumpall", "psql"):
                path = top / name / "bin" / program
                path.write_text("#!/bin/sh\n" + scripts.get(program, "exit 9"), encoding="utf-8")
                path.chmod(0o755)
        top.mkdir(exist_ok=True)
        return str(top)

    return make
