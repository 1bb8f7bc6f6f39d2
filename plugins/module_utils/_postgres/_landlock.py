# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restricts the files that a process and its children may read or write, by the kernel's Landlock."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import ctypes
import os
import stat

# The numbers are the same on every machine.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_WHICH_VERSION = 1
_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIRECTORY = 1, 2, 4, 8
_TRUNCATE = 1 << 14
_READ = _READ_FILE | _READ_DIRECTORY
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
# Rights on files by the version that brought them; then of the network (bind, connect), and what may be reached at all
# (abstract sockets, signals).
_SINCE = ((1, (1 << 13) - 1), (2, 1 << 13), (3, _TRUNCATE), (5, 1 << 15))
_NET_SINCE, _NET = 4, 3
_SCOPE_SINCE, _SCOPE = 6, 3


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scope", ctypes.c_uint64)]


class _Rule(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def _call(libc, number, *arguments):
    found = libc.syscall(ctypes.c_long(number), *arguments)
    if found < 0:
        raise OSError(ctypes.get_errno(), "Landlock: %s" % os.strerror(ctypes.get_errno()))
    return found


def version(libc):
    """Return the version of Landlock that the kernel has, 0 if none or if it is not to be used."""
    try:
        return _call(libc, _CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_WHICH_VERSION))
    except OSError:
        return 0


def _handled(there):
    handled = 0
    for since, rights in _SINCE:
        if there >= since:
            handled |= rights
    return handled


def _allow(libc, ruleset, path, rights):
    descriptor = os.open(path, getattr(os, "O_PATH", 0o10000000) | getattr(os, "O_CLOEXEC", 0o2000000))
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _OF_FILES
        rule = _Rule(rights, descriptor)
        _call(libc, _ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_BENEATH), ctypes.byref(rule), ctypes.c_uint32(0))
    finally:
        os.close(descriptor)


def restrict(libc, places):
    """Leave this process nothing but these Places, for ever; raise OSError if the kernel does not do it."""
    there = version(libc)
    handled = _handled(there)
    wanted = _Ruleset(handled, _NET if there >= _NET_SINCE else 0, _SCOPE if there >= _SCOPE_SINCE else 0)
    size = 24 if there >= _SCOPE_SINCE else 16 if there >= _NET_SINCE else 8
    ruleset = _call(libc, _CREATE_RULESET, ctypes.byref(wanted), ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        for paths, rights in ((places.programs, _READ | _EXECUTE), (places.readable, _READ),
                              (places.devices, _READ | _WRITE_FILE), (places.writable, ~_EXECUTE)):
            for path in paths:
                _allow(libc, ruleset, path, rights & handled)
        _call(libc, _RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)
