# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a database module on the director, or, for a server elsewhere, on the controller and through the director.

The password is read from the setting, here, and goes to libpq in a file that only this user can read: no argument, no
environment, no result and no log ever has it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.loader import connection_loader
from ansible_collections.microbosh.director.plugins.plugin_utils._run._director_action import DirectorAction
from ansible_collections.microbosh.director.plugins.plugin_utils._run._forward import LOOPBACK, Forward
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import told as told_text

PREFIX = "microbosh_director_database_"
MYSQL_PORT = 3306
NOT_VERIFIED = "none"
# The job's own default for the role; that on the director is another one.
ROLE = "bosh"


class DatabaseAction(DirectorAction):
    """With C(elsewhere) in its arguments, the module asks the server that the settings name."""

    def run(self, tmp=None, task_vars=None):
        elsewhere = boolean(self._task.args.get("elsewhere", False), strict=False)
        self._task.args = {name: value for name, value in self._task.args.items() if name != "elsewhere"}
        if not elsewhere:
            return super().run(tmp, task_vars)
        settings = self._settings(task_vars)
        target = f"{settings['host']}:{settings['port']}"
        with _passfile(settings["password"]) as passfile, self._forward(target, task_vars) as forward:
            endpoint = {
                "host": settings["host"],
                "port": forward.port,
                "user": settings["user"],
                "address": LOOPBACK,
                "ca": "" if settings["ca"] == NOT_VERIFIED else settings["ca"],
                "passfile": passfile,
                "packages": "",
            }
            result = self._on_controller({**self._task.args, **endpoint}, task_vars)
            return told(result, f"{settings['host']}:{forward.port}", target, forward.problem)

    def _settings(self, task_vars):
        names = ("host", "port", "user", "password", "ca")
        found = {name: str(self._templar.template(task_vars.get(PREFIX + name, ""))) for name in names}
        found["port"] = int(found["port"] or 5432)
        found["user"] = found["user"] or ROLE
        found["ca"] = os.path.expanduser(found["ca"])
        problem = unusable(found)
        if problem:
            raise AnsibleActionFail(problem)
        return found

    def _forward(self, target, task_vars):
        connection = self._connection
        if not hasattr(connection, "_build_command"):
            raise AnsibleActionFail(f"The way to {target} is ssh, and this director is connected to by something else.")
        connection.host = connection.get_option("host")
        program = connection.get_option("ssh_executable")
        command = connection._build_command(program, "ssh", connection.host)
        # A program in front of ssh would give it the password, which a shared connection does not need.
        return Forward(command[command.index(program.encode()) :], target, task_vars["inventory_hostname"])

    def _on_controller(self, arguments, task_vars):
        """Run the module on the controller as the current user, whatever the director's connection."""
        variables = {**task_vars, "ansible_python_interpreter": sys.executable}
        director, self._connection = self._connection, connection_loader.get("local", self._play_context)
        try:
            self._connection.set_options(var_options=variables)
            return self._execute_module(module_args=arguments, task_vars=variables)
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)
            self._connection = director


def unusable(settings: dict) -> str:
    """Given the settings of a server elsewhere, return why they cannot be used, "" if they can."""
    server = f"The director's database is set to be on {settings['host']}"
    if settings["port"] == MYSQL_PORT:
        return (
            f"{server}, port {MYSQL_PORT}, which is MySQL's. Backups of a director whose database is in MySQL are not "
            "possible. A PostgreSQL has another port: set microbosh_director_database_port."
        )
    if not settings["password"]:
        return f"{server}: set microbosh_director_database_password, in a vault."
    if "\n" in settings["password"]:
        return f"{server}, and microbosh_director_database_password has more than one line."
    if settings["ca"] == NOT_VERIFIED:
        return ""
    if not settings["ca"]:
        return (
            f"{server}: set microbosh_director_database_ca to the file with the certificates of the authority that "
            "vouches for it, on this controller (for RDS the bundle of its region), or to none if it has no TLS."
        )
    if Path(settings["ca"]).is_file():
        return ""
    return f"{server}, and there is no file {settings['ca']} on this controller (microbosh_director_database_ca)."


@contextlib.contextmanager
def _passfile(password: str) -> Iterator[str]:
    """Yield a file as libpq wants it, in a directory of our own that Ansible removes should we be killed."""
    directory = Path(tempfile.mkdtemp(dir=constants.DEFAULT_LOCAL_TMP))
    try:
        path = directory / "pgpass"
        escaped = password.replace("\\", "\\\\").replace(":", "\\:")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(f"*:*:*:*:{escaped}\n")
        yield str(path)
    finally:
        shutil.rmtree(directory)


def told(result: dict, here: str, target: str, problem) -> dict:
    """Return a module's result with the server's own address, and with what ssh knows of why it failed."""
    result = {
        name: value.replace(here, target).replace("on this host", "on this controller")
        if name in ("msg", "problem") and value
        else value
        for name, value in result.items()
        if name != "invocation"
    }
    key = "msg" if result.get("failed") else "problem"
    if result.get(key):
        result[key] = told_text(problem()) or result[key]
    return result
