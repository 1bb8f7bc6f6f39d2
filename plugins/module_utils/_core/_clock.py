# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock that outages are measured with."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type


def uptime():
    """Return the seconds since the boot: nobody can set this clock, and every process reads the same."""
    with open("/proc/uptime") as clock:
        return float(clock.read().split()[0])


def seconds_since(began):
    """Return the seconds since ``began``, as results show them."""
    return round(uptime() - began, 2)
