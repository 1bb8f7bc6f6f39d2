# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies access control lists and extended attributes from a director into a file of the backup."""

from __future__ import annotations

import os
import shlex
import tempfile
from pathlib import Path

from ansible_collections.microbosh.director.plugins.module_utils._core._files import write_durably
from ansible_collections.microbosh.director.plugins.module_utils._tree._attributes import format_attributes
from ansible_collections.microbosh.director.plugins.module_utils._tree._mtree import escape
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._attributes_kept import bring

LISTING = "%i|%U|%G|%B|%l|%n"
# Some of what was asked for did not come, or could not be set here: what is missing is found by looking again.
PARTIAL = (0, 23, 24)
PROBE = "user.microbosh"


class PullError(Exception):
    """rsync did not bring the attributes."""


class AttributesPull:
    """Runs rsync for the attributes of some files, each time under the eyes of a watch."""

    def __init__(self, rsync, watch):
        self._rsync, self._watch = rsync, watch

    def __call__(self, dest, options):
        """Given a directory and rsync's options, run rsync; return the lines that it printed in a dry run."""
        log, looks = f"{dest}.log", "--dry-run" in options
        tell = [f"--out-format={LISTING}", "--log-file-format"]
        if not looks:
            tell = ["--quiet", f"--log-file={log}", f"--log-file-format={LISTING}"]
        every = ["--numeric-ids", "--no-devices", "--no-specials", "--modify-window=-1"]
        itemize = ["--itemize-changes", "--itemize-changes"]
        with self._watch(log, dest) as watch:
            answer = self._rsync(dest, [shlex.quote(option) for option in [*every, *options, *itemize, *tell]])
        status = answer.get("rc", 1 if answer.get("failed") else 0)
        if watch.exceeded or status not in (PARTIAL[:1] if looks else PARTIAL):
            raise PullError
        return answer.get("msg", "").split("\n")


def keep_attributes(found: dict, copy: str, path: str, pull) -> dict:
    """Given what has any, a copy of the director without them, and a file to keep them in, return what became of each.

    The names under ``kept`` are in the file, those under ``lost`` have something that is not. Without any there is no
    file.
    """
    files, lost = {}, found["access_lists"] + found["extended"]
    if lost:
        files, lost = _brought(found, os.path.normpath(copy), pull)
    if files:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        write_durably(path, format_attributes(files))
    else:
        Path(path).unlink(missing_ok=True)
    return {"kept": [escape(name or b".").decode() for name in sorted(files)], "lost": lost}


def _brought(found, copy, pull):
    names = list(dict.fromkeys(found["access_lists"] + found["extended"]))
    for place in (os.path.dirname(copy), tempfile.gettempdir()):
        with tempfile.TemporaryDirectory(prefix="microbosh-attributes-", dir=place) as top:
            if not _has_attributes(top):  # a network's file system has none
                continue
            scratch = os.path.join(top, "vcap")
            os.mkdir(scratch, 0o700)
            try:
                return bring(found, copy, scratch, pull)
            except PullError:
                return {}, names
    return {}, names


def _has_attributes(directory):
    try:
        os.setxattr(directory, PROBE, b"1")
    except OSError:
        return False
    return True
