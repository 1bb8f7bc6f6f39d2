# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Owner, group, mode and time of a name, set exactly as they were recorded."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import ctypes
import errno
import os
import platform

from ansible_collections.microbosh.director.plugins.module_utils._tree import NANOSECONDS, mtime_of

AT_FDCWD = -100
AT_SYMLINK_NOFOLLOW = 0x100
ACCESS_LIST = b"system.posix_acl_access"
_LARGEST = 65536
_FSTAT = 5  # of x86_64, and where in its answer the time is, in words
_MTIME = 11


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


_LIBC = ctypes.CDLL(None, use_errno=True)


def set_mtime(path, nanoseconds):
    """Set the time of the last change, and of the last access, of a name itself, even of a symbolic link.

    Python 2.7 cannot do it: it knows neither nanoseconds nor links.
    """
    moment = _Timespec(*divmod(nanoseconds, 1000000000))
    times = (_Timespec * 2)(moment, moment)
    if _LIBC.utimensat(AT_FDCWD, ctypes.c_char_p(path), times, AT_SYMLINK_NOFOLLOW):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), path)


def set_metadata(path, entry):
    """Given a path as bytes and an Entry, give the one what the other says. Follows no symbolic link."""
    os.lchown(path, entry.uid, entry.gid)  # first: it clears the set-user-ID bit
    if entry.type != "link":
        os.chmod(path, entry.mode)
    set_mtime(path, entry.mtime)


def set_open_metadata(descriptor, entry):
    """Given an open file or directory and an Entry, give the one what the other says, whatever has its name by now."""
    os.fchown(descriptor, entry.uid, entry.gid)  # first: it clears the set-user-ID bit
    os.fchmod(descriptor, entry.mode)
    set_open_mtime(descriptor, entry.mtime)


def set_open_mtime(descriptor, nanoseconds):
    """Set the time of the last change, and of the last access, of an open file or directory."""
    moment = _Timespec(*divmod(nanoseconds, 1000000000))
    _require(_LIBC.futimens(descriptor, (_Timespec * 2)(moment, moment)))


def open_mtime(descriptor):
    """Return the time of the last change of what is open, in nanoseconds."""
    status = os.fstat(descriptor)
    if not NANOSECONDS and platform.machine() == "x86_64":  # Python 2.7 rounds it
        words = (ctypes.c_long * 32)()
        _require(_LIBC.syscall(ctypes.c_long(_FSTAT), descriptor, ctypes.byref(words)))
        return words[_MTIME] * 1000000000 + words[_MTIME + 1]
    return mtime_of(status)


def copy_open_attributes(source, target):
    """Give an open file or directory the extended attributes of another, access control lists among them."""
    names = ctypes.create_string_buffer(_LARGEST)
    length = _LIBC.flistxattr(source, names, _LARGEST)
    value = ctypes.create_string_buffer(_LARGEST)
    for name in names.raw[: max(length, 0)].split(b"\0")[:-1]:
        size = _LIBC.fgetxattr(source, ctypes.c_char_p(name), value, _LARGEST)
        if size >= 0 and _LIBC.fsetxattr(target, ctypes.c_char_p(name), value, size, 0):
            _require(-1, errno.EOPNOTSUPP, errno.EPERM, errno.EINVAL)  # as cp, which keeps what can be kept


def drop_open_acl(descriptor):
    """Remove the access control list of an open file, which its group's rights would only seem to be the ones of."""
    if _LIBC.fremovexattr(descriptor, ctypes.c_char_p(ACCESS_LIST)):
        _require(-1, errno.ENODATA, errno.EOPNOTSUPP, errno.EPERM)


def _require(answer, *harmless):
    """Raise OSError if a call of the C library failed in another way than a harmless one."""
    error = ctypes.get_errno()
    if answer and error not in harmless:
        raise OSError(error, os.strerror(error))


def same_metadata(entry, recorded):
    """Whether two Entries have the same owner, group, mode and time."""
    if entry.type == "link":
        return (entry.uid, entry.gid) == (recorded.uid, recorded.gid) and entry.same_time(recorded)
    return entry.same_owner(recorded) and entry.same_time(recorded)
