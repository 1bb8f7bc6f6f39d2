# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves files to the director with ansible.posix.synchronize, as the backup user, and tells how far it is."""

from __future__ import annotations

import os
import shlex
import tempfile
import time
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible_collections.microbosh.director.plugins.module_utils._backup._records import MOST_BYTES
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._tree import _mtree as mtree
from ansible_collections.microbosh.director.plugins.module_utils._tree._mtree import unescape
from ansible_collections.microbosh.director.plugins.plugin_utils._run._connection_hint import transfer_hint
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import plain, told
from ansible_collections.microbosh.director.plugins.plugin_utils._run._in_process import plain_values
from ansible_collections.microbosh.director.plugins.plugin_utils._run._printable import printable, printable_lines
from ansible_collections.microbosh.director.plugins.plugin_utils._run._remote_shell import synchronize
from ansible_collections.microbosh.director.plugins.plugin_utils._run._transfer_action import TransferAction
from ansible_collections.microbosh.director.plugins.plugin_utils._run._transfer_watch import Watch
from ansible_collections.microbosh.director.plugins.plugin_utils._source._proof_beside import ProofBeside
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._inside import OutsideError, Way
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._push_staging import batch_size, staged
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._transfer_log import Transfer

ARGUMENTS = {
    "src": {"type": "path", "required": True},
    "dest": {"type": "str", "required": True},
    "files": {"type": "list", "elements": "str", "default": []},
    "files_from": {"type": "path"},
    "leave_out": {"type": "list", "elements": "str", "default": []},
    "metadata": {"type": "path"},
    "records": {"type": "dict", "default": {}},
    "proof": {"type": "dict", "default": {}},
    "total": {"type": "int", "default": 0},
    "timeout": {"type": "int", "default": 600},
}
LISTING = "%i|0|0|%B|%l|%n"  # owners are not sent
# The pushing user can read and write it until the director takes it over.
MODES = "Du=rwx,Dgo=,Fu=rw,Fgo="


class ActionModule(TransferAction):
    """Hand the transfer to synchronize; meanwhile read rsync's own log and show progress."""

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        result.update(changed=False, files=0, bytes=0, wire_bytes=0, seconds=0.0)
        proof = ProofBeside(plain_values(arguments["proof"]))
        try:
            names = permitted(arguments["src"], wanted(arguments), arguments["metadata"], arguments["records"])
        except (OutsideError, OSError) as error:
            result.update(_proven(proof))  # which says more, if that is why
            if result.get("failed"):
                return result
            raise AnsibleActionFail(f"Nothing was pushed: {error}.") from error
        if names:
            result.update(self._watched_push(arguments, names, proof, task_vars))
        if not result.get("failed"):
            result.update(_proven(proof))
        return result

    def _watched_push(self, arguments, names, proof, task_vars):
        """Push, unless what is pushed turns out to be of a backup that is not whole; return what came of it."""
        began, host = time.monotonic(), task_vars["inventory_hostname"]
        with tempfile.TemporaryDirectory(prefix="microbosh-") as scratch:
            log = Path(scratch, "log")
            transfer = Transfer(str(log), None)
            # The space to keep free is on the director, which was asked for it before.
            watch = Watch(host, transfer, scratch, total=arguments["total"], reserve=0, refused=proof.refused)
            with watch:
                answer = self._pushed(arguments, names, log, task_vars)
            transfer.read()
        if proof.refused():
            answer = {}  # what it found is told, and not that rsync was ended for it
        answer = {name: answer[name] for name in ("rc", "msg", "failed") if name in answer}
        if answer.get("failed"):
            answer["msg"] = _failure(arguments["src"], answer)
        return {
            **answer,
            "seconds": round(time.monotonic() - began, 2),
            **transfer.counts(),
            "changed": bool(transfer.files),
        }

    def _pushed(self, arguments, names, log, task_vars):
        """Push as many files at once as can be open, until all are there or it fails; return what came of the last."""
        answer = {}
        with batch_size() as most:
            for batch in (names[start : start + most] for start in range(0, len(names), most)):
                with tempfile.TemporaryDirectory(prefix="microbosh-") as scratch:
                    stage, listing = Path(scratch, "tree"), Path(scratch, "files")
                    stage.mkdir(mode=0o700)
                    listing.write_bytes(b"\0".join(batch))
                    try:
                        with staged(os.fsencode(os.path.abspath(arguments["src"])), batch, stage):
                            answer = self._synchronize({**arguments, "src": str(stage)}, log, listing, task_vars)
                    except (OutsideError, OSError) as error:
                        raise AnsibleActionFail(f"Not everything was pushed: {error}.") from error
                if answer.get("failed"):
                    break
        return answer

    def _synchronize(self, arguments, log, listing, task_vars):
        options = rsync_options(log, listing)
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


def _failure(src, answer):
    text = printable_lines(answer.get("msg") or "").strip()
    said = f"Pushing {src} failed, rsync's exit status is {answer.get('rc')}: {text}"
    return "\n".join([said, *[hint for hint in [transfer_hint(text)] if hint]])


def _proven(proof):
    """Wait until all is read; return what was found. A backup that is not whole is a failure, and so is one unread."""
    try:
        found = proof.result()
    except DirectorError as error:
        return {"failed": True, "msg": told(str(error)), "unfit": True}
    if found is None:
        return {}
    found = plain(found)
    return {"proof": found, **({"failed": True, "msg": found["problem"], "unfit": True} if found["problem"] else {})}


def wanted(arguments):
    """Given the action's arguments, return the names that are to be pushed."""
    files = list(arguments["files"])
    if arguments["files_from"]:
        listed = Path(arguments["files_from"]).read_text(encoding="utf-8", errors="surrogateescape")
        files += [name for name in listed.split("\0") if name]
    left_out = set(arguments["leave_out"])
    return [name for name in files if name not in left_out]


def rsync_options(log, listing):
    """Given a file for rsync's log and one with the names, return its options; what is in the source are links."""
    options = [f"--files-from={listing}", "--from0", "--copy-links", "--sparse", f"--chmod={MODES}"]
    return [*options, "--itemize-changes", "--quiet", f"--log-file={log}", f"--log-file-format={LISTING}"]


def permitted(src, files, metadata, records=None):
    """Given a directory and the names wanted of it, return them in order, or raise OutsideError.

    Which of its files a director lacks, the director says. With ``metadata`` only those are pushed that this names,
    which is the backup's own list, the one that ``records`` has the digest of; without it, no more than what is in the
    directory itself. No link is followed.
    """
    names = sorted({unescape(name.encode("utf-8", "surrogateescape")) for name in files})
    if metadata:
        unknown = _not_named(names, metadata, (records or {}).get(layout.METADATA))
    else:
        unknown = [name for name in names if b"/" in name]
    if unknown:
        raise OutsideError(
            f"the director asks for {printable(os.fsdecode(min(unknown)[:200]))!r}, which the backup does not name as "
            "a file"
        )
    with Way(os.fsencode(os.path.abspath(src))) as way:
        for name in names:
            os.close(way.open(name))
    return names


def _not_named(names, metadata, digest):
    """Return those of some names that a metadata.mtree does not have below vcap/, or not as files."""
    top, left = layout.TREE.encode() + b"/", set(names)

    def require(found):
        if digest not in (None, found):
            raise OutsideError("the backup's own list of files is not what it was when the backup was looked at")

    def refuse(number):
        raise OutsideError(f"the backup's own list of files is damaged: line {number} of it is malformed")

    for entry in mtree.files_in(metadata, MOST_BYTES, require, refuse):
        if entry.path.startswith(top):
            left.discard(entry.path[len(top) :])
    return left
