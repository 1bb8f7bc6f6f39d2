# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that open accounts of a host: found wherever sshd looks for them, taken out with the rights of the file's owner.

The files of a home belong to an account that may be hostile. So root works only in its own directories; everything else
is done by a process that has become the account.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import io
import os
import pwd
import stat

from ansible.module_utils.common.text.converters import to_bytes, to_native
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError

DEFAULT_PLACES = (".ssh/authorized_keys", ".ssh/authorized_keys2")
LARGEST = 1 << 20
_UNFINISHED = b".microbosh-new"


class AccountError(DirectorError):
    """A key that could not be taken out of an account."""


def places_of(configuration):
    """Given what ``sshd -T`` says, return where it looks for the keys of an account."""
    lines = [line.split() for line in configuration.splitlines()]
    found = [line[1:] for line in lines if line[:1] == ["authorizedkeysfile"]]
    return [place for place in (found[0] if found else DEFAULT_PLACES) if place != "none"]


def path_of(place, name, home):
    """Given a place as sshd names it, return the path for an account."""
    path = place.replace("%%", "\0").replace("%h", home).replace("%u", name).replace("\0", "%")
    return os.path.join(home, path)


def without(content, keys):
    """Given an authorized_keys file and the base64 parts of public keys, return it without the lines that have one."""
    lines = content.splitlines(True)
    return b"".join(line for line in lines if not set(line.split()) & set(keys))


def public_parts(text):
    """Given public keys, one a line, return their base64 parts."""
    words = [line.split() for line in to_bytes(text).splitlines() if not line.lstrip().startswith(b"#")]
    return [word for line in words for word in line if len(word) > 40 and word.startswith(b"AAAA")]


def _edit(path, keys, by_root):
    """Take keys out of a file. Root follows no link, and works only where nobody else may put one."""
    directory, name = os.path.split(path if by_root else os.path.realpath(path))
    place = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | (os.O_NOFOLLOW if by_root else 0))
    found = os.fstat(place)
    if by_root and (found.st_uid != 0 or found.st_mode & 0o022):
        raise EnvironmentError(errno.EPERM, "others may write to the directory", directory)
    os.fchdir(place)
    with io.open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as source:
        status = os.fstat(source.fileno())
        content = source.read(LARGEST) if stat.S_ISREG(status.st_mode) else b""
    kept = without(content, keys)
    if kept != content:
        _replace(name, kept, status)


def _replace(name, content, status):
    """Put a file in the place of one in the current directory, with its owner and mode."""
    unfinished = name + _UNFINISHED
    if os.path.lexists(unfinished):
        os.unlink(unfinished)
    with io.open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        target.write(content)
        if os.geteuid() == 0:
            os.fchown(target.fileno(), status.st_uid, status.st_gid)
        os.fchmod(target.fileno(), stat.S_IMODE(status.st_mode))
        target.flush()
        os.fsync(target.fileno())
    os.rename(unfinished, name)


def take_out(path, account, keys):
    """Take keys out of a file of an account, as that account where the directory is not root's."""
    by_root = os.stat(os.path.dirname(path)).st_uid == 0
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    try:
        if not by_root:
            os.setgroups([account.pw_gid])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
        _edit(to_bytes(path), keys, by_root)
    finally:
        os._exit(0)  # what came of it is looked at afterwards


def holders(path, keys):
    """Return whether sshd would find one of the keys there."""
    try:
        with io.open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as source:
            content = source.read(LARGEST) if stat.S_ISREG(os.fstat(source.fileno()).st_mode) else b""
    except EnvironmentError:
        return False
    return without(content, keys) != content


def open_places(places, keys):
    """Return (path, account) of every file by which one of the keys opens an account."""
    found = {}
    for account in pwd.getpwall():
        for place in places:
            path = path_of(place, account.pw_name, account.pw_dir)
            if holders(path, keys):
                found[path] = account
    return sorted(found.items())


def retire(configuration, keys, dry_run=False):
    """Given what sshd says of itself, take keys out of every account; return the paths that had one.

    Raise AccountError where one is still there, by name.
    """
    places = places_of(configuration)
    there = open_places(places, keys)
    if dry_run:
        return [to_native(path) for path, dummy in there]
    for path, account in there:
        take_out(path, account, keys)
    left = [to_native(path) for path, dummy in open_places(places, keys)]
    if left:
        raise AccountError(
            "The old key still opens this host, by %s: no process of that account may change the file. Remove the key "
            "from it by hand, then run this again." % ", ".join(left),
            left=left,
        )
    return [to_native(path) for path, dummy in there]
