"""What lies on the controller, at a glance: each director by its own settings, and no director is needed."""

from __future__ import annotations

import json
import time

import backup_place
import pytest
from conftest import playbook_command, run_ansible

INVENTORY = """
microbosh:
  hosts:
    director1:
      microbosh_backup_dir: "{{ lookup('env', 'BACKUPS') }}/elsewhere"
      microbosh_offsite: {repository: "{{ lookup('env', 'BACKUPS') }}/restic", environment: {KEY: "{{ nobody knows }}"}}
    director2:
    director3: {microbosh_health_off: [rehearsed_age], microbosh_health_proven_hours: 100}
  vars:
    ansible_host: 192.0.2.1
    microbosh_backup_dir: "{{ lookup('env', 'BACKUPS') }}/{{ inventory_hostname }}"
    microbosh_health_rehearsed_days: "{{ 7 * 5 }}"
"""


@pytest.fixture
def look(tmp_path, monkeypatch):
    monkeypatch.setattr(backup_place, "NOW", int(time.time()))
    places = [backup_place.BackupPlace(tmp_path / name) for name in ("elsewhere", "director2", "director3")]
    for place, hours in zip(places, (4, 50, 50), strict=True):
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(backup_place.NOW - 3600))
        place.backup(hours * 3600, verdict={"rehearsed": {"good": True, "at": at, "problems": []}})
    places[0].offsite(4 * 3600, 90 * 86400, at=at, checked={"at": at, "good": True, "said": ""})
    (tmp_path / "hosts.yml").write_text(INVENTORY)

    def made(playbook, *arguments, **environment):
        command = playbook_command(tmp_path / "hosts.yml", f"microbosh.director.{playbook}", *arguments)
        return run_ansible(command, {"BACKUPS": str(tmp_path), **environment})

    made.path = tmp_path
    return made


def test_all_backups_are_told_each_director_by_its_own_settings(look):
    file = look.path / "backups.json"
    run = look("backups", "-e", f"microbosh_backups_json={file}")
    assert run.status == 0, run.output
    assert "director1: OK, newest proven 4 h 00 min old" in run
    assert "director2: CRITICAL, newest proven 2 days 2 h old" in run
    assert "director3: OK, newest proven 2 days 2 h old" in run
    found = json.loads(file.read_text())
    assert [one["name"] for one in found["directors"]] == ["director1", "director2", "director3"]
    assert found["directors"][0]["directory"] == str(look.path / "elsewhere")
    assert [len(one["backups"]) for one in found["directors"]] == [1, 1, 1]
    assert [bool(one["offsite"]) for one in found["directors"]] == [True, False, False]
    assert f"elsewhere: 2 copies, the newest of {found['directors'][0]['newest']}, checked on " in run
    only = f"only elsewhere: {backup_place.name_of(90 * 86400)}"
    assert f"{only}; restore with -e microbosh_restore_from=offsite:<id>" in run
    limited = look("backups", "--limit", "director3")
    assert (limited.status, "director2" in limited.output) == (0, False), limited.output


def test_health_fails_if_a_rule_is_broken_and_names_it(look):
    assert look("health", "--limit", "director1").status == 0
    more = ["-e", "microbosh_healht_off=last_run", "-e", f"microbosh_metrics_dir={look.path}"]
    run = look("health", *more, ANSIBLE_SHOW_CUSTOM_STATS="1")
    assert run.status == 2, run.output
    assert "36 h are allowed (microbosh_health_proven_hours)" in run
    assert run.output.count("there is no setting microbosh_healht_off") >= 3
    assert "MICROBOSH CRITICAL - 3 directors: 1 CRITICAL, 2 UNKNOWN" in run
    assert '"microbosh_health":' in run.output
    texts = {path.name: path.read_text() for path in look.path.glob("*.prom")}
    assert sorted(texts) == [f"microbosh_director{number}.prom" for number in (1, 2, 3)]
    assert 'microbosh_health_status{director="director2"} 2' in texts["microbosh_director2.prom"]
