# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the Python that Ansible takes on a host, by the variables of the host and Ansible's configuration."""

from __future__ import annotations

from ansible import constants


def python_of(variables):
    """Given a host's variables, return what they or the configuration say of its Python: a path, or how to find one."""
    return variables.get("ansible_python_interpreter") or constants.config.get_config_value("INTERPRETER_PYTHON")


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"python_of": python_of}
