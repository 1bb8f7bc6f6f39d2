# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Known holes of rsync, and which of them are open in this host's rsync.

Distributions mend without a new number of rsync's own, so the package is asked first: its changelog, where there is
one, or else whether its version is the one with which that distribution mended. Only then the number counts.
"""

from __future__ import absolute_import, division, print_function

import gzip
import re
from collections import namedtuple

__metaclass__ = type

# A row of rsync's history: the version that mended holes, the holes, each with the first version that has it, and the
# first package of each release with all of them mended: (ID, VERSION_ID) of os-release. Only holes by which one side of
# a transfer such as ours may harm the other: none of rrsync, of rsync-ssl, or of a daemon that anybody may reach.
Row = namedtuple("Row", "mended holes packages")
ROWS = (
    Row(
        (3, 4, 0),
        (
            ("CVE-2024-12084", (3, 2, 7)),
            ("CVE-2024-12085", (0,)),
            ("CVE-2024-12086", (0,)),
            ("CVE-2024-12087", (0,)),
            ("CVE-2024-12088", (0,)),
            ("CVE-2024-12747", (0,)),
        ),
        {
            ("debian", "11"): "3.2.3-4+deb11u2",
            ("debian", "12"): "3.2.7-1+deb12u1",
            ("debian", "13"): "3.3.0+ds1-3",
            ("ubuntu", "14.04"): "3.1.0-2ubuntu0.4+esm1",
            ("ubuntu", "16.04"): "3.1.1-3ubuntu1.3+esm3",
            ("ubuntu", "18.04"): "3.1.2-2.1ubuntu1.6+esm1",
            ("ubuntu", "20.04"): "3.1.3-8ubuntu0.8",
            ("ubuntu", "22.04"): "3.2.7-0ubuntu0.22.04.3",
            ("ubuntu", "24.04"): "3.2.7-1ubuntu1.1",
            ("ubuntu", "24.10"): "3.3.0-1ubuntu0.1",
        },
    ),
    Row(
        (3, 4, 3),
        (("CVE-2025-10158", (0,)), ("CVE-2026-43618", (0,)), ("CVE-2026-43620", (0,))),
        {("debian", "13"): "3.4.1+ds1-5+deb13u3"},
    ),
    Row(
        (3, 5, 0),
        tuple(
            ("CVE-2026-%d" % number, (0,))
            for number in (53792, 53794, 53797, 53801, 70453, 70456, 70457, 70458, 70461, 70462)
        ),
        {("debian", "12"): "3.5.0+ds1-0+deb12u1"},
    ),
)
OS_RELEASE = "/etc/os-release"
CHANGELOG = "/usr/share/doc/rsync/changelog.Debian.gz"
LARGEST = 1 << 24  # bytes of a changelog that are read

_VERSION = re.compile(r"^rsync\s+version\s+v?(\d+(?:\.\d+)+)", re.MULTILINE)
_SETTING = re.compile(r"^(\w+)=[\"']?([^\"'\n]*)", re.MULTILINE)
_NAMES = re.compile(r"CVE-\d{4}-\d{4,}")


def rsync_version(text):
    """Given what ``rsync --version`` says, return its version as text, None if it says none."""
    found = _VERSION.search(text)
    return found.group(1) if found else None


def holes_of(version, row):
    """Return the names of the holes of a row that rsync of that number has, as its authors published it."""
    number = tuple(int(part) for part in version.split("."))
    return [name for name, first in row.holes if first <= number < row.mended]


def release_of(text):
    """Given the content of os-release, return (ID, VERSION_ID)."""
    settings = dict(_SETTING.findall(text))
    return settings.get("ID", ""), settings.get("VERSION_ID", "")


def look(run_command, read=None):
    """Given a callable like ``AnsibleModule.run_command``, return what the module returns.

    A host without rsync has no version and no holes.
    """
    rc, out, _err = run_command(["rsync", "--version"])
    version = None if rc else rsync_version(out)
    if version is None:
        return {"version": None, "package": None, "open": [], "mended_by": None}
    package = package_of(run_command)
    left, how = [], "version"
    for row in ROWS:
        found = holes_of(version, row)
        if found:
            names, how = _left(found, row, run_command, package, read or _read)
            left += names
    return {"version": version, "package": package, "open": left, "mended_by": None if left else how}


def _left(holes, row, run_command, package, read):
    """Return the holes that nothing says are mended, and what says it of the others."""
    left = sorted(set(holes) - _named(run_command, package, read))
    if left and _is_mended_package(row, run_command, package, read):
        return [], "package"
    return left, "changelog"


def package_of(run_command):
    """Return the version of rsync's package, None if it has none or the package manager does not tell."""
    for argv in (["dpkg-query", "-W", "-f", "${Version}"], ["rpm", "-q", "--qf", "%{VERSION}-%{RELEASE}"]):
        rc, out, _err = run_command(argv + ["rsync"])
        if rc == 0 and out.strip():
            return out.strip()
    return None


def _named(run_command, package, read):
    """Return the names of holes in the package's changelog: packagers name there what they mended."""
    if package is None:
        return frozenset()
    rc, out, _err = run_command(["rpm", "-q", "--changelog", "rsync"])
    return frozenset(_NAMES.findall(out if rc == 0 else read(CHANGELOG)))


def _is_mended_package(row, run_command, package, read):
    mended = row.packages.get(release_of(read(OS_RELEASE)))
    if package is None or mended is None:
        return False
    return run_command(["dpkg", "--compare-versions", package, "ge", mended])[0] == 0


def _read(path):
    """Return the text of a file, packed or not; "" if it cannot be read."""
    opener = gzip.open if path.endswith(".gz") else open
    try:
        with opener(path, "rb") as source:
            return source.read(LARGEST).decode("utf-8", "replace")
    except (EnvironmentError, EOFError):
        return ""
