# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backups of one director on the controller: finding, beginning and publishing them."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import hashlib
import json
import os
import re
import time

from ansible.module_utils.common.text.converters import to_bytes
from ansible_collections.microbosh.director.plugins.module_utils._backup import _signature as signature
from ansible_collections.microbosh.director.plugins.module_utils._backup._records import NONE, require_same
from ansible_collections.microbosh.director.plugins.module_utils._backup._verdict import found_damaged
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import (
    UNFINISHED,
    durable_file,
    lines_in,
    make_durable,
    point_symlink,
    read_plain,
    remove_tree,
    rename_durably,
    sha256,
    write_durably,
)
from ansible_collections.microbosh.director.plugins.module_utils._tree import _sha256sums as sha256sums

STAMP = "%Y%m%dT%H%M%SZ"
INCOMPLETE = "incomplete"
# What a run does once before the outage.
PREFLIGHT = "preflight"
# The name that the director's job uses, and that reports without a name mean.
DIRECTOR_DATABASE = "bosh"
# Trees that failed runs left, newest first. rsync takes at most 20 --link-dest.
MOST_REPORT_BYTES = 64 * 1024 * 1024
# Read, each takes up to 100 bytes of memory, however few it has in the file.
MOST_REPORT_VALUES = 4000000
LEFT_BEHIND = "left-%d"
MOST_LEFT_BEHIND = 8
# What a run copied before an outage took the place of its online copy.
BEFORE_OUTAGE = "left-online"
METADATA = to_bytes(layout.METADATA)
_SEALED = frozenset(to_bytes(name) for name in layout.SEALED)


def parse_id(name):
    """Given the name of a backup, return its time in UTC as a struct_time, or None if it is not one."""
    if not re.match("^[0-9]{8}T[0-9]{6}Z$", name):
        return None
    try:
        return time.strptime(name, STAMP)
    except ValueError:
        return None


def require_id(name):
    """Given what should be a backup's id, raise if it is not."""
    if parse_id(name) is None:
        raise DirectorError("%r is no id of a backup. Expected its time in UTC, as in 20261122T221326Z." % name)


def list_ids(directory, ending=""):
    """Given the directory of a director's backups, return the ids found there with that ending, oldest first."""
    if not os.path.isdir(directory):
        return []
    names = [name[: len(name) - len(ending)] for name in os.listdir(directory) if name.endswith(ending)]
    return sorted(
        name for name in names if parse_id(name) is not None and _is_directory(os.path.join(directory, name + ending))
    )


def _is_directory(path):
    return os.path.isdir(path) and not os.path.islink(path)


def director_database(report):
    """Given a backup's report, return the name of the director's own database; earlier reports do not name it."""
    name = report.get("director_database") or DIRECTOR_DATABASE
    return DIRECTOR_DATABASE if "/" in name else name


def read_report(path, digests=None):
    """Given a published backup, return its backup.json. Raise if there is none that can be read.

    With the ``digests`` of its records, also if it is another one by now.
    """
    report = os.path.join(path, layout.REPORT)
    try:
        content = read_plain(report, MOST_REPORT_BYTES)
        require_same(report, content, (digests or {}).get(layout.REPORT))
        if sum(content.count(sign) for sign in (b",", b"[", b"{")) > MOST_REPORT_VALUES:
            raise ValueError("it holds more than any report")
        content = json.loads(content.decode("utf-8"))
    except (EnvironmentError, ValueError, RuntimeError) as error:  # the last one for what is nested without end
        raise DirectorError("%s cannot be read: %s" % (report, error))
    if not isinstance(content, dict):
        raise DirectorError("%s does not hold a report. Expected a JSON object." % report)
    return content


def newest_published(directory):
    """Return the path of the newest published backup that has a manifest and was not found damaged, or None."""
    for name in reversed(list_ids(directory)):
        path = os.path.join(directory, name)
        if found_damaged(path):
            continue
        try:
            status = read_report(path).get("status")
        except DirectorError:
            continue
        if status == "published" and os.path.isfile(os.path.join(path, layout.CHECKSUMS)):
            return path
    return None


def latest_id(directory):
    """Return the id that ``latest`` points to, or None if it points to no backup."""
    link = os.path.join(directory, layout.LATEST)
    if not os.path.islink(link):
        return None
    name = os.readlink(link)
    return name if parse_id(name) is not None and os.path.isdir(os.path.join(directory, name)) else None


def begin(directory, name, dry_run=False, rules=None):
    """Given the id of a new backup and its filter, prepare its directory out of what failed runs left."""
    require_id(name)
    if os.path.lexists(os.path.join(directory, name)):
        raise DirectorError(
            "There is a backup %s in %s already. Expected a new id; wait a second and run again." % (name, directory)
        )
    path = os.path.join(directory, name + layout.PARTIAL)
    partials = list_ids(directory, layout.PARTIAL)
    newest = name if name in partials else (partials[-1] if partials else None)
    previous = newest_published(directory)
    begun = os.path.exists(os.path.join(path, layout.WORK, INCOMPLETE)) and partials == [name]
    if not (begun or dry_run):
        _prepare(directory, path, newest, [other for other in partials if other != newest])
        _fill(path, rules)
        make_durable(path)
    return {
        "changed": not begun,
        "path": path,
        "resumed": newest is not None and newest != name,
        "resumed_from": newest if newest != name else None,
        "previous": previous,
        "previous_outage": _outage_of(previous),
        "link_dest": _link_dest(path, previous),
    }


def _outage_of(path):
    """Return the seconds for which the director was away for a backup, None where that is not known, or it was not."""
    seconds = read_report(path).get("outage_seconds") if path else None
    return seconds or None


def _prepare(directory, path, resumed, abandoned):
    """Make ``path`` out of the partial backup to resume, or anew, and remove the abandoned ones."""
    if not os.path.isdir(directory):
        os.makedirs(directory, 0o700)
    for other in abandoned:
        remove_tree(os.path.join(directory, other + layout.PARTIAL))
    if resumed:
        source = os.path.join(directory, resumed + layout.PARTIAL)
        _clear(source)
        rename_durably(source, path)
    else:
        os.mkdir(path, 0o700)
    os.chmod(path, 0o700)
    make_durable(directory)


def _fill(partial, rules):
    """Make what each run begins with: a place for what it rehearses, and the rules that the backup is made with."""
    work = os.path.join(partial, layout.WORK)
    if not os.path.isdir(work):
        os.mkdir(work, 0o700)
    rehearsed = os.path.join(work, PREFLIGHT)
    if os.path.isdir(rehearsed):
        remove_tree(rehearsed)
    os.mkdir(rehearsed, 0o700)
    os.mkdir(os.path.join(rehearsed, layout.DUMPS), 0o700)
    if rules is not None:
        text = "".join("%s\n" % rule for rule in rules)
        write_durably(os.path.join(partial, layout.FILTER), to_bytes(text, errors="surrogate_or_strict"))
    write_durably(os.path.join(work, INCOMPLETE), b"This backup is being made, or its run failed.\n")


def _clear(partial):
    """Keep of a failed run only what saves copying: its trees, set aside, and what rsync left half copied.

    The trees are set aside because their files may be hard links into published backups, and rsync
    changes times and modes of files that it finds in place. From beside, it links what is unchanged.
    """
    work = os.path.join(partial, layout.WORK)
    if not os.path.isdir(work):
        os.mkdir(work, 0o700)
    for name in os.listdir(partial):
        if name not in (layout.TREE, layout.WORK, layout.LOG):
            _remove(os.path.join(partial, name))
    for name in os.listdir(work):
        if not os.path.isdir(os.path.join(work, name)):
            os.unlink(os.path.join(work, name))
    for directory, name in ((work, BEFORE_OUTAGE), (work, layout.TREE), (partial, layout.TREE)):
        tree = os.path.join(directory, name)
        if os.path.isdir(tree):
            _set_aside(work, tree)


def _set_aside(work, tree):
    """Make a tree the newest of those that failed runs left, and drop the oldest if there are too many."""
    left = [os.path.join(work, LEFT_BEHIND % number) for number in range(1, MOST_LEFT_BEHIND + 1)]
    if os.path.isdir(left[-1]):
        remove_tree(left[-1])
    for older, newer in zip(reversed(left), reversed(left[:-1])):
        if os.path.isdir(newer):
            os.rename(newer, older)
    os.rename(tree, left[0])


def _link_dest(path, previous):
    """Return where rsync may find files that need not be copied again, the likeliest first."""
    work = os.path.join(path, layout.WORK)
    left = [os.path.join(work, LEFT_BEHIND % number) for number in range(1, MOST_LEFT_BEHIND + 1)]
    found = [tree for tree in left if os.path.isdir(tree)]
    return found + ([os.path.join(previous, layout.TREE)] if previous else [])


def _remove(path):
    if _is_directory(path):
        remove_tree(path)
    else:
        os.unlink(path)


class Disk(object):
    """The disk under a backup."""

    def __init__(self, run_command):
        self._run_command = run_command

    def sync(self, path):
        """Return once all that was written to the file system of a path is on its disk."""
        rc, _out, err = self._run_command(["sync", "-f", path])
        if rc:
            raise DirectorError(
                "The data of %s could not be written to disk by 'sync -f': %s. Nothing was published."
                " Look at the disk and at the kernel's log, then run again." % (path, err.strip() or "status %d" % rc)
            )


def publish(path, directory, report, disk, dry_run=False, sign_key=None):
    """Given a proven ``<id>.partial`` and its report, make it the backup ``<id>`` and let ``latest`` point to it.

    Until the one rename there is no backup; from it on there is a whole one, signed if there is a key.
    """
    partial = path.rstrip("/")
    directory = directory.rstrip("/")
    name = os.path.basename(partial)
    if os.path.dirname(partial) != directory or not name.endswith(layout.PARTIAL):
        raise DirectorError("%s cannot be published. Expected %s/<id>%s." % (path, directory, layout.PARTIAL))
    name = name[: -len(layout.PARTIAL)]
    require_id(name)
    target = os.path.join(directory, name)
    if not os.path.lexists(partial) and _is_directory(target):
        return _published(target, not dry_run and point_symlink(os.path.join(directory, layout.LATEST), name))
    _require_publishable(partial, target, name, report)
    if not dry_run:
        digests = _seal(partial, dict(report, id=name, status="published"))
        if sign_key:
            signature.sign(partial, name, report.get("host"), sign_key, digests)
        disk.sync(partial)
        rename_durably(partial, target)
        point_symlink(os.path.join(directory, layout.LATEST), name)
        if sign_key:
            signature.note_newest(sign_key, report.get("host"), name)
    return _published(target, True)


def _published(target, changed):
    latest = os.path.join(os.path.dirname(target), layout.LATEST)
    return {"changed": changed, "path": target, "id": os.path.basename(target), "latest": latest}


def _require_publishable(partial, target, name, report):
    if os.path.lexists(target):
        raise DirectorError("%s exists already: nothing was published. Move it away, or make a new backup." % target)
    for expected in (layout.TREE, layout.CHECKSUMS, layout.METADATA, layout.LOG):
        if not os.path.exists(os.path.join(partial, expected)):
            raise DirectorError(
                "%s has no %s: nothing was published. Expected a copied and proven backup." % (partial, expected)
            )
    if report.get("id", name) != name:
        raise DirectorError("The report is about %s, not about %s: nothing was published." % (report["id"], name))
    if not isinstance(report.get("proof"), dict) or report["proof"].get("whole") is not True:
        raise DirectorError(
            "The report of %s does not say that it is whole (proof.whole): nothing was published." % name
        )
    _check_manifest(partial)


def _check_manifest(partial):
    """Raise DirectorError unless SHA256SUMS is whole and in order, and vouches for the metadata.mtree that is there."""
    problem, before, metadata = "", b"", None
    for number, line in enumerate(lines_in(os.path.join(partial, layout.CHECKSUMS)), 1):
        path, digest = sha256sums.parse_line(line[:-1]) or (None, None)
        if not line.endswith(b"\n"):
            problem = "ends in the middle of a line: it was cut short or half written."
        elif path is None:
            problem = "line %d is malformed: expected '<sha256>  <path>'." % number
        elif path == METADATA:
            metadata = digest
        elif path not in _SEALED and path <= before:
            problem = "line %d names a file that comes before the one of the line above it." % number
        elif path not in _SEALED:
            before = path
        if problem:
            break
    problems = ["SHA256SUMS " + problem] if problem else []
    if metadata != sha256(os.path.join(partial, layout.METADATA))[0]:
        problems.append("SHA256SUMS and metadata.mtree were not written together.")
    if problems:
        raise DirectorError("The manifest of %s is damaged: %s Nothing was published." % (partial, " ".join(problems)))


def _seal(partial, report):
    """Write backup.json, let SHA256SUMS vouch for the backup's own records, and remove the working files.

    Return the digests of the records as they were written or read here: they are signed, whatever lies there by then.
    """
    work = os.path.join(partial, layout.WORK)
    if os.path.isdir(work):
        remove_tree(work)
    _remove_unfinished(partial)
    content = to_bytes(json.dumps(report, indent=2, ensure_ascii=False) + "\n", errors="surrogate_or_replace")
    write_durably(os.path.join(partial, layout.REPORT), content)
    os.chmod(os.path.join(partial, layout.LOG), 0o600)
    sealed = {layout.METADATA: sha256(os.path.join(partial, layout.METADATA))[0]}
    sealed[layout.REPORT] = hashlib.sha256(content).hexdigest()
    sealed[layout.LOG] = sha256(os.path.join(partial, layout.LOG))[0]
    checksums, rules = _vouch(os.path.join(partial, layout.CHECKSUMS), sealed)
    os.chmod(partial, 0o700)
    return {
        layout.CHECKSUMS: checksums,
        layout.METADATA: sealed[layout.METADATA],
        layout.FILTER: rules,
        layout.REPORT: sealed[layout.REPORT],
    }


def _vouch(path, sealed):
    """Let SHA256SUMS name the backup's own records; return its digest, and the one that it has for the filter."""
    digest, rules = hashlib.sha256(), NONE
    with durable_file(path) as target:
        for line in lines_in(path):
            name = line[66:-1]  # behind the digest and two blanks
            if name not in _SEALED:
                rules = line[:64].decode("ascii") if name == to_bytes(layout.FILTER) else rules
                digest.update(line)
                target.write(line)
        for name in layout.SEALED:
            line = sha256sums.format_line(to_bytes(name), sealed[name])
            digest.update(line)
            target.write(line)
    return digest.hexdigest(), rules


def _remove_unfinished(partial):
    """Remove what a run that was killed while it wrote a file left beside it."""
    for name in layout.SEALED + (layout.CHECKSUMS, layout.SIGNATURE):
        try:
            os.unlink(os.path.join(partial, name + UNFINISHED))
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
