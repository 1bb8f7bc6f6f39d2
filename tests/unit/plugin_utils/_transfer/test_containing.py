# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that is only looked into has to have in it what was written there, and no copy of it is left."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleError
from ansible_collections.microbosh.director.plugins.action import pull
from ansible_collections.microbosh.director.plugins.action.pull import ARGUMENTS, ActionModule


@pytest.mark.parametrize(
    ("content", "answer", "said"),
    [
        (b"token: abc\xff\n", {"rc": 0}, None),
        (b"token: xyz\n", {"rc": 0}, "/lease.lock came without what was written into it."),
        (None, {"rc": 0}, "came without"),
        (b"token: abc\n", {"rc": 23, "failed": True, "msg": "no route"}, "no route"),
    ],
)
def test_the_text_is_in_it_or_the_task_fails(monkeypatch, content, answer, said):
    places = []

    def synchronize(action, transfer, task_vars):
        places.append(Path(transfer["dest"]))
        if content is not None:
            places[0].write_bytes(content)
        return dict(answer)

    monkeypatch.setattr(pull, "synchronize", synchronize)
    action = ActionModule.__new__(ActionModule)
    action._task = SimpleNamespace(check_mode=False)
    defaults = {name: option.get("default") for name, option in ARGUMENTS.items()}
    arguments = {**defaults, "src": "/lease.lock", "containing": "abc"}
    with pull._look_inside(arguments):
        result = action._pulled(arguments, {"inventory_hostname": "director1"})
    assert said in result["msg"] if said else "failed" not in result
    assert bool(result.get("failed")) == bool(said)
    assert not result["changed"]
    assert not places[0].parent.exists()


@pytest.mark.parametrize(
    ("given", "refused"), [({}, True), ({"trial": True}, False), ({"dest": "/to"}, False), ({"containing": "a"}, False)]
)
def test_a_transfer_without_a_place_for_what_comes_is_refused(monkeypatch, given, refused):
    monkeypatch.setattr(pull.TransferAction, "run", lambda *dummy: {})
    monkeypatch.setattr(pull, "give_way", lambda *dummy, **more: None)
    monkeypatch.setattr(ActionModule, "_pulled", lambda *dummy: {"pulled": True})
    action = ActionModule.__new__(ActionModule)
    action._task, action._templar = SimpleNamespace(args={"src": "/var/vcap", **given}), None
    if refused:
        with pytest.raises(AnsibleError, match="dest"):
            action.run(None, {})
    else:
        assert action.run(None, {})["pulled"]
