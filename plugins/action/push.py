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

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.module_utils import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils import _mtree as mtree
from ansible_collections.microbosh.director.plugins.module_utils._mtree import unescape
from ansible_collections.microbosh.director.plugins.plugin_utils._inside import OutsideError, file_status
from ansible_collections.microbosh.director.plugins.plugin_utils._printable import printable, printable_lines
from ansible_collections.microbosh.director.plugins.plugin_utils._remote_shell import synchronize
from ansible_collections.microbosh.director.plugins.plugin_utils._rsync_log import Transfer
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer_watch import Watch

ARGUMENTS = {
    "src": {"type": "path", "required": True},
    "dest": {"type": "str", "required": True},
    "files": {"type": "list", "elements": "str", "required": True},
    "metadata": {"type": "path"},
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
        try:
            names = permitted(arguments["src"], arguments["files"], arguments["metadata"])
        except (OutsideError, OSError) as error:
            raise AnsibleActionFail(f"Nothing was pushed: {error}.") from error
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
            text = printable_lines(answer.get("msg") or "").strip()
            answer["msg"] = f"Pushing {arguments['src']} failed, rsync's exit status is {answer.get('rc')}: {text}"
        answer = {name: answer[name] for name in ("rc", "msg", "failed") if name in answer}
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


def permitted(src, files, metadata):
    """Given a directory and names that somebody wants of it, return them, or raise OutsideError.

    Which of its files a director lacks, the director says. With ``metadata`` only those are pushed that this names,
    which is the backup's own list; without it, no more than what is in the directory itself. No link is followed.
    """
    names = [unescape(name.encode("utf-8", "surrogateescape")) for name in files]
    known = _named(Path(metadata)) if metadata else None
    for name in names:
        if b"/" in name if known is None else name not in known:
            raise OutsideError(
                f"the director asks for {printable(os.fsdecode(name[:200]))!r}, which the backup does not name as "
                "a file"
            )
        file_status(os.fsencode(src), name)
    return names


def _named(metadata):
    """Return the files that a metadata.mtree names below vcap/."""
    entries, problems = mtree.parse(metadata.read_bytes())
    if problems:
        raise OutsideError(f"the backup's own list of files is damaged: {problems[0]}")
    top = layout.TREE.encode() + b"/"
    return {path[len(top) :] for path, entry in entries.items() if entry.type == "file" and path.startswith(top)}


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
