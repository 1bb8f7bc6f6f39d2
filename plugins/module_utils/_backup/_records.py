# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The digests of a backup's records, taken when it is first opened; every later reading is compared with them.

Write access to the disk of backups is enough to exchange a record between the check of the signature, or of the
manifest, and its use. The first reading decides: what is read later is the same, byte by byte, or is not used.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import hashlib
import os

from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import digest_of, open_plain, read_plain

# The records that are signed.
RECORDS = (layout.CHECKSUMS, layout.METADATA, layout.FILTER, layout.REPORT)
NONE = "none"
# Of a store with ten million names; and no more than a parser of it has memory for, which takes about five times that.
MOST_BYTES = min(4 * 1024 * 1024 * 1024, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 8)


class ChangedError(DirectorError):
    """A record of a backup that is not what it was when the backup was looked at."""


def record_digests(path):
    """Given a backup's directory, return {name: SHA-256} of its records, V(none) for one that is not there."""
    return dict((name, _digest(os.path.join(path, name))) for name in RECORDS)


def _digest(path):
    if not os.path.lexists(path):
        return NONE
    with open_plain(path, MOST_BYTES) as source:
        return digest_of(source)[0]


def require_same(path, content, expected):
    """Given a record and what was read of it, raise ChangedError unless it has the digest that is expected, if any."""
    if expected is not None:
        require_digest(path, NONE if content is None else hashlib.sha256(content).hexdigest(), expected)


def require_digest(path, digest, expected):
    """The same, given the digest of what was read."""
    if expected not in (None, digest):
        raise ChangedError(
            "%s is not what it was when the backup was looked at: somebody exchanges files of it meanwhile. Nothing of "
            "it is used. Find out who writes to that disk, and run this again." % path
        )


def read_record(path, name, digests, most=MOST_BYTES):
    """Given a backup's directory and a record of it, return what is in it, None if there is none.

    ``digests`` are those that record_digests() returned; what has none there is not held against anything.
    """
    full = os.path.join(path, name)
    content = read_plain(full, most) if os.path.lexists(full) else None
    require_same(full, content, (digests or {}).get(name))
    return content
