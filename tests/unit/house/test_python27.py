# SPDX-License-Identifier: GPL-3.0-or-later
"""What may run on a director runs with Python 2.7: every module and all of module_utils."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from places import REPOSITORY
from pythons import OLDEST

PLUGINS = REPOSITORY / "plugins"
KINDS = ("modules", "module_utils")
FILES = sorted(str(path.relative_to(PLUGINS)) for kind in KINDS for path in PLUGINS.glob(f"{kind}/**/*.py"))
VERMIN = Path(sys.executable).with_name("vermin")
COMPILE = "import sys; [compile(open(path).read(), path, 'exec') for path in sys.argv[1:]]"


def newer_than_27(*files):
    """What vermin finds in these files that Python 2.7 does not have."""
    command = [VERMIN, "--quiet", "--no-tips", "--violations", "--target=2.7-", *files]
    checked = subprocess.run(command, cwd=PLUGINS, capture_output=True, text=True, check=False)
    assert checked.stderr == ""
    return checked.stdout.strip() if checked.returncode else ""


def test_every_file_is_looked_at():
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "modules/*.py", "module_utils/*.py"]
    found = subprocess.run(listed, cwd=PLUGINS, check=True, capture_output=True, text=True).stdout.split()
    assert sorted(set(found)) == FILES


def test_the_check_finds_what_is_newer(tmp_path):
    newer = tmp_path / "newer.py"
    newer.write_text("import os\n\ndef replaced(path):\n    os.replace(path, f'{path}.old')\n", encoding="utf-8")
    assert set(re.findall("f-strings|os.replace", newer_than_27(str(newer)))) == {"f-strings", "os.replace"}


@pytest.mark.parametrize("file", FILES)
def test_uses_nothing_newer(file):
    assert newer_than_27(file) == ""


@pytest.mark.parametrize("file", FILES)
def test_is_ascii(file):
    # Python 2.7 refuses any other character in a source file, be it in a comment.
    (PLUGINS / file).read_text(encoding="ascii")


@pytest.mark.parametrize("python", OLDEST)
def test_is_compiled_by_the_oldest_pythons_there_are(python):
    subprocess.run([python, "-c", COMPILE, *FILES], cwd=PLUGINS, check=True)
