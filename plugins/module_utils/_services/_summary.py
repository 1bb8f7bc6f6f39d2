# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What monit says of a director's services, and what the host is."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import platform
import time

from ansible_collections.microbosh.director.plugins.module_utils._core._host import Host
from ansible_collections.microbosh.director.plugins.module_utils._services._services import Monit, look


def summary(given, run_command, libc):
    """Given the options of monit_summary, what runs a command, and the host's libc, return what that module returns."""
    facts = look(Monit(run_command, given["monit"]), Host(), given["wait"], given["required_checks"])
    return dict(facts, architecture=platform.machine(), libc=libc, clock=time.time())
