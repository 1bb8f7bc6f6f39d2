# SPDX-License-Identifier: GPL-3.0-or-later
"""Sample answers of servers on themselves and their databases."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres_info import (
    NOTHING,
    choose_director,
)


def database(name, **facts):
    """Return a server's facts of a database; the default is a foreign one on a director."""
    return {
        "name": name,
        "connectable": True,
        "template": False,
        "director": False,
        "mine": True,
        "sessions": 3,
        "collate": "en_US.UTF-8",
        "collation_version": "2.35",
        "actual_version": "2.35",
        **facts,
    }


BOSH = database("bosh", director=True)
TEMPLATES = [database("template0", connectable=False, template=True), database("template1", template=True)]
NO_SERVER = {**NOTHING, "port": 5432, "problem": "PostgreSQL does not answer on 127.0.0.1:5432."}


def server(*databases, **facts):
    names, director = choose_director(databases)
    return {
        **NOTHING,
        "answers": True,
        "version": "15.18",
        "port": 5432,
        "superuser": True,
        "data_directory": "/var/vcap/store/postgres-15",
        "databases": [*databases, *TEMPLATES],
        "directors": names,
        "director_database": director,
        **facts,
    }
