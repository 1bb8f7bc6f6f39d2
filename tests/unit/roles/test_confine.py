# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A confined program has the rights to read and no others, on every Python that a director has."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from places import REPOSITORY

SCRIPT = REPOSITORY / "roles/setup/files/microbosh-confine"
PYTHONS = sorted(Path("~/.pyenv/versions").expanduser().glob("*/bin/python")) or [Path("/usr/bin/python3")]
STATUS = "grep -E '^(NoNewPrivs|Cap|Uid)' /proc/self/status"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")


def confined(script, *options, python=None, shell="/bin/sh", **more):
    command = [*([python] if python else []), SCRIPT, *options, shell, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **more)


def rights(answer):
    return {name: value for name, value in (line.split(":\t") for line in answer.stdout.splitlines())}


@pytest.mark.parametrize("python", [None, *PYTHONS], ids=lambda python: python.parts[-3] if python else "its own")
def test_every_right_but_those_to_read_is_gone_for_good(python):
    answer = confined(STATUS, python=python)
    assert (answer.returncode, answer.stderr) == (0, "")
    found = rights(answer)
    assert found["NoNewPrivs"] == "1"
    held = int(rights(subprocess.run(["sh", "-c", STATUS], capture_output=True, text=True, check=True))["CapPrm"], 16)
    reading = 2 if held & 1 << 2 else 1  # CAP_DAC_READ_SEARCH, or where a container lacks it, CAP_DAC_OVERRIDE
    kept = held & (1 << reading | 1 << 6 | 1 << 18)
    assert {int(found[name], 16) for name in ("CapPrm", "CapEff", "CapBnd")} == {kept}
    assert {int(found[name], 16) for name in ("CapInh", "CapAmb")} == {0}


@pytest.mark.parametrize("script", ["chown 1 {}", "echo x >{}/new", "mount -t tmpfs x {}", "chmod 777 {}/others"])
def test_it_changes_nothing(tmp_path, script):
    others = tmp_path / "others"
    others.touch(mode=0o600)
    os.chown(others, 12345, 12345)
    assert confined(script.format(tmp_path)).returncode != 0
    assert [path for path in tmp_path.iterdir() if path.stat().st_size] == []
    assert (others.stat().st_mode & 0o777, tmp_path.stat().st_uid) == (0o600, os.geteuid())


def test_it_reads_what_only_others_may(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o700)
    (tmp_path / "closed" / "file").write_text("word")
    for path in (tmp_path / "closed" / "file", tmp_path / "closed"):
        path.chmod(0)
        os.chown(path, 12345, 12345)
    assert confined(f"cat {tmp_path}/closed/file").stdout == "word"


def test_it_has_nothing_of_the_callers_environment():
    answer = confined("/usr/bin/env", env={"PATH": "/evil", "HOME": "/evil", "PYTHONPATH": "/evil", "ENV": "/evil"})
    assert "evil" not in answer.stdout
    assert "HOME=/\n" in answer.stdout


def test_in_a_root_of_its_own_every_mount_is_read_only_and_there_is_no_network(tmp_path):
    root, real = tmp_path / "root dir", tmp_path / "real"
    for path in (root, real / "deep"):
        path.mkdir(parents=True)
    inner = f"{SCRIPT} --root '{root}' /bin/sh -c 'cat /proc/self/mountinfo; tail -n +3 /proc/net/dev | cut -d: -f1; "
    inner += f"echo x >\"{root}/real/deep/new\"'"
    script = (
        f"mount --make-rprivate / && mount -t tmpfs x '{root}' && mkdir '{root}/real' && "
        f"mount -t tmpfs deep '{real}/deep' && mount --rbind '{real}' '{root}/real' && {inner}"
    )
    answer = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False)
    if "unshare: " in answer.stderr or "mount: " in answer.stderr:
        pytest.skip("root may make no mounts here")
    *mounts, interface = answer.stdout.splitlines()
    shown = [line.split() for line in mounts if line.split()[4].startswith(str(root).replace(" ", "\\040"))]
    assert len(shown) == 3
    assert [line for line in shown if not {"ro", "nosuid", "nodev", "noexec"} <= set(line[5].split(","))] == []
    writable = {line.split()[4] for line in mounts if "ro" not in line.split()[5].split(",")}
    assert writable & {"/", "/proc", "/sys", "/tmp", "/run"} == set()  # others may lie below what was mounted over them
    assert interface.strip() == "lo"
    assert "Read-only file system" in answer.stderr
    assert answer.returncode != 0
    assert list((real / "deep").iterdir()) == []


def test_the_callers_mounts_stay_as_they_are(tmp_path):
    """Inside a namespace of the test's own all the same."""
    look = "cat /proc/self/mountinfo"
    script = f"{look}; echo ====; {SCRIPT} --root {tmp_path} /bin/true && echo done; echo ====; {look}"
    answer = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False)
    if "unshare: " in answer.stderr:
        pytest.skip("root may make no mounts here")
    before, done, after = answer.stdout.split("====\n")
    assert (done, answer.stderr) == ("done\n", "")
    assert before == after


@pytest.mark.parametrize("arguments", [[], ["--root"], ["/no/such/program"]])
def test_what_cannot_be_run_is_an_error(arguments):
    answer = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, check=False)
    assert answer.returncode == 125
    assert answer.stderr.startswith("microbosh-confine: ")
    assert "Traceback" not in answer.stderr
