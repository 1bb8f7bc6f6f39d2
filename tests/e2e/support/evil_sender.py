#!/usr/bin/env python3
"""Stands in the place of the reader on a host: an rsync daemon that sends a list of files such as no rsync would send.

Speaks protocol 29, the last without compression of the list. ENTRIES is put in by the test:
(name, target of a link or "").
"""

import os
import stat
import struct
import sys
import time

ENTRIES = []
READER = "/usr/local/sbin/microbosh-read.aside"


def main():
    if sys.argv[1:] == ["--version"]:
        os.execv(READER, [READER, "--version"])
    put(b"@RSYNCD: 29.0\n")
    read_line()
    read_line()
    put(b"@RSYNCD: OK\n")
    while read_line():  # the arguments, up to an empty line
        continue
    put(struct.pack("<i", 1))
    while True:  # the filter's rules, up to a length of nothing
        length = struct.unpack("<i", take(4))[0]
        if not length:
            break
        take(length)
    frame(b"".join(entry(name, target) for name, target in ENTRIES) + b"\0" + struct.pack("<i", 0))
    time.sleep(3)


def entry(name, target):
    """One file of the list, with nothing left out because it is as in the one before."""
    encoded = name.encode()
    mode = stat.S_IFLNK | 0o777 if target else stat.S_IFDIR | 0o755 if name == "." else stat.S_IFREG | 0o644
    # The flag says that the owner is root, as of the file before; no flag at all would end the list.
    fields = struct.pack("<BB", 0x08, len(encoded)) + encoded
    fields += struct.pack("<iiIi", 4, int(time.time()), mode, 0)
    if target:
        fields += struct.pack("<i", len(target)) + target.encode()
    return fields


def frame(data):
    put(struct.pack("<I", 7 << 24 | len(data)) + data)


def put(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def take(count):
    return sys.stdin.buffer.read(count)


def read_line():
    return sys.stdin.buffer.readline().strip()


if __name__ == "__main__":
    main()
