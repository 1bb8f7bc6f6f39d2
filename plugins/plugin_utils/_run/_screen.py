# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of a host: it is in the result of the task, and is printed once, by Ansible or by us.

A stdout callback that prints for people leaves out the results of tasks that went well. There lines are printed as
they come. Any other callback, and AWX's own, gets them with the result, which names host and task; what it prints is
a program's, and nothing is printed beside it.
"""

from __future__ import annotations

from ansible import constants
from ansible.utils.display import Display

# They print results only where these are asked for.
FOR_PEOPLE = ("default", "debug", "yaml", "unixy")
COLORS = {"info": "bright blue", "error": "red"}


def _for_people() -> bool:
    return str(constants.DEFAULT_STDOUT_CALLBACK).rpartition(".")[2] in FOR_PEOPLE


def prints_results() -> bool:
    """Return whether the callback prints the result of each task: for a program, or with -v."""
    return not _for_people() or Display().verbosity > 0


def tell(result: dict, host: str, lines: list[str], severity: str = "info", hidden: bool = False) -> None:
    """Put lines about a host into the result of a task, and have them printed once; not at all where it is hidden.

    Lines about no host, or about several, are printed as they are.
    """
    result["lines"] = [*result.get("lines", []), *lines]
    if prints_results():
        # As of the module debug: without -v, too.
        result["_ansible_verbose_always"] = True
    elif not hidden:
        for line in lines:
            _print(host, line, COLORS[severity])


def warn(result: dict, host: str, line: str) -> None:
    """Tell what is no failure yet, such as a connection that was lost: at once, or as a warning of the result."""
    if prints_results():
        result["warnings"] = [*(result.get("warnings") or []), f"{host}: {line}"]
    else:
        _print(host, line, "bright purple")


def with_warnings(result: dict, warned: dict) -> dict:
    """Given a result, and what was warned of on the way to it, return the result with these warnings."""
    if warned.get("warnings"):
        result["warnings"] = [*(result.get("warnings") or []), *warned["warnings"]]
    return result


def show_progress(host: str, line: str) -> None:
    """Show how far a task is, which says nothing once it is done, where a person reads what comes."""
    if _for_people():
        _print(host, line)


def _print(host, line, color=None):
    Display().display(f"{host}: {line}" if host else line, color=color)
