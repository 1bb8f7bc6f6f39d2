# SPDX-License-Identifier: GPL-3.0-or-later
"""A program in a terminal of a given size, and what a person would see there."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pyte

PATIENCE = 60
# A key that was not read by then was thrown away.
SLOW_READER = 5


class Terminal:
    """Runs a command with a terminal of its own, and keeps what it shows."""

    def __init__(self, command, columns=80, lines=24, **options):
        self.screen = pyte.HistoryScreen(columns, lines, history=5000, ratio=1)
        self._stream = pyte.ByteStream(self.screen)
        self._raw = bytearray()
        self._master, slave = pty.openpty()
        self._slave = os.dup(slave)  # its modes can be asked for after the program has ended
        self._set_size(columns, lines)
        self.modes = termios.tcgetattr(self._slave)
        options |= {"stdin": slave, "stdout": slave, "stderr": slave, "start_new_session": True}
        self.process = subprocess.Popen(command, preexec_fn=self._control, **options)
        os.close(slave)

    @staticmethod
    def _control():
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def __enter__(self):
        return self

    def __exit__(self, *dummy):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self._slave)
        os.close(self._master)

    def _set_size(self, columns, lines):
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, columns, lines):
        """Make the window another size, as a person does."""
        self._set_size(columns, lines)
        self.screen.resize(lines, columns)

    def type(self, text):
        """Type something."""
        os.write(self._master, text.encode())

    def answer(self, text):
        """Answer a prompt that reads key by key; again if it threw away what was typed before it began to read."""
        self.until(lambda dummy: not self._is_cooked())
        while not self._is_cooked():
            self.type(f"{text}\r")
            end = time.monotonic() + SLOW_READER
            while not self._is_cooked() and time.monotonic() < end:
                assert self.process.poll() is None, "\n".join(["it has ended:", *self.all_lines()])
                self.read()

    def _is_cooked(self):
        """Whether the terminal gives its program whole lines."""
        return bool(termios.tcgetattr(self._slave)[3] & termios.ICANON)

    def read(self, seconds=0.05):
        """Show what the program has printed meanwhile."""
        while select.select([self._master], [], [], seconds)[0]:
            try:
                data = os.read(self._master, 65536)
            except OSError:
                return
            self._raw += data
            self._stream.feed(data)
            seconds = 0

    def until(self, condition, patience=PATIENCE):
        """Go on until what the terminal shows fulfils a condition; return the lines."""
        end = time.monotonic() + patience
        while not condition(self.lines()):
            assert time.monotonic() < end, "\n".join(["it was never seen:", *self.lines(), self.printed()[-3000:]])
            assert self.process.poll() is None or self._more(), "\n".join(["it has ended:", *self.all_lines()])
            self.read()
        return self.lines()

    def _more(self):
        before = len(self._raw)
        self.read()
        return len(self._raw) > before

    def end(self, patience=PATIENCE):
        """Go on until the program has ended; return its exit status."""
        end = time.monotonic() + patience
        while self.process.poll() is None:
            assert time.monotonic() < end, "\n".join(["it does not end:", *self.lines()])
            self.read()
        self.read()
        return self.process.returncode

    def lines(self):
        """The lines that are on the screen."""
        return [line.rstrip() for line in self.screen.display]

    def all_lines(self):
        """The lines that are on the screen, and those that have left it at the top."""
        above = [
            "".join(line[column].data for column in range(self.screen.columns)).rstrip()
            for line in self.screen.history.top
        ]
        return above + self.lines()

    def printed(self):
        """All that came, as it came."""
        return self._raw.decode("utf-8", "replace")

    def row(self, text):
        """The line of the screen that begins with a text behind its mark, with its colours: (text, colours)."""
        for number, line in enumerate(self.lines()):
            if line[2:].startswith(text):
                colours = {self.screen.buffer[number][column].fg for column in range(self.screen.columns)}
                return line, colours - {"default"}
        return "", set()

    def is_whole(self):
        """Whether the terminal is as it was: its modes, and the cursor visible at the beginning of a line."""
        cursor = self.screen.cursor
        return termios.tcgetattr(self._slave) == self.modes and not cursor.hidden and cursor.x == 0
