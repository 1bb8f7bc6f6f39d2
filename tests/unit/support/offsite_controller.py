# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller's side of copies elsewhere: backups, a password, and what a run does with them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._bringing import elsewhere_of
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._copying import Copying
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._settings import offsite_of
from ansible_collections.microbosh.director.plugins.plugin_utils._source._source import find
from ansible_collections.microbosh.director.plugins.plugin_utils._source._verifying import Verifier
from director_backup import make_director_backup
from quick_restic import quicken

PASSWORD = "correct horse"


class Controller:
    """A directory of one director's backups, and the setting for its copies."""

    def __init__(self, place: Path, setting: dict, host: str = "director1"):
        self.backups, self.host = place / "backups", host
        self.backups.mkdir(parents=True)
        password = place / "password"
        password.write_text(f"{PASSWORD}\n")
        self.setting = {"password_file": str(password), **setting}

    def backup(self, name, seed=1):
        made = make_director_backup(self.backups / f"making-{name}", name, seed)
        return made.rename(self.backups / name)

    def next_night(self, name, after, **new):
        """Make a backup with the files of an earlier one, and some new files beside them."""
        shutil.copytree(self.backups / after, self.backups / name, symlinks=True, copy_function=os.link)
        for path, content in new.items():
            (self.backups / name / path).write_bytes(content)

    def copy(self, **more):
        return Copying(offsite_of({**self.setting, **more}), self.host, self.backups).run(lambda *dummy: None)

    def record(self):
        return json.loads((self.backups / "offsite.json").read_text())

    def bring(self, wanted):
        return find(wanted, self.backups, self.backups / "restore", elsewhere=self.elsewhere(wanted))

    def elsewhere(self, wanted):
        return elsewhere_of(wanted, self.setting, self.host)

    def verify(self, wanted):
        verifier = Verifier(self.backups, self.backups / "verifying", None, True)
        verifier.elsewhere = self.elsewhere(wanted)
        return verifier.examine(wanted)

    def command(self, *arguments):
        """Return the command line and the environment of restic for somebody who has the password."""
        options = [word for option in self.setting.get("options", []) for word in ("-o", option)]
        places = ["-r", self.setting["repository"], "-p", self.setting["password_file"], "--no-cache"]
        return ["restic", *options, *places, *arguments], {**os.environ, **self.setting.get("environment", {})}

    def restic(self, *arguments, **options):
        command, environment = self.command(*arguments)
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, **options).stdout


class Beside(Controller):
    """One whose repository is a directory, and quick to open."""

    def __init__(self, place: Path, repository: Path, host: str = "director1"):
        super().__init__(place, {"repository": str(repository)}, host)
        self._at(place, repository)
        if not repository.exists():
            self.restic("init")
            quicken(repository, PASSWORD)

    def _at(self, place, repository):
        self.repository, self.password = repository, place / "password"

    @classmethod
    def copied(cls, made: Path, place: Path, host: str = "director1") -> Beside:
        """Return another one that is as a made one is, with the repository beside it."""
        subprocess.run(["cp", "-a", str(made), str(place)], check=True)
        self = cls.__new__(cls)
        self.backups, self.host = place / "controller" / "backups", host
        self._at(place / "controller", place / "repository")
        self.setting = {"repository": str(self.repository), "password_file": str(self.password)}
        (self.backups / "offsite.json").write_text(json.dumps(self.record() | {"repository": str(self.repository)}))
        return self
