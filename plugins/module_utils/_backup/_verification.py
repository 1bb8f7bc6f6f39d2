# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifies that a backup is still whole: its files, its dumps, and the blobs that its database names."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os

from ansible_collections.microbosh.director.plugins.module_utils._backup._blob_names import BlobstoreError
from ansible_collections.microbosh.director.plugins.module_utils._backup._blob_reading import blob_reading, blobs_in
from ansible_collections.microbosh.director.plugins.module_utils._backup._blobstore import (
    check_blobstore,
    recorded_blobs,
)
from ansible_collections.microbosh.director.plugins.module_utils._backup._blobstore import verdict as blobs_verdict
from ansible_collections.microbosh.director.plugins.module_utils._backup._manifest import name_some
from ansible_collections.microbosh.director.plugins.module_utils._backup._manifest_verification import verify
from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import (
    director_database,
    read_report,
)
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._core._clock import seconds_since, uptime
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_file import (
    DumpFileError,
    RolesFile,
    read_as_restore,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._file_layout import file_layout

GLOBALS = "globals"
WITHOUT = "WITHOUT A DUMP OF THE DIRECTOR'S DATABASE"
FINDINGS_SHOWN = 10


def finding(kind, path, detail):
    """Return one thing that is wrong: what kind, where in the backup, and what was expected."""
    return {"kind": kind, "path": path, "detail": detail}


def _of_files(result):
    """Return the findings in the result of a verification of the manifest."""
    found = [finding("missing", path, "the manifest names it, and it is not there") for path in result["missing"]]
    found += [finding("altered", path, "it has not the recorded content") for path in result["altered"]]
    found += [finding("extra", path, "the manifest does not name it") for path in result["extra"]]
    found += [
        finding("metadata", item["path"], "its %s is %s, recorded is %s" % (
            item["keyword"], item["found"] or "not there", item["recorded"] or "none"))
        for item in result["metadata"]
    ]
    return found + [finding("manifest", layout.CHECKSUMS, problem) for problem in result["problems"]]


class Verification(object):
    """A backup that is verified, and what is found wrong with it."""

    def __init__(self, path, packed, records=None):
        self.path = path
        self._packed = packed
        self._records = records
        self.findings = []
        self.files = {"files": 0, "read": 0, "read_bytes": 0}
        self.dumps = []
        self.blobs = None
        self.unrestorable = None
        self._report = {}
        self._reading = blob_reading(path)

    @property
    def without(self):
        """Return what the backup lacks of the director's own database, "" if that was dumped."""
        dumped = [dump["database"] for dump in self.dumps]
        return "" if director_database(self._report) in dumped else self._report.get("without") or WITHOUT

    def _add(self, kind, path, detail):
        self.findings.append(finding(kind, path, detail))

    def run(self):
        """Look at everything, whatever is found on the way."""
        try:
            result = verify(self.path, self._packed, self._records, self._reading)
            self.files = dict((key, result[key]) for key in self.files)
            self.findings += _of_files(result)
        except DirectorError as error:
            self._add("manifest", "", str(error))
        self._read_report()
        self.unrestorable = file_layout(self.path, self._report)["unrestorable"]
        self._check_dumps()
        self._check_blobs()

    def _read_report(self):
        """Take from backup.json what was dumped, unless it is known not to be what was written."""
        if any(item["path"] == layout.REPORT for item in self.findings):
            return
        try:
            self._report = read_report(self.path, self._records)
        except DirectorError as error:
            self._add("manifest", layout.REPORT, str(error))

    def _check_dumps(self):
        directory = os.path.join(self.path, layout.DUMPS)
        names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
        recorded = dict((dump["database"] + ".sql", dump) for dump in self._report.get("dumps") or [])
        for name in sorted(set(recorded) | set(name for name in names if name.endswith(".sql"))):
            self._check_dump(name, os.path.join(layout.DUMPS, name), recorded.get(name))

    def _check_dump(self, name, path, recorded):
        full_path = os.path.join(self.path, path)
        if not os.path.isfile(full_path):
            self._add("missing", path, "backup.json names the dump, and it is not there")
            return
        database = name[: -len(".sql")]
        try:
            rows, digest = self._read_dump(database, full_path, recorded)
        except DumpFileError as error:
            self._add("dump", path, error.why or str(error))
            rows, recorded = {}, None
        if recorded is not None:
            self._compare_dump(path, digest, rows, recorded)
        self.dumps.append({"database": database, "tables": len(rows), "rows": sum(rows.values())})

    @staticmethod
    def _read_dump(database, path, recorded):
        """Return the rows by table of a dump, and its digest, after the very reading that would load it."""
        roles = None if recorded else RolesFile(path)
        if roles and roles.kind == "cluster":
            if database == GLOBALS:
                roles.require_loadable()
            return roles.rows, roles.sha256
        source = read_as_restore(path, None, database)
        return source.contents.rows, source.sha256

    def _compare_dump(self, path, digest, rows, recorded):
        if digest != recorded.get("sha256"):
            self._add("altered", path, "it has not the digest that backup.json records")
        for table in sorted(set(rows) | set(recorded.get("rows") or {})):
            expected = (recorded.get("rows") or {}).get(table)
            if rows.get(table) != expected:
                self._add("dump", path, "%s has %s rows, backup.json records %s" % (table, rows.get(table), expected))

    def _check_blobs(self):
        dump = os.path.join(self.path, layout.DUMPS, director_database(self._report) + ".sql")
        torn = any(item["kind"] == "dump" and os.path.join(self.path, item["path"]) == dump for item in self.findings)
        if torn or not os.path.isfile(dump):
            return
        store, tree = blobs_in(self.path)
        inner = os.path.relpath(store, self.path)
        try:
            result = check_blobstore(dump, store, tree, recorded_blobs(self._report), reading=self._reading)
        except BlobstoreError as error:
            self._add("blob", inner, str(error))
            return
        self.blobs = dict((key, result[key]) for key in ("named", "checked", "external", "made_again"))
        self.blobs["lost"] = [entry["id"] for entry in result["lost"] + result["damaged"]]
        inner = os.path.join(inner, result["root"])
        for blob in result["missing"]:
            self._add("blob", os.path.join(inner, blob["path"] or blob["id"]),
                      "it is missing, and %s names it" % blob["table"])
        for blob in result["wrong"]:
            self._add("blob", os.path.join(inner, blob["path"]), "expected %s, found %s" % (
                blob["expected"], blob["found"]))


def verify_backup(path, packed=False, records=None):
    """Given a backup's directory, return whether it is whole, and everything that is found wrong with it.

    ``records`` are the digests that its records had when its signature was looked at.
    """
    began = uptime()
    verification = Verification(path.rstrip("/"), packed, records)
    try:
        verification.run()
    except EnvironmentError as error:
        raise DirectorError("The backup %s cannot be read: %s." % (path, error))
    result = dict(verification.files, dumps=verification.dumps, blobs=verification.blobs, without=verification.without)
    result["unrestorable_by_files"] = verification.unrestorable
    return dict(
        result, whole=not verification.findings, findings=verification.findings, seconds=seconds_since(began)
    )


def verify_for_restore(path, records=None, dump=None, recorded=None):
    """Given a backup's directory, and perhaps the dump that names its blobs, read every file once.

    Return what verify() returns; with a dump, under ``blobs`` what check_blobstore() does, with what is wrong in a
    sentence; and as ``problem`` why the backup cannot be restored, "" if it can be.
    """
    reading = blob_reading(path) if dump else None
    result = verify(path, records=records, also=reading)
    if dump:
        store, tree = blobs_in(path)
        blobs = check_blobstore(dump, store, tree, recorded=recorded, origins=True, reading=reading)
        blobs["problem"] = "" if blobs["whole"] else blobs_verdict(blobs, dump, store)
        result = dict(result, blobs=blobs)
    return dict(result, problem=_obstacle(path, result))


def _obstacle(path, result):
    """Return why a backup cannot be restored. Owners, modes and times of the copy here do not count."""
    wrong = ["%s: %s" % (kind, name_some(result[kind])) for kind in ("missing", "altered", "extra") if result[kind]]
    if wrong or result["problems"]:
        return "The backup %s is not whole, and nothing was touched. It has %s. %sRestore another backup." % (
            path, "; ".join(wrong) or "flaws", "".join(problem + " " for problem in result["problems"]))
    return result["blobs"]["problem"] if "blobs" in result else ""


def finding_lines(findings):
    """Return findings as lines for a person, one for each path and kind, the first of them if there are many."""
    lines = ["%-8s %s: %s" % (item["kind"], item["path"], item["detail"]) for item in findings[:FINDINGS_SHOWN]]
    more = len(findings) - len(lines)
    return lines + (["... and %d more" % more] if more > 0 else [])
