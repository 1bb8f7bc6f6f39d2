# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces for one process and its children: only the paths that they need, no network, no shared memory."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import ctypes
import os

_NEW_MOUNTS, _NEW_HOSTNAME, _NEW_IPC, _NEW_USERS, _NEW_NETWORK = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x40000000
_READ_ONLY, _NO_SUID, _NO_DEVICES, _NO_PROGRAMS = 1, 2, 4, 8
_REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 32, 4096, 16384, 1 << 18
_DETACH = 2
# Without root outside of the namespace, the options that a mount has must be kept.
_LOCKED = ((_NO_SUID, 2), (_NO_DEVICES, 4), (_NO_PROGRAMS, 8), (1024, 1024), (2048, 2048), (1 << 21, 4096))
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "ppc64le": 203, "s390x": 217}
_PR_SET_DUMPABLE = 4


def _require(done, what):
    if done != 0:
        raise OSError(ctypes.get_errno(), "%s: %s" % (what, os.strerror(ctypes.get_errno())))


class Namespaces(object):
    """Made around this very process: by root, or by anybody where the kernel lets everybody."""

    def __init__(self, libc):
        self._libc = libc

    def leave(self, as_root):
        """Leave the network, the mounts and the memory of the host; raise OSError where that is not allowed."""
        own = _NEW_MOUNTS | _NEW_HOSTNAME | _NEW_IPC | _NEW_NETWORK
        uid, gid = os.geteuid(), os.getegid()
        if not as_root:
            # What belongs to a process in /proc is root's, after it was root.
            self._libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
        _require(self._libc.unshare(own if as_root else own | _NEW_USERS), "unshare")
        if not as_root:
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", "%d %d 1" % (uid, uid))
            _write("/proc/self/gid_map", "%d %d 1" % (gid, gid))
        self._mount(b"none", b"/", None, _RECURSIVE | _PRIVATE)

    def _mount(self, source, target, kind, flags, options=None):
        _require(self._libc.mount(source, target, kind, ctypes.c_ulong(flags), options),
                 "mount %s" % target.decode("utf-8", "replace"))

    def _bind(self, path, below, flags):
        """Show a path at the same place below the new root."""
        place = below + path
        if os.path.isdir(path):
            if not os.path.isdir(place):
                os.makedirs(place)
        else:
            if not os.path.isdir(os.path.dirname(place)):
                os.makedirs(os.path.dirname(place))
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o600))
        kept = sum(flag for flag, found in _LOCKED if os.statvfs(path).f_flag & found)
        self._mount(_raw(path), _raw(place), None, _BIND)
        self._mount(b"none", _raw(place), None, _BIND | _REMOUNT | _NO_SUID | kept | flags)

    def show_only(self, machine, root, places):
        """Give this process a root of its own, on an empty directory, with these Places and nothing else."""
        self._mount(b"none", _raw(root), b"tmpfs", _NO_SUID | _NO_DEVICES, b"size=1m,mode=755")
        for path in _outermost(places.readable + places.programs + places.devices):
            self._bind(path, root, _READ_ONLY)
        for path in places.writable:
            self._bind(path, root, _NO_DEVICES)
        os.chdir(root)
        _require(self._libc.syscall(ctypes.c_long(_PIVOT_ROOT[machine]), b".", b"."), "pivot_root")
        _require(self._libc.umount2(b".", _DETACH), "umount")
        self._mount(b"none", b"/", None, _BIND | _REMOUNT | _READ_ONLY | _NO_SUID | _NO_DEVICES)
        os.chdir("/")


def _outermost(paths):
    """Return the paths without those that are below another one of them."""
    return [path for path in sorted(set(paths))
            if not any(path.startswith(other + os.sep) for other in paths)]


def _raw(path):
    return path if isinstance(path, bytes) else path.encode("utf-8")


def _write(path, text):
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode("ascii"))
    finally:
        os.close(descriptor)
