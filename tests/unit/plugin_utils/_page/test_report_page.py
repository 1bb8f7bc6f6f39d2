# SPDX-License-Identifier: GPL-3.0-or-later
"""The page is written whole or not at all, and the task answers with what it is, not with what is in it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.action import report_page
from ansible_collections.microbosh.director.plugins.plugin_utils._look._picture import director_at
from backup_place import NOW, BackupPlace


@pytest.fixture
def place(tmp_path):
    found = BackupPlace(tmp_path / "director1")
    found.backup()
    return found


@pytest.fixture
def run(place, monkeypatch):
    """Make a page of the director of the place, and of others that have nothing."""
    monkeypatch.setattr(ActionBase, "run", lambda *dummies: {})
    monkeypatch.setattr(report_page, "tell", lambda result, dummy, lines, **more: result["lines"].extend(lines))
    given = {"directory": str(place.path), "rules": {}}
    monkeypatch.setattr(
        report_page.ActionModule, "_given", lambda _self, names, _vars: [{**given, "name": name} for name in names]
    )

    def made(check=False, hosts=None, **args):
        action = object.__new__(report_page.ActionModule)
        action._task = SimpleNamespace(args=args, check_mode=check, no_log=False)
        arguments = {**dict.fromkeys(report_page.ARGUMENTS), "hosts": hosts, **args}
        action.validate_argument_spec = lambda argument_spec: (None, arguments)
        variables = {
            "inventory_hostname": "director1",
            "hostvars": {"director1": {}},
            "ansible_inventory_sources": ["/inv"],
        }
        return action.run(None, variables)

    return made


def test_it_says_where_the_page_is_and_how_much(run, tmp_path):
    file = tmp_path / "report.html"
    result = run(path=str(file))
    status = director_at({"name": "director1", "directory": str(tmp_path / "director1"), "rules": {}}, NOW)["health"][
        "status"
    ]
    assert result["path"] == str(file)
    assert result["bytes"] == file.stat().st_size
    assert (result["changed"], result["directors"], result["status"]) == (True, 1, max(status, result["status"]))
    assert result["lines"][0].startswith("A page of 1 director, ")
    assert "-i /inv microbosh.director.restore" in file.read_text(encoding="utf-8")


def test_a_new_page_is_its_owners_and_one_that_is_there_keeps_its_mode(run, tmp_path):
    file = tmp_path / "report.html"
    run(path=str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    run(path=str(file))
    assert file.stat().st_mode & 0o777 == 0o644


def test_another_inventory_may_be_named(run, tmp_path):
    run(path=str(tmp_path / "report.html"), inventory=["/srv/a", "/srv/b"])
    assert "-i /srv/a -i /srv/b microbosh" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_page_that_is_there_stays_whole_where_a_new_one_cannot_be_written(run, tmp_path, monkeypatch):
    file = tmp_path / "report.html"
    file.write_text("before", encoding="utf-8")
    full = OSError(28, "No space left on device")
    monkeypatch.setattr("os.fsync", lambda dummy: (_ for _ in ()).throw(full))
    result = run(path=str(file))
    assert result["failed"]
    assert result["msg"] == f"The page {file} cannot be written: No space left on device."
    assert file.read_text(encoding="utf-8") == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["director1", "report.html"]


def test_a_directory_that_is_not_there_is_named(run, tmp_path):
    result = run(path=str(tmp_path / "pages" / "report.html"))
    assert result["msg"] == f"The page {tmp_path}/pages/report.html cannot be written: No such file or directory."


def test_a_host_that_is_none_is_named(run, tmp_path):
    result = run(path=str(tmp_path / "report.html"), hosts=["director1", "nobody"])
    assert "nobody" in result["msg"]
    assert not (tmp_path / "report.html").exists()


def test_check_mode_writes_nothing_and_says_so(run, tmp_path):
    result = run(path=str(tmp_path / "report.html"), check=True)
    assert not result["changed"]
    assert "would be" in result["lines"][0]
    assert not (tmp_path / "report.html").exists()
