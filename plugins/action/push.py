# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves files to the director with ansible.posix.synchronize, as the backup user, and tells how far it is."""

from __future__ import annotations

import contextlib
import os
import shlex
import stat
import tempfile
import time
from pathlib import Path

from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.module_utils._mtree import unescape
from ansible_collections.microbosh.director.plugins.plugin_utils._remote_shell import synchronize
from ansible_collections.microbosh.director.plugins.plugin_utils._rsync_log import Transfer
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer_watch import Watch

ARGUMENTS = {
    "src": {"type": "path", "required": True},
    "dest": {"type": "str", "required": True},
    "files": {"type": "list", "elements": "str", "required": True},
    "total": {"type": "int", "default": 0},
    "timeout": {"type": "int", "default": 600},
}
LISTING = "%i|0|0|%B|%l|%n"  # owners are not sent
# Whoever pushes can read and write it until the director takes it.
MODES = "Du=rwx,Dgo=,Fu=rw,Fgo="


class ActionModule(ActionBase):
    """Hand the transfer to synchronize; meanwhile read rsync's own log and show progress."""

    TRANSFERS_FILES = True
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        names = [unescape(name.encode()) for name in arguments["files"]]
        result.update(changed=False, files=0, bytes=0, wire_bytes=0, seconds=0.0)
        if not names:
            return result
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as scratch, readable(Path(arguments["src"]), names):
            log, listing = Path(scratch, "log"), Path(scratch, "files")
            listing.write_bytes(b"\0".join(names))
            transfer = Transfer(str(log), None)
            # What is to be kept free is on the director, which was asked for it before.
            with Watch(task_vars["inventory_hostname"], transfer, scratch, total=arguments["total"], reserve=0):
                answer = self._synchronize(arguments, log, listing, task_vars)
            transfer.read()
        if answer.get("failed"):
            text = (answer.get("msg") or "").strip()
            answer["msg"] = f"Pushing {arguments['src']} failed, rsync's exit status is {answer.get('rc')}: {text}"
        result.update(answer, seconds=round(time.monotonic() - began, 2), **transfer.counts())
        result["changed"] = bool(transfer.files)
        return result

    def _synchronize(self, arguments, log, listing, task_vars):
        options = [f"--files-from={listing}", "--from0", "--sparse", f"--chmod={MODES}", "--itemize-changes", "--quiet"]
        options += [f"--log-file={log}", f"--log-file-format={LISTING}"]
        transfer = {
            "mode": "push",
            "src": arguments["src"].rstrip("/") + "/",
            "dest": arguments["dest"].rstrip("/") + "/",
            "archive": False,
            "times": True,
            "perms": True,
            "rsync_timeout": arguments["timeout"],
            "rsync_opts": [shlex.quote(option) for option in options],
        }
        return synchronize(self, transfer, task_vars)


@contextlib.contextmanager
def readable(top, names):
    """Widen the modes of files that their owner, who need not be root, may not read; meanwhile rsync can."""
    widened = []
    try:
        for name in names:
            path = os.path.join(os.fsencode(top), name)
            mode = stat.S_IMODE(os.lstat(path).st_mode)
            if os.geteuid() != 0 and not mode & stat.S_IRUSR:
                os.chmod(path, mode | stat.S_IRUSR)
                widened.append((path, mode))
        yield
    finally:
        for path, mode in widened:
            os.chmod(path, mode)
