# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys on the controller: made once, whoever else makes it at the same moment, read, and kept for a run."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import make_durable

PUBLIC = ".pub"
SECONDS = 30


class KeyFileError(DirectorError):
    """A key cannot be made or read."""


def make_pair(path: str) -> bool:
    """Make a private key of that name, if there is none, and its public part; return whether it was this call's.

    Several directors' tasks may do that at once: the first link of that name wins, and the kernel knows which is first.
    """
    if os.path.lexists(path):
        return False
    directory = os.path.dirname(path) or "."
    os.makedirs(directory, mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".microbosh-", dir=directory) as scratch:
        new = os.path.join(scratch, "key")
        _said(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "microbosh backup", "-f", new])
        try:
            os.link(new, path)
        except FileExistsError:
            return False
        os.replace(new + PUBLIC, path + PUBLIC)
    make_durable(directory)
    return True


def public_of(path: str) -> str:
    """Given the path of a private key, return its public part, "" if it has a passphrase and no part beside it."""
    beside = line_of(path + PUBLIC)
    derived = _derived(path)
    # A key without a comment of its own has the one of the file beside.
    return beside if beside.split()[:2] == derived.split()[:2] or not derived else derived


def with_public(path: str) -> str:
    """Given the path of a private key that is ours, return its public part, which is beside it afterwards."""
    public = public_of(path)
    if public and not os.path.lexists(path + PUBLIC):
        with tempfile.TemporaryDirectory(prefix=".microbosh-", dir=os.path.dirname(path) or ".") as scratch:
            new = Path(scratch, "key.pub")
            new.write_text(f"{public}\n", encoding="utf-8")
            new.chmod(0o644)
            new.replace(path + PUBLIC)
    return public


def line_of(path: str) -> str:
    """Return the first line of a file with a public key, "" if there is none."""
    try:
        lines = [line.strip() for line in Path(path).read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return ""
    return next((line for line in lines if line and not line.startswith("#")), "")


def agent_keys(environment: dict[str, str]) -> list[str]:
    """Return the public keys that an agent lists, none if there is none."""
    done = _run(["ssh-add", "-L"], environment)
    return done.stdout.splitlines() if done.returncode == 0 else []


def kept(text: str) -> str:
    """Given the text of a key, return a path under which ssh reads it until the run ends, whatever ends it.

    It is on no disk: a small process that ends with the run has it in its memory, 0600 as ssh wants it.
    """
    file = os.memfd_create("microbosh-key")
    try:
        os.fchmod(file, 0o600)
        lines = text.replace("\r\n", "\n").strip()
        os.write(file, f"{lines}\n".encode())
        keeper = subprocess.Popen(
            ["tail", f"--pid={os.getppid()}", "-f", "/dev/null"],
            pass_fds=[file], start_new_session=True, cwd="/",
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return f"/proc/{keeper.pid}/fd/{file}"
    finally:
        os.close(file)


def ssh_settings(command: list[str], host: str) -> dict[str, list[str]]:
    """Given a command line of ssh and a host, return what ssh makes of it all, {lower-case name: values}."""
    settings: dict[str, list[str]] = {}
    for line in _run([*command, "-G", host]).stdout.splitlines():
        name, dummy, value = line.partition(" ")
        settings.setdefault(name, []).append(value)
    return settings


def _derived(path):
    done = _run(["ssh-keygen", "-y", "-P", "", "-f", path])
    return done.stdout.strip() if done.returncode == 0 else ""


def _said(command):
    done = _run(command)
    if done.returncode:
        raise KeyFileError(f"{command[0]} failed: {done.stderr.strip()}")


def _run(command, environment=None):
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=SECONDS,
            check=False, env={**os.environ, **(environment or {})},
        )  # fmt: skip
    except OSError as error:
        raise KeyFileError(f"{command[0]} cannot be run: {error.strerror}.") from error
