# SPDX-License-Identifier: GPL-3.0-or-later
"""A director's tree, a backup of it, and what a restore does to it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from ansible_collections.microbosh.director.plugins.module_utils._core._files import sha256
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_steps import TreeRestore, look
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_tree import pack
from ansible_collections.microbosh.director.plugins.module_utils._tree import _mtree as mtree
from ansible_collections.microbosh.director.plugins.module_utils._tree import _tree as tree

RULES = ["- /store/lost+found", "+ /bosh", "+ /bosh/settings.json", "- /bosh/**", "+ /store", "+ /store/**", "- *"]
BLOB = "store/blobstore/store/ab/blob"
OLD = 1_400_000_000_123_456_789


def write(path, text, mode=0o640, mtime=OLD):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    os.utime(path, ns=(mtime, mtime))


def describe(top):
    """Everything about a tree, but for what is none of a restore's business."""
    found = {}
    entries = tree.examine_tree(os.fsencode(top), b".")
    for entry in sorted(entries, key=lambda entry: entry.path):
        path = os.path.normpath(entry.path).decode()
        if path.startswith("store/microbosh") or path == "store":
            continue
        content = (top / path).read_text() if entry.type == "file" else None
        found[path] = (entry.type, entry.uid, entry.gid, oct(entry.mode), entry.mtime, entry.link, content)
    return found


class Rig:
    """A director's tree, a backup of it, and what a restore does to it."""

    def __init__(self, top):
        self.vcap, self.backup = top / "vcap", top / "backup" / "vcap"
        self.incoming = self.vcap / "store" / "microbosh-backup" / "restore"
        self._fill(self.vcap)
        self.incoming.parent.mkdir()
        shutil.copytree(self.vcap, self.backup, symlinks=True, ignore=lambda *_: ["microbosh-backup", "lost+found"])
        (self.backup / "store/director/kept").unlink()
        os.link(self.backup / "store/director/log", self.backup / "store/director/kept")
        self.metadata = self._metadata()
        self.wanted = describe(self.backup)
        self._destroy()
        self.before = describe(self.vcap)

    @staticmethod
    def _fill(top):
        write(top / "bosh/settings.json", '{"agent_id": "a1"}', 0o600)
        write(top / "bosh/etc/monitrc", "none of ours")
        write(top / BLOB, "a blob")
        write(top / "store/blobstore/store/cd/other", "another blob")
        write(top / "store/director/log", "a log")
        os.link(top / "store/director/log", top / "store/director/kept")
        (top / "store/director/away").symlink_to("/mnt/away")
        write(top / "store/redis/dump.rdb", "redis")
        write(top / "store/postgres/PG_VERSION", "15\n")
        write(top / "store/postgres/base", "rows as they were")
        write(top / "store/lost+found/piece", "stays")
        for directory, dummy, files in os.walk(top, topdown=False):
            for name in files:
                os.utime(Path(directory, name), ns=(OLD, OLD), follow_symlinks=False)
            os.utime(directory, ns=(OLD, OLD))

    def _destroy(self):
        (self.vcap / "store/blobstore/store/cd/other").unlink()
        write(self.vcap / "store/postgres/base", "rows that came later", mtime=OLD + 1)
        write(self.vcap / "store/director/new/one", "new", mtime=OLD + 2)
        shutil.rmtree(self.vcap / "store/redis")
        (self.vcap / "store/redis").symlink_to("/elsewhere")
        (self.vcap / "store/director/log").chmod(0o777)
        (self.vcap / "store/director/away").unlink()
        (self.vcap / "store/director/away").mkdir()

    def _metadata(self):
        entries = sorted(tree.examine_tree(os.fsencode(self.backup.parent), b"vcap"), key=lambda entry: entry.path)
        tree.mark_twins(entries)
        for entry in entries:
            if entry.type == "file":
                entry.digest = sha256(os.path.join(os.fsencode(self.backup.parent), entry.path))[0]
        return b"".join(mtree.format_entries(entries))

    def params(self, state, **more):
        return {
            "state": state, "root": str(self.vcap), "workspace": str(self.vcap / "store/microbosh-restore"),
            "incoming": str(self.incoming), "incoming_dumps": f"{self.incoming}-dbs", "metadata": pack(self.metadata),
            "filter": RULES, "database": "files", "agent_id": "a1", "phase": None, "about": None, "source": None,
            "packages": str(self.vcap / "packages"), "scratch": str(self.vcap / "store/microbosh-restore/server"),
            "port": 1, "data_directory": None, "timeout": 20, **more,
        }  # fmt: skip

    def restore(self, state, **more):
        params = self.params(state, **more)
        if state == "examined":
            return look(params["workspace"])
        restore = TreeRestore(params, run_command)
        return restore.compare() if state == "compared" else restore.perform()

    def push(self, names):
        for name in names:
            target = self.incoming / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.backup / name, target)

    def stage(self, **more):
        """Come as far as the services are stopped."""
        compared = self.restore("compared", **more)
        self.push(compared["push"])
        staged = self.restore("staged", **more)
        about = {"filter": RULES, "left_out": staged["left_out"], "database": more.get("database", "files")}
        about.update(more.get("about") or {})
        self.restore("marked", phase="stopping", about=about)
        return compared

    def settle(self, phase="proven"):
        if phase == "proven":
            self.restore("marked", phase=phase)
        self.restore("absent")
        assert not (self.vcap / "store/microbosh-restore").exists()


def run_command(argv, **dummy):
    if argv == ["sync"]:  # it would wait for all disks of the machine, hundreds of times
        return 0, "", ""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    return done.returncode, done.stdout, done.stderr
