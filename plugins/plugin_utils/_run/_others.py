# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules of other collections that run on a director, and the only parts of their answers that are accepted.

Their documentation says less than they answer, so it is said here, as RETURN of a module of ours would say it.
"""

from __future__ import annotations

from ansible.plugins.action.copy import ActionModule as Copy
from ansible_collections.microbosh.director.plugins.plugin_utils._run._director_action import GatedAction
from ansible_collections.microbosh.director.plugins.plugin_utils._run._printable import printable_lines

# Those that may be asked for, by the name of the option.
MODULES = {
    "authorized_key": "ansible.posix.authorized_key",
    "command": "ansible.builtin.command",
    "copy": "ansible.builtin.copy",
    "file": "ansible.builtin.file",
    "user": "ansible.builtin.user",
}
ANY, TEXT, FLAG, NUMBER = ({"type": kind} for kind in ("raw", "str", "bool", "int"))
LINES = {"type": "str", "lines": True}
# Keys that every module adds to an answer about a path.
PLACE = {
    **dict.fromkeys(("path", "dest", "owner", "group", "mode", "state", "secontext", "src"), TEXT),
    **dict.fromkeys(("uid", "gid", "size"), NUMBER),
}
OUTPUT = {"stdout": LINES, "stderr": LINES}
ANSWERS = {
    "authorized_key": {
        **PLACE,
        **dict.fromkeys(("user", "comment", "keyfile"), TEXT),
        **dict.fromkeys(("exclusive", "follow", "manage_dir", "validate_certs"), FLAG),
        **dict.fromkeys(("key", "key_options"), LINES),
    },
    "command": {**OUTPUT, "rc": NUMBER, "cmd": ANY, **dict.fromkeys(("start", "end", "delta"), TEXT)},
    "copy": {**PLACE, **OUTPUT, "md5sum": TEXT, "checksum": TEXT, "exit_status": NUMBER},
    "file": {**PLACE, "appears_binary": FLAG},
    "user": {
        **OUTPUT,
        **dict.fromkeys(("name", "state", "comment", "home", "shell", "password"), TEXT),
        **dict.fromkeys(("append", "create_home", "force", "move_home", "remove"), FLAG),
        **dict.fromkeys(("group", "groups", "system"), ANY),
        "uid": NUMBER,
    },
    # Which copy asks for besides.
    "slurp": {"content": LINES, "source": TEXT, "encoding": TEXT},
    "stat": {"stat": {"type": "dict"}},
}


class OthersAction(GatedAction):
    """An action that runs modules of others on a director."""

    def _execute_module(self, module_name=None, *arguments, **more):
        self._asked = module_name.rpartition(".")[2]
        return super()._execute_module(module_name, *arguments, **more)

    def _known(self):
        return self._asked, ANSWERS[self._asked]


class GatedCopy(OthersAction, Copy):
    """Ansible's copy action, with every answer of the director checked by the gate."""

    def _get_diff_data(self, *arguments, **more):
        """Show what is in a file of the director, which was encoded when it came."""
        diff = super()._get_diff_data(*arguments, **more)
        return {name: printable_lines(text) if isinstance(text, str) else text for name, text in diff.items()}
