# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run ended, in one shape for every playbook and every end."""

from __future__ import annotations

import re

import pytest
import yaml
from ansible.utils.vars import merge_hash
from ansible_collections.microbosh.director.plugins.action.known_settings import ARTIFACTS
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _artifact as artifact
from places import REPOSITORY

SETTINGS = REPOSITORY / "roles" / "microbosh" / "meta" / "argument_specs.yml"
PHASES = [{"phase": "preflight", "start": "1970-01-01T00:16:40.000+00:00", "seconds": 3.5, "ended": 1003.5}]
SHAPE = {"host", "playbook", "id", "outcome", "reason", "error", "path", "archive", "seconds", "phases"}


@pytest.fixture(autouse=True)
def now(monkeypatch):
    monkeypatch.setattr(artifact.time, "time", lambda: 1010.0)


def of(playbook="backup", failed=None, more=None, phase="First pass", check=False, host="m1"):
    run = {"host": host, "id": "20261122T221326Z", "began": "1000.0", "phase": phase, "phases": PHASES, "check": check}
    return artifact.run_artifact(run, playbook, failed, more)


def test_a_success():
    made = of(more={"path": "/b/1", "archive": "", "status": "published", "outage_seconds": 7.1})
    assert made == {
        "path": "/b/1", "archive": "", "status": "published", "outage_seconds": 7.1, "host": "m1",
        "playbook": "backup", "id": "20261122T221326Z", "outcome": "succeeded", "reason": "", "error": "",
        "seconds": 10.0,
        "phases": [{"phase": "preflight", "start": "1970-01-01T00:16:40.000+00:00", "seconds": 3.5}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "phase", "outcome", "said"),
    [
        ("error", "First pass", "failed", "error"),
        ("lost", "Outage", "failed", "lost"),
        ("held", "Preflight", "refused", "held"),
        ("busy", "Running tasks", "refused", "busy"),
        ("unreachable", "Preflight", "refused", "unreachable"),
        ("error", "Settings", "refused", "settings"),
        (None, "Proof", "failed", "error"),
    ],
)
def test_a_failure_has_the_phase_that_it_was_in(reason, phase, outcome, said):
    made = of(failed={"message": f"{phase}: no", "reason": reason}, phase=phase)
    assert set(made) == SHAPE
    assert (made["outcome"], made["reason"], made["error"]) == (outcome, said, f"{phase}: no")
    assert made["phases"][-1]["phase"] == phase.lower().replace(" ", "_")
    assert made["phases"][-1]["seconds"] == 6.5


@pytest.mark.parametrize("playbook", ["backup", "restore", "verify", "checkup"])
def test_the_shape_is_the_same(playbook):
    for made in (of(playbook), of(playbook, check=True), of(playbook, {"message": "x", "reason": "error"})):
        assert set(made) == SHAPE
    assert of(playbook, check=True)["outcome"] == "checked"


def test_hosts_are_merged_and_none_takes_anything_from_another():
    merged = {}
    for host in ("m1", "m2", "d.1"):
        merged = merge_hash(merged, {host: of(host=host)})
    assert {name: one["host"] for name, one in merged.items()} == {"m1": "m1", "m2": "m2", "d.1": "d.1"}


def test_it_does_not_grow_with_the_number_of_files():
    many = [f"store/{number}" for number in range(5000)]
    made = of(more={"left_out": many, "attributes": {"kept": many}, "proof": [{"lost": many}]})
    assert len(str(made)) < 5000
    assert made["left_out"] == many[: artifact.LONGEST_LIST]


def test_the_places_of_what_was_verified():
    names = ["20261122T221326Z", "20261123T221326Z"]
    verdicts = [{"name": name, "path": f"/b/{name}"} for name in names]
    archive = {"name": "h_20261122T221326Z.tar.zst", "path": "/b/archives/h_20261122T221326Z.tar.zst"}
    made = of("verify", more={"verdicts": [*verdicts, archive]})
    assert (made["path"], made["archive"]) == (f"/b/{names[1]}", archive["path"])
    assert of("verify", more={"verdicts": []})["path"] == ""


def test_no_artifact_has_the_name_of_a_setting_and_the_next_job_takes_each():
    """AWX hands them to the next job of a workflow as variables, which come before all others."""
    files = [*REPOSITORY.glob("playbooks/*.yml"), *REPOSITORY.glob("playbooks/tasks/*/*.yml")]
    made = {name for file in files for name in re.findall(r"data: \"\{\{ \{'(microbosh_\w+)'", file.read_text())}
    assert made == set(ARTIFACTS)
    assert not made & set(yaml.safe_load(SETTINGS.read_text())["argument_specs"]["main"]["options"])
