# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a data directory of PostgreSQL is the director's own, root's own, and harms nothing that is there."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core._host import Host
from ansible_collections.microbosh.director.plugins.module_utils._postgres import _empty_directory as empty
from ansible_collections.microbosh.director.plugins.module_utils._postgres._empty_directory import (
    NoMaker,
    NotMade,
    find_maker,
    make_directory,
    maker_facts,
    run_bounded,
    wait_for_makers,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres_living import Processes

INITDB = """#!/bin/sh
mkdir -p {0} && echo 15 >{0}/PG_VERSION
"""


def job(root, name, program="pre-start", data="postgres-15", text=INITDB):
    """Give a director a job of PostgreSQL; jobs are links, as the agent makes them."""
    real = root / "data/jobs" / name / "1a2b"
    (real / "bin").mkdir(parents=True)
    (real / "config").mkdir()
    (real / "bin" / program).write_text(text.format(root / "store" / data))
    (real / "bin" / program).chmod(0o755)
    (real / "config/postgresql.conf").write_text(f"data_directory = '{root}/store/{data}'\nport = 5432\n")
    (root / "jobs").mkdir(exist_ok=True)
    (root / "jobs" / name).symlink_to(real)
    return real


@pytest.fixture
def vcap(tmp_path):
    (tmp_path / "store/postgres-previous-glibc-tracking").mkdir(parents=True)
    (tmp_path / "store/blobstore").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "program", "data", "start", "stop", "major"),
    [
        ("postgres", "pre-start", "postgres-15", [], None, "15"),
        ("postgres-13", "pre-start", "postgres-13", [], None, "13"),
        ("postgres-9.4", "postgres_ctl", "postgres-9.4", ["start"], ["stop"], "9.4"),
        ("postgres", "postgres_ctl", "postgres", ["start"], ["stop"], ""),
    ],
)
def test_it_is_the_pre_start_of_the_job_or_the_ctl_of_an_older_one(vcap, name, program, data, start, stop, major):
    real = job(vcap, name, program, data)
    maker = find_maker(str(vcap))
    assert maker == (str(vcap / "jobs" / name / "bin" / program), str(real / "bin" / program), start, stop, data)
    assert maker.major == major
    assert maker_facts(str(vcap))["maker"]["data_directory"] == data


def test_a_ctl_beside_a_pre_start_is_not_called(vcap):
    real = job(vcap, "postgres")
    (real / "bin/postgres_ctl").write_text("")
    assert find_maker(str(vcap)).path.endswith("/pre-start")


def test_a_job_of_another_kind_is_not_asked(vcap):
    job(vcap, "postgres")
    (job(vcap, "postgres-exporter") / "config/postgresql.conf").unlink()
    assert find_maker(str(vcap)).data_directory == "postgres-15"


def spoil_nothing(vcap, real):
    (real / "bin/pre-start").unlink()


def spoil_two(vcap, real):
    job(vcap, "postgres-13", data="postgres-13")


def spoil_mode(vcap, real):
    (real / "bin/pre-start").chmod(0o777)


def spoil_directory(vcap, real):
    real.chmod(0o775)


def spoil_configuration(vcap, real):
    (real / "config/postgresql.conf").chmod(0o666)


def spoil_link(vcap, real):
    (real / "bin/pre-start").rename(real / "bin/other")
    (real / "bin/pre-start").symlink_to(real / "bin/other")


def spoil_rights(vcap, real):
    (real / "bin/pre-start").chmod(0o644)


def spoil_place(vcap, real):
    (real / "config/postgresql.conf").write_text("data_directory = '/etc/postgres'\n")


def spoil_setting(vcap, real):
    (real / "config/postgresql.conf").write_text("port = 5432\n")


def spoil_older(vcap, real):
    (vcap / "store/postgres-13").mkdir()


def spoil_kept(vcap, real):
    (vcap / "store/postgres-previous").mkdir()


def spoil_half(vcap, real):
    (vcap / "store/postgres-15/base").mkdir(parents=True)


def spoil_leading_away(vcap, real):
    (vcap / "store/postgres-15").symlink_to("/mnt")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_nothing, "there is no .*/jobs/postgres\\*/bin/pre-start"),
        (spoil_two, "postgres/bin/pre-start and .*postgres-13/bin/pre-start would each"),
        (spoil_mode, "others than root may write to .*/pre-start"),
        (spoil_directory, "others than root may write to .*/1a2b"),
        (spoil_configuration, "others than root may write to .*/postgresql.conf"),
        (spoil_link, "others than root may write to .*/pre-start"),
        (spoil_rights, "cannot be run"),
        (spoil_place, "names no data_directory"),
        (spoil_setting, "names no data_directory"),
        (spoil_older, "may upgrade or remove .*/store/postgres-13"),
        (spoil_kept, "may upgrade or remove .*/store/postgres-previous"),
        (spoil_half, "may upgrade or remove .*/store/postgres-15"),
        (spoil_leading_away, "may upgrade or remove .*/store/postgres-15"),
    ],
)
def test_what_could_do_harm_is_not_run(vcap, spoil, words):
    spoil(vcap, job(vcap, "postgres"))
    with pytest.raises(NoMaker, match=words):
        find_maker(str(vcap))
    assert maker_facts(str(vcap))["maker"] is None
    assert maker_facts(str(vcap))["no_maker"]


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file away")
def test_what_another_user_owns_is_not_run(vcap):
    os.chown(job(vcap, "postgres") / "bin", 1000, 1000)
    with pytest.raises(NoMaker, match=r"others than root may write to .*/bin"):
        find_maker(str(vcap))


@pytest.mark.parametrize("names", [[], ["postgresql.conf"]])
def test_an_empty_directory_of_that_name_is_no_harm(vcap, names):
    """And what a start without a data directory leaves: bpm makes it, and the job copies its configuration there."""
    job(vcap, "postgres")
    (vcap / "store/postgres-15").mkdir()
    for name in names:
        (vcap / "store/postgres-15" / name).write_text("port = 5432\n")
    assert find_maker(str(vcap)).data_directory == "postgres-15"


def test_it_makes_the_directory_and_ends_what_it_leaves(vcap):
    job(vcap, "postgres", "postgres_ctl", text=INITDB + 'echo "$1" >>{0}/calls\n')
    make_directory(find_maker(str(vcap)), str(vcap), 10)
    assert (vcap / "store/postgres-15/calls").read_text().split() == ["start", "stop"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "#!/bin/sh\necho no space left; exit 3\n",
            "ended with 3: no space left. Mend that and restore again, or deploy the director again",
        ),
        ("#!/bin/sh\n", "ended with 0: it said nothing"),
        ("#!/bin/sh\necho begun\nsleep 60\n", "did not end within 1 s: begun"),
        ("#!/bin/sh\nfor i in 1 2 3 4 5 6 7 8 9 10; do echo line $i; done; exit 1\n", "ended with 1: line 3 / line 4"),
    ],
)
def test_one_that_makes_none_is_told_with_what_it_said(vcap, text, words):
    job(vcap, "postgres", text=text)
    with pytest.raises(NotMade, match=words):
        make_directory(find_maker(str(vcap)), str(vcap), 1)


def test_what_it_starts_is_not_waited_for_and_it_hears_nothing_of_ours(vcap):
    script = 'echo "$1 $PATH ${SECRET-}"; sleep 30 &\necho $! >' + str(vcap / "left")
    os.environ["SECRET"] = "ours"
    try:
        status, said = run_bounded(["/bin/sh", "-c", script, "sh", "word"], 20, Host())
    finally:
        del os.environ["SECRET"]
        subprocess.run(["kill", (vcap / "left").read_text().strip()], check=False)
    assert (status, said) == (0, "word /usr/sbin:/usr/bin:/sbin:/bin")


class Table(Processes):
    """The processes of a host, one list for each look."""

    def __init__(self, *looks):
        self._looks = list(looks)

    def pids(self):
        self._now = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        return list(range(100, 100 + len(self._now)))

    def command(self, pid):
        return self._now[pid - 100]


class Clock:
    def __init__(self):
        self._now = 0

    def now(self):
        return self._now

    def sleep(self, seconds):
        self._now += seconds


@pytest.mark.parametrize(
    "words",
    [
        ["/bin/bash", "/var/vcap/data/jobs/postgres/1a2b/bin/pre-start"],
        ["/bin/bash", "-e", "/var/vcap/jobs/postgres-9.4/bin/postgres_ctl", "start"][::2],
        ["/var/vcap/packages/postgres-15/bin/initdb", "-E", "utf8"],
    ],
)
def test_one_that_a_killed_restore_left_is_waited_for(words):
    wait_for_makers(Clock(), Table([words], [words], [[""]]))
    with pytest.raises(NotMade, match=r"Process 100, .* still runs"):
        wait_for_makers(Clock(), Table([words]))


@pytest.mark.parametrize(
    "words", [[""], ["vi", "/root/pre-start"], ["/bin/bash", "/var/vcap/jobs/director/bin/pre-start"], [sys.executable]]
)
def test_what_is_none_of_it_is_not_waited_for(words):
    wait_for_makers(Clock(), Table([words]))


def test_programs_are_those_of_the_release():
    assert [name for name, *dummy in empty.PROGRAMS] == ["pre-start", "postgres_ctl"]
