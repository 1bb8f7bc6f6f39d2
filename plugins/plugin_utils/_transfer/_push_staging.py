# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of this run that rsync pushes from: open files under their names.

rsync finds a file by its path when it sends it, so whoever may write to the backup could put a link in the place of a
directory meanwhile, and have any file of the controller sent to the director. Here each file is opened once, without
following a link, and rsync gets a directory on a file system of the controller's own whose names lead to the open files
(/proc/<pid>/fd/<number>, which is the inode and no path). A change of the names in the backup has no effect then.
"""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._inside import Way, readable

# Each batch is a connection of its own, and its files are open at once.
LARGEST_BATCH = 16384
# Descriptors for everything else.
SPARE = 256
SMALLEST_BATCH = 64


@contextlib.contextmanager
def batch_size() -> Iterator[int]:
    """Yield how many files can be open at once, as many as this process is allowed to allow itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = LARGEST_BATCH + 2 * SPARE
    most = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    try:
        taken = len(os.listdir("/proc/self/fd"))
        yield max(SMALLEST_BATCH, min(LARGEST_BATCH, most - taken - SPARE))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def staged(top: bytes, names: list[bytes], stage: Path) -> Iterator[None]:
    """Given a directory, names of files below it, and an empty directory, let these names lead to those files.

    They do as long as the block lasts. Raise OutsideError for a name that is no file, or that is behind a link.
    """
    with contextlib.ExitStack() as opened:
        descriptors = []
        with Way(top) as way:
            for name in names:
                descriptors.append(way.open(name))
                opened.callback(os.close, descriptors[-1])
        opened.enter_context(readable(descriptors))
        _lay_out(names, descriptors, os.fsencode(stage))
        yield


def _lay_out(names, descriptors, stage):
    above = None
    for name, descriptor in zip(names, descriptors, strict=True):
        path = os.path.join(stage, name)
        if os.path.dirname(path) != above:
            above = os.path.dirname(path)
            os.makedirs(above, mode=0o700, exist_ok=True)
        os.symlink(b"/proc/%d/fd/%d" % (os.getpid(), descriptor), path)
