# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup is proven while it is pushed: nobody goes on before both are done, and one that is not whole ends it."""

from __future__ import annotations

import functools
import shutil
import subprocess
import threading
from types import SimpleNamespace

import pytest
from ansible_collections.microbosh.director.plugins.action import push
from ansible_collections.microbosh.director.plugins.action.push import ActionModule
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.plugin_utils._run._transfer_action import TransferAction
from ansible_collections.microbosh.director.plugins.plugin_utils._source._proof_beside import ProofBeside
from director_backup import make_director_backup

WHOLE = {"problem": ""}
NAME = "store/redis/dump.rdb"
LONG = 60


class Reading:
    """A reading of a backup that comes to its end when it is told to."""

    def __init__(self, found=WHOLE):
        self.go_on, self.found = threading.Event(), found

    def __call__(self, **dummy):
        assert self.go_on.wait(LONG)
        if isinstance(self.found, BaseException):
            raise self.found
        return self.found


@pytest.fixture
def backup(tmp_path):
    return make_director_backup(tmp_path / "backups")


@pytest.fixture
def pushed(monkeypatch, tmp_path, backup):
    """Run the action with an rsync that pushes here, or with what is given in its place."""
    monkeypatch.setattr(TransferAction, "run", lambda *dummy: {})

    def here(action, transfer, dummy):
        options = [option.strip("'") for option in transfer["rsync_opts"]]
        command = ["rsync", *options, transfer["src"], transfer["dest"]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return {"rc": done.returncode, "failed": done.returncode != 0, "msg": done.stderr}

    def run(files=(NAME,), rsync=here, reading=None, proof=True):
        given = {"path": str(backup), "dump": str(backup / "dbs/bosh.sql")} if proof else {}
        arguments = {
            **{name: option.get("default") for name, option in push.ARGUMENTS.items()},
            "src": str(backup / "vcap"),
            "dest": str(tmp_path / "director"),
            "files": list(files),
            "proof": given,
            "metadata": str(backup / "metadata.mtree"),
        }
        monkeypatch.setattr(push, "synchronize", rsync)
        if reading:
            monkeypatch.setattr(push, "ProofBeside", functools.partial(ProofBeside, read=reading))
        action = ActionModule.__new__(ActionModule)
        action.validate_argument_spec = lambda argument_spec: (None, arguments)
        action._task = SimpleNamespace(args={})
        return action.run(None, {"inventory_hostname": "m1"})

    (tmp_path / "director").mkdir()
    return run


def there(tmp_path):
    return sorted(str(path.relative_to(tmp_path / "director")) for path in (tmp_path / "director").rglob("*.rdb"))


def alter(path):
    content = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    return path


def test_a_whole_backup_is_pushed_and_proven(pushed, tmp_path):
    result = pushed()
    assert not result.get("failed"), result
    assert there(tmp_path) == [NAME]
    assert result["files"] == 1
    assert result["proof"]["whole"] is True
    assert result["proof"]["blobs"]["checked"] == 12
    assert result["proof"]["problem"] == ""


def test_one_that_is_not_whole_fails_whatever_was_pushed(pushed, backup):
    """What is altered need not be among what is pushed: the director may have it already."""
    blob = alter(next(path for path in sorted((backup / "vcap/store/blobstore").rglob("*")) if path.is_file()))
    result = pushed()
    assert (result["failed"], result["unfit"]) == (True, True)
    assert f"altered: {blob.relative_to(backup)}" in result["msg"]
    assert "Restore another backup." in result["msg"]


def test_it_is_proven_where_nothing_has_to_be_pushed(pushed, backup):
    assert pushed(files=())["proof"]["whole"] is True
    alter(backup / "vcap" / NAME)
    assert pushed(files=())["unfit"] is True


def test_a_file_that_is_missing_is_told_by_the_proof(pushed, backup):
    (backup / "vcap" / NAME).unlink()
    result = pushed()
    assert result["unfit"] is True
    assert f"missing: vcap/{NAME}" in result["msg"]


@pytest.mark.parametrize("found", [SystemExit(0), KeyboardInterrupt(), None])
def test_a_reading_that_ends_without_a_word_proves_nothing(pushed, found):
    reading = Reading(found)
    reading.go_on.set()
    result = pushed(reading=reading)
    assert (result["failed"], result["unfit"]) == (True, True)
    assert "cannot be read" in result["msg"]
    assert "proof" not in result


def test_without_a_proof_nothing_is_proven(pushed, backup):
    alter(backup / "vcap" / NAME)
    result = pushed(proof=False)
    assert not result.get("failed"), result
    assert "proof" not in result


def test_a_push_that_is_done_waits_for_the_proof(pushed):
    reading = Reading()

    def quick(*dummy):
        threading.Timer(0.2, reading.go_on.set).start()
        return {"rc": 0}

    result = pushed(rsync=quick, reading=reading)
    assert reading.go_on.is_set()
    assert result["proof"] == WHOLE


LATE = [{"problem": "altered: vcap/x"}, DirectorError("vcap/x cannot be read"), KeyError("vcap/x")]


@pytest.mark.parametrize("found", LATE)
def test_what_is_found_out_late_ends_the_push(pushed, tmp_path, found):
    reading, program = Reading(found), tmp_path / "rsync"
    shutil.copy(shutil.which("sleep"), program)

    def slow(*dummy):
        with subprocess.Popen([program, str(LONG)]) as process:
            reading.go_on.set()
            assert process.wait(LONG / 2) != 0
        return {"rc": 20, "failed": True, "msg": "received SIGINT, SIGTERM, or SIGHUP"}

    result = pushed(rsync=slow, reading=reading)
    assert (result["failed"], result["unfit"]) == (True, True)
    assert "vcap/x" in result["msg"]
    assert "SIGTERM" not in result["msg"]


def test_a_push_that_failed_waits_for_no_proof(pushed):
    reading = Reading()
    cut = {"rc": 12, "failed": True, "msg": "connection unexpectedly closed"}
    result = pushed(rsync=lambda *dummy: dict(cut), reading=reading)
    assert not reading.go_on.is_set()
    reading.go_on.set()
    assert "connection unexpectedly closed" in result["msg"]
    assert "unfit" not in result
    assert "proof" not in result


def test_nobody_has_the_result_of_a_reading_that_goes_on():
    reading = Reading()
    proof = ProofBeside({"path": "x"}, reading)
    assert proof.refused() == ""
    threading.Timer(0.1, reading.go_on.set).start()
    assert proof.result() == WHOLE


def test_what_it_says_is_of_the_backup_that_was_looked_at(backup):
    """With other records than those that were looked at it is another backup."""
    with pytest.raises(DirectorError, match="is not what it was when the backup was looked at"):
        ProofBeside({"path": str(backup), "records": {"metadata.mtree": "0" * 64}}).result()
