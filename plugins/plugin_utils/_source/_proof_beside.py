# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a backup and proves it while its files are pushed: both find them in memory, and a disk reads them once."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ansible_collections.microbosh.director.plugins.module_utils._backup._verification import verify_for_restore
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError

REFUSED = "the backup that it comes from is not whole"


class ProofBeside:
    """Reads a backup in a thread; without one there is nothing to prove.

    Whoever goes on with what it proves asks for the result() first, which waits for the end of the reading.
    """

    def __init__(self, backup: dict | None, read: Callable[..., dict] = verify_for_restore):
        self._backup, self._read = backup, read
        self._found, self._error = None, None
        # Who has failed meanwhile does not wait for it.
        self._thread = threading.Thread(target=self._work, daemon=True)
        if backup:
            self._thread.start()

    def _work(self):
        try:
            self._found = self._read(**self._backup)
        except Exception as error:  # whatever it is, result() raises it where it is waited for
            self._error = error

    def refused(self) -> str:
        """Return why nothing more is to be done with the backup, "" as long as nothing is known to be wrong with it."""
        return REFUSED if self._error is not None or (self._found or {}).get("problem") else ""

    def result(self) -> dict | None:
        """Return what was found, None if there was nothing to prove. Raise DirectorError for what cannot be read."""
        if not self._backup:
            return None
        self._thread.join()
        if self._error is None:
            return self._found
        if isinstance(self._error, DirectorError):
            raise self._error
        said = f"{type(self._error).__name__}: {self._error}"
        raise DirectorError(f"{self._backup['path']} cannot be read: {said}. Restore another backup.") from self._error
