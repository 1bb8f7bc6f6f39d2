# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict file of a backup: when it was verified and rehearsed, and with what result."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import os
import time

from ansible.module_utils.common.text.converters import to_bytes
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import read_plain, write_durably

MOST_BYTES = 64 * 1024 * 1024
VERIFIED = "verified"
REHEARSED = "rehearsed"
# How long a restore takes, by what was measured.
RESTORE = "restore"
MOST_FINDINGS = 100


def verdict_path(path):
    """Given a backup's directory or an archive, return the path of its verdict."""
    return os.path.join(path, layout.VERDICT) if os.path.isdir(path) else path + "." + layout.VERDICT


def read_verdict(path):
    """Given the path of a verdict, return what it says; nothing if there is none, or none that can be read."""
    try:
        content = json.loads(read_plain(path, MOST_BYTES).decode("utf-8"))
    except (EnvironmentError, ValueError, RuntimeError):
        return {}
    return content if isinstance(content, dict) else {}


def note(path, what, outcome):
    """Write an outcome and its time into a verdict, beside what is there already."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    content = dict(read_verdict(path))
    content[what] = dict(outcome, at=stamp)
    try:
        write_durably(path, to_bytes(json.dumps(content, indent=2, sort_keys=True) + "\n"))
    except EnvironmentError as error:
        raise DirectorError(
            "The verdict could not be written to %s: %s. The verdict itself: %s."
            % (path, error.strerror, json.dumps(outcome, sort_keys=True))
        )


def found_damaged(path):
    """Return whether the last verification of a backup in a directory found it not whole."""
    verified = read_verdict(verdict_path(path)).get(VERIFIED)
    return isinstance(verified, dict) and verified.get("whole") is False


def found_good(path, what, key):
    """Return whether a backup's directory was verified, or rehearsed, and found good."""
    outcome = read_verdict(verdict_path(path)).get(what)
    return isinstance(outcome, dict) and outcome.get(key) is True
