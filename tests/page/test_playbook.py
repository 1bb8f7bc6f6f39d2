# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook writes the page of what lies on the controller, and Chromium shows it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from backup_place import DAY, HOUR, BackupPlace
from views import rows

INVENTORY = """microbosh:
  vars:
    microbosh_backup_dir: "{place}/{{{{ inventory_hostname }}}}"
  hosts:
    alpha: {{ansible_host: 192.0.2.1}}
    beta: {{ansible_host: 192.0.2.2}}
"""


@pytest.fixture
def controller(tmp_path):
    """Make a controller with two directors: one has three backups and a run that failed, one nothing."""
    place = BackupPlace(tmp_path / "alpha")
    for day in range(3):
        place.backup(HOUR + day * DAY)
        place.record(HOUR + day * DAY)
    failed = place.record(outcome="failed", error="Preflight: it is not reached", age=600)
    place.log(failed, "the first line", "the last line")
    (tmp_path / "hosts.yml").write_text(INVENTORY.format(place=tmp_path), encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(controller):
    """Make the page of an inventory where it is called."""
    program = shutil.which("ansible-playbook", path=str(Path(sys.executable).parent))

    def made(*arguments):
        command = [program, "-i", "hosts.yml", "microbosh.director.report", *arguments]
        return subprocess.run(command, cwd=controller, capture_output=True, text=True, timeout=60)

    return made


def test_what_lies_on_the_controller_is_on_the_page(run, controller, chromium):
    done = run()
    file = controller / "report.html"
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"A page of 2 directors, 2 with a problem, is in {file} (" in done.stdout
    page = chromium.new_page()
    page.goto(file.as_uri())
    shown = rows(page, "Directors")
    assert [(row[0], row[-2]) for row in shown] == [("alpha", "3"), ("beta", "0")]
    assert [row[1].split()[1] for row in shown] == ["Failed", "No"]
    page.get_by_role("link", name="alpha").click()
    assert page.get_by_label("The end of the log").inner_text().endswith("the last line")
    page.get_by_role("button", name="Restore, and all about").first.click()
    words = page.locator(".command code").first.inner_text().split()
    assert words[:3] == ["ansible-playbook", "-i", str(controller / "hosts.yml")]
    page.close()


def test_it_goes_where_the_setting_says_and_a_limit_is_one_to_the_page(run, controller):
    (controller / "pages").mkdir()
    assert run("--limit", "beta", "-e", "microbosh_report_page=pages/of-one.html").returncode == 0
    text = (controller / "pages" / "of-one.html").read_text(encoding="utf-8")
    assert '"name":"beta"' in text
    assert '"name":"alpha"' not in text
    assert [path.name for path in (controller / "pages").iterdir()] == ["of-one.html"]
