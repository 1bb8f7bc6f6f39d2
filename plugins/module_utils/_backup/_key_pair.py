# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backup key on the controller: a new pair takes the place of the old one, whose public part is kept as retired."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import contextlib
import errno
import fcntl
import os

from ansible_collections.microbosh.director.plugins.module_utils._core._files import rename_durably, write_durably

NEW = ".new"
PUBLIC = ".pub"
RETIRED = ".retired"


class KeyPair(object):
    """A private key and its public part."""

    def __init__(self, private, public):
        self._private = private
        self._public = public

    def retired(self):
        """Return the public keys that were replaced."""
        return retired_keys(self._public)

    def swap(self, dry_run=False):
        """Put the new pair in the place of the old one; return whether there was a new one."""
        new = self._private + NEW
        if not os.path.exists(new + PUBLIC) or dry_run:
            return os.path.exists(new + PUBLIC)
        with self._alone() as mine:
            if mine and os.path.exists(new):
                self._retire()
                rename_durably(new, self._private)
            if mine:
                rename_durably(new + PUBLIC, self._public)
        return mine

    def _retire(self):
        old, known = _content(self._public), _content(self._public + RETIRED)
        if old.strip() and old.strip() not in known:
            write_durably(self._public + RETIRED, known + old.strip() + b"\n")

    @contextlib.contextmanager
    def _alone(self):
        """Wait for another director's task that does the same; say whether there is still something to do."""
        path = self._private + NEW + PUBLIC
        try:
            lock = os.open(path, os.O_RDWR)  # a share locks only what may be written
        except EnvironmentError as error:
            if error.errno != errno.ENOENT:
                raise
            yield False
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield os.path.exists(path)
        finally:
            os.close(lock)


def retired_keys(public):
    """Given the path of a public key, return those that it replaced, but never the one that is in use."""
    current = _content(public).split()[1:2]
    lines = _content(public + RETIRED).splitlines()
    return [line.decode("utf-8") for line in lines if line.strip() and not set(line.split()) & set(current)]


def _content(path):
    try:
        with open(path, "rb") as source:
            return source.read()
    except EnvironmentError as error:
        if error.errno != errno.ENOENT:
            raise
        return b""
