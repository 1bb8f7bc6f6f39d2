# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version of the collection is that of the installed one, or of the working copy."""

from __future__ import annotations

import yaml
from ansible_collections.microbosh.director.plugins.filter import backup_report
from ansible_collections.microbosh.director.plugins.plugin_utils._run._version import collection_version
from places import REPOSITORY


def test_the_one_that_is_installed(tmp_path):
    (tmp_path / "MANIFEST.json").write_text('{"collection_info": {"version": "1.2.3"}}')
    (tmp_path / "galaxy.yml").write_text("version: 9.9.9")
    assert collection_version(tmp_path) == "1.2.3"


def test_the_one_of_a_working_copy(tmp_path):
    (tmp_path / "galaxy.yml").write_text("version: 1.2.4")
    assert collection_version(tmp_path) == "1.2.4"


def test_no_version_is_known(tmp_path):
    assert collection_version(tmp_path) == "*"


def test_a_report_names_the_one_that_runs(monkeypatch):
    given = {}
    monkeypatch.setattr(backup_report._report, "backup_report", given.update)
    backup_report.FilterModule().filters()["backup_report"]({"id": "20261122T221326Z"})
    assert given["collection"] == yaml.safe_load((REPOSITORY / "galaxy.yml").read_text())["version"]
