# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the director's services and agent for the dead man's switch."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os

from ansible_collections.microbosh.director.plugins.module_utils._core._host import Host, ProcessesHidden
from ansible_collections.microbosh.director.plugins.module_utils._services._agent import bring_agent, find_agent
from ansible_collections.microbosh.director.plugins.module_utils._services._services import Monit, Start, look

AGENT_SECONDS = 15
START_SECONDS = 300


class Director(object):
    """The services and the agent of this host."""

    def __init__(self, run_command, monit, manager):
        self._run_command = run_command
        self._monit = Monit(run_command, monit)
        self._manager = manager
        self._host = Host()

    def not_running(self):
        """Return the names of the services whose processes do not live, none where that cannot be seen."""
        try:
            return look(self._monit, self._host)["not_running"]
        except ProcessesHidden:
            return []  # what cannot be told must not keep anything down

    def start(self, unmonitored=()):
        """Start what does not live, and return when all does; raise DirectorError if it does not come to that.

        Given what monit did not watch before, it is not watched again.
        """
        try:
            agent = find_agent(self._manager, self._run_command, os.path.exists)
            bring_agent(agent, self._host, "started", AGENT_SECONDS)
        finally:  # a director without its agent is better than none
            Start(self._monit, self._host, timeout=START_SECONDS, unmonitored=unmonitored).run()
