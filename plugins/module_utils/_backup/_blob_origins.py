# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names a blob's package, job, release or deployment for an operator, and what mends the blob once it is lost."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re

from ansible_collections.microbosh.director.plugins.module_utils._core._text import native
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump import unescape

# What is kept of the tables that say it, in this order; a generation that has not got a column says less.
KEPT = {
    "releases": ("name",),
    "release_versions": ("version",),
    "packages": ("name", "version", "release_id"),
    "templates": ("name", "version", "release_id"),
    "compiled_packages": ("package_id", "stemcell_os", "stemcell_version", "stemcell_id"),
    "stemcells": ("name", "version"),
    "deployments": ("name",),
    "instances": ("job", "index", "deployment_id"),
    "rendered_templates_archives": ("instance_id",),
    "blobs": ("type", "created_at"),
    "ephemeral_blobs": ("created_at",),
    "local_dns_blobs": ("version",),
    "log_bundles": ("timestamp",),
}
# Which versions of a release have a package or a job: the column of it, in the table that joins them.
JOINS = {
    "packages_release_versions": "package_id",
    "release_versions_templates": "template_id",
}
_JOIN_OF = {"packages": "packages_release_versions", "templates": "release_versions_templates"}

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f]|\xc2[\x80-\x9f]" if str is bytes else "[\x00-\x1f\x7f-\x9f]")
AGAIN = "upload the release again: bosh upload-release --fix"
MENDS = {
    "packages": AGAIN,
    "templates": AGAIN,
    "compiled_packages": AGAIN + ", which also drops what was compiled, so that the next deploy compiles it",
    "rendered_templates_archives": "bosh recreate of the instance, or the next deploy, makes them again",
    "exported": "bosh clean-up --all removes its row; export the release again where it is needed",
    "dns": "the next deploy or bosh recreate that changes an instance writes the DNS records again",
    "local_dns_blobs": "the next deploy or bosh recreate that changes an instance writes the DNS records again",
    "ephemeral_blobs": "bosh clean-up --all removes its row",
    "log_bundles": "its row goes with the first bosh logs after 10 days; fetch the logs again where they are needed",
}
UNKNOWN = "delete what names it, or make it again"


class Origins(object):
    """Keeps the rows of a dump that tell each blob's package, job, release and deployment."""

    def __init__(self):
        self._rows = dict((table, {}) for table in KEPT)
        self._versions = dict((table, {}) for table in JOINS)

    def visit(self, table, columns):
        """Return what to do with a row of the table, or None if it says nothing of any blob."""
        if table in KEPT and "id" in columns:
            places = [columns.get(name) for name in KEPT[table]]
            return lambda row: self._keep(table, row[columns["id"]], row, places)
        if table in JOINS and JOINS[table] in columns and "release_version_id" in columns:
            of, version = columns[JOINS[table]], columns["release_version_id"]
            return lambda row: self._versions[table].setdefault(row[of], []).append(row[version])
        return None

    def _keep(self, table, key, row, places):
        self._rows[table][key] = tuple(None if place is None else row[place] for place in places)

    def about(self, blob):
        """Given a blob, return its origin in words: a package, a job, a release, a deployment."""
        return "; ".join(sorted(set(self._describe(table, key) for table, key in blob.rows)))

    def mend(self, blob):
        """Given a blob, say what gives the director a new one, or takes away the need for it."""
        return "; ".join(sorted(set(MENDS.get(self._kind(table, key), UNKNOWN) for table, key in blob.rows)))

    def _row(self, table, key):
        """Return the texts kept of a row, with None for each that is not known."""
        row = self._rows[table].get(key, (None,) * len(KEPT[table]))
        return [None if field is None else _text(field) for field in row]

    def _raw(self, table, key, column):
        row = self._rows[table].get(key)
        return row[KEPT[table].index(column)] if row else None

    def _kind(self, table, key):
        if table != "blobs":
            return table
        kind = self._row(table, key)[0] or ""
        return "exported" if "release" in kind else ("dns" if kind == "dns" else table)

    def _describe(self, table, key):
        describe = {
            "packages": self._of_release,
            "templates": self._of_release,
            "compiled_packages": self._compiled,
            "rendered_templates_archives": self._rendered,
        }.get(table, self._plain)
        return describe(table, key)

    def _of_release(self, table, key):
        name, version, dummy = self._row(table, key)
        what = "package" if table == "packages" else "job"
        release = self._row("releases", self._raw(table, key, "release_id"))[0]
        return "%s %s of release %s" % (what, _slashed(name, version), self._versions_of(table, key, release))

    def _versions_of(self, table, key, release):
        found = self._versions[_JOIN_OF[table]].get(key, [])
        versions = sorted(set(self._row("release_versions", one)[0] or "?" for one in found))
        return ", ".join(_slashed(release, version) for version in versions) or release or "?"

    def _compiled(self, table, key):
        system, version = self._row(table, key)[1:3]
        if not system:
            system, version = self._row("stemcells", self._raw(table, key, "stemcell_id"))
        of = self._of_release("packages", self._raw(table, key, "package_id"))
        return "%s, compiled for %s" % (of, _slashed(system, version))

    def _rendered(self, table, key):
        instance = self._raw(table, key, "instance_id")
        job, index, dummy = self._row("instances", instance)
        deployment = self._row("deployments", self._raw("instances", instance, "deployment_id"))[0]
        return "rendered templates of %s of deployment %s" % (_slashed(job, index), deployment or "?")

    def _plain(self, table, key):
        row = self._row(table, key) if table in KEPT else []
        said = [value for value in row if value]
        what = {
            "blobs": "blob",
            "ephemeral_blobs": "blob",
            "local_dns_blobs": "DNS records, version",
            "log_bundles": "logs fetched at",
        }.get(table, "row %s of %s" % (_text(key) if key else "?", table))
        return " ".join([what] + said)


def _slashed(name, version):
    return "%s/%s" % (name or "?", version) if version else name or "?"


def _text(field):
    """Return a field as text that a terminal shows and does not obey, or None for NULL."""
    raw = unescape(field)
    return None if raw is None else _UNPRINTABLE.sub("?", native(raw))
