# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides which public key setup installs, and with what its last test logs in: what backups will log in with."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field

# A line of authorized_keys without options.
LINE = re.compile(r"(?:ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,3}(?: [^\n]*)?")
CERTIFICATE = re.compile(r"\S+-cert-v[0-9]+@")


@dataclass
class Found:
    """What a controller has to log in with. A public key is a line, "" where there is none or it cannot be read."""

    private: str = ""  # microbosh_private_key or the text's, which exists or is about to be made
    public: str = ""  # the one that belongs to it
    given: str = ""  # what microbosh_public_key names or is, if it says more than the other setting
    login: str = ""  # ansible_ssh_private_key_file
    login_public: str = ""
    agent: list[str] = field(default_factory=list)
    own: dict[str, str] = field(default_factory=dict)  # keys that ssh takes by itself, path: public key
    password: bool = False
    apart: bool = True  # whether the user of backups is another one than the login


@dataclass
class Choice:
    """What comes of it. Without a public key, none is installed."""

    public: str = ""
    identity: str = ""  # a file, or "" for what is in an agent
    alone: bool = False  # whether the test is with this key and nothing else, or with the login as it is
    tested: bool = True
    opens_login: bool = False  # whether it is what the operator logs in with, too
    told: str = ""
    problem: str = ""


def is_key(text: str) -> bool:
    """Tell whether it is a public key, and not the path of one. A certificate comes with its key, and is none."""
    return LINE.fullmatch(text.strip()) is not None and not CERTIFICATE.match(text.strip())


def material(line: str) -> str:
    """Given a public key, return what makes it the same key with whatever comment, "" for none."""
    return " ".join(line.split()[:2])


def shown(line: str) -> str:
    """Given a public key, return how ssh-keygen and ssh-add name it: its fingerprint, and the comment."""
    kind, blob, *comment = line.split(None, 2)
    digest = base64.b64encode(hashlib.sha256(base64.b64decode(blob)).digest()).decode().rstrip("=")
    return " ".join([f"SHA256:{digest}", *comment, f"({kind})"])


def usable(lines: list[str]) -> list[str]:
    """Given what an agent lists, return its keys, each once."""
    return list({material(line): line.strip() for line in reversed(lines) if is_key(line)}.values())[::-1]


def chosen(found: Found) -> Choice:
    """Given what there is, return what is installed and tested."""
    if found.private:
        choice = _own_key(found)
    elif found.given:
        choice = _given_key(found)
    elif found.login:
        choice = _login_key(found)
    else:
        choice = _whatever_logs_in(found)
    same = not found.private or material(choice.public) == material(found.login_public)
    choice.opens_login = bool(choice.public and same and not found.apart)
    return choice


def _own_key(found):
    if found.given and found.public and material(found.given) != material(found.public):
        return Choice(
            problem=f"microbosh_public_key is {shown(found.given)}, which is not the public part of the private key, "
            f"{shown(found.public)}. With it installed no backup could log in. Leave microbosh_public_key out, or name "
            "the part that belongs to the key."
        )
    return Choice(public=found.given or found.public, identity=found.private, alone=True)


def _given_key(found):
    """Return what has the private part of the key that is named: the login's file, one that ssh finds, an agent."""
    files = {found.login: found.login_public, **found.own}
    for path, public in files.items():
        if public and material(public) == material(found.given):
            return Choice(public=found.given, identity=path, alone=True)
    if material(found.given) in map(material, found.agent):
        return Choice(public=found.given, alone=True)
    return Choice(
        public=found.given,
        tested=False,
        told="Connection not tested: microbosh_private_key is empty, and neither the login's key nor an agent of this "
        f"controller has the private part of {shown(found.given)}",
    )


def _login_key(found):
    if found.login_public:
        return Choice(public=found.login_public, identity=found.login, alone=True)
    if not found.apart:
        return Choice(told=f"No key was installed: backups log in with {found.login}, as setup did")
    return Choice(
        problem=f"The public part of {found.login} cannot be read, so it cannot be installed for the user of backups. "
        f"Put it into {found.login}.pub, or into microbosh_public_key."
    )


def _whatever_logs_in(found):
    """Return what ssh logs in with by itself, if there is no doubt which key that is."""
    files = {material(public): path for path, public in found.own.items() if public}
    keys = {material(line): line for line in [*found.own.values(), *found.agent] if line}
    if len(keys) == 1:
        [(known, line)] = keys.items()
        told = f"The key of backups is {shown(line)}"
        return Choice(public=line, identity=files.get(known, ""), alone=True, told=told)
    if not found.apart:
        by = "the password, which each of them needs" if found.password else f"one of {len(keys)} keys"
        if found.password or keys:
            return Choice(told=f"No key was installed: backups log in as setup did, with {by}")
    if keys:
        listed = ", ".join(shown(line) for line in keys.values())
        return Choice(
            problem=f"microbosh_private_key is empty, and an agent or ssh itself has {len(keys)} keys: {listed}. Say "
            "which of them is to log in for backups: microbosh_public_key is such a key or the path of a file with it."
        )
    return Choice(
        problem="microbosh_private_key is empty, and there is no other key: ansible_ssh_private_key_file names none, "
        "and no agent has one. Set microbosh_private_key, for which setup makes a key, or microbosh_private_key_text, "
        "or run setup with the agent or the key that backups will have."
    )
