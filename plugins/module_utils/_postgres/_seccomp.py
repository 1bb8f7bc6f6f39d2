# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter for the system calls of a process and of all that it forks: it starts no program and reaches no socket.

The one program that is to run under the filter is started through it: that call carries a secret in registers that the
kernel does not look at, and once the program runs, nobody is left who knows it.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import ctypes
import errno
import os
import platform
import struct
from collections import namedtuple

PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
_AF_UNIX = 1
_SOCK_STREAM = 1
_TYPE_OF_SOCKET = 0xF
_CLONE_NEW = 0x7E020000  # every namespace that clone() can make
_X32 = 0x40000000
# From here on the numbers are the same everywhere. All that is newer is as if the kernel had not got it.
_NEWER = 424
_NEWER_ALLOWED = (436, 437, 439)  # close_range, openat2, faccessat2

_LOAD, _AND, _EQUAL, _AT_LEAST, _SET, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_AT_NUMBER, _AT_MACHINE, _AT_ARGUMENTS = 0, 4, 16

Machine = namedtuple("Machine", "audit execve socket socketpair sendto clone prlimit forbidden")

# execveat connect ptrace process_vm_readv process_vm_writev mount umount2 pivot_root chroot unshare setns bpf
# perf_event_open userfaultfd add_key request_key keyctl name_to_handle_at open_by_handle_at kexec_load kexec_file_load
# init_module finit_module delete_module personality swapon swapoff reboot acct quotactl memfd_create kcmp syslog
# vhangup fanotify_init mknodat, and on x86 iopl ioperm modify_ldt mknod
MACHINES = {
    "x86_64": Machine(0xC000003E, 59, 41, 53, 44, 56, 302, (
        322, 42, 101, 310, 311, 165, 166, 155, 161, 272, 308, 321, 298, 323, 248, 249, 250, 303, 304, 246, 320, 175,
        313, 176, 135, 167, 168, 169, 163, 179, 319, 312, 103, 153, 300, 259, 172, 173, 154, 133)),
    "aarch64": Machine(0xC00000B7, 221, 198, 199, 206, 220, 261, (
        281, 203, 117, 270, 271, 40, 39, 41, 51, 97, 268, 280, 241, 282, 217, 218, 219, 264, 265, 104, 294, 105, 273,
        106, 92, 224, 225, 142, 89, 60, 279, 272, 116, 58, 262, 33)),
}
_NOT_FOR_X32 = "x86_64"


def machine():
    """Return the Machine that this is, or None if its system calls are not known here."""
    return MACHINES.get(platform.machine()) if struct.calcsize("P") == 8 else None


def _one(code, value, then=0, otherwise=0):
    return struct.pack("=HBBI", code, then, otherwise, value)


def _refuse(number):
    return _one(_RETURN, _ERROR | number)


def _argument(index, high=False):
    return _one(_LOAD, _AT_ARGUMENTS + 8 * index + (4 if high else 0))


def _when(number, block):
    """Return a block that is gone through for one system call, and that decides about it."""
    return _one(_EQUAL, number, 0, len(block) // 8) + block


def _unless_equal(value, block):
    return _one(_EQUAL, value, len(block) // 8, 0) + block


def _start_of_program(secret):
    """Return the block for execve, which is allowed to a caller with the secret in three unused arguments."""
    block = b""
    for index, word in enumerate(secret):
        for high in (False, True):
            block += _argument(3 + index, high) + _unless_equal((word >> (32 if high else 0)) & 0xFFFFFFFF,
                                                                _refuse(errno.EACCES))
    return block + _one(_RETURN, _ALLOW)


def program(kind, secret):
    """Return the filter for a Machine, as the bytes of its instructions."""
    allow = _one(_RETURN, _ALLOW)
    # Without a connection of its own, a datagram goes wherever its sender says, and those of a pair may send so, too.
    socket = (_argument(0) + _unless_equal(_AF_UNIX, _refuse(errno.EACCES))
              + _argument(1) + _one(_AND, _TYPE_OF_SOCKET) + _unless_equal(_SOCK_STREAM, _refuse(errno.EACCES)) + allow)
    nowhere = b"".join(_argument(4, high) + _unless_equal(0, _refuse(errno.EACCES)) for high in (False, True)) + allow
    threads = _argument(0) + _one(_SET, _CLONE_NEW, 0, 1) + _refuse(errno.EPERM) + allow
    own = _argument(0) + _unless_equal(0, _refuse(errno.EPERM)) + allow
    newer = b"".join(_one(_EQUAL, number, 0, 1) + allow for number in _NEWER_ALLOWED) + _refuse(errno.ENOSYS)
    filtered = _one(_LOAD, _AT_MACHINE) + _unless_equal(kind.audit, _one(_RETURN, _KILL)) + _one(_LOAD, _AT_NUMBER)
    filtered += _one(_AT_LEAST, _NEWER, 0, len(newer) // 8) + newer
    for number, block in ((kind.execve, _start_of_program(secret)), (kind.socket, socket), (kind.socketpair, socket),
                          (kind.sendto, nowhere), (kind.clone, threads), (kind.prlimit, own)):
        filtered += _when(number, block)
    for number in kind.forbidden:
        filtered += _when(number, _refuse(errno.EPERM))
    return filtered + allow


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]


def install(libc, secret):
    """Put the filter on this process, for ever; raise OSError if the kernel does not take it."""
    code = program(machine(), secret)
    kept = ctypes.create_string_buffer(code, len(code))
    wanted = _Program(len(code) // 8, ctypes.addressof(kept))
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(wanted), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp: %s" % os.strerror(ctypes.get_errno()))


def new_secret():
    return struct.unpack("=QQQ", os.urandom(24))


def start(libc, secret, command, environment):
    """Become a program, through the filter; return only if that failed: raise OSError."""
    arguments = (ctypes.c_char_p * (len(command) + 1))(*(list(command) + [None]))
    settings = (ctypes.c_char_p * (len(environment) + 1))(*(list(environment) + [None]))
    libc.syscall(ctypes.c_long(machine().execve), ctypes.c_char_p(command[0]), arguments, settings,
                 *[ctypes.c_ulong(word) for word in secret])
    raise OSError(ctypes.get_errno(), "execve: %s" % os.strerror(ctypes.get_errno()))
