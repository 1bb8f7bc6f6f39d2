# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the data directories of PostgreSQL in a store, whatever their names.

A server says where its files are, and its processes work there. Where neither can be asked, in a copy or while nothing
runs, a directory is known by what PostgreSQL cannot do without; and by its name only if that is gone, too.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os

from ansible_collections.microbosh.director.plugins.module_utils._core._files import small_text

# Directly in the store, or one level deeper as in the release after BOSH's own: store/postgres/postgres-15.
PARENT = "postgres"
VERSION = "PG_VERSION"
# Without it PostgreSQL does not start.
CONTROL = os.path.join("global", "pg_control")
# How a server was started last. A copy of its directory names the place that it was copied from.
STARTED = "postmaster.opts"
# How deep below the store one is looked for, in how many directories, and what is not looked into.
DEEPEST = 4
MOST = 5000
CROWD = 1000
OTHERS = ("blobstore", "director", "lost+found", "microbosh-backup", "microbosh-restore")


def data_directories(store, told=()):
    """Return the data directories of PostgreSQL in a store: [{"name": below the store, "major": of PG_VERSION}].

    ``told`` are names that a server or its processes have.
    """
    majors = [(name, first_line(os.path.join(store, name, VERSION))) for name in possible_directories(store, told)]
    return [{"name": name, "major": major} for name, major in majors if major]


def possible_directories(store, told=()):
    """Return the names of data directories in a store; a server may have lost its files, so names count as well."""
    found = _usual_ones(store)
    found += sorted(name for name in told if name not in found and _is_inside(store, name))
    return [name for name in found if os.path.isdir(os.path.join(store, name))] + _others(store, found)


def is_usual(name):
    """Return whether BOSH's release, or the one after it, calls a data directory so."""
    above, dummy, last = name.rpartition("/")
    return last.startswith(PARENT + "-") if above == PARENT else not above and last.startswith(PARENT)


def serving(store, directories, told=(), place=None):
    """Return the data directories that may be a server's, without copies that an operator keeps.

    ``place`` is where the store is on the director, if this is a copy of it.
    """
    return [
        found
        for found in directories
        if is_usual(found["name"]) or found["name"] in told or _served(store, found["name"], place or store)
    ]


def _served(store, name, place):
    return '%s"' % os.path.join(place, name) in first_line(os.path.join(store, name, STARTED))


def _is_inside(store, name):
    """Return whether a path leads into the store: a copy may have links to elsewhere."""
    top = os.path.realpath(store)
    return os.path.realpath(os.path.join(top, name)).startswith(top + os.sep)


def _usual_ones(store):
    found = []
    for name in names_in(store, PARENT):
        found.append(name)
        if name == PARENT:
            found += [os.path.join(PARENT, below) for below in names_in(os.path.join(store, PARENT), PARENT + "-")]
    return found


def _others(store, known):
    """Return what has the content of a data directory, and another name. No link is followed."""
    found = []
    waiting = [name for name in names_in(store, "") if name not in OTHERS]
    for name in waiting:
        path = os.path.join(store, name)
        if os.path.islink(path) or not os.path.isdir(path):
            continue
        if _is_one(path):
            found += [name] if name not in known else []
            continue
        below = names_in(path, "") if name.count("/") + 1 < DEEPEST else []
        if len(below) <= CROWD and len(waiting) <= MOST:
            waiting += [os.path.join(name, other) for other in below]
    return sorted(found)


def _is_one(path):
    return all(os.path.isfile(os.path.join(path, name)) for name in (VERSION, CONTROL))


def names_in(directory, prefix):
    """Return the names in a directory that begin so, none if it cannot be read."""
    try:
        return sorted(name for name in os.listdir(directory) if name.startswith(prefix))
    except EnvironmentError:
        return []


def first_line(path):
    """Return the first line of a small file that is no link, "" if there is none."""
    try:
        return small_text(path, os.O_NOFOLLOW).partition("\n")[0].strip()
    except (EnvironmentError, ValueError):
        return ""
