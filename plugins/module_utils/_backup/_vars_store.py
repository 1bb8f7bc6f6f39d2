# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks in an operator's extra files for the secrets that a director made anew needs to use its backup.

``bosh create-env`` makes them and writes them into its vars store (creds.yml); no database and no disk has them. Only
their names are looked at, and nothing of the values ever leaves this file.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import io
import re
from collections import namedtuple

from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._ruby_yaml import RubyError, read_document

# A vars store has some KiB.
LARGEST = 4 * 1024 * 1024
# Encrypted by the operator's own means: there may be one inside.
SEALED = (
    b"$ANSIBLE_VAULT;",
    b"age-encryption.org/",
    b"-----BEGIN AGE ENCRYPTED FILE-----",
    b"-----BEGIN PGP MESSAGE-----",
    b"Salted__",
)
# The first bytes that gpg writes without --armor; no text begins so.
SEALED_BYTES = (b"\x84", b"\x85", b"\x8c")

STORE, DOCUMENT, ENCRYPTED, OTHER = "vars store", "document", "encrypted", "other"

# A secret, the name that it has, the services of monit that need it, and what does not work without it.
Secret = namedtuple("Secret", "name pattern services lost")
SECRETS = (
    Secret(
        "credhub's encryption password",
        re.compile(r"credhub.*(encrypt|key)|encrypt.*credhub"),
        ("credhub",),
        "credhub cannot read its own database, and every secret of the deployments in it is lost",
    ),
    Secret(
        "the CA of NATS",
        re.compile(r"nats.*_ca\b"),
        ("credhub", "uaa", "bosh_nats_sync"),
        "no agent talks to the director, until every VM is made anew",
    ),
    Secret(
        "UAA's keys",
        re.compile(r"uaa.*(jwt|sign|encrypt)"),
        ("uaa",),
        "UAA refuses the tokens and clients that it gave out, and cannot read what it encrypted",
    ),
)
_NAMES = re.compile(r"(credhub|uaa|nats).*(password|secret|key|ca\b|cert|ssl|tls|encrypt|sign)")
# With these, a director has secrets that only its vars store knows.
SECRETIVE = ("credhub", "uaa")

Found = namedtuple("Found", "form secrets")


class FileUnreadable(DirectorError):
    """A file that was named cannot be read."""


def examine(raw):
    """Given the content of a file, return what it is and which secrets it holds, by name."""
    if raw.startswith(SEALED + SEALED_BYTES):
        return Found(ENCRYPTED, [])
    if len(raw) > LARGEST:
        return Found(OTHER, [])
    try:
        document = read_document(raw)
    except RubyError:  # which may quote a secret
        return Found(OTHER, [])
    if not isinstance(document, dict):
        return Found(OTHER, [])
    names = [_normal(name) for name, value in document.items() if _is_secret(value)]
    secrets = [secret.name for secret in SECRETS if any(secret.pattern.search(name) for name in names)]
    return Found(STORE if any(_NAMES.search(name) for name in names) else DOCUMENT, secrets)


def _normal(name):
    return name.lower().replace("-", "_").strip("/").split("/")[-1]


def _is_secret(value):
    """Return whether something is there, and not only the name of a variable, as in a manifest."""
    if isinstance(value, dict):
        return any(_is_secret(item) for item in value.values())
    return bool(value) and not (isinstance(value, type(u"")) and value.strip().startswith("(("))


def examine_file(path):
    """Return what a file is; raise FileUnreadable if it cannot be read."""
    try:
        with io.open(path, "rb") as source:
            return examine(source.read(LARGEST + 1))
    except EnvironmentError as error:
        raise FileUnreadable("The file %s cannot be read: %s." % (path, error.strerror))


def missing_secrets(found, services):
    """Given what the files are and the services of a director, return the Secrets that it needs and no file holds."""
    held = set(name for item in found for name in item.secrets)
    return [secret for secret in SECRETS if secret.name not in held and set(secret.services) & set(services)]


def warnings(found, services):
    """Return lines that tell what a director made anew would be without; none if nothing is missing."""
    missing = missing_secrets(found, services)
    sealed = any(item.form == ENCRYPTED for item in found)
    if not missing or sealed or not set(SECRETIVE) & set(services):
        return []
    there = any(item.form == STORE for item in found)
    first = "The vars store in microbosh_extra_files does not hold %s."
    if not there:
        first = "No file in microbosh_extra_files looks like a vars store (creds.yml), and nothing else holds %s."
    names = [secret.name for secret in missing]
    lines = [first % _enumerated(names) + " A director that is made anew without:"]
    return lines + ["  - %s: %s" % (secret.name, secret.lost) for secret in missing]


def advice(found, services):
    """Return lines that tell, after a restore, what the deployment of the director must have had."""
    needed = missing_secrets([], services)
    missing = [secret.name for secret in missing_secrets(found, services)]
    if not needed or not set(SECRETIVE) & set(services):
        return []
    where = {
        True: "the backup's extra/ has it",
        False: "it is not in the backup",
        None: "the backup's extra/ may have it, in an encrypted file",
    }
    sealed = any(item.form == ENCRYPTED for item in found)
    return [
        "this director must have been deployed with %s of the backup (%s); with another one, %s"
        % (secret.name, where[(None if sealed else False) if secret.name in missing else True], secret.lost)
        for secret in needed
    ]


def _enumerated(names):
    return names[0] if len(names) == 1 else "%s and %s" % (", ".join(names[:-1]), names[-1])
