# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits the time and the disk space of a scratch server, and ends one that uses more."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import signal
import stat
import threading
import time
from collections import namedtuple

from ansible_collections.microbosh.director.plugins.module_utils._core._clock import seconds_since, uptime

# How often it is looked at. A disk writes no more than a gigabyte in that time.
BETWEEN_LOOKS = 0.25
# The server ends its processes within five seconds, by force if need be.
END_SECONDS = 15

# ``room`` is how much of the file system has to stay free for others.
Limits = namedtuple("Limits", "seconds size room")


def end(process):
    """End a server and all of its processes."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGQUIT)
    began = uptime()
    while process.poll() is None and seconds_since(began) < END_SECONDS:
        time.sleep(0.02)
    if process.poll() is None:
        process.kill()
        process.wait()


def size_of(directory):
    """Return the bytes that the files below a directory take; what goes away meanwhile takes none."""
    total = 0
    for parent, dummy, names in os.walk(directory):
        for name in names:
            try:
                found = os.lstat(os.path.join(parent, name))
            except EnvironmentError:
                continue
            if stat.S_ISREG(found.st_mode):
                total += found.st_blocks * 512
    return total


class Watch(threading.Thread):
    """Looks at a server while it runs; ``why`` is a sentence if it had to be ended."""

    def __init__(self, limits, directory, process):
        super(Watch, self).__init__()
        self.daemon = True
        self.why = None
        self._limits = limits
        self._directory = directory
        self._process = process
        self._over = threading.Event()

    def run(self):
        began = uptime()
        while not self._over.wait(BETWEEN_LOOKS):
            self.why = self._exceeded(seconds_since(began))
            if self.why:
                end(self._process)
                return

    def _exceeded(self, seconds):
        if seconds > self._limits.seconds:
            return "it took more than %d seconds, which is the limit" % self._limits.seconds
        if size_of(self._directory) > self._limits.size:
            return "it wrote more than %d bytes, which is the limit" % self._limits.size
        found = os.statvfs(self._directory)
        if found.f_bavail * found.f_frsize < self._limits.room:
            return "less than %d bytes were left free in %s" % (self._limits.room, self._directory)
        return None

    def stop(self):
        self._over.set()
        self.join()
