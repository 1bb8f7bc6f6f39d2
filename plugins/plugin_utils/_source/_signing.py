# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks by its signature that a backup is the one that was asked for, before anything of it is used."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.microbosh.director.plugins.module_utils._backup import _signature as signature
from ansible_collections.microbosh.director.plugins.module_utils._backup._records import record_digests
from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import list_ids, read_report
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError

ID = re.compile(r"[0-9]{8}T[0-9]{6}Z")


@dataclass
class Trust:
    """The key and the director's name that a backup's signature has to have, or none."""

    key: str = ""
    host: str = ""
    unsigned: bool = False

    def check(self, path: Path, called: str, digests: dict | None = None) -> str:
        """Given a backup's directory and id, return V(signed), V(unsigned), or "" if no signature is asked for.

        ``digests`` are those of its records: what is signed, and what every later reading is held against.
        Raise DirectorError for one that is signed by another, is another, or is not signed and has to be.
        """
        if not self.key:
            return ""
        try:
            digests = digests or record_digests(str(path))
            report = read_report(str(path), digests) if (path / layout.SIGNATURE).is_file() else {}
            backup, host = str(report.get("id")), str(report.get("host"))
            signature.check(str(path), backup, host, self.key, digests)
        except signature.Unsigned as error:
            if self.unsigned:
                return "unsigned"
            raise signature.Unsigned(
                f"{error} microbosh_sign_key is set, so it may be anybody's who can write there, or one from "
                "before the key. To restore it "
                "all the same, add -e microbosh_restore_unsigned=true."
            ) from error
        self._require_meant(backup, host, called)
        return "signed"

    def _require_meant(self, backup, host, called):
        """Raise SignatureError for a backup that is signed and is not the one that its name says."""
        if host != self.host:
            raise signature.SignatureError(
                f"{called} is signed as a backup of {host}, not of {self.host}. If that one is to become "
                f"{self.host}, add "
                f"-e microbosh_restore_host={host}."
            )
        expected = ID.findall(Path(called).name)
        if expected and backup not in expected:
            raise signature.SignatureError(
                f"{called} is signed as the backup {backup}, so another one was put in its place."
            )

    def require_newest(self, directory: Path, backup: str | None) -> None:
        """Raise SignatureError if what ``latest`` leads to is older than what is there, or was signed last."""
        if not self.key or backup is None:
            return
        newest = max([*list_ids(str(directory)), signature.newest_signed(self.key, self.host)])
        if backup < newest:
            raise signature.SignatureError(
                f"latest leads to {backup}, and {newest} was the newest backup: somebody may have put an older "
                "one in its place. Name the "
                f"one that is meant: -e microbosh_restore_from={backup}."
            )


def said_of_signature(trust: Trust, path: Path, called: str, digests: dict | None = None) -> tuple[str, str]:
    """Given a backup that is verified, return V(signed), V(unsigned), V(wrong) or "", and what is wrong."""
    try:
        return Trust(trust.key, trust.host, unsigned=True).check(path, called, digests), ""
    except (DirectorError, OSError) as error:
        return "wrong", str(error)
