# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error type that modules turn into a failed task."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type


class DirectorError(Exception):
    """Something that an operator has to know about.

    ``message`` says what failed, on what, what was expected and what to do next. ``facts`` are
    the same in a form that a playbook can read; a module's ``main`` hands them to ``fail_json``.
    """

    def __init__(self, message, **facts):
        super(DirectorError, self).__init__(message)
        self.facts = facts
