# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends the metadata of a backup with the module, keeps long lists out of its result, survives a lost connection."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail
from ansible_collections.microbosh.director.plugins.module_utils._backup._records import MOST_BYTES
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_tree import pack, without_group
from ansible_collections.microbosh.director.plugins.module_utils._tree import _mtree as mtree
from ansible_collections.microbosh.director.plugins.plugin_utils._run._director_action import DirectorAction
from ansible_collections.microbosh.director.plugins.plugin_utils._run._kept_list import keep
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._inside import OutsideError, read_inside

MOST_CHANGES = 500


class TreeAction(DirectorAction):
    """Replace the path of metadata.mtree by its content."""

    def run(self, tmp=None, task_vars=None):
        path = self._task.args.get("metadata")
        metadata, records = b"", self._task.args.pop("records", None) or {}
        if path:
            groupless = self._task.args.pop("groupless", None) or []
            metadata = content(path, records.get(layout.METADATA))
            self._task.args = dict(self._task.args, metadata=pack(without_group(metadata, groupless)))
        if self._task.args.get("attributes") is not None:
            path = self._task.args["attributes"]
            attributes = content(path, records.get(f"{layout.EXTRA}/{layout.ATTRIBUTES}")) if path else b""
            self._task.args = dict(self._task.args, attributes=pack(attributes))
        identity = self._task.args.get("identity")
        if identity:
            digests = digests_of(metadata, identity)
            packed = {name: pack(content(path, digests[name])) for name, path in identity.items()}
            self._task.args = dict(self._task.args, identity=packed)
        return without_long_lists(super().run(tmp, task_vars), task_vars["inventory_hostname"], self._task.diff)


def without_long_lists(result: dict, host: str, diff: bool) -> dict:
    """Given the result of a comparison, return it with the files to push, and what would change, in a file each.

    They are as long as the director has files, and a result goes to a database and over the network. What would change
    stays, cut, where it was asked for.
    """
    if "push" not in result:
        return result
    push, changes = result.pop("push"), result.pop("diff", {}).get("prepared", "")
    lines = changes.splitlines(keepends=True)
    result.update(
        push_files=len(push),
        push_list=keep(host, "push", "\0".join(push)),
        changes=len(lines),
        changes_list=keep(host, "changes", changes),
    )
    if diff:
        more = f"... and {len(lines) - MOST_CHANGES} more\n" if len(lines) > MOST_CHANGES else ""
        result["diff"] = {"prepared": "".join(lines[:MOST_CHANGES]) + more}
    return result


def digests_of(metadata, names):
    """Given a metadata.mtree and names below vcap/ in its escapes, return {name: SHA-256} of these files."""
    entries, dummy = mtree.parse(metadata)
    digests = {}
    for name in names:
        entry = entries.get(layout.TREE.encode() + b"/" + mtree.unescape(name.encode("utf-8", "surrogateescape")))
        if entry is None or entry.type != "file":
            raise AnsibleActionFail(f"The backup's list of files names no file {name}, so it is not sent.")
        digests[name] = entry.digest
    return digests


def content(path, digest=None):
    """Return what is in a file of a backup, reached without following a link; with a digest that very content."""
    try:
        return read_inside(path, MOST_BYTES, digest)
    except (OutsideError, OSError) as error:
        raise AnsibleActionFail(f"The backup's {path} cannot be used: {error}.") from error
