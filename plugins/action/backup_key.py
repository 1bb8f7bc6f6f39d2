# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds or makes the key that backups log in with, for setup to install and to test."""

from __future__ import annotations

import os

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.action.kept_key import kept_text
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _key_files as files
from ansible_collections.microbosh.director.plugins.plugin_utils._run._backup_key import Found, chosen, is_key, usable
from ansible_collections.microbosh.director.plugins.plugin_utils._run._remote_shell import (
    host_of,
    password_of,
    remote_shell,
)

ARGUMENTS = {
    "private_key": {"type": "str", "default": ""},
    "public_key": {"type": "str", "default": ""},
    "apart": {"type": "bool", "required": True},
    "made": {"type": "bool", "default": True},
    "required": {"type": "bool", "default": True},
}


class ActionModule(ActionBase):
    """Look at what this controller has to log in with, and decide; the connection is asked, and not made."""

    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            text = kept_text(self._templar, task_vars)
            made = not text and self._made(arguments)
            choice = chosen(self._found(arguments, text))
            if choice.alone and choice.public and not choice.identity:
                choice.identity = files.kept(choice.public)  # by it ssh takes this key of an agent
        except (DirectorError, OSError) as error:
            raise AnsibleActionFail(f"The key of backups cannot be made or read: {error}") from error
        result.update(vars(choice), changed=made)
        if choice.problem and arguments["required"]:
            result.update(failed=True, msg=choice.problem)
        return result

    def _made(self, arguments):
        path = os.path.expanduser(arguments["private_key"])
        if not path or not arguments["made"]:
            return False
        return not os.path.lexists(path) if self._task.check_mode else files.make_pair(path)

    def _found(self, arguments, text):
        private = text or os.path.expanduser(arguments["private_key"])
        found = Found(private=private, apart=arguments["apart"])
        found.given = given(arguments["private_key"], arguments["public_key"])
        if private and (text or os.path.exists(private)):
            look = files.public_of if text or self._task.check_mode else files.with_public
            found.public = look(private)
            if not found.public and not found.given:
                raise DirectorError(
                    f"{private} cannot be used: it must be a private key without a passphrase, whose last line has an "
                    "end, and without the line ends of Windows (`sed -i 's/\\r$//; $a\\' FILE` mends both)."
                )
        return self._with_login(found)

    def _with_login(self, found):
        """Add what Ansible logs in with."""
        login = self._connection.get_option("private_key_file")
        if login:
            found.login = os.path.expanduser(login)
            found.login_public = files.public_of(found.login)
        found.password = bool(password_of(self._connection))
        if found.private:
            return found
        settings = files.ssh_settings(remote_shell(self._connection), host_of(self._connection))
        [agent] = settings.get("identityagent", [""])[:1] or [""]
        found.agent = usable(files.agent_keys({} if agent in ("", "SSH_AUTH_SOCK") else {"SSH_AUTH_SOCK": agent}))
        own = [os.path.expanduser(path) for path in settings.get("identityfile", [])]
        found.own = {path: files.public_of(path) for path in own if path != found.login and os.path.isfile(path)}
        return found


def given(private_key: str, public_key: str) -> str:
    """Given both settings, return the public key that is named, "" if it is only the one beside the private key."""
    if is_key(public_key):
        return public_key.strip()
    path, private = os.path.expanduser(public_key), os.path.expanduser(private_key)
    if path in ("", files.PUBLIC, f"{private}{files.PUBLIC}"):
        return ""
    line = files.line_of(path)
    if not is_key(line):
        raise DirectorError(
            f"microbosh_public_key is {public_key!r}, which is neither a public key nor a file with one."
        )
    return line
