# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives ssh a key that a setting has as text, or a public key by which it takes one key of an agent."""

from __future__ import annotations

import os

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.plugin_utils._run._backup_key import is_key, material, usable
from ansible_collections.microbosh.director.plugins.plugin_utils._run._key_files import (
    agent_keys,
    kept,
    line_of,
    public_of,
)

TEXT = "microbosh_private_key_text"
ARGUMENTS = {
    "private_key": {"type": "str", "default": ""},
    "public_key": {"type": "str", "default": ""},
    "login_key": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):
    """Look at the settings; the text is read here, so that it is no argument of any task."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            identity = kept_text(self._templar, task_vars) or named_in_agent(**arguments)
        except (DirectorError, OSError) as error:
            raise AnsibleActionFail(f"The key of backups cannot be used: {error}") from error
        result.update(changed=False, identity=identity)
        return result


def kept_text(templar, task_vars: dict) -> str:
    """Return the path of the key that is given as text, "" if none is. Raise DirectorError for what is no key."""
    text = str(templar.template(task_vars.get(TEXT, "")) or "").strip()
    if not text:
        return ""
    path = kept(text)
    if not public_of(path):
        raise DirectorError(f"{TEXT} is not a private key of ssh without a passphrase.")
    return path


def named_in_agent(private_key: str, public_key: str, login_key: str) -> str:
    """Return the path of the public key that is to be taken of an agent, "" if no key is named or it has it not."""
    if private_key or login_key or not public_key:
        return ""
    path = os.path.expanduser(public_key)
    line = public_key.strip() if is_key(public_key) else line_of(path)
    if not line or material(line) not in map(material, usable(agent_keys({}))):
        return ""
    return kept(line) if is_key(public_key) else path
