# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives rsync the connection that Ansible itself has: the same host, port, user, key and options, wherever set.

Ansible takes them from a dozen places: variables with several names each, keywords, its configuration, the environment,
the command line. Only the connection knows what came of it, so nothing here looks at a variable.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible_collections.microbosh.director.plugins.plugin_utils._run._synchronize_here import in_this_process

NO_PASSWORD = (
    "KbdInteractiveAuthentication=no",
    "PreferredAuthentications=gssapi-with-mic,gssapi-keyex,hostbased,publickey",
    "PasswordAuthentication=no",
)
# How ssh names the process that has a shared connection.
MASTER = re.compile(r"\(pid=(\d+)\)")
ANSWER_SECONDS = 10
# The name that synchronize knows the director by; its own notion of hosts is not to match anything.
DIRECTOR = "director"
NO_PORT = -1
# Last, so that it undoes what any option before it, a file, an -A or a -t asks for: a terminal changes data.
NO_FORWARDING = ("-a", "-x", "-T")
# ssh hands its locale on, and rsync's log has each byte of a name as the locale prints it.
LOCALE = {"LANG": "C", "LC_ALL": "C"}


def host_of(connection) -> str:
    """Given Ansible's connection to a director, return the name or address that ssh is given. Only ssh will do."""
    if connection.transport != "ssh":
        raise AnsibleActionFail(
            f"Files are copied with rsync over ssh, and this host's connection is {connection.transport}. "
            "Leave ansible_connection out, or set it to ssh."
        )
    return connection.get_option("host") or connection._play_context.remote_addr


def remote_shell(connection) -> list[str]:
    """Given Ansible's connection to a director, return the ssh command line that leads there, without the host.

    The order is Ansible's: of an option that is given twice, ssh takes the first.
    """
    command = [connection.get_option("ssh_executable"), *_smartcard(connection), *_split(connection, "ssh_args")]
    if connection.get_option("host_key_checking") is False:
        command += _options("StrictHostKeyChecking=no")
    if connection.get_option("port") is not None:
        command += _options(f"Port={connection.get_option('port')}")
    command += _identity(connection)
    if not password_of(connection):
        command += _options(*NO_PASSWORD)
    if connection.get_option("remote_user"):
        command += _options(f'User="{connection.get_option("remote_user")}"')
    command += _options(f"ConnectTimeout={connection.get_option('timeout')}")
    return [*command, *_split(connection, "ssh_common_args"), *_split(connection, "ssh_extra_args"), *NO_FORWARDING]


def shared_connection(connection) -> int:
    """Return the process that has the connection to a director which all tasks share, 0 if there is none.

    A password is asked for by Ansible only, and an ssh that begins a shared connection may keep rsync from its end: so
    it is Ansible that begins one.
    """
    if connection.transport != "ssh":
        return 0
    with contextlib.suppress(AnsibleError, OSError, subprocess.SubprocessError):
        answer = subprocess.run(
            [*remote_shell(connection), "-O", "check", host_of(connection)], stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=ANSWER_SECONDS, check=False,
        )  # fmt: skip
        found = MASTER.search(answer.stdout)
        return int(found[1]) if found else 0
    return 0


def password_of(connection) -> str:
    """Return the password that Ansible logs in with, empty if it has none."""
    return connection.get_option("password") or connection._play_context.password or ""


def rsync_words(words) -> str:
    """Given the words of a remote shell, return them in rsync's quotes, where a doubled quote stands for one."""
    return " ".join("'" + word.replace("'", "''") + "'" for word in words)


def synchronize(action, arguments, task_vars):
    """Given an action, hand a transfer to ansible.posix.synchronize over that action's connection; return the result.

    ``arguments`` are synchronize's, with the path on the director alone in ``src`` or ``dest``.
    """
    host = host_of(action._connection)
    shell = shlex.quote("--rsh=" + rsync_words(remote_shell(action._connection)))
    task = action._task.copy()
    task.environment = [*(task.environment or []), LOCALE]
    task.args = {
        **arguments,
        "compress": False,
        "delay_updates": False,
        "set_remote_user": False,
        "rsync_opts": [shell, *arguments["rsync_opts"]],
    }
    task.args.setdefault("rsync_path", remote_rsync(action._connection))
    delegate = action._shared_loader_obj.action_loader.get(
        "ansible.posix.synchronize",
        task=task,
        connection=action._connection,
        play_context=action._play_context,
        loader=action._loader,
        templar=action._templar,
        shared_loader_obj=action._shared_loader_obj,
    )
    if not (any(action._task.environment or []) or action._task.async_val):  # they need a process
        in_this_process(delegate, LOCALE)
    return delegate.run(task_vars=_as_synchronize_knows(host, password_of(action._connection), task_vars))


def remote_rsync(connection) -> str | None:
    """Return the command that is rsync on the director, as the user that the task becomes there; None is rsync itself.

    Synchronize would ask the play's context, where the variable ``ansible_become`` beats the task even when it is null.
    """
    become = connection.become
    if not become:
        return None
    if become.name.rpartition(".")[2] != "sudo":
        raise AnsibleActionFail(
            f"Files are copied as {become.get_option('become_user')} by sudo, and this host's become method is "
            f"{become.name}. Leave ansible_become_method out, or set it to sudo."
        )
    return shlex.join(["sudo", "-n", "-u", become.get_option("become_user"), "rsync"])


def _as_synchronize_knows(host, password, task_vars):
    """Return the variables with nothing in them by which synchronize would find another host, port or user."""
    director = {"inventory_hostname": DIRECTOR, "ansible_host": host}
    if password and shutil.which("sshpass"):  # without it, the shared connection is enough
        director["ansible_password"] = password
    controller = {"ansible_python_interpreter": sys.executable}
    return {
        **task_vars,
        "inventory_hostname": DIRECTOR,
        "ansible_port": NO_PORT,  # no controller has it, so that no host is taken for the controller
        "hostvars": {DIRECTOR: director, "localhost": controller},
    }


def _smartcard(connection):
    """Return the options for keys that a card has, which Ansible gives if it has a password for it."""
    if not (connection.get_option("pkcs11_provider") and password_of(connection)):
        return []
    card = ("KbdInteractiveAuthentication=no", "PreferredAuthentications=publickey", "PasswordAuthentication=no")
    return _options(*card, f"PKCS11Provider={connection.get_option('pkcs11_provider')}")


def _identity(connection):
    """Return the options for the key: of one that is given as text, ansible-core 2.19 and later has an agent."""
    if connection.has_option("private_key") and connection.get_option("private_key"):
        return _options("IdentitiesOnly=yes", f'IdentityFile="{connection._populate_agent()}"')
    key = connection.get_option("private_key_file")
    return _options(f'IdentityFile="{os.path.expanduser(key)}"') if key else []


def _options(*settings):
    return [word for setting in settings for word in ("-o", setting)]


def _split(connection, name):
    return shlex.split(connection.get_option(name) or "")
