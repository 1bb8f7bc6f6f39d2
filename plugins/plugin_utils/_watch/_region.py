# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a terminal, below all that is printed, in which lines are drawn again and again.

The cursor stays visible, at the beginning of the line below; no mode of the terminal is changed, and colours end with
their line. So there is nothing to put right after a run that was killed, whatever killed it.
"""

from __future__ import annotations

import contextlib
import os
import select

START, UP, ERASE_BELOW, ERASE_LINE = "\r\x1b[0m", "\x1b[{}A", "\x1b[J", "\x1b[K"
LOOK_SECONDS = 0.1


class Region:
    """Lines at the end of what a terminal shows."""

    def __init__(self, stream):
        self._fd, self._own = _writer(stream.fileno())
        self._encoding = stream.encoding or "utf-8"
        self._stream = stream
        self._poll = select.poll()  # with many forks descriptors have higher numbers than select() knows
        self._poll.register(self._fd, select.POLLOUT)
        # A line that is drawn in part is one more than these.
        self._rows, self._width, self._is_drawn = 0, 0, False

    def size(self) -> tuple[int, int]:
        """Return columns and lines of the terminal, as they are now."""
        size = os.get_terminal_size(self._stream.fileno())
        return size.columns or 80, size.lines or 24

    def draw(self, lines: list[str], width: int, wait: bool = False) -> None:
        """Draw the lines, no longer than so many cells, in the place of those that are there, without flickering.

        What a slow terminal does not take at once is left out, unless it is waited for.
        """
        if not (wait or self._takes_more(0)):
            return
        text = self._back() + "".join(f"{line}{ERASE_LINE}\n" for line in lines) + ERASE_BELOW
        self._rows, self._width = self._write(text, wait), width
        self._is_drawn = True

    def clear(self) -> None:
        """Make room for what is printed, which waits for the terminal as well: nothing is drawn until the next time."""
        if self._is_drawn:
            self._write(self._back() + ERASE_BELOW, wait=True)
            self.leave()

    def leave(self) -> None:
        """Leave what is drawn where it is, as a part of all that was printed."""
        self._rows, self._is_drawn = 0, False

    def close(self) -> None:
        """Give back what was opened."""
        self.leave()
        if self._own:
            os.close(self._fd)
            self._own = False

    def _back(self):
        """Return the way back to the first line; none where a window that became narrow has broken some line in two."""
        if not self._rows or self._width > self.size()[0]:
            return START
        return START + UP.format(self._rows)

    def _takes_more(self, seconds):
        """Return whether the terminal takes more: it does not while a person has stopped it with Ctrl-S."""
        return any(event & select.POLLOUT for dummy, event in self._poll.poll(seconds * 1000))

    def _write(self, text, wait=False):
        """Write as much as the terminal takes at once, or all of it; return how many lines that were."""
        data, written = text.encode(self._encoding, "replace"), 0
        while written < len(data):
            try:
                written += os.write(self._fd, data[written:])
            except BlockingIOError:
                if wait:
                    self._takes_more(LOOK_SECONDS)
            if not wait:
                break
        return data[:written].count(b"\n")


def _writer(descriptor):
    """Return a descriptor of the same terminal that never waits for it, and whether it is a new one.

    One that was opened anew has a mode of its own: the one that is there is shared with the shell.
    """
    with contextlib.suppress(OSError):
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        return os.open(os.ttyname(descriptor), flags), True
    return descriptor, False
