# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An rsync with known holes is told from one that was mended, also by a distribution without a new number."""

from __future__ import annotations

import gzip
import re

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._backup import _rsync_holes as holes

FIRST, SECOND, THIRD = [[name for name, dummy in row.holes] for row in holes.ROWS]
ALL = FIRST + SECOND + THIRD
SINCE = len(SECOND) + len(THIRD)
UNKNOWN = (127, "", "")


def host(version, package=None, release=("debian", "12"), changelog="", rpm=None):
    """Return a host by its answers: its rsync, its package and its files."""
    first = f"rsync  version {version}  protocol version 31\nCopyright (C) 1996-2022\n"
    answers = {
        "rsync": (0, first, "") if version else UNKNOWN,
        "dpkg-query": (0, package, "") if package and rpm is None else UNKNOWN,
        "rpm": UNKNOWN if rpm is None else (0, rpm, ""),
    }

    def run(argv):
        if argv[0] == "dpkg":
            return (0 if as_numbers(argv[2]) >= as_numbers(argv[4]) else 1, "", "")
        if argv[0] == "rpm" and rpm is not None and "--qf" in argv:
            return 0, package, ""
        return answers[argv[0]]

    files = {holes.OS_RELEASE: 'ID={}\nVERSION_ID="{}"\n'.format(*release), holes.CHANGELOG: changelog}
    return holes.look(run, files.__getitem__)


def as_numbers(version):
    return [int(part) for part in re.findall(r"\d+", version)]


@pytest.mark.parametrize("version", ["3.5.0", "3.5.1", "4.0"])
def test_a_number_from_3_5_on_has_none(version):
    assert host(version)["open"] == []
    assert host(version)["mended_by"] == "version"


@pytest.mark.parametrize(("version", "left"), [("3.4.0", SECOND + THIRD), ("3.4.2", SECOND + THIRD), ("3.4.3", THIRD)])
def test_each_number_has_what_was_found_since(version, left):
    assert host(version)["open"] == left


@pytest.mark.parametrize(("version", "count"), [("3.1.0", 5), ("3.2.3", 5), ("3.2.6", 5), ("3.2.7", 6), ("3.3.0", 6)])
def test_an_older_one_of_nobodys_has_them_all(version, count):
    found = host(version)
    assert len(found["open"]) == count + SINCE
    assert found["mended_by"] is None


def test_the_changelog_of_the_package_counts():
    found = host("3.2.7", "3.2.7-1", changelog="  * mend " + ", ".join(ALL))
    assert (found["open"], found["mended_by"]) == ([], "changelog")


def test_what_the_changelog_leaves_out_is_open():
    assert host("3.2.7", "3.2.7-1", changelog=" ".join(ALL[:-1]))["open"] == [ALL[-1]]


@pytest.mark.parametrize(("package", "left"), [("3.2.7-1+deb12u1", 0), ("3.2.7-1+deb12u10", 0), ("3.2.7-1", 6)])
def test_without_a_changelog_the_version_of_the_package_counts(package, left):
    """Containers and stemcells are without /usr/share/doc."""
    assert len(host("3.2.7", package)["open"]) == left + SINCE


def test_a_row_that_the_package_mended_leaves_the_others():
    found = host("3.4.1", "3.4.1+ds1-5+deb13u3", ("debian", "13"))
    assert (found["open"], found["mended_by"]) == (THIRD, None)


def test_a_release_that_nobody_knows_mends_nothing():
    assert host("3.2.7", "3.2.7-1+deb12u1", release=("other", "1"))["open"] == ALL


def test_an_rpm_is_asked_for_its_changelog():
    text = "- Resolves: RHEL-70207 - " + " ".join(ALL)
    assert host("3.1.3", "3.1.3-20.el8_10", rpm=text)["mended_by"] == "changelog"


def test_an_rsync_that_is_of_no_package_is_not_mended_by_a_changelog():
    assert host("3.2.7", changelog=" ".join(ALL))["open"] == ALL


def test_without_rsync_there_is_nothing_to_tell():
    assert host(None) == {"version": None, "package": None, "open": [], "mended_by": None}


@pytest.mark.parametrize("text", ["", "rsync: error while loading shared libraries", "openrsync: protocol version 29"])
def test_what_is_no_rsync_has_no_version(text):
    assert holes.rsync_version(text) is None


def test_a_packed_changelog_is_read(tmp_path):
    path = tmp_path / "changelog.gz"
    path.write_bytes(gzip.compress(b"CVE-2024-12084"))
    assert holes._read(str(path)) == "CVE-2024-12084"
    assert holes._read(str(tmp_path / "none.gz")) == ""
    path.write_bytes(gzip.compress(b"cut off")[:-9])
    assert holes._read(str(path)) == ""
