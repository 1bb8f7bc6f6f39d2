# SPDX-License-Identifier: GPL-3.0-or-later
"""How a failure begins: with the phase that the run was in."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._run._failure import first_line


@pytest.mark.parametrize(
    ("phase", "result", "line"),
    [
        ("Push", {"msg": "No space."}, "Push: No space."),
        ("", {"msg": "No such name."}, "Settings: No such name."),
        ("Load", {"stderr": "no right"}, "Load: no right"),
        ("Load", {"msg": "", "stderr": "no right"}, "Load: no right"),
        ("Stop", {}, "Stop: the task 'x' failed and says no more"),
        ("Stop", {"results": [{"failed": False, "msg": "a"}, {"failed": True, "msg": "b"}], "msg": "c"}, "Stop: b"),
        ("Lease", {"msg": "The filter plugin 'microbosh.director.a_b' failed: Nobody"}, "Lease: Nobody"),
    ],
)
def test_the_phase_is_told_first(phase, result, line):
    assert first_line(phase, result, "x") == line
