# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on GitHub is what script/test runs, with every ansible-core from the oldest to the newest."""

from __future__ import annotations

import re

import yaml
from ansible import release
from places import REPOSITORY

WORKFLOWS = [
    yaml.safe_load(path.read_text()) for path in sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
]
CALL = re.compile(r"script/test ([\w.-]+|\$\{\{ matrix\.stage \}\})")
# A stage that is run alone is a case of script/test that prepares what it needs.
STAGE = re.compile(r"^([\w-]+)\) prepare\b", re.MULTILINE)


def stages_called():
    """Each stage that a job calls: by its name, or one after the other by the job's matrix."""
    for job in (job for workflow in WORKFLOWS for job in workflow["jobs"].values()):
        for name in CALL.findall("\n".join(step.get("run", "") for step in job["steps"])):
            yield from job["strategy"]["matrix"]["stage"] if name.startswith("$") else [name]


def test_each_stage_is_called():
    there = STAGE.findall((REPOSITORY / "script" / "test").read_text())
    assert len(there) >= 7
    assert sorted(stages_called()) == sorted(there)


def test_each_ansible_core_is_tried():
    oldest = re.search(r">=2\.(\d+)", (REPOSITORY / "meta" / "runtime.yml").read_text()).group(1)
    newest = release.__version__.split(".")[1]
    matrices = [job.get("strategy", {}).get("matrix", {}) for flow in WORKFLOWS for job in flow["jobs"].values()]
    tried = [set(matrix["core"]) for matrix in matrices if "core" in matrix]
    assert tried
    # The newest is that of .venv; with an older one, fewer are asked for.
    wanted = {f"2.{minor}" for minor in range(int(oldest), int(newest) + 1)}
    assert all(wanted <= cores for cores in tried)
