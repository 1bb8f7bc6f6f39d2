# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease's files in the staging directory on the director.

``lease.lock``        locked (flock) for as long as the holder lives; says whose it is
``lease.sock``        where the holder answers
``lease-armed``       there while a lease is armed: survives the holder and a reboot
``lease-fired.json``  there after a lease has fired, until the next run has reported it
``lease-starting``    there from the first start after an outage to the end of the lease: nothing may be stopped now
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import fcntl
import json
import os
import socket
import stat
import time

from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import (
    make_durable,
    rename_durably,
    write_durably,
)

ANSWER_SECONDS = 5
LARGEST_MESSAGE = 65536
LONGEST_SOCKET_PATH = 107


def boot_id():
    """Return an id that changes with every boot of the host."""
    with open("/proc/sys/kernel/random/boot_id") as source:
        return source.read().strip()


def utc_now():
    """Return the time of day for a person; nothing is decided by it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class LeaseStaging(object):
    """The directory on the director that only the backup user may write to."""

    def __init__(self, path):
        self.path = path
        self._lock_path = os.path.join(path, "lease.lock")
        self._socket_path = os.path.join(path, "lease.sock")
        self._armed_path = os.path.join(path, "lease-armed")
        self._fired_path = os.path.join(path, "lease-fired.json")
        self._reported_path = os.path.join(path, "lease-fired.last.json")
        self._starting_path = os.path.join(path, "lease-starting")

    def check(self):
        """Raise DirectorError unless the directory is there, this user's own, and closed to others."""
        try:
            found = os.lstat(self.path)
        except EnvironmentError as error:
            raise DirectorError(
                "The staging directory %s cannot be used: %s. Run the setup playbook for this host."
                % (self.path, error.strerror)
            )
        if not stat.S_ISDIR(found.st_mode):
            raise DirectorError(
                "The staging directory %s is not a directory. Remove it and run the setup playbook." % self.path
            )
        if found.st_uid != os.geteuid():
            raise DirectorError(
                "The staging directory %s belongs to user %d, but this runs as user %d. Run it as the backup user, "
                "without become, or run the setup playbook." % (self.path, found.st_uid, os.geteuid())
            )
        if found.st_mode & 0o022:
            raise DirectorError(
                "Others may write to the staging directory %s (mode %04o), so the lease cannot be trusted. "
                "Run the setup playbook, which makes it 0700." % (self.path, stat.S_IMODE(found.st_mode))
            )
        if len(self._socket_path) > LONGEST_SOCKET_PATH:
            raise DirectorError(
                "The path %s is too long for a socket (at most %d characters)."
                % (self._socket_path, LONGEST_SOCKET_PATH)
            )

    def lock(self):
        """Take the lock and return its descriptor, or return None when another process has it."""
        while True:
            descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            if not _flock(descriptor, fcntl.LOCK_EX):
                os.close(descriptor)
                return None
            if self._is_current(descriptor):
                return descriptor
            os.close(descriptor)  # the holder before removed the file while this one waited to open it

    def is_locked(self):
        """Return whether a living process has the lock."""
        try:
            descriptor = os.open(self._lock_path, os.O_RDONLY | os.O_NOFOLLOW)
        except EnvironmentError as error:
            if error.errno == errno.ENOENT:
                return False
            raise
        try:
            return not _flock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def _is_current(self, descriptor):
        ours = os.fstat(descriptor)
        try:
            there = os.lstat(self._lock_path)
        except EnvironmentError:
            return False
        return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)

    @staticmethod
    def sign(descriptor, lease):
        """Write the lease's holder into the lock file, for the message to other runs."""
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, json.dumps(lease).encode("ascii"))

    def signed(self):
        """Return what the holder wrote into the lock file, {} when it has not yet."""
        return _parse(_read(self._lock_path))

    def listen(self):
        """Return a socket that only this user can reach; the caller has to hold the lock."""
        _remove(self._socket_path)
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o077)
        try:
            server.bind(self._socket_path)
        finally:
            os.umask(before)
        server.listen(8)
        return server

    def connect(self, seconds):
        """Return a connection to the holder, or None when none listens."""
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(seconds)
        try:
            client.connect(self._socket_path)
        except EnvironmentError as error:
            client.close()
            if error.errno in (errno.ENOENT, errno.ECONNREFUSED):
                return None
            raise
        return client

    def stop_listening(self):
        """Remove the socket."""
        _remove(self._socket_path)

    def unlock(self):
        """Remove the lock file; the lock itself ends with the process."""
        self.forget_start()
        _remove(self._lock_path)

    def mark(self, lease):
        """Note durably that the lease is armed. The first line is all that the script at boot reads."""
        text = "%s\n%s\n" % (lease["on_deadline"], json.dumps(lease))
        write_durably(self._armed_path, text.encode("ascii"))

    def marked(self):
        """Return the lease that was armed and has neither been released nor fired, or None."""
        action, dummy, lease = _read(self._armed_path).partition("\n")
        return dict(_parse(lease), on_deadline=action) if action else None

    def unmark(self):
        """Forget that a lease was armed."""
        if _remove(self._armed_path):
            make_durable(self.path)

    def note_start(self, token):
        """Note that the run with this lease has begun to start what it had stopped."""
        write_durably(self._starting_path, token.encode("ascii"))

    def noted_start(self):
        """Return the token of the lease under which a start has begun, "" if none has."""
        return _read(self._starting_path)

    def forget_start(self):
        """Forget what an earlier lease had begun."""
        _remove(self._starting_path)

    def record(self, fired):
        """Write down durably that a lease has fired."""
        write_durably(self._fired_path, json.dumps(fired, indent=2, sort_keys=True).encode("ascii") + b"\n")

    def recorded(self, token=None):
        """Return the record of a lease that fired and was not reported yet; with a token, of that lease in any case."""
        for path in (self._fired_path,) if token is None else (self._fired_path, self._reported_path):
            record = _parse(_read(path))
            if record and token in (None, record.get("token")):
                return record
        return None

    def report(self):
        """Return the record of a lease that fired, once; keep it beside."""
        record = self.recorded()
        if record:
            rename_durably(self._fired_path, self._reported_path)
        return record


def send(connection, message):
    """Send one message and say that it is whole."""
    connection.sendall(json.dumps(message).encode("ascii") + b"\n")


def receive(connection):
    """Return the one message that the other side sends, {} when it ends without one."""
    data = b""
    while not data.endswith(b"\n") and len(data) < LARGEST_MESSAGE:
        part = connection.recv(4096)
        if not part:
            break
        data += part
    return _parse(data.decode("ascii"))


def _flock(descriptor, kind):
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except EnvironmentError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True


def _read(path):
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except EnvironmentError as error:
        if error.errno == errno.ENOENT:
            return ""
        raise
    with os.fdopen(descriptor) as source:
        return source.read(LARGEST_MESSAGE)


def _parse(text):
    """Given JSON text, return the mapping in it, with native strings; {} for what is not one."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return dict((_native(name), _native(value)) for name, value in found.items())


def _native(value):
    """Return a value with native strings: Python 2 reads JSON into unicode, which its exceptions cannot print."""
    if isinstance(value, list):
        return [_native(item) for item in value]
    return value.encode("utf-8") if hasattr(value, "encode") and not isinstance(value, str) else value


def _remove(path):
    try:
        os.unlink(path)
    except EnvironmentError as error:
        if error.errno != errno.ENOENT:
            raise
        return False
    return True
