# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of the files and directories of a backup."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

PARTIAL = ".partial"
REMOVING = ".removing"
LATEST = "latest"
ARCHIVES = "archives"

TREE = "vcap"
DUMPS = "dbs"
FILTER = "filter"
EXTRA = "extra"
# In extra/, where every version looks for nothing of its own: access control lists and extended attributes.
ATTRIBUTES = "attributes.getfattr"
CHECKSUMS = "SHA256SUMS"
METADATA = "metadata.mtree"
REPORT = "backup.json"
LOG = "backup.log"
PINNED = "pinned"
VERDICT = "verdict.json"
SIGNATURE = "signature"
WORK = ".work"
# Beside the backups of a director: how far they were read again.
REREAD = "reread.json"
# And what is known of its copies elsewhere.
OFFSITE = "offsite.json"

# Trees that the manifest names entry by entry, and files that SHA256SUMS vouches for besides.
CONTENT = (TREE, DUMPS, FILTER, EXTRA)
SEALED = (METADATA, REPORT, LOG)
