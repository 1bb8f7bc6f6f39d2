# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong with copies elsewhere: locks, damage, odd clocks, the dead, and what nobody is to see."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite import _repository as repository
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite import _restic as restic
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._bringing import elsewhere_of
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._settings import OffsiteError, offsite_of
from ansible_collections.microbosh.director.plugins.plugin_utils._source._source import SourceError, find
from offsite_controller import Beside

FIRST, SECOND, THIRD = "20261122T221326Z", "20261123T221326Z", "20261124T221326Z"
FUTURE = "20360101T000000Z"
PATIENCE = 30
SETTING = {"repository": "sftp:nas:/d1", "password_file": "/etc/password"}


def wait_until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def exclusively(place):
    """Have restic lock the repository for itself, and stop in the middle; return the process."""
    process = subprocess.Popen(
        ["restic", "-r", str(place.repository), "-p", str(place.password), "check", "--read-data"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_until(lambda: any((place.repository / "locks").iterdir()))
    process.send_signal(signal.SIGSTOP)
    return process


def test_a_lock_is_in_no_restore_s_way_and_that_of_the_dead_in_nobody_s(controller, monkeypatch):
    monkeypatch.setattr(restic, "PAUSE", 0.1)
    monkeypatch.setattr(restic, "DEAD_AFTER", -1)
    locking = exclusively(controller)
    assert controller.bring("offsite:latest").proven
    locking.kill()
    locking.wait()
    assert any((controller.repository / "locks").iterdir())
    controller.backup(SECOND)
    assert controller.copy().problem == ""


def test_a_lock_that_may_be_of_somebody_who_lives_stays(controller, monkeypatch):
    """In another container there is no such process, and it has the same name."""
    monkeypatch.setattr(restic, "PAUSE", 0.1)
    monkeypatch.setattr(restic, "PATIENCE", 1)
    locking = exclusively(controller)
    locking.kill()
    locking.wait()
    lock = list((controller.repository / "locks").iterdir())
    controller.backup(SECOND)
    done = controller.copy()
    assert done.missing == [SECOND]
    assert "already locked exclusively by PID" in done.problem
    assert list((controller.repository / "locks").iterdir()) == lock


def only_incomplete(path, monkeypatch, name):
    """Let a copy of one backup be incomplete, as restic says it."""
    path.mkdir()
    real = shutil.which("restic")
    lines = [
        "#!/bin/sh", f'{real} "$@" || exit',
        f'case "$PWD" in */{name}) echo \'{{"message_type":"error","item":"/vcap/x","error":{{"Op":"open"}}}}\' >&2',
        "exit 3 ;; esac",
    ]  # fmt: skip
    (path / "restic").write_text("\n".join(lines) + "\n")
    (path / "restic").chmod(0o755)
    monkeypatch.setenv("PATH", f"{path}:{os.environ['PATH']}")


def test_one_that_cannot_be_read_is_in_no_other_one_s_way(controller, monkeypatch, tmp_path):
    controller.backup(SECOND)
    controller.backup(THIRD)
    with monkeypatch.context() as context:
        only_incomplete(tmp_path / "bin", context, SECOND)
        done = controller.copy(keep={"last": 1})
    assert (done.copied, done.missing, done.copies) == ([THIRD], [SECOND], [THIRD, FIRST])
    assert "/vcap/x" in done.problem
    assert controller.record()["checked"]["good"]
    # It is not forgotten because a newer one has a copy.
    assert controller.copy().copied == [SECOND]


def test_a_copy_of_the_future_keeps_no_other_from_being_made(controller):
    controller.backup(FUTURE)
    assert controller.copy().copied == [FUTURE]
    (controller.backups / FUTURE).rename(controller.backups / "away")
    controller.backup(SECOND)
    done = controller.copy(keep={"last": 2})
    assert (done.copied, done.copies) == ([SECOND], [FUTURE, SECOND, FIRST])


def test_the_newest_copy_is_not_another_one_because_somebody_removed_it(controller):
    controller.backup(SECOND)
    controller.copy()
    newest = next(one["snapshot"] for one in controller.record()["copies"] if one["id"] == SECOND)
    controller.restic("forget", newest)
    with pytest.raises(SourceError, match=f"{SECOND} was the newest copy .* somebody has removed it"):
        controller.bring("offsite:latest")
    assert controller.bring(f"offsite:{FIRST}").proven
    done = controller.copy()
    assert done.gone == [SECOND]
    assert (done.copied, done.copies) == ([SECOND], [SECOND, FIRST])


def test_a_copy_that_came_back_damaged_is_made_anew_and_none_goes_for_it(controller):
    path = controller.backups / SECOND
    controller.backup(SECOND)
    victim = path / "vcap" / "store" / "redis" / "dump.rdb"
    good, times = victim.read_bytes(), victim.stat()
    victim.write_bytes(bytes(len(good)))
    controller.copy(keep={"last": 2})
    assert not controller.verify("offsite:latest")["whole"]
    assert controller.record()["damaged"] == [SECOND]
    victim.write_bytes(good)
    os.utime(victim, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert controller.bring("offsite:latest").path.name == FIRST
    done = controller.copy(keep={"last": 1})
    assert (done.copied, done.copies) == ([SECOND], [SECOND])
    assert controller.record()["damaged"] == []
    assert controller.verify("offsite:latest")["whole"]


def test_files_that_are_not_all_there_are_no_copy(controller, monkeypatch):
    controller.backup(SECOND)
    monkeypatch.setattr(repository, "_files_in", lambda dummy: 10_000)
    done = controller.copy()
    assert (done.missing, done.copies) == ([SECOND], [FIRST])
    assert "which has 10000" in done.problem


def test_a_pin_is_known_to_a_controller_that_has_not_the_backup(controller, tmp_path):
    (controller.backups / FIRST / "pinned").touch()
    assert controller.copy().problem == ""
    second = Beside(tmp_path / "second", controller.repository)
    second.backup(SECOND)
    second.copy()
    second.backup(THIRD)
    assert second.copy(keep={"last": 1}).copies == [THIRD, FIRST]
    assert second.bring(f"offsite:{FIRST}").proven


@pytest.mark.parametrize("damaged", ["data", "index", "snapshots"])
def test_of_a_damaged_repository_nothing_is_let_go_and_it_is_told(controller, damaged):
    files = [path for path in (controller.repository / damaged).rglob("*") if path.is_file()]
    shutil.rmtree(controller.backups / "offsite-cache")
    for path in files:
        path.chmod(0o600)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))
    controller.backup(SECOND)
    done = controller.copy(keep={"last": 1}, reread_runs=1)
    assert done.damaged
    assert ".go:" not in done.problem
    record = controller.record()
    assert record["checked"]["good"] is False
    assert "is damaged" in record["failed"]["said"]
    assert all(path.exists() for path in files)


@pytest.mark.parametrize(
    "odd",
    [
        {"repository_id": 5}, {"copies": [{"id": "\n\033[31m"}]}, {"copies": 3}, {"reread": {"next": 1.5, "of": 30}},
        {"reread": None}, {"failed": {"missing": [{}, 3]}}, {"failed": 1}, {"checked": []}, {"schema": 2},
    ],
)  # fmt: skip
def test_whatever_is_written_down_keeps_no_copy_from_being_made(controller, odd):
    record = controller.record()
    (controller.backups / "offsite.json").write_text(json.dumps({**record, **odd}))
    assert controller.copy().problem == ""
    assert [one["id"] for one in controller.record()["copies"]] == [FIRST]


def test_what_cannot_be_written_down_is_told(controller):
    (controller.backups / "offsite.json").unlink()
    (controller.backups / "offsite.json").mkdir()
    (controller.backups / "offsite-cache" / "restic-check-cache-1").mkdir()
    done = controller.copy()
    assert "offsite.json cannot be written" in done.problem
    assert done.copies == [FIRST]
    assert not (controller.backups / "offsite-cache" / "restic-check-cache-1").exists()


def test_why_no_repository_can_be_made_is_told(controller):
    (controller.backups / "offsite.json").unlink()
    shutil.rmtree(controller.repository)
    controller.repository.write_text("no directory")
    assert "none could be made" in controller.copy().problem


NEVER_ANSWERS = "sleep 31415926"
COPYING = """
import sys
from pathlib import Path
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._copying import Copying
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._settings import offsite_of
offsite = offsite_of({{"repository": "sftp:x:/y", "password_file": {password!r}, "options": ["sftp.command={sleep}"],
                      "seconds": {seconds}}})
print(Copying(offsite, "d1", Path({backups!r})).run(lambda *dummy: None).problem)
"""


def asleep():
    """Return the processes of a server that never answers."""
    said = subprocess.run(["pgrep", "-fx", NEVER_ANSWERS], capture_output=True, text=True, check=False)
    return said.stdout.split()


@pytest.mark.parametrize("ended", ["by its time", "with its run"])
def test_what_never_answers_is_ended(controller, ended):
    seconds = 2 if ended == "by its time" else 600
    given = {"password": str(controller.password), "backups": str(controller.backups), "seconds": seconds}
    program = COPYING.format(sleep=NEVER_ANSWERS, **given)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as run:
        wait_until(asleep)
        if ended == "with its run":
            run.kill()
            run.wait()
        else:
            said = run.communicate(timeout=PATIENCE)[0]
            assert "did not end within 2 s (microbosh_offsite.seconds)" in said
    wait_until(lambda: not asleep())


ADDRESSES = [
    ("rest:http://user:pa/ss-TOP@h/", "rest:http://user:***@h/"),
    ("rest:https://user:p@ss-TOP@h:8000/x", "rest:https://user:***@h:8000/x"),
    ("rest:https://tokenTOP@h/", "rest:https://***@h/"),
    ("sftp:backup@nas:/srv", "sftp:backup@nas:/srv"),
    ("s3:https://s3.example.com/b/d1", "s3:https://s3.example.com/b/d1"),
]


@pytest.mark.parametrize(("address", "shown"), ADDRESSES)
def test_no_password_of_an_address_is_shown(address, shown):
    offsite = offsite_of({**SETTING, "repository": address})
    assert offsite.shown == shown
    said = offsite.hide(f'parse "{address}": invalid, and {address.replace("/", "%2F")} ss-TOP')
    assert "pa/ss" not in said
    assert "tokenTOP" not in said


def test_no_value_of_the_environment_is_shown():
    offsite = offsite_of({**SETTING, "environment": {"AWS_SECRET_ACCESS_KEY": "k3y/TOP", "PEM": "line one\nline two"}})
    said = offsite.hide("refused k3y/TOP and k3y%2FTOP, line two")
    assert not any(secret in said for secret in ("TOP", "two"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("sftp:x:/y", "no mapping"),
        ({"repository": "sftp:x:/y"}, "lacks password_file"),
        ({"kep": {}}, "has no kep"),
        ({"password_file": "hunter2"}, "password_file is no absolute path"),
        ({"repository": "relative/path"}, "no absolute path"),
        ({"repository": "local:relative"}, "no absolute path"),
        ({"repository": "sftp:x:/y\n"}, None),
        ({"repository": "sftp:x\n:/y"}, "a character that no address has"),
        ({"environment": ["A=hunter2"]}, "environment is no mapping"),
        ({"environment": {"A": "hunter2\0"}}, "environment is no mapping"),
        ({"environment": {"RESTIC_PASSWORD": "hunter2"}}, "environment has RESTIC_PASSWORD"),
        ({"options": ["hunter2"]}, "options is no list"),
        ({"copy": "both"}, "copy is 'both'"),
        ({"keep": {"last": 0}}, "would keep no copy at all"),
        ({"keep": {"hourly": 3}}, "keep is no mapping"),
        ({"keep": {"last": -1}}, "keep.last is -1"),
        ({"reread_runs": 257}, "reread_runs is 257"),
        ({"seconds": "long"}, "seconds is 'long'"),
    ],
)
def test_what_is_wrong_is_named_and_no_secret_with_it(wrong, said):
    given = wrong if isinstance(wrong, str) or "password_file" not in SETTING | wrong else {**SETTING, **wrong}
    given = wrong if wrong == {"repository": "sftp:x:/y"} else given
    if said is None:
        assert offsite_of(given).repository == "sftp:x:/y"
        return
    with pytest.raises(OffsiteError) as error:
        offsite_of(given)
    assert said in str(error.value)
    assert "hunter2" not in str(error.value)


def test_nothing_set_is_no_copy():
    assert offsite_of({}) is None
    assert offsite_of(None) is None
    assert offsite_of({**SETTING, "keep": {}}).keep == {}
    assert offsite_of({**SETTING, "keep": {"last": "3", "yearly": 0}}).keep == {"last": 3}


@pytest.mark.parametrize("content", ["\n", "", None])
def test_a_password_that_is_none_is_told_before_anything(tmp_path, content):
    path = tmp_path / "password"
    if content is not None:
        path.write_text(content)
    with pytest.raises(OffsiteError, match="has nothing in it" if content is not None else "cannot be read: No such"):
        restic.require_password(offsite_of({**SETTING, "password_file": str(path)}))


def test_a_password_behind_a_link_is_one(tmp_path):
    (tmp_path / "mounted").write_text("correct horse\n")
    (tmp_path / "password").symlink_to("mounted")
    restic.require_password(offsite_of({**SETTING, "password_file": str(tmp_path / "password")}))


def test_there_is_no_space_for_it_here(controller, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda dummy: shutil._ntuple_diskusage(10**9, 10**9 - 2**20, 2**20))
    with pytest.raises(SourceError, match="has room for 0 B"):
        controller.bring("offsite:latest")
    assert not (controller.backups / "restore").exists()


def test_whoever_only_looks_writes_nothing_down(controller):
    (controller.backups / "offsite.json").unlink()
    elsewhere = elsewhere_of("offsite:latest", controller.setting, controller.host, looks=True)
    found = find("offsite:latest", controller.backups, controller.backups / "restore", elsewhere=elsewhere)
    assert found.path.name == FIRST
    assert not (controller.backups / "offsite.json").exists()
