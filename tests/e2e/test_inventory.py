"""An inventory without directors: to do nothing is no success."""

from __future__ import annotations

import pytest
from conftest import playbook_command, run_ansible

INVENTORIES = {"misspelt": "microbsh:\n  hosts:\n    director1:\n", "empty": "microbosh:\n  hosts: {}\n"}


@pytest.mark.parametrize("playbook", ["setup", "backup", "restore", "verify", "checkup"])
def test_a_run_for_no_director_fails(tmp_path, playbook):
    for name, text in INVENTORIES.items():
        inventory = tmp_path / f"{name}.yml"
        inventory.write_text(text)
        run = run_ansible(playbook_command(inventory, f"microbosh.director.{playbook}"))
        assert run.status != 0
        assert "no host in the group microbosh" in run
        assert str(inventory) in run
