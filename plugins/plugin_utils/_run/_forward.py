# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A way to a database server that only the director reaches: a port of this controller, for as long as one task lasts.

Each connection to the port becomes an ``ssh -W`` through the director. Nothing is left when the task ends: the port
closes with its process, and an ssh ends with the connection that it was made for. A connection that is shared has the
rights that the key had when it was made: where it is refused, another one is tried, which has those of today.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import tempfile
import threading

LOOPBACK = "127.0.0.1"
# Not even on a terminal that it might find.
NEVER_ASK = ("-o", "BatchMode=yes")
PROHIBITED = "administratively prohibited"
# All that ssh says of a refusal when it shares another one's connection.
SILENT = "Session open refused by peer"
_FAILURE = re.compile(r"open failed: (.*)$", re.MULTILINE)
_COMPLAINTS = 3


def through(command: list[bytes], options: list[str], target: str) -> list[bytes]:
    """Given how ssh would run a command on the director, return how it connects to a target beyond it."""
    ssh, *arguments = command
    return [ssh, *(option.encode() for option in options), b"-W", target.encode(), *arguments]


def failure(complaints: str, target: str, host: str) -> str:
    """Given what ssh said, return what is wrong between the director and the target, "" if nothing is known to be."""
    found = _FAILURE.findall(complaints)
    if any(PROHIBITED in reason for reason in found):
        return (
            f"{host} does not let the backup key connect to {target}. Run the setup playbook for it again: the key "
            "reaches the database server that is set, and no other."
        )
    if found:
        return f"{host} cannot connect to {target}: {found[-1].removeprefix('connect failed: ')}."
    lines = [line.strip() for line in complaints.splitlines() if line.strip()]
    return f"No connection through {host} to {target}: {' / '.join(lines[-_COMPLAINTS:])}" if lines else ""


class Forward:
    """A listening port for the time of its block; ``problem`` tells what ssh said."""

    def __init__(self, command: list[bytes], target: str, host: str):
        self._target, self._host = target, host
        self._commands = [
            through(command, [*NEVER_ASK, "-o", option], target) for option in ("ControlMaster=no", "ControlPath=none")
        ]
        self._children: list[subprocess.Popen] = []
        self._carriers: list[threading.Thread] = []
        self._failed = self._closing = False

    def __enter__(self) -> Forward:
        self._complaints = tempfile.TemporaryFile()
        self._listener = socket.create_server((LOOPBACK, 0))
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *dummy: object) -> None:
        self._closing = True
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for child in self._children:
            child.terminate()
            child.wait()
        for carrier in self._carriers:
            carrier.join()
        self._complaints.close()

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    def problem(self) -> str:
        """Return what is known of why no connection came about, "" if nothing is."""
        # A banner is no failure.
        return failure(self._said(), self._target, self._host) if self._failed else ""

    def _said(self):
        # Wherever ssh writes now, it goes on writing there.
        file = self._complaints.fileno()
        return os.pread(file, os.fstat(file).st_size, 0).decode("utf-8", "replace")

    def _serve(self):
        while True:
            try:
                connection, dummy = self._listener.accept()
            except OSError:  # closed
                return
            carrier = threading.Thread(target=self._carry, args=(connection,), daemon=True)
            self._carriers = [other for other in self._carriers if other.is_alive()] + [carrier]
            carrier.start()

    def _carry(self, connection):
        """Carry a connection by ssh until either ends; where ssh was refused, nothing of it was read."""
        with connection:
            for command in self._commands:
                if self._closing:
                    return
                child = subprocess.Popen(command, stdin=connection, stdout=connection, stderr=self._complaints)
                self._children = [other for other in self._children if other.poll() is None] + [child]
                failed = child.wait() > 0
                if failed and command is not self._commands[-1] and SILENT in self._said():
                    continue  # no failure: there is another way
                self._failed = failed
                return
