# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator sets for ssh, and what comes of it in a run that has options of its own.

Of an option that is given twice, ssh takes the first, whatever order the files have.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex

import ansible.constants as C
from ansible import context
from ansible.plugins.loader import connection_loader

# One connection for a whole run. It compresses nothing, as blobs are compressed, and never goes to an unknown host.
SHARED = (
    "ControlMaster=auto",
    "ControlPersist=120s",
    "ControlPath={directory}/{name}%C",
    "Compression=no",
    "ServerAliveInterval=10",
    "ServerAliveCountMax=3",
    "StrictHostKeyChecking=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
)
# Flags that count more than any -o, wherever they stand: compression and a master, and a socket, which has a value.
FLAGS = ("-C", "-M")
WITH_VALUE = "-S"
# As without a password, but for these: with one alone, a server may have hung up before it is asked for.
ASKED_FIRST = "gssapi-with-mic,gssapi-keyex,hostbased,keyboard-interactive,password,publickey"
PASSWORDS = ("ansible_password", "ansible_ssh_pass", "ansible_ssh_password")
ARGUMENTS = ("ssh_args", "ssh_common_args", "ssh_extra_args")


def configured(option: str):
    """Return what environment and configuration say. Ansible's lookup of it would say what the play's variable says."""
    connection_loader.get("ssh", class_only=True)  # its settings are known from then on
    return C.config.get_config_value(option, plugin_type="connection", plugin_name="ssh") or ""


def set_for(variables, option: str) -> str:
    """Given a host's variables, return what the operator set for an option of the connection."""
    return variables.get(f"ansible_{option}") or context.CLIARGS.get(option) or configured(option)


def connection_name(host: str, arguments: list[str]) -> str:
    """Given the inventory name and the operator's arguments, return what tells its shared connection from any other.

    To ssh, and to Ansible, the same address behind two jump hosts is one machine: the second would get the first.
    """
    return hashlib.sha256(json.dumps([host, *arguments]).encode()).hexdigest()[:10]


def shared_options(directory: str, name: str, given: str) -> str:
    """Given where the socket is and the operator's ssh_args, return those of a run: its own come first."""
    own = [word for option in SHARED for word in ("-o", option.format(directory=directory, name=name))]
    try:
        return shlex.join([*own, *_without_flags(shlex.split(given))])
    except ValueError:  # a quote that nobody closed: Ansible says so
        return f"{shlex.join(own)} {given}"


def identity_options(key: str, arguments: list[str], password: bool) -> list[str]:
    """Given the key that is named, the operator's arguments and whether there is a password, return options for ssh.

    A server hangs up after a few keys (MaxAuthTries): an agent's others must not come before the key, or the password.
    """
    if any(_names_a_key(text) for text in arguments) or (key and _is_there(key)):
        return ["-o", "IdentitiesOnly=yes"]
    return ["-o", f"PreferredAuthentications={ASKED_FIRST}"] if password and not key else []


def arguments_for(variables) -> list[str]:
    """Given a host's variables, return all that the operator gives to ssh."""
    return [str(set_for(variables, option)) for option in ARGUMENTS]


def has_password(variables) -> bool:
    """Return whether the operator gives a password for the login, in a variable or otherwise."""
    named = any(variables.get(name) for name in PASSWORDS)
    return bool(named or any(context.CLIARGS.get(name) for name in ("ask_pass", "connection_password_file")))


def ssh_path(path: str) -> str:
    """Given a path, return it as ssh reads it between quotes, where a percent sign begins a token."""
    return re.sub(r'(["\\])', r"\\\1", path).replace("%", "%%")


def _is_there(key):
    """Return whether the key, or its public half where an agent has the other, is a file. If not, an agent may help."""
    given = os.path.expanduser(key)
    plain = re.sub(r'\\(["\\])', r"\1", given).replace("%%", "%")
    return any(os.path.exists(path + suffix) for path in (given, plain) for suffix in ("", ".pub"))


def _names_a_key(text):
    try:
        words = shlex.split(text or "")
    except ValueError:
        return False
    options = [word.removeprefix("-o").strip().lower() for word in words]
    return any(word.startswith("-i") for word in words) or any(word.startswith("identityfile") for word in options)


def _without_flags(words):
    kept, rest = [], iter(words)
    for word in rest:
        if word.startswith(WITH_VALUE):
            if word == WITH_VALUE:
                next(rest, None)
        elif word not in FLAGS:
            kept.append(word)
    return kept
