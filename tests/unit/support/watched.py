# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection with a playbook of its own in which nothing touches a director, run by a real ansible-playbook.

What the actions "pull" and "monit_all" wait for are files that the test makes; the rest is the collection's own.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from places import REPOSITORY

# Where a run waits until there is a file; meanwhile it has moved what another one says.
WAITING = '''
import os, time
from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.plugin_utils._run._transfer_watch import Watch

class Transfer:
    bytes = files = entries = covered = 0
    def __init__(self, path):
        self.path = path
    def read(self):
        if os.path.exists(self.path):
            with open(self.path) as file:
                self.bytes = int(file.read() or 0)
    def in_flight(self):
        return 0

class ActionModule(ActionBase):
    _requires_connection = False
    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        arguments, host = self._task.args, task_vars["inventory_hostname"]
        gate = os.path.join(os.environ["GATES"], host + "." + arguments.get("gate", "gate"))
        parent = os.getppid()  # with ansible-playbook all of it ends
        with Watch(host, Transfer(gate + ".bytes"), "/", int(arguments.get("total", 0)), reserve=0):
            while "gate" in arguments and not os.path.exists(gate) and os.getppid() == parent:
                time.sleep(0.05)
        if os.getppid() != parent:
            os._exit(1)
        result.update(changed=False)
        return result
'''
PLAYBOOK = """
- name: Back up directors
  hosts: microbosh
  strategy: ansible.builtin.host_pinned
  gather_facts: false
  tasks:
    - name: Take the backup
      block:
{tasks}
      rescue:
        - name: The failure is an artifact
          ansible.builtin.set_stats:
            data: {{microbosh_backup: "{{{{ {{inventory_hostname: {{'outcome': 'failed', 'error': said}}}} }}}}"}}
          vars: {{said: "Preflight: {{{{ ansible_failed_result.msg }}}}"}}
        - name: The backup failed
          microbosh.director.run_failed:
            lines: ["Backup of {{{{ inventory_hostname }}}} FAILED", "  Preflight: {{{{ ansible_failed_result.msg }}}}"]
            msg: "{{{{ ansible_failed_result.msg }}}}"
            log: "{{{{ log | default('') }}}}"
"""
PHASES = "microbosh.director.phases"


class Watched:
    """A place with a playbook, an inventory and gates."""

    def __init__(self, place: Path, tasks: str, hosts=("director1",), before: str = "", site: str = ""):
        self.place, self.gates = place, place / "gates"
        self.gates.mkdir()
        (place / "ansible.cfg").write_text("[defaults]\ninternal_poll_interval = 0.01\n")
        (place / "home").mkdir()
        self._collection(place / "ansible_collections" / "microbosh" / "director", before, tasks)
        names = "".join(f"    {host}:\n" for host in hosts)
        (place / "hosts.yml").write_text(f"microbosh:\n  vars: {{ansible_connection: local}}\n  hosts:\n{names}")
        self.playbook = "microbosh.director.watched"
        if site:
            self.playbook = str(place / "site.yml")
            (place / "site.yml").write_text(site)

    @staticmethod
    def _collection(root, before, tasks):
        for name in ("meta", "roles"):
            root.mkdir(parents=True, exist_ok=True)
            (root / name).symlink_to(REPOSITORY / name)
        shutil.copy(REPOSITORY / "galaxy.yml", root)
        (root / "plugins").mkdir()
        for kind in (REPOSITORY / "plugins").iterdir():
            if kind.name != "action":
                (root / "plugins" / kind.name).symlink_to(kind)
        (root / "plugins" / "action").mkdir()
        for action in (REPOSITORY / "plugins" / "action").glob("*.py"):
            if action.stem not in ("pull", "monit_all"):
                (root / "plugins" / "action" / action.name).symlink_to(action)
        for name in ("pull", "monit_all"):
            (root / "plugins" / "action" / f"{name}.py").write_text(WAITING)
        (root / "playbooks").mkdir()
        indented = "".join(f"        {line}\n" for line in tasks.strip("\n").splitlines())
        (root / "playbooks" / "watched.yml").write_text(before + PLAYBOOK.format(tasks=indented))

    def open(self, gate, *hosts):
        """Let hosts through a gate."""
        for host in hosts:
            (self.gates / f"{host}.{gate}").touch()

    def move(self, gate, host, count):
        """What waits at a gate has moved so many bytes."""
        beside = self.gates / "new"
        beside.write_text(str(count))
        beside.replace(self.gates / f"{host}.{gate}.bytes")

    def command(self, *more):
        """The command line that runs it."""
        program = Path(sys.executable).with_name("ansible-playbook")
        return [program, "-i", self.place / "hosts.yml", self.playbook, *more]

    def environment(self, **more):
        """The environment of a person who has set no more than the callback."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "NO_COLOR"))}
        return kept | {
            "ANSIBLE_COLLECTIONS_PATH": f"{self.place}:{packaged_collections()}",
            "ANSIBLE_CONFIG": str(self.place / "ansible.cfg"),
            "ANSIBLE_FORKS": "20",
            "ANSIBLE_HOME": str(self.place / "home"),
            "ANSIBLE_STDOUT_CALLBACK": PHASES,
            "GATES": str(self.gates),
            "LC_ALL": "C.UTF-8",
            "TERM": "xterm-256color",
            **more,
        }


def packaged_collections():
    """Where the collections are that came with Ansible."""
    return Path(importlib.util.find_spec("ansible").origin).parents[1]
