# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves files from the director with ansible.posix.synchronize, and tells how far it is."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import shlex
import tempfile
import time
from pathlib import Path

from ansible_collections.microbosh.director.plugins.module_utils._core._kept import CHMOD
from ansible_collections.microbosh.director.plugins.module_utils._core._volume import beside, gives_away
from ansible_collections.microbosh.director.plugins.plugin_utils._run._connection_hint import transfer_hint
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import told
from ansible_collections.microbosh.director.plugins.plugin_utils._run._giving_way import give_way
from ansible_collections.microbosh.director.plugins.plugin_utils._run._lines import size
from ansible_collections.microbosh.director.plugins.plugin_utils._run._printable import printable_lines
from ansible_collections.microbosh.director.plugins.plugin_utils._run._remote_shell import host_of, synchronize
from ansible_collections.microbosh.director.plugins.plugin_utils._run._transfer_action import TransferAction
from ansible_collections.microbosh.director.plugins.plugin_utils._run._transfer_watch import Watch, free_space
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._attributes_kept import OPTIONS as ATTRIBUTES
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._attributes_kept import lost_attributes
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._attributes_pull import (
    LISTING,
    AttributesPull,
    keep_attributes,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._left_out import (
    in_steady,
    tops,
    vanished_paths,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._owners import (
    compare_with_copy,
    remove_from_copy,
    write_listing,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._spared import (
    changed_since,
    find_spared,
    only_rules,
    read_spared,
    sparing_rules,
    write_spared,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._transfer_log import Transfer, stats

ARGUMENTS = {
    "src": {"type": "str", "required": True},
    "dest": {"type": "path"},
    "reader": {"type": "str", "default": ""},
    "filter": {"type": "path"},
    "rules": {"type": "list", "elements": "str", "default": []},
    "listing": {"type": "path"},
    "owners": {"type": "bool", "default": False},
    "look": {"type": "bool", "default": False},
    "attributes": {"type": "bool", "default": False},
    "keep": {"type": "path", "default": ""},
    "staging": {"type": "path"},
    "link_dest": {"type": "list", "elements": "path", "default": []},
    "delete": {"type": "bool", "default": False},
    "take": {"type": "bool", "default": False},
    "checksum": {"type": "bool", "default": False},
    "relative": {"type": "bool", "default": False},
    "vanishing": {"type": "bool", "default": False},
    "steady": {"type": "list", "elements": "str", "default": []},
    "spare": {"type": "path"},
    "spare_in": {"type": "list", "elements": "str"},
    "clock": {"type": "float", "default": 0},
    "spared_only": {"type": "bool", "default": False},
    "estimate": {"type": "bool", "default": False},
    "trial": {"type": "bool", "default": False},
    "containing": {"type": "str", "no_log": False},
    "total": {"type": "int", "default": 0},
    "limit": {"type": "int", "default": 0},
    "limit_files": {"type": "int", "default": 0},
    "timeout": {"type": "int", "default": 600},
}
VANISHED = 24
LOOKS_AGAIN = 5
# Ansible writes files of its own meanwhile.
SMALLEST_LIMIT = 64 * 1024 * 1024
# The only keys of rsync's result that a task gets: rsync read what the director sent.
KEPT = ("rc", "msg", "failed", "vanished", "left_out", "attributes")
UNSTEADY = "Something removed what must not change while it is copied"


class ActionModule(TransferAction):
    """Hand the transfer to synchronize; meanwhile read rsync's own log and show progress."""

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(
            argument_spec=ARGUMENTS, required_if=[("trial", False, ["dest", "containing"], True)]
        )
        give_way(self._templar, task_vars, heavy=True)
        with _trial(arguments), _look_inside(arguments):
            result.update(self._pulled(arguments, task_vars))
        return result

    def _pulled(self, arguments, task_vars):
        if arguments["staging"] and not self._task.check_mode:
            os.makedirs(arguments["staging"], mode=0o700, exist_ok=True)
        looking = arguments["owners"] or arguments["look"]
        counted = not (looking or arguments["estimate"])
        began = time.monotonic()
        with (
            _rules(arguments),
            _filter(arguments, _first_rules(arguments)),
            _listing(arguments, counted),
            _largest_file(arguments["limit"] if counted else 0),
        ):
            transfer = Transfer(arguments["listing"] if counted else None, arguments["staging"])
            answer = self._transferred(arguments, transfer, counted, task_vars)
            transfer.read()
        answer = {name: answer[name] for name in KEPT if name in answer}
        result = {**answer, "seconds": round(time.monotonic() - began, 2), **transfer.counts()}
        if arguments["spare"]:
            result["spared"] = len(read_spared(arguments["spare"]))
        if arguments["estimate"] and not result.get("failed"):
            result.update(stats(result.pop("msg", "")), free_bytes=free_space(arguments["dest"]))
        if "msg" in result:
            result["msg"] = told(result["msg"])
        kept = not (arguments["estimate"] or arguments["trial"] or arguments["containing"])
        result["changed"] = bool(transfer.files) and kept
        return result

    def _transferred(self, arguments, transfer, counted, task_vars):
        """Run rsync under the eyes of a watch; return what came of it."""
        looking = arguments["owners"] or arguments["look"]
        amounts = {name: arguments[name] for name in ("total", "limit", "limit_files")}
        if not counted:
            amounts["reserve"] = 0
        with Watch(task_vars["inventory_hostname"], transfer, arguments["dest"], **amounts) as watch:
            again = 0 if counted else LOOKS_AGAIN
            answer = until_nothing_vanishes(lambda: self._synchronize(arguments, task_vars), again)
            if counted and arguments["spare"] and not self._task.check_mode:
                answer = self._spare(arguments, answer, task_vars)
        if answer.get("rc") == VANISHED and arguments["vanishing"] and not looking:
            self._accept_vanished(arguments, answer)
        if watch.exceeded:
            answer["failed"] = True
        if answer.get("failed"):
            answer["msg"] = self._explain(arguments, answer, watch.exceeded or too_large(arguments, answer))
        if arguments["containing"] and not answer.get("failed") and not contains(arguments):
            answer.update(failed=True, msg=f"{arguments['src']} came without what was written into it.")
        if arguments["attributes"] and not answer.get("failed"):
            answer["attributes"] = lost_attributes(answer.get("msg", "").split("\n"))
            if arguments["keep"] and not self._task.check_mode:
                answer["attributes"] |= self._kept(arguments, answer["attributes"], task_vars)
        if looking and not answer.get("failed"):
            self._keep_listing(arguments, answer)
        return answer

    def _kept(self, arguments, found, task_vars):
        """Copy the attributes of the files that have any; return the files whose are kept and those that lose some."""

        def rsync(dest, options):
            return self._synchronize({**arguments, "dest": dest}, task_vars, options)

        amounts = {name: arguments[name] for name in ("limit", "limit_files")}
        pull = AttributesPull(rsync, lambda log, dest: Watch(
            task_vars["inventory_hostname"], Transfer(log, None), dest, **amounts
        ))  # fmt: skip
        return keep_attributes(found, arguments["dest"], arguments["keep"], pull)

    def _spare(self, arguments, answer, task_vars):
        """Note which directories a later pass may spare; or look into those of the noted ones that have changed."""
        if answer.get("failed") and answer.get("rc") != VANISHED:
            return answer
        if arguments["spare_in"] is not None:
            write_spared(arguments["spare"], find_spared(arguments["dest"], arguments["spare_in"], arguments["clock"]))
            return answer
        spared = read_spared(arguments["spare"])
        changed, gone = changed_since(arguments["dest"], spared)
        if changed or gone:
            write_spared(arguments["spare"], {path: spared[path] for path in spared if path not in {*changed, *gone}})
        if changed:
            with _filter(dict(arguments, filter=arguments["own_filter"]), only_rules(changed)) as only:
                answer = _worse(answer, self._synchronize(only, task_vars))
        return answer

    def _synchronize(self, arguments, task_vars, options=None):
        given = {
            "mode": "pull",
            "src": self._source(arguments) if arguments["reader"] else arguments["src"],
            "dest": arguments["dest"],
            "archive": True,
            "checksum": arguments["checksum"],
            "rsync_timeout": arguments["timeout"],
            "rsync_opts": options or rsync_options(arguments, gives_away(beside(arguments["dest"]))),
        }
        if arguments["reader"]:
            given["rsync_path"] = f"sudo -n {arguments['reader']}"
        return synchronize(self, given, task_vars)

    def _accept_vanished(self, arguments, answer):
        """Accept that files vanished during the copy, unless they were in a tree that does not change meanwhile."""
        paths = vanished_paths(answer.get("msg") or "")
        if arguments["steady"] and (not paths or in_steady(paths, arguments["steady"])):
            return
        answer.update(failed=False, vanished=True, left_out=tops(paths))

    def _keep_listing(self, arguments, answer):
        """Make a listing of what rsync printed, which may be long and is of no other use."""
        lines = answer.pop("msg", "").split("\n")  # no more than that ends a line: names may hold anything else
        answer.pop("stdout_lines", None)
        if self._task.check_mode:
            return
        if arguments["owners"] and arguments["vanishing"]:
            lines, gone = compare_with_copy(arguments["dest"], lines)
            moved = in_steady(gone, arguments["steady"])
            if moved:
                answer.update(failed=True, msg=f"{UNSTEADY}: {', '.join(tops(moved))}")
                return
            remove_from_copy(arguments["dest"], gone)
            answer["left_out"] = tops(gone)
        write_listing(arguments["listing"], lines)

    def _source(self, arguments):
        """Return the source as the reader knows it: a path in its rsync daemon's only module, /var/vcap."""
        path = os.path.relpath(arguments["src"], "/var/vcap")
        module = "::vcap/" + ("" if path == "." else f"{path}/")
        host = host_of(self._connection)
        # synchronize puts an IPv6 address before any path, and no other host before one that has a colon.
        return module[1:] if ":" in host else host + module

    @staticmethod
    def _explain(arguments, answer, exceeded):
        text = printable_lines(answer.get("msg") or "").strip()
        copied = f"Copying {arguments['src']} to {arguments['dest']}"
        if exceeded:
            return f"{copied} was stopped: {exceeded}."
        if arguments["trial"]:
            copied = f"Nothing can be copied from the director as backups are: a transfer of {arguments['src']}"
        copied += f" failed, rsync's exit status is {answer.get('rc')}: {text}"
        return "\n".join([copied, *[hint for hint in [transfer_hint(text)] if hint]])


@contextlib.contextmanager
def _trial(arguments):
    """For a trial, have a place that goes away again, and a filter that lets nothing through but the directory."""
    if not arguments["trial"]:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="microbosh-") as scratch:
        rules = os.path.join(scratch, "filter")
        with open(rules, "w", encoding="ascii") as file:
            file.write("- *\n")
        staging = os.path.join(scratch, "staging")
        os.mkdir(staging)  # in check mode, too, where no other is made
        arguments.update(dest=os.path.join(scratch, "vcap"), filter=rules, staging=staging, vanishing=True)
        yield


@contextlib.contextmanager
def _look_inside(arguments):
    """For a file that is only looked into, have a place that goes away again."""
    if not arguments["containing"]:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="microbosh-") as scratch:
        arguments.update(dest=os.path.join(scratch, "file"))
        yield


def contains(arguments):
    """Return whether the file that was copied has the text in it that it should have."""
    try:
        return arguments["containing"] in Path(arguments["dest"]).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


@contextlib.contextmanager
def _rules(arguments):
    """Have the rules in a file, for this transfer alone."""
    if not arguments["rules"]:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="microbosh-") as scratch:
        arguments["filter"] = os.path.join(scratch, "filter")
        Path(arguments["filter"]).write_text("".join(f"{rule}\n" for rule in arguments["rules"]), encoding="utf-8")
        yield


def _first_rules(arguments):
    """Return the rules before those of the filter: they keep a pass out of what it spares, or in it."""
    # What an earlier run noted is of its own first pass.
    spared = {} if arguments["spare_in"] is not None else read_spared(arguments["spare"])
    return only_rules(sorted(spared)) if arguments["spared_only"] else sparing_rules(spared)


@contextlib.contextmanager
def _filter(arguments, first):
    """Have some rules before those of the filter, for this transfer alone; yield the arguments with them."""
    arguments["own_filter"] = arguments["filter"]
    if not first:
        yield arguments
        return
    with tempfile.TemporaryDirectory(prefix="microbosh-") as scratch:
        rules = Path(arguments["filter"]).read_bytes() if arguments["filter"] else b""
        arguments["filter"] = os.path.join(scratch, "filter")
        Path(arguments["filter"]).write_bytes("".join(f"{rule}\n" for rule in first).encode("ascii") + rules)
        yield arguments


def _worse(first, second):
    """Return the answer of two transfers: of what both say, if nothing failed but that files vanished."""
    if second.get("failed") and second.get("rc") != VANISHED:
        return second
    said = "\n".join(text for text in (first.get("msg"), second.get("msg")) if text)
    return {**(second if second.get("rc") == VANISHED else first), "msg": said}


@contextlib.contextmanager
def _listing(arguments, counted):
    """Have rsync keep a log, which counts what comes; without a wanted one, a log for this transfer alone."""
    if arguments["listing"] or not counted:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="microbosh-") as scratch:
        arguments["listing"] = os.path.join(scratch, "log")
        yield


def too_large(arguments, answer):
    """Return what was exceeded if it was the kernel that let no file grow any more, "" if it was not."""
    if not arguments["limit"] or f"({errno.EFBIG})" not in (answer.get("msg") or ""):
        return ""
    limit = size(arguments["limit"])
    return f"the director sent more than the {limit} that it can have, by what it announced, in a single file"


@contextlib.contextmanager
def _largest_file(limit):
    """Limit the size of each file, 0 for none: the kernel refuses what the watch would see too late."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    hard = before[1]
    limit = limit and max(limit, SMALLEST_LIMIT)
    if limit and (hard == resource.RLIM_INFINITY or limit < hard):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def until_nothing_vanishes(transfer, again):
    """Look again while files vanish, so many times; return the last answer.

    When some did, synchronize tells which, and nothing of what rsync printed: such a look is of no use.
    """
    answer = transfer()
    while answer.get("rc") == VANISHED and again > 0:
        answer = transfer()
        again -= 1
    return answer


def rsync_options(arguments, by_root):
    """Given the action's arguments, return rsync's options, quoted as synchronize expects them."""
    # Times are compared to the nanosecond, so that a change within the second of the copy is seen.
    options = ["--sparse", "--numeric-ids", "--no-devices", "--no-specials", "--modify-window=-1"]
    # Attributes of a file are listed for each of its names.
    options += ATTRIBUTES if arguments.get("attributes") else ["--hard-links"]
    if not arguments["reader"]:
        # These belong to the backup user; only files are taken, as a link could lead to another's file here.
        options += ["--no-owner", "--no-group", "--no-links"]
    elif not (by_root or arguments["owners"]):
        # root is nobody's where a share squashes it; a group could be refused to anybody there.
        options += [f"--chmod={CHMOD}", "--no-super", "--no-owner", "--no-group"]
    if arguments["staging"] and not arguments["estimate"]:
        options += [f"--temp-dir={arguments['staging']}", f"--partial-dir={arguments['staging']}"]
    if arguments["filter"]:
        options.append(f"--exclude-from={arguments['filter']}")
    options += [f"--link-dest={directory}" for directory in arguments["link_dest"]]
    if arguments["delete"]:
        options += ["--delete-delay", "--delete-excluded"]
    if arguments.get("take"):
        options.append("--remove-source-files")
    if arguments["relative"]:
        options.append("--relative")
    return [shlex.quote(option) for option in options + telling_options(arguments)]


def telling_options(arguments):
    """Given the action's arguments, return the options that make rsync tell what is wanted; they come last."""
    if arguments["estimate"]:
        return ["--dry-run", "--stats"]
    itemize = ["--itemize-changes", "--itemize-changes"]
    if arguments["look"]:
        return ["--dry-run", *itemize, f"--out-format={LISTING}", "--log-file-format"]
    if arguments["owners"]:
        # To anybody but root rsync tells groups only if it believes that it may set them. The log of a dry run leaves
        # out what would be copied, so the listing is what rsync prints. synchronize appends another format for that:
        # it becomes the argument of --log-file-format, which has no effect without a log.
        return ["--super", "--dry-run", *itemize, f"--out-format={LISTING}", "--log-file-format"]
    if arguments["listing"]:
        return [*itemize, "--quiet", f"--log-file={arguments['listing']}", f"--log-file-format={LISTING}"]
    return []
