# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that run as root, one allowed line at a time."""

from __future__ import absolute_import, division, print_function

import re

from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError

__metaclass__ = type

# What sudo 1.8 and 1.9 say, with LC_ALL=C, instead of running a command. Warnings such as "unable to resolve
# host" also begin with "sudo:", and mean nothing.
_REFUSAL = re.compile(
    r"a password is required|a terminal is required|no tty present|you must have a tty"
    r"|not allowed to execute|may not run sudo|is not in the sudoers file|no valid sudoers|syntax error"
)
_NOT_FOUND = re.compile(
    r"^sudo: (?:unable to execute )?(/\S+?): (?:command not found|No such file or directory)", re.MULTILINE
)


class SudoRefused(DirectorError):
    """sudo did not run the command."""


class CommandMissing(DirectorError):
    """There is no such program on this host."""


def run_as_root(run_command, argv):
    """Run a command line as root, without ever asking for a password.

    Given a callable like ``AnsibleModule.run_command`` and the command, return ``(rc, out, err)`` of the command,
    whatever its status. Raise SudoRefused or CommandMissing if it was not run at all.
    """
    rc, out, err = run_command(["sudo", "-n"] + list(argv))
    if rc and _REFUSAL.search(err):
        line = " ".join(argv)
        raise SudoRefused(
            "sudo does not let this user run '%s' as root (%s). Run the playbook microbosh.director.setup for this "
            "host: it allows exactly the commands that a backup needs." % (line, _last_line(err)),
            command=line,
        )
    missing = _NOT_FOUND.search(err) if rc else None
    if missing:
        raise CommandMissing(
            "There is no %s on this host, so '%s' cannot be run. Is this a microBOSH or a BOSH director, "
            "and is the configured path right?" % (missing.group(1), " ".join(argv)),
            command=" ".join(argv),
        )
    return rc, out, err


def _last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it gave no reason"
