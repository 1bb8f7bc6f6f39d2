# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Owner, group, mode and time of a name, set exactly as they were recorded."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import ctypes
import errno
import os

AT_FDCWD = -100
AT_SYMLINK_NOFOLLOW = 0x100
ACCESS_LIST = b"system.posix_acl_access"


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


def drop_acl(path):
    """Remove the access control list of a file, which its group's rights would only seem to be the ones of."""
    if _LIBC.lremovexattr(ctypes.c_char_p(path), ctypes.c_char_p(ACCESS_LIST)):
        error = ctypes.get_errno()
        if error not in (errno.ENODATA, errno.EOPNOTSUPP, errno.EPERM):
            raise OSError(error, os.strerror(error), path)


def same_metadata(entry, recorded):
    """Whether two Entries have the same owner, group, mode and time."""
    if entry.type == "link":
        return (entry.uid, entry.gid) == (recorded.uid, recorded.gid) and entry.same_time(recorded)
    return entry.same_owner(recorded) and entry.same_time(recorded)
