"""A client of rsync that sends the filter rules that it is given, as no rsync would, and prints what comes back.

crafted_rsync.py daemon|sender RULE... -- COMMAND...     the command leads to rsync on the other side
"""

from __future__ import annotations

import os
import select
import struct
import subprocess
import sys

# The last version in which a client sends its rules as they are, in no frames of their own.
PROTOCOL = 29
SECONDS = 2


def main(kind, *arguments):
    border = arguments.index("--")
    rules, command = arguments[:border], arguments[border + 1 :]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as server:
        greet = greet_daemon if kind == "daemon" else greet_sender
        greet(server.stdin, server.stdout)
        for rule in rules:
            server.stdin.write(struct.pack("<i", len(rule)) + rule.encode())
        server.stdin.write(struct.pack("<i", 0))
        while select.select([server.stdout], [], [], SECONDS)[0]:
            answer = os.read(server.stdout.fileno(), 65536)
            if not answer:
                break
            sys.stdout.buffer.write(answer)
        server.kill()


def greet_daemon(to, answers):
    """Speak to a daemon until it reads rules: versions, module, arguments."""
    answers.readline()
    to.write(f"@RSYNCD: {PROTOCOL}.0\nvcap\n".encode())
    while answers.readline() not in (b"@RSYNCD: OK\n", b""):
        continue
    to.write(b"--server\n--sender\n-r\n.\nvcap/\n\n")


def greet_sender(to, answers):
    """Speak to a sender until it reads rules: versions."""
    to.write(struct.pack("<i", PROTOCOL))
    answers.read(8)


if __name__ == "__main__":
    main(*sys.argv[1:])
