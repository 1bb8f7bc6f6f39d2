# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells which ids in a director's database became others since the backup.

The files that an operator keeps of a director name the director's own VM, disk and stemcell. Those are not in its
database, so an id that is only in a file never stands for one that is only in the database. A change can be told only
between the file as it was at the backup and the file of today, and it matters only where the database names the old id.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from collections import namedtuple

from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._ruby_yaml import plain
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump import chunks_of, read_dump
from ansible_collections.microbosh.director.plugins.module_utils._dump._iaas_ids import DIRECTOR_UUID, KINDS, Ids

# What exists now. The other columns remember what was there once, or is left to be deleted.
LIVE = frozenset(
    [
        "director_attributes.value",
        "director_attributes.uuid",
        "vms.cid",
        "vms.agent_id",
        "instances.vm_cid",
        "instances.agent_id",
        "local_dns_records.agent_id",
        "agent_dns_versions.agent_id",
        "persistent_disks.disk_cid",
        "dynamic_disks.disk_cid",
        "snapshots.snapshot_cid",
        "stemcells.cid",
        "subnets.cid",
    ]
)

# An id that a file names, and the thing that has it: the same one in the file of another day.
Named = namedtuple("Named", "kind id thing")
# The kind of a file, and the ids that it names.
Known = namedtuple("Known", "format named")
DEPLOYMENTS = "bosh-deployments.yml"
STATE = "state.json"


class ReconcileError(DirectorError):
    """A dump and the files cannot be compared."""


def _dicts(document, key):
    items = document.get(key) or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ReconcileError("%s is not a list of maps." % key)
    return items


def known_in(document):
    """Given the content of a bosh-deployments.yml or of a create-env state.json, return the Known."""
    document = plain(document)
    if isinstance(document, dict) and "instances" in document:
        form, found = DEPLOYMENTS, _in_deployments(document)
    elif isinstance(document, dict) and set(document) & set(["director_id", "current_vm_cid", "current_disk_id"]):
        form, found = STATE, _in_state(document)
    else:
        raise ReconcileError(
            "It has neither instances, as bosh-deployments.yml has, nor director_id or current_vm_cid, as the "
            "state.json of create-env has."
        )
    return Known(form, [Named(kind, str(value), thing) for kind, value, thing in found if value not in (None, "")])


def _in_deployments(document):
    for instance in _dicts(document, "instances"):
        name = "instance %s" % (instance.get("name") or instance.get("id"))
        uuid = instance.get("uuid")
        # The deployer of a microBOSH names its agent bm-<uuid>; that is not the UUID of the director in it.
        yield ("agent_id" if str(uuid).startswith("bm-") else DIRECTOR_UUID), uuid, name
        yield "vm_cid", instance.get("vm_cid"), name
        yield "disk_cid", instance.get("disk_cid"), name
        yield "stemcell_cid", instance.get("stemcell_cid"), _stemcell(instance, "stemcell_name", "stemcell_sha1")


def _in_state(document):
    yield DIRECTOR_UUID, document.get("director_id"), "director"
    yield "vm_cid", document.get("current_vm_cid"), "current VM"
    current = document.get("current_disk_id")
    for disk in _dicts(document, "disks"):
        if current in (None, "", disk.get("id")):
            yield "disk_cid", disk.get("cid"), "current disk"
    for stemcell in _dicts(document, "stemcells"):
        yield "stemcell_cid", stemcell.get("cid"), _stemcell(stemcell, "name", "version")


def _stemcell(item, *keys):
    """Name a stemcell: another version is another one, even where the director was made anew from it."""
    return " ".join(["stemcell"] + [str(item.get(key)) for key in keys])


def ids_in(path):
    """Return the Ids of a dump; raise ReconcileError if it is not a whole one of a director."""
    ids = Ids()
    try:
        dump = read_dump(chunks_of(path), ids.visit)
    except EnvironmentError as error:
        raise ReconcileError("The dump %s cannot be read: %s." % (path, error.strerror))
    if not dump.complete:
        raise ReconcileError("The dump %s is not whole: %s. Take another one." % (path, dump.flaw))
    if not any(table.name == "director_attributes" for table in dump.rows):
        raise ReconcileError(
            "The dump %s is not of a director's database: it has no table director_attributes. Give that of the "
            "director's own database." % path
        )
    return ids


def reconcile(ids, before, today):
    """Given the ids of a database and what the operator's file named at the backup and names today, tell what differs.

    ``before`` may be None: then nothing can be mapped.
    """
    if before and before.format != today.format:
        raise ReconcileError(
            "The file of the backup is a %s and the one of today a %s: what became of what cannot be told. Give two "
            "of one form." % (before.format, today.format)
        )
    differing = [item for named in _named_by_both(ids, before) for item in _differing(named, ids, before, today)]
    _withdraw_shared(differing)
    rewrite = {}
    for item in differing:
        if item["becomes"]:
            rewrite.setdefault(item["kind"], {})[item["id"]] = item["becomes"]
    return {
        "agree": not differing if before else None,
        "differing": differing,
        "absent": _absent(ids, today),
        "rewrite": rewrite,
        "unsettled": [item for item in differing if item["live"] and not item["becomes"]],
    }


def _named_by_both(ids, before):
    """Return what the file of the backup names and the database does, too."""
    named = before.named if before else []
    return sorted(set(item for item in named if item.id in ids.found[item.kind]))


def _differing(named, ids, before, today):
    """Yield what became of an id, unless it is what it was."""
    same_thing = (named.kind, named.thing)
    now = sorted(set(item.id for item in today.named if (item.kind, item.thing) == same_thing))
    if named.id in [item.id for item in today.named if item.kind == named.kind]:
        return
    then = set(item.id for item in before.named if (item.kind, item.thing) == same_thing)
    reason = None
    if not now:
        reason = "today's file has no %s" % named.thing
    elif len(now) > 1 or len(then) > 1:
        reason = "the files have several of %s" % named.thing
    elif any(now[0] in ids.found[kind] for kind in KINDS):
        reason = "the database names %s, which is that of today, as another one" % now[0]
    columns = sorted(ids.found[named.kind][named.id])
    yield {
        "kind": named.kind,
        "id": named.id,
        "columns": columns,
        "live": bool(LIVE & set(columns)),
        "becomes": None if reason else now[0],
        "reason": reason,
    }


def _withdraw_shared(differing):
    """Withdraw replacements that would make two ids one."""
    new = [(item["kind"], item["becomes"]) for item in differing]
    for item in differing:
        if item["becomes"] and new.count((item["kind"], item["becomes"])) > 1:
            item.update(becomes=None, reason="several ids would become %s" % item["becomes"])


def _absent(ids, today):
    found = sorted(set((item.kind, item.id) for item in today.named if item.id not in ids.found[item.kind]))
    return [{"kind": kind, "id": value} for kind, value in found]


def report_lines(result):
    """Return what came of it as lines for a person."""
    lines = []
    for item in result["differing"]:
        what = "%s %s (%s)" % (item["kind"], item["id"], ", ".join(item["columns"]))
        if item["becomes"]:
            lines.append("%s is %s today" % (what, item["becomes"]))
        else:
            lines.append("%s is not in today's file, and nothing tells what it became: %s" % (what, item["reason"]))
    if result["agree"] is None:
        lines.append("Without the file as it was at the backup, nothing tells what an id became")
    elif not lines:
        lines.append("The database names no id that became another one between the two files")
    lines.extend("%s %s is the director's own: its database does not name it" % (item["kind"], item["id"])
                 for item in result["absent"] if item["id"] not in _new_ids(result))  # fmt: skip
    return lines


def _new_ids(result):
    return [new for pairs in result["rewrite"].values() for new in pairs.values()]
