# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run needs on the controller: directories of its own, a disk, rsync, a key that signs, the operator's files."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import re
import stat

from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._volume import beside, look

LOGS = "logs"
MODE = 0o700
OLDEST_RSYNC = (3, 1, 3)
RSYNC_VERSION = re.compile(r"version v?(\d+)\.(\d+)(?:\.(\d+))?")
# Nobody is asked for a passphrase.
UNASKED = {"SSH_ASKPASS": "/bin/false", "SSH_ASKPASS_REQUIRE": "force"}


def have_directory(path, dry_run=False):
    """Have a directory for its owner alone, and those above it that are missing; return whether something changed."""
    try:
        found = os.stat(path)
    except EnvironmentError:
        if not dry_run:
            _make(path)
        return True
    if not stat.S_ISDIR(found.st_mode):
        raise DirectorError("%s is not a directory." % path)
    if stat.S_IMODE(found.st_mode) == MODE:
        return False
    if not dry_run:
        os.chmod(path, MODE)
    return True


def have_control_directory(path):
    """Have the directory of shared connections, in check mode, too; return whether something changed."""
    try:
        return have_directory(path)
    except EnvironmentError as error:
        raise DirectorError("Shared connections can have no directory %s: %s" % (path, error))


def _make(path):
    above = beside(path)
    if not os.path.exists(above):
        _make(above)
    try:
        os.mkdir(path, MODE)
    except EnvironmentError:
        if not os.path.isdir(path):  # the run of another director has made it meanwhile
            raise
    os.chmod(path, MODE)


def require_volume(directory):
    """Raise DirectorError where backups cannot be kept; return whether files there can be given away."""
    found = look(directory)
    if found["lacks"]:
        raise DirectorError(
            "The file system of %s lacks %s. Set microbosh_backup_dir to another one; docs/awx.md says which will do."
            % (directory, ", ".join(found["lacks"]))
        )
    return found["owners"]


def require_rsync(run_command):
    """Raise DirectorError unless the rsync here is one that backups are made with."""
    said = _asked(run_command, ["rsync", "--version"])[1]
    found = RSYNC_VERSION.search(said)
    if not found or tuple(int(number or 0) for number in found.groups()) < OLDEST_RSYNC:
        raise DirectorError(
            "The controller needs rsync 3.1.3 or later and has %s. Install the package rsync on the controller."
            % (said.split("\n")[0] or "none")
        )


def require_signing(key, run_command):
    """Raise DirectorError unless a key signs, without anybody's help."""
    command = ["ssh-keygen", "-Y", "sign", "-n", "microbosh-probe", "-f", os.path.expanduser(key)]
    status, said, complaint = _asked(run_command, command, "probe\n", UNASKED)
    if status != 0 or "BEGIN SSH SIGNATURE" not in said:
        raise DirectorError(
            "No backup can be signed with %s (microbosh_sign_key): %s. Name a private key of ssh without a passphrase, "
            "or one that an agent of the controller has." % (key, complaint or "there is no signature")
        )


def require_files(paths):
    """Raise DirectorError unless all of them are files; a secret that is mounted into a pod is a link to one."""
    for path in paths:
        if not os.path.isfile(os.path.expanduser(path)):
            raise DirectorError("microbosh_extra_files names %s, which is not a file on the controller." % path)


def _asked(run_command, command, given="", environment=None):
    """Run a program; return its exit status, what it printed, and what it complained of."""
    try:
        status, printed, complaint = run_command(
            command, data=given, environ_update=dict({"LC_ALL": "C"}, **(environment or {})), handle_exceptions=False
        )
    except EnvironmentError as error:
        return 127, "", "%s: %s" % (command[0], error.strerror)
    return status, printed, complaint.strip().rstrip(".")
