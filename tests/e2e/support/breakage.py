"""Ways to break a test host, each of which is mended at the end of its block."""

from __future__ import annotations

import contextlib
import time

WAIT_SECONDS = 300

# What a run asks rsync on the host for: the trial, which blobs there are, how much there is to copy, the first pass,
# attributes; and then, in an outage or online, the second pass and perhaps the owners.
SECOND_PASS = "outage.1"
ATTRIBUTES = "5"
SECOND_PASS_ONLINE, OWNERS_ONLINE = "6", "7"

READER = "/usr/local/sbin/microbosh-read"
# Counts what rsync is asked for before an outage and in it, and holds the one that it is told to hold. It stands before
# the reader, as rsync itself may write nothing.
GATE = r"""#!/bin/sh
if [ "$2" = --daemon ]; then
    outage=
    [ ! -e /var/vcap/store/microbosh-backup/lease-armed ] || outage=outage.
    number=$(($(cat /run/gate/${outage}number 2>/dev/null || echo 0) + 1))
    echo $number >/run/gate/${outage}number
    while [ -e /run/gate/hold.$outage$number ]; do
        echo $outage$number >/run/gate/holding; touch /run/gate/held; sleep 0.1
    done
    rm -f /run/gate/held
fi
exec READER.aside "$@"
""".replace("READER", READER)
SLOWED = r"""#!/bin/sh
if [ "$2" = --daemon ] && [ -e /run/gate/speed ]; then
    shift 2
    set -- --server --daemon "--bwlimit=$(cat /run/gate/speed)" "$@"
fi
exec /usr/bin/rsync.aside "$@"
"""


def wait_until(condition, what, seconds=WAIT_SECONDS):
    """Wait until the condition holds; fail saying what did not come to be."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.2)


def wait_until_up(director):
    """Wait until monit calls every service of a director running, asking it to look now."""

    def up():
        director.execute("pkill", "-USR1", "-x", "monit(-actual)?", check=False)
        return director.wholly_up()

    wait_until(up, f"{director.name} is wholly up")


@contextlib.contextmanager
def missing(director, *paths):
    """These files are not on the host."""
    director.shell("".join(f"mv '{path}' '{path}.aside';" for path in paths))
    try:
        yield
    finally:
        director.shell("".join(f"mv -T '{path}.aside' '{path}';" for path in paths))


@contextlib.contextmanager
def replaced(director, path, script):
    """This program on the host is another one; the real one is at <path>.aside."""
    with missing(director, path):
        director.execute("sh", "-c", 'printf %s "$2" >"$1" && chmod 0755 "$1"', "sh", path, script)
        yield


class Gate:
    """Stands before rsync on a host."""

    def __init__(self, director):
        self._director = director

    def hold(self, copy):
        """Hold one of the passes of the first run from here on."""
        self._director.shell(f"touch /run/gate/hold.{copy}")

    def is_holding(self):
        return self._director.execute("test", "-e", "/run/gate/held", check=False).returncode == 0

    def wait(self, process):
        """Wait until a pass is held; fail when the run has ended before."""
        wait_until(lambda: self.is_holding() or process.poll() is not None, "a pass is held")
        assert process.poll() is None, process.communicate()[0]

    def release(self):
        self._director.shell("rm -f /run/gate/hold.*")

    def hold_next(self, process, copy):
        """Let the pass that is held go on, and hold another one."""
        self._director.shell(f"touch /run/gate/hold.{copy}; rm /run/gate/hold.$(cat /run/gate/holding)")
        wait_until(lambda: self._holding() == copy or process.poll() is not None, f"pass {copy} is held")
        assert process.poll() is None, process.communicate()[0]

    def _holding(self):
        return self._director.execute("cat", "/run/gate/holding", check=False).stdout.strip()

    def slow(self, speed):
        """Let no pass be faster than this, in KiB/s."""
        self._director.shell(f"echo {speed} >/run/gate/speed")


@contextlib.contextmanager
def gate(director):
    """A Gate before the reader on the host."""
    director.shell("rm -rf /run/gate; mkdir -m 0755 /run/gate")
    with replaced(director, READER, GATE), replaced(director, "/usr/bin/rsync", SLOWED):
        yield Gate(director)
