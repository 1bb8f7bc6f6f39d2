# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that pack an archive, by what its name ends in."""

from __future__ import annotations

import os
import re
import shlex

COMPRESSORS = {"zst": "zstd -q -T0", "gz": "gzip", "xz": "xz -T0", "tar": "cat"}
# Each is given a key by the one option and a file with keys by the other.
ENCRYPTORS = {
    "age": ("age --encrypt", "--recipient=", "--recipients-file="),
    "gpg": (
        "gpg --batch --quiet --trust-model always --compress-algo none --encrypt",
        "--recipient=",
        "--recipient-file=",
    ),
}
NAME = re.compile(r"[^/]*[{]id[}][^/]*\.tar([.](zst|gz|xz))?([.](age|gpg))?")

PATH = re.compile(r"\W?/")


class ArchiveError(ValueError):
    """A name that no archive can have, or keys without use; the message names the setting."""


def archive_command(name: str, recipients: list[str], host: str = "director") -> dict:
    """Given microbosh_archive and the keys to encrypt it to, return the pipe behind tar, the programs in it and what
    encrypts it. Raise ArchiveError for what is no such name, and for keys without encryption or the reverse.

    Of <name>.tar.zst.age: age encrypts what zstd has compressed.
    """
    if not name:
        if recipients:
            raise ArchiveError(_useless(name))
        return {"encryption": "", "programs": [], "pipe": ""}
    if not NAME.fullmatch(name):
        raise ArchiveError(
            f"microbosh_archive is '{name}': a file name is expected that holds {{id}} and ends in .tar.zst, .tar.gz, "
            ".tar.xz or .tar, and in .age or .gpg behind that if it is to be encrypted, such as "
            f"'{host}_{{id}}.tar.zst', or empty for no archive."
        )
    encryption = name.rpartition(".")[2] if name.endswith(tuple(f".{program}" for program in ENCRYPTORS)) else ""
    if encryption and not recipients:
        raise ArchiveError(
            f"microbosh_archive is '{name}' and microbosh_archive_recipients is empty: name whose public keys the "
            "archive is encrypted to."
        )
    if recipients and not encryption:
        raise ArchiveError(_useless(name))
    compressor = COMPRESSORS[name.removesuffix(f".{encryption}").rpartition(".")[2]]
    pipe = [compressor, *([_encryptor(encryption, recipients)] if encryption else [])]
    return {
        "encryption": encryption,
        "programs": [command.split()[0] for command in pipe],
        "pipe": " | ".join(pipe),
    }


def _useless(name):
    return (
        f"microbosh_archive_recipients is set, but microbosh_archive is '{name}', which would not be encrypted: "
        "let its name end in .age or .gpg."
    )


def _encryptor(program, recipients):
    """Return the command that encrypts to all of them."""
    command, key, file = ENCRYPTORS[program]
    return " ".join([command, *(_option(str(recipient), key, file) for recipient in recipients)])


def _option(recipient, key, file):
    """Return a key, a path of a file with keys, or what is an option already, as an option, quoted for the shell."""
    if recipient.startswith("--recipient"):
        return shlex.quote(recipient)
    path = os.path.expanduser(recipient)
    return shlex.quote(f"{file if PATH.match(path) else key}{path}")
