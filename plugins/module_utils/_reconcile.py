# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the ids in a director's database with those in the file that an operator keeps of it."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from collections import namedtuple

from ansible_collections.microbosh.director.plugins.module_utils._dump import chunks_of, native, read_dump, unescape
from ansible_collections.microbosh.director.plugins.module_utils._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._iaas_ids import DIRECTOR_UUID, KINDS, Ids

# What exists now. The other columns remember what was there once, or is left to be deleted: nothing in a file of the
# operator stands for it.
LIVE = frozenset(
    [
        "director_attributes.value",
        "director_attributes.uuid",
        "vms.cid",
        "vms.agent_id",
        "persistent_disks.disk_cid",
        "snapshots.snapshot_cid",
        "stemcells.cid",
    ]
)

# An id that a file names; ``label`` is what else tells it apart, such as the name and version of a stemcell.
Named = namedtuple("Named", "kind id label")


class ReconcileError(DirectorError):
    """A dump and a file cannot be compared."""


def _plain(value):
    """Return a document without the colons that Ruby's symbols have before them."""
    if isinstance(value, dict):
        return dict((str(key).lstrip(":"), _plain(item)) for key, item in value.items())
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _dicts(document, key):
    items = document.get(key) or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ReconcileError("%s is not a list of maps." % key)
    return items


def named_in(document):
    """Given the content of a bosh-deployments.yml or of a create-env state.json, return what it names."""
    document = _plain(document)
    if isinstance(document, dict) and "instances" in document:
        found = _in_deployments(document)
    elif isinstance(document, dict) and set(document) & set(["director_id", "current_vm_cid", "current_disk_id"]):
        found = _in_state(document)
    else:
        raise ReconcileError(
            "It has neither instances, as bosh-deployments.yml has, nor director_id or current_vm_cid, as the "
            "state.json of create-env has."
        )
    return [Named(kind, str(value), label) for kind, value, label in found if value not in (None, "")]


def _in_deployments(document):
    for instance in _dicts(document, "instances"):
        uuid = instance.get("uuid")
        # The deployer of a microBOSH names its agent bm-<uuid>; that is not the UUID of the director in it.
        yield ("agent_id" if str(uuid).startswith("bm-") else DIRECTOR_UUID), uuid, None
        yield "vm_cid", instance.get("vm_cid"), None
        yield "disk_cid", instance.get("disk_cid"), None
        yield "stemcell_cid", instance.get("stemcell_cid"), instance.get("stemcell_name")


def _in_state(document):
    yield DIRECTOR_UUID, document.get("director_id"), None
    yield "vm_cid", document.get("current_vm_cid"), None
    current = document.get("current_disk_id")
    for disk in _dicts(document, "disks"):
        if current in (None, "", disk.get("id")):
            yield "disk_cid", disk.get("cid"), None
    for stemcell in _dicts(document, "stemcells"):
        yield "stemcell_cid", stemcell.get("cid"), "%s-%s" % (stemcell.get("name"), stemcell.get("version"))


class DatabaseIds(object):
    """The ids in a dump, and the names and versions of its stemcells."""

    def __init__(self):
        self._ids = Ids()
        self.labels = {}

    @property
    def found(self):
        return self._ids.found

    def visit(self, table):
        note = self._ids.visit(table)
        if table.name != "stemcells" or not set(["name", "version", "cid"]) <= set(table.columns):
            return note
        places = [table.columns.index(name) for name in ("name", "version", "cid")]
        return lambda row: (note(row), self._label(*[native(unescape(row[place]) or b"") for place in places]))

    def _label(self, name, version, cid):
        self.labels.setdefault(cid, set()).update((name, "%s-%s" % (name, version)))


def ids_in(path):
    """Return the DatabaseIds of a dump; raise ReconcileError if it is not a whole one of a director."""
    ids = DatabaseIds()
    try:
        dump = read_dump(chunks_of(path), ids.visit)
    except EnvironmentError as error:
        raise ReconcileError("The dump %s cannot be read: %s." % (path, error.strerror))
    if not dump.complete:
        raise ReconcileError("The dump %s is not whole: %s. Take another one." % (path, dump.flaw))
    if not any(table.name == "director_attributes" for table in dump.rows):
        raise ReconcileError(
            "The dump %s is not of a director's database: it has no table director_attributes. Give that of the "
            "database bosh." % path
        )
    return ids


def reconcile(ids, named):
    """Given the ids of a database and what a file names, return where they disagree and the map that settles it.

    An id is settled if there is one candidate for it: the stemcell of the same name, or the only id of its kind that
    is in the file alone, if it is also the only one of its kind that is in the database alone.
    """
    differing, absent, rewrite = [], [], {}
    for kind in KINDS:
        in_file = dict((item.id, item.label) for item in named if item.kind == kind)
        if not in_file:
            continue
        only_file = [value for value in in_file if value not in ids.found[kind]]
        strangers = sorted(value for value in ids.found[kind] if value not in in_file)
        live = [value for value in strangers if LIVE & set(ids.found[kind][value])]
        pairs = _pairs(live, sorted(only_file), in_file, ids.labels)
        if pairs:
            rewrite[kind] = pairs
        absent += [{"kind": kind, "id": value} for value in sorted(only_file)]
        differing += [
            {
                "kind": kind,
                "id": value,
                "columns": sorted(ids.found[kind][value]),
                "live": value in live,
                "becomes": pairs.get(value),
            }
            for value in strangers
        ]
    return {
        "agree": not absent and not any(item["live"] for item in differing),
        "differing": differing,
        "absent": absent,
        "rewrite": rewrite,
        "unsettled": [item for item in differing if item["live"] and item["becomes"] is None],
        "unnamed": [kind for kind in KINDS if kind not in [item.kind for item in named]],
    }


def _pairs(only_database, only_file, in_file, labels):
    """Return {old: new} of one kind, as far as there is one answer."""
    pairs = {}
    for value in only_database:
        same = [new for new in only_file if in_file[new] in labels.get(value, ())]
        if len(same) == 1 and same[0] not in pairs.values():
            pairs[value] = same[0]
    left = [value for value in only_database if value not in pairs]
    new = [value for value in only_file if value not in pairs.values()]
    if len(left) == 1 and len(new) == 1:
        pairs[left[0]] = new[0]
    return pairs


def report_lines(result):
    """Return what came of it as lines for a person."""
    lines = []
    for item in result["differing"]:
        what = "%s %s (%s)" % (item["kind"], item["id"], ", ".join(item["columns"]))
        if item["becomes"]:
            lines.append("%s is %s in the file" % (what, item["becomes"]))
        elif item["live"]:
            lines.append("%s is not in the file, and nothing tells which one it should be" % what)
        else:
            lines.append("%s is not in the file; the director only remembers it" % what)
    taken = [new for pairs in result["rewrite"].values() for new in pairs.values()]
    lines.extend("%s %s is in the file, and nowhere in the database" % (item["kind"], item["id"])
                 for item in result["absent"] if item["id"] not in taken)
    return lines or ["Every id that the file names is in the database, and none differs"]
