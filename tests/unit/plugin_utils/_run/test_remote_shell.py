# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rsync becomes on the director whom the task becomes there, whatever a variable of the play says of it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail
from ansible.plugins.loader import become_loader
from ansible_collections.microbosh.director.plugins.plugin_utils._run._remote_shell import remote_rsync


def connection(method=None, **options):
    become = method and become_loader.get(method)
    if become:
        become.set_options(direct=options)
    return SimpleNamespace(become=become)


def test_a_task_that_becomes_nobody_has_rsync_itself():
    assert remote_rsync(connection()) is None


@pytest.mark.parametrize(("user", "word"), [("microbosh", "microbosh"), ("back up", "'back up'")])
def test_a_task_that_becomes_somebody_has_rsync_by_sudo(user, word):
    assert remote_rsync(connection("sudo", become_user=user)) == f"sudo -n -u {word} rsync"


def test_another_way_to_become_somebody_is_named():
    with pytest.raises(AnsibleActionFail, match=r"copied as microbosh by sudo.* method is (ansible.builtin.)?su\."):
        remote_rsync(connection("su", become_user="microbosh"))
