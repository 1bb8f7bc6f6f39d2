# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run to watch: a line for each director, drawn again and again; without a terminal, the lines that are told."""

from __future__ import annotations

DOCUMENTATION = r"""
name: phases
type: stdout
author: microbosh.director contributors (@microbosh)
version_added: 1.1.0
short_description: A line for each director, while a run goes on
extends_documentation_fragment:
  - default_callback
  - result_format_callback
  - microbosh.director.guides.watch
seealso:
  - plugin: ansible.builtin.default
    plugin_type: callback
  - module: microbosh.director.run_log
description:
  - On a terminal each director has a line at the bottom of the screen, with the phase that it is in, a bar with bytes,
    rate and time left while something is copied, and the seconds that it has been away while it is stopped. What the
    run tells is printed above, as it comes.
  - Without a terminal, with E(TERM) set to V(dumb) and without the Python library rich on the controller it prints what
    the run tells, line by line, and nothing else of the tasks of this collection.
  - Tasks of other plays are printed as by P(ansible.builtin.default#callback), and with C(-v) all of them are.
  - It changes nothing of what a run does, nor its exit status. If something cannot be drawn, lines are printed instead.
requirements:
  - set as stdout in configuration
  - rich 10 or newer on the controller, for the lines at the bottom of the screen
options:
  plain:
    description: Whether nothing is drawn on a terminal either, as for a screen reader.
    type: bool
    default: false
    ini:
      - section: callback_phases
        key: plain
    env:
      - name: MICROBOSH_PHASES_PLAIN
"""

EXAMPLES = r"""
examples: |
  # In ansible.cfg, or ANSIBLE_STDOUT_CALLBACK=microbosh.director.phases for one run:
  [defaults]
  stdout_callback = microbosh.director.phases
"""

import contextlib
import os
import sys
import time

from ansible import constants
from ansible.plugins.callback.default import CallbackModule as Default
from ansible_collections.microbosh.director.plugins.plugin_utils._run._printable import printable
from ansible_collections.microbosh.director.plugins.plugin_utils._run._screen import COLORS
from ansible_collections.microbosh.director.plugins.plugin_utils._watch._board import Board
from ansible_collections.microbosh.director.plugins.plugin_utils._watch._drawing import RICH, Painter
from ansible_collections.microbosh.director.plugins.plugin_utils._watch._events import ENDS, Events, is_ours, is_rescued
from ansible_collections.microbosh.director.plugins.plugin_utils._watch._live import Live
from ansible_collections.microbosh.director.plugins.plugin_utils._watch._region import Region

# What a playbook of ours shows with it is meant to be read.
SHOWS = ("ansible.builtin.debug", "debug")


class CallbackModule(Default):
    """Ansible's own output for tasks of others; for ours a board, and what they tell."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "microbosh.director.phases"

    def __init__(self):
        super().__init__()
        self._live = self._events = None
        self._untold = {}
        self._told_of = set()
        self._play_is_named = True

    # What is drawn

    def _draws(self):
        """Return whether there is a screen to draw on."""
        dumb = os.environ.get("TERM", "dumb") in ("dumb", "unknown", "")
        return RICH and sys.stdout.isatty() and not dumb and not self.get_option("plain")

    def _watch(self, play):
        """Show the directors of a play from the first of our tasks on."""
        hosts, now = _hosts_of(play), time.monotonic()
        title = f"{play.get_name().strip()}{' (check)' if play.check_mode else ''}"
        self._events = Events(Board(title, hosts, now))
        if self._draws():
            colorless = bool(constants.ANSIBLE_NOCOLOR) and not constants.ANSIBLE_FORCE_COLOR
            painter = Painter(sys.stdout.encoding, colorless)
            live = Live(self._display, Region(sys.stdout), painter.lines)
            self._live = live if live.begin(self._events.board) else None

    def _unwatch(self):
        live, events, self._live, self._events = self._live, self._events, None, None
        with contextlib.suppress(Exception):
            if events:
                events.board.finish(time.monotonic())
            if live:
                live.end()

    def _note(self, event, *args):
        """Tell the board of an event. What fails there is not the run's."""
        with contextlib.suppress(Exception):
            if self._events is None:
                self._watch(self._play)
            getattr(self._events, event)(*args, time.monotonic())

    # Whose tasks they are

    def _is_quiet(self, task):
        """Return whether a task tells by itself what a person wants to know; name the play of one that does not."""
        with contextlib.suppress(Exception):
            if self._display.verbosity == 0 and is_ours(task):
                return True
        if not self._play_is_named:
            self._play_is_named = True
            super().v2_playbook_on_play_start(self._play)
        return False

    def v2_playbook_on_play_start(self, play):
        self._unwatch()
        if self._display.verbosity:
            super().v2_playbook_on_play_start(play)
        else:
            # Named with the first task that is not ours.
            self._play, self._play_is_named = play, False

    def v2_playbook_on_no_hosts_matched(self):
        if not self._play_is_named:
            super().v2_playbook_on_play_start(self._play)
        super().v2_playbook_on_no_hosts_matched()

    def v2_playbook_on_no_hosts_remaining(self):
        if self._play_is_named:
            super().v2_playbook_on_no_hosts_remaining()

    def _task_start(self, task, prefix=None):
        if not self._is_quiet(task):
            super()._task_start(task, prefix)

    def v2_runner_on_start(self, host, task):
        if self._is_quiet(task):
            self._note("began", host.get_name(), task)
        else:
            super().v2_runner_on_start(host, task)

    # How they end

    def v2_runner_on_ok(self, result):
        if not self._is_quiet(result._task):
            super().v2_runner_on_ok(result)
            return
        self._note("ended", result._host.get_name(), result._task, result._result)
        if result._task.action in SHOWS:
            super().v2_runner_on_ok(result)
        else:
            self._warn(result)

    def v2_runner_on_skipped(self, result):
        if self._is_quiet(result._task):
            self._note("skipped", result._host.get_name(), result._task)
        else:
            super().v2_runner_on_skipped(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        if self._is_quiet(result._task):
            self._end_badly(result, ignore_errors, super().v2_runner_on_failed)
        else:
            super().v2_runner_on_failed(result, ignore_errors)

    def v2_runner_on_unreachable(self, result):
        if self._is_quiet(result._task):
            self._end_badly(result, result._task.ignore_unreachable, super().v2_runner_on_unreachable)
        else:
            super().v2_runner_on_unreachable(result)

    def _end_badly(self, result, ignored, printed):
        """Tell of a failure: by the words of our own end of a run, or as Ansible does unless a rescue tells of it."""
        host, task = result._host.get_name(), result._task
        if ignored:
            return
        if task.action == ENDS:
            self._note("failed", host, task, result._result, bool(result._result.get("unreachable")))
            self._tell_end(host, result._result)
        elif is_rescued(task):
            self._untold.setdefault(host, []).append((result, printed))
        else:
            self._note("failed", host, task, result._result, False)
            self._told_of.add(host)
            printed(result)

    def _tell_end(self, host, result):
        """Tell of a failure what has not been told, such as where the log is."""
        self._told_of.add(host)
        told = "\n".join(result.get("lines") or [])
        for line in str(result.get("msg") or "").split("\n"):
            if line.strip() not in told:
                self._display.display(f"{host}: {printable(line)}", color=COLORS["error"])

    def _warn(self, result):
        """Print the warnings of a result, as Ansible would."""
        if hasattr(self, "_handle_warnings_and_exception"):  # since ansible-core 2.19
            self._handle_warnings_and_exception(result)
        else:
            self._handle_warnings(result._result)

    def v2_runner_item_on_ok(self, result):
        if not self._is_quiet(result._task):
            super().v2_runner_item_on_ok(result)

    def v2_runner_item_on_failed(self, result):
        if not self._is_quiet(result._task):
            super().v2_runner_item_on_failed(result)

    def v2_runner_item_on_skipped(self, result):
        if not self._is_quiet(result._task):
            super().v2_runner_item_on_skipped(result)

    def v2_runner_retry(self, result):
        if not self._is_quiet(result._task):
            super().v2_runner_retry(result)

    def v2_playbook_on_include(self, included_file):
        if not self._is_quiet(included_file._task):
            super().v2_playbook_on_include(included_file)

    def v2_playbook_on_stats(self, stats):
        self._unwatch()
        for host, failures in self._untold.items():
            summary = stats.summarize(host)
            if host not in self._told_of and summary["failures"] + summary["unreachable"]:
                for result, printed in failures:
                    printed(result)
        super().v2_playbook_on_stats(stats)


def _hosts_of(play):
    """Return the hosts of a play, in the order of the inventory; none if that cannot be told yet."""
    with contextlib.suppress(Exception):
        variables = play.get_variable_manager().get_vars(play=play, include_hostvars=False)
        return [str(host) for host in variables["ansible_play_hosts_all"]]
    return []
