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

from ansible_collections.microbosh.director.plugins.module_utils._tree._attributes import ACCESS_LIST, is_kept
from ansible_collections.microbosh.director.plugins.module_utils._tree._tree import NANOSECONDS, mtime_of

AT_FDCWD = -100
AT_SYMLINK_NOFOLLOW = 0x100
_LARGEST = 65536
_FSTAT = 5  # of x86_64, and where in its answer the time is, in words
_MTIME = 11
# An attribute that this file system, or this file, cannot have.
_CANNOT = (errno.EOPNOTSUPP, errno.EPERM, errno.EACCES, errno.EINVAL, errno.ENOSPC, errno.E2BIG, errno.ERANGE)


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
    if entry.attributes is None:
        os.fchmod(descriptor, entry.mode)
    else:
        _set_open_attributes(descriptor, entry)
    set_open_mtime(descriptor, entry.mtime)


def _set_open_attributes(descriptor, entry):
    """Give what is open mode and attributes of an Entry, and no others; without its list, its group has no right.

    At no moment has the group more than it shall have: what a list leaves behind as the group's rights is its mask.
    """
    os.fchmod(descriptor, entry.mode & ~0o070)
    for name in open_attributes(descriptor):
        if name == ACCESS_LIST or (is_kept(name) and name not in entry.attributes):
            _drop_open_attribute(descriptor, name)
    if ACCESS_LIST not in entry.attributes:
        os.fchmod(descriptor, entry.mode)
    for name in sorted(entry.attributes):
        value = entry.attributes[name]
        if _LIBC.fsetxattr(descriptor, ctypes.c_char_p(name), ctypes.c_char_p(value), len(value), 0):
            _require(-1, *_CANNOT)
            entry.unset = True


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
    for name, value in open_attributes(source).items():
        if _LIBC.fsetxattr(target, ctypes.c_char_p(name), ctypes.c_char_p(value), len(value), 0):
            _require(-1, *_CANNOT)  # as cp, which keeps what can be kept


def open_attributes(source):
    """Return {name: value} of the extended attributes of an open file or directory."""
    names = ctypes.create_string_buffer(_LARGEST)
    length = _LIBC.flistxattr(source, names, _LARGEST)
    value = ctypes.create_string_buffer(_LARGEST)
    found = {}
    for name in names.raw[: max(length, 0)].split(b"\0")[:-1]:
        size = _LIBC.fgetxattr(source, ctypes.c_char_p(name), value, _LARGEST)
        if size >= 0:
            found[name] = value.raw[:size]
    return found


def drop_open_acl(descriptor):
    """Remove the access control list of an open file, which its group's rights would only seem to be the ones of."""
    _drop_open_attribute(descriptor, ACCESS_LIST)


def _drop_open_attribute(descriptor, name):
    if _LIBC.fremovexattr(descriptor, ctypes.c_char_p(name)):
        _require(-1, errno.ENODATA, errno.EOPNOTSUPP, errno.EPERM)


def _require(answer, *harmless):
    """Raise OSError if a call of the C library failed in another way than a harmless one."""
    error = ctypes.get_errno()
    if answer and error not in harmless:
        raise OSError(error, os.strerror(error))


def same_metadata(entry, recorded):
    """Return whether two Entries have the same owner, group, mode and time."""
    if entry.type == "link":
        return (entry.uid, entry.gid) == (recorded.uid, recorded.gid) and entry.same_time(recorded)
    return entry.same_owner(recorded) and entry.same_time(recorded)
