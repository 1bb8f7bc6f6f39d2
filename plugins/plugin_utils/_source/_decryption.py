# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens what was encrypted with age or gpg, with a private key that lies in a file."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from ansible_collections.microbosh.director.plugins.plugin_utils._source._filter_program import filtered, require

SETTING = "microbosh_archive_identity"
ENDINGS = (".age", ".gpg")
# Longer paths do not fit into the address of a socket, of which gpg's agent has some in its directory.
LONGEST_HOME = 80
# Messages of the programs on a key, in the C locale. Not passed on: they may show what a broken key file holds.
LOCKED_KEY = ("in batchmode - can't get input", "obtain passphrase", "read passphrase")
NO_KEY = ('age: error: reading "',)
WRONG_KEY = ("no identity matched", "No secret key", "passphrase-encrypted")


class DecryptionError(ValueError):
    """An encrypted archive that turned out to be cut or altered."""


class IdentityError(ValueError):
    """There is no private key for an encrypted archive, or one that does not open it: the archive may well be whole."""


def is_encrypted(name: str) -> bool:
    """Return whether a file's name is that of something encrypted."""
    return name.endswith(ENDINGS)


def decrypted_name(name: str) -> str:
    """Return the name of what is in something encrypted, and any other name as it is."""
    return name.removesuffix(next((ending for ending in ENDINGS if name.endswith(ending)), ""))


@contextlib.contextmanager
def decrypted(archive: Path, source, identity: Path | None):
    """Given an encrypted archive and the open file of it, give what is in it as a stream."""
    if identity is None:
        raise IdentityError(
            f"{archive} is encrypted. Name the file with the private key: -e {SETTING}=/path/to/the/key. "
            "It has to be on the controller for this run only."
        )
    if not os.access(identity, os.R_OK) or not identity.is_file():
        raise IdentityError(f"There is no file {identity} that can be read, which {SETTING} names as the private key.")

    def failed(said):
        return _failure(archive, identity, said)

    with contextlib.ExitStack() as opened:
        if archive.name.endswith(".age"):
            program = ["age", "--decrypt", "--identity", str(identity)]
        else:
            program = [*opened.enter_context(_keyring(identity)), "--decrypt"]
        yield opened.enter_context(filtered(program, source, failed))


@contextlib.contextmanager
def _keyring(identity):
    """Give the command of a gpg that knows this key and no other; nothing of it is left afterwards."""
    require("gpg")
    home = tempfile.mkdtemp(prefix="microbosh-")
    gpg = ["gpg", "--homedir", home, "--batch", "--no-tty", "--quiet", "--pinentry-mode", "loopback"]
    try:
        if len(home) > LONGEST_HOME:
            raise IdentityError(f"The path of {home} is too long for gpg: set TMPDIR to a shorter one.")
        if _quietly(*gpg, "--import", str(identity)) != 0:
            raise IdentityError(f"{identity} holds no private key of gpg's, as gpg --export-secret-keys writes it.")
        yield gpg
    finally:
        _quietly("gpgconf", "--homedir", home, "--kill", "all")
        _quietly("gpgconf", "--homedir", home, "--remove-socketdir")
        # The agent removes its sockets itself, perhaps just now.
        while os.path.exists(home):
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(home)


def _quietly(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode


def _failure(archive, identity, said):
    """Return the error for what age or gpg said when it failed."""
    if any(words in said for words in LOCKED_KEY):
        return IdentityError(
            f"The private key in {identity} is locked with a passphrase, and nobody can be asked. Unlock it first."
        )
    if any(words in said for words in NO_KEY):
        return IdentityError(f"{identity} holds no private key of age's, as age-keygen writes it.")
    if any(words in said for words in WRONG_KEY):
        return IdentityError(
            f"The private key in {identity} does not open {archive}: it was encrypted to others. "
            f"Name one of its own in {SETTING}."
        )
    first = next(iter(said.splitlines()), "no message")[:200]
    return DecryptionError(f"it was cut or altered ({first}). Use another one.")
