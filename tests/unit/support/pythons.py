# SPDX-License-Identifier: GPL-3.0-or-later
"""The oldest Pythons of this machine that run."""

from __future__ import annotations

import shutil
import subprocess


def runs(program):
    """Tell whether a program is there and does run: a shim of pyenv may be there without its Python."""
    path = shutil.which(program)
    return path and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0


OLDEST = [name for name in ("python2.7", "python3.6") if runs(name)]
