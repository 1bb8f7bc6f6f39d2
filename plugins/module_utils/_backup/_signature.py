# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signature of a backup, over its id, its director and the digests of its records.

Write access to the disk of backups is enough to forge a backup with a manifest that agrees with it, but not to sign it.
The signature is one of ssh's, in a file of its own; the signed statement is not stored but made anew from the backup.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import re
import shutil
import subprocess
import tempfile

from ansible.module_utils.common.text.converters import to_bytes, to_native
from ansible_collections.microbosh.director.plugins.module_utils._backup._records import RECORDS, record_digests
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import read_plain, write_durably

NAMESPACE = "microbosh-backup"
SIGNER = "microbosh"
LONGEST = 65536
PUBLIC = re.compile("^(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ [A-Za-z0-9+/=]+", re.MULTILINE)
NEWEST = ".newest-"
UNSAFE = re.compile("[^A-Za-z0-9._-]")


class SignatureError(DirectorError):
    """A backup that is not signed by whom it should be, or that cannot be signed."""


class Unsigned(SignatureError):
    """A backup without a signature."""


def statement(path, backup, host, digests=None):
    """Given a backup's directory, its id and its director, return what is signed about it, as bytes.

    With the ``digests`` of its records, these are not read again.
    """
    digests = digests or record_digests(path)
    lines = ["microbosh backup 1", "id %s" % backup, "host %s" % host]
    lines += ["%s %s" % (name, digests[name]) for name in RECORDS]
    return to_bytes("\n".join(lines) + "\n")


def sign(path, backup, host, key, digests=None):
    """Write the signature of a backup that is not published yet; raise SignatureError if it cannot be made.

    ``digests`` are those of its records as they were written; what lies there by now may be another's.
    """
    about = statement(path, backup, host, digests)
    found = _ssh_keygen(["-Y", "sign", "-n", NAMESPACE, "-f", key], about)
    if found[0] != 0 or b"BEGIN SSH SIGNATURE" not in found[1]:
        raise SignatureError("The backup cannot be signed with %s (microbosh_sign_key): %s" % (key, found[2]))
    write_durably(os.path.join(path, layout.SIGNATURE), found[1])


def check(path, backup, host, key, digests=None):
    """Raise Unsigned if a backup has no signature, SignatureError unless it is that of the key for this very backup.

    ``digests`` are those of its records that everything else is held against, too.
    """
    signature = os.path.join(path, layout.SIGNATURE)
    if not os.path.lexists(signature):
        raise Unsigned("%s is not signed." % path)
    try:
        content = read_plain(signature, LONGEST)
        about = statement(path, backup, host, digests)
    except EnvironmentError as error:
        raise SignatureError("The signature of %s cannot be checked: %s" % (path, error))
    work = tempfile.mkdtemp(prefix="microbosh-")
    try:
        signers, copy = os.path.join(work, "signers"), os.path.join(work, "signature")
        write_durably(
            signers, to_bytes("".join('%s namespaces="%s" %s\n' % (SIGNER, NAMESPACE, one) for one in public(key)))
        )
        write_durably(copy, content)
        found = _ssh_keygen(["-Y", "verify", "-n", NAMESPACE, "-I", SIGNER, "-f", signers, "-s", copy], about)
    finally:
        shutil.rmtree(work)
    if found[0] != 0:
        raise SignatureError(
            "The signature of %s is not that of %s for the backup %s of %s: somebody else made it, changed it, "
            "or put another "
            "one in its place." % (path, key, backup, host)
        )


def public(key):
    """Given the file of a private or public key, return the public keys that its signatures may be of."""
    for path in (key + ".pub", key):
        if os.path.isfile(path):
            with open(path, "rb") as source:
                found = [match.group(0) for match in PUBLIC.finditer(to_native(source.read(LONGEST), errors="replace"))]
            if found:
                return found
    status, said, complaint = _ssh_keygen(["-y", "-P", "", "-f", key], b"")
    if status != 0:
        raise SignatureError("%s (microbosh_sign_key) is no key that ssh-keygen can read: %s" % (key, complaint))
    return [to_native(said).strip()]


def note_newest(key, host, backup):
    """Record which backup of a director was signed last: beside the key, out of reach of writers of backups."""
    write_durably(_newest_path(key, host), to_bytes(backup + "\n"))


def newest_signed(key, host):
    """Return the backup of a director that was signed last here, "" if none is known."""
    try:
        return to_native(read_plain(_newest_path(key, host), LONGEST)).strip()
    except EnvironmentError:
        return ""


def _newest_path(key, host):
    return key + NEWEST + UNSAFE.sub("_", host)


class _Keygen(subprocess.Popen):
    """ssh-keygen, which reads what is signed from us; that is not for run_command."""


def _ssh_keygen(arguments, given):
    """Run ssh-keygen, which asks nobody; return its status, what it printed and what it complained about."""
    environment = dict(os.environ, LC_ALL="C", SSH_ASKPASS="/bin/false", SSH_ASKPASS_REQUIRE="force")
    try:
        program = _Keygen(
            ["ssh-keygen"] + arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
    except EnvironmentError as error:
        raise SignatureError("Signatures take ssh-keygen, which cannot be run on this controller: %s." % error.strerror)
    said, complaint = program.communicate(given)
    return program.returncode, said, to_native(complaint, errors="replace").strip()
