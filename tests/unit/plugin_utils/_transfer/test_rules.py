# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules that the director enforces let through what the filter includes and nothing else: the real rsync says."""

from __future__ import annotations

import subprocess

import pytest
import yaml
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._rules import (
    RuleError,
    guard,
    identity_paths,
    lets_through,
    parse,
    sealing,
    visible,
)
from places import REPOSITORY

DEFAULTS = REPOSITORY / "roles" / "microbosh" / "defaults" / "main.yml"
TREE = [
    "bosh/settings.json", "bosh/agent.key", "bosh/etc/monitrc", "bosh/log/agent", "micro/x", "data/jobs/x", "unknown/x",
    "store/blobstore/store/a5/blob", "store/postgres-15/base/1/2", "store/lost+found/x", "store/.hidden",
]  # fmt: skip
NAMED = ["agent.cert", "agent.key", "settings.json", "spec.json", "state.yml"]


def default_filter():
    return yaml.safe_load(DEFAULTS.read_text())["microbosh_filter"]


@pytest.fixture
def tree(tmp_path):
    for name in TREE:
        path = tmp_path / "vcap" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "vcap"


def seen(tree, *filters):
    """The files that rsync sends under the given rules."""
    target = tree.parent / "seen"
    subprocess.run(
        ["rsync", "-a", "--delete", *(f"--filter={rule}" for rules in filters for rule in rules), f"{tree}/", target],
        check=True,
    )
    return {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}


def test_the_default_filter_backs_up_what_the_facts_name(tree):
    assert seen(tree, default_filter()) == {
        "bosh/settings.json", "bosh/agent.key", "unknown/x",
        "store/blobstore/store/a5/blob", "store/postgres-15/base/1/2", "store/.hidden",
    }  # fmt: skip


def test_the_director_lets_through_what_is_named_and_nothing_else(tree):
    greedy = ["+ **"]
    assert seen(tree, guard(default_filter()), greedy) == {
        "bosh/settings.json", "bosh/agent.key",
        "store/blobstore/store/a5/blob", "store/postgres-15/base/1/2", "store/lost+found/x", "store/.hidden",
    }  # fmt: skip


def test_what_only_root_reads_is_not_let_through_in_whatever_way_it_is_reached(tree):
    for filters in (default_filter(), ["+ bosh/**", "+ store/**"], ["+ bosh/*"], ["+ bosh"]):
        found = seen(tree, sealing(["bosh/agent.key", "bosh/settings.json"]) + guard(filters), ["+ **"])
        assert not {"bosh/agent.key", "bosh/settings.json"} & found


def test_what_a_restore_puts_aside_is_not_let_through(tree):
    for name in ("store/microbosh-restore/aside/bosh/x", "store/blobstore/.microbosh-restore/aside/x"):
        (tree / name).parent.mkdir(parents=True)
        (tree / name).write_text("")
    assert {name for name in seen(tree, sealing([]) + guard(default_filter()), ["+ **"]) if "restore" in name} == set()


def test_the_paths_that_may_be_credentials_are_those_outside_of_the_store():
    found = identity_paths(["+ bosh/*.json", "+ bosh/a.key", "+ jobs/**", "+ store/x", "+ store/**", "- *"])
    assert found == {"named": ["bosh/a.key", "store/x"], "reached": ["bosh/*.json", "bosh/a.key", "jobs"]}


@pytest.mark.parametrize(
    ("rules", "path", "let"),
    [
        (default_filter(), "bosh/agent.key", True),
        (["- agent.key", *default_filter()], "bosh/agent.key", False),
        (["- bosh/", *default_filter()], "bosh/agent.key", False),
        (["- agent.key/", *default_filter()], "bosh/agent.key", True),
        (["- /bosh/agent.*", *default_filter()], "bosh/agent.key", False),
    ],
)
def test_what_the_filter_leaves_out_is_left_out_of_what_root_brought_too(tree, rules, path, let):
    assert lets_through(rules, path) is let
    assert (path in seen(tree, rules)) is let


def test_a_run_may_leave_out_more_inside_a_tree(tree):
    assert "store/postgres-15/base/1/2" not in seen(tree, guard(default_filter()), ["- /store/postgres*"])


def test_a_tree_inside_a_directory_of_single_files(tree):
    rules = guard(["+ bosh/settings.json", "+ bosh/etc/**", "- **"])
    assert seen(tree, rules, ["+ **"]) == {"bosh/settings.json", "bosh/etc/monitrc"}


@pytest.mark.parametrize(
    ("rules", "shown", "parents"),
    [
        (default_filter(), [*(f"bosh/{name}" for name in NAMED), "store"], ["bosh"]),
        (["+ bosh/*.json", "+ bosh/a/b/**"], ["bosh"], []),
        (["+ a/b/**", "+ a/b/c/d"], ["a/b"], ["a"]),
        (["+ *.json", "+ store/**"], [], []),
    ],
    ids=["the default", "a wildcard", "one inside another", "a wildcard at the top"],
)  # fmt: skip
def test_what_has_to_be_shown_to_apply_a_filter(rules, shown, parents):
    assert visible(rules) == {"shown": shown, "parents": parents}


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ([], "is empty"),
        (["- **"], "includes nothing"),
        (["store/**"], "a rule is"),
        (["merge /etc/passwd"], "a rule is"),
        (["+ store/**", "+ a\n+ b"], "a rule is"),
        (["+ ../etc/**"], "lead out"),
        (["+ */**"], "without wildcards"),
        (["+ **"], "without wildcards"),
    ],
)
def test_a_filter_that_cannot_be_applied_is_refused(rules, says):
    with pytest.raises(RuleError, match=says):
        guard(rules)


def test_rules_keep_their_order():
    assert parse(["- a b", "+  c"]) == [("-", "a b"), ("+", "c")]
