# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds a directory for the sockets of shared ssh connections: what is configured, or a short private one.

A socket's path has few bytes on every system, and a home directory may have them all. It may also be on a file system
that takes no sockets, as NFS or the volume of a container.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import socket
import stat
import tempfile

# The fewest that a system has (the BSDs; Linux has 108), with the zero at the end.
SOCKET_BYTES = 104
# A slash, what stands for the connection, and what ssh makes of %C; ssh binds with a suffix before it has that name.
NAME_BYTES = 1 + 10 + 40 + 17
LONGEST = SOCKET_BYTES - 1 - NAME_BYTES
# Blanks, quotes, percent and dollar signs mean something to ssh, or to whoever splits its arguments.
PLAIN = re.compile(r"/[A-Za-z0-9_.,:=@+/-]*")


class NoDirectoryError(Exception):
    """There is no place for a socket."""


def is_short(path: str) -> bool:
    """Return whether ssh can have its socket there, as far as the path tells."""
    return bool(PLAIN.fullmatch(path)) and len(os.fsencode(path)) <= LONGEST


def places(environment) -> list[str]:
    """Given the environment, return where a private directory may be made. What a session's end removes comes last."""
    uid = os.geteuid()
    usual = [f"/{place}" for place in ("tmp", "var/tmp", "dev/shm")]
    found = [tempfile.gettempdir(), *usual, environment.get("XDG_RUNTIME_DIR"), f"/run/user/{uid}"]
    made = [os.path.join(place, f"microbosh-{uid}") for place in dict.fromkeys(found) if place]
    return [path for path in made if is_short(path)]


def control_directory(wanted: str, environment=None) -> str:
    """Given the configured directory, return it, made, or a short private one if it does not serve."""
    environment = os.environ if environment is None else environment
    wanted = os.path.abspath(os.path.expanduser(wanted))
    if is_short(wanted) and _made(wanted) and _takes_sockets(wanted):
        return wanted
    for path in places(environment):
        if made_private(path) and _takes_sockets(path):
            return path
    raise NoDirectoryError(
        f"ssh shares a connection by a socket, and {wanted} does not serve for one: its path may have {LONGEST} bytes, "
        "no blank and no quote, and it must be this user's own, on a file system that takes sockets. No private "
        "directory could be made instead. Set ANSIBLE_SSH_CONTROL_PATH_DIR, or control_path_dir in ansible.cfg, to one "
        "that is short."
    )


def _made(path):
    """Make the directory if it is not there; return whether it is this user's own."""
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        return os.stat(path).st_uid == os.geteuid()
    except OSError:
        return False


def made_private(path):
    """Make the directory, or take one that nobody else can have made or changed; return whether there is one."""
    try:
        if not _keeps(os.stat(os.path.dirname(path))):
            return False
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) & 0o077 == 0


def _keeps(parent):
    """Return whether nobody else can put something in the place of what this user has made there."""
    mine = parent.st_uid in (0, os.geteuid())
    return mine and (not parent.st_mode & 0o022 or bool(parent.st_mode & stat.S_ISVTX))


def _takes_sockets(path):
    """Try what ssh does: bind a socket under one name, and link it to another."""
    name = os.path.join(path, "." + secrets.token_hex(8))
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.bind(name)
            os.link(name, f"{name}.linked")
    except OSError:
        return False
    finally:
        for left in (name, f"{name}.linked"):
            with contextlib.suppress(OSError):
                os.unlink(left)
    return True
