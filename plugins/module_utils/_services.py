# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops and starts the services of a director, and knows when that is done.

monit works through its actions one by one. While it waits for a process, 5.2 looks once a second, unless another
command wakes it. So one ``stop NAME`` after the other, each as soon as the process before it has gone, is done in a
quarter of the time that ``stop all`` takes; and so it is with ``start``.
"""

from __future__ import absolute_import, division, print_function

from ansible_collections.microbosh.director.plugins.module_utils._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._host import services_of_pidfile
from ansible_collections.microbosh.director.plugins.module_utils._monit import (
    ActionPending,
    MonitDown,
    MonitError,
    UnknownService,
    check_answer,
    parse_status,
    parse_summary,
)
from ansible_collections.microbosh.director.plugins.module_utils._stop_permit import StopPermit
from ansible_collections.microbosh.director.plugins.module_utils._sudo import SudoRefused, run_as_root

__metaclass__ = type

MONIT = "/var/vcap/bosh/bin/monit"

# All in seconds.
PROCESS_LOOK = 0.05  # between two looks at /proc, which cost next to nothing
QUICK_LOOK = 0.1  # between two looks at monit when the answer is due
SLOW_LOOK = 0.5  # between two looks at monit when it is not
STOP_PACE = 1.0  # at most, between two stops
START_PACE = 0.2  # between two starts, and between two looks at monit until everything is up
ASK_AGAIN = 5.0  # after monit has accepted an action, ended it, and the service is still not there
DAEMON_RESTART = 45.0  # how long the monit daemon may be away, as when the agent reloads it or somebody restarts it

# The first of the versions that do not sleep while they wait for a process.
WAKEFUL = (5, 26)


class NotReached(DirectorError):
    """The time is over and some services are not as wanted."""


class Monit(object):
    """The monit command line of this host."""

    def __init__(self, run_command, path=MONIT):
        self._run_command = run_command
        self._path = path

    def summary(self):
        """Return the Report of ``monit summary``, with every name and status in full."""
        report = parse_summary(self._run("summary"))
        return self.status() if report.cut else report

    def status(self):
        """Return the Report of ``monit status``, which has the pids."""
        return parse_status(self._run("status"))

    def act(self, action, name):
        """Ask for an action; monit accepts it, and does it later, or an error is raised.

        While its daemon is away, the command does the work itself, and may fail because others do not run: MonitDown.
        """
        try:
            self._run(action, name)
        except (ActionPending, MonitDown, UnknownService):
            raise
        except MonitError:
            self.status()
            raise

    def _run(self, *arguments):
        argv = [self._path] + list(arguments)
        rc, out, err = run_as_root(self._run_command, argv)
        check_answer(" ".join(argv), rc, out, err)
        return out


class Change(object):
    """One way from what is to what is wanted, for all services but the excluded ones."""

    action = None
    state = None
    advice = None

    def __init__(self, monit, host, exclude=(), timeout=600, permit=None):
        self.monit = monit
        self.host = host
        self.exclude = frozenset(exclude)
        self.timeout = timeout
        self.permit = permit or StopPermit("", None)
        self.began = self.deadline = None
        self.before = None
        self.accepted = {}  # name -> when monit accepted the action
        self.answered = None  # when the daemon last did

    def run(self, wait=True, check_mode=False):
        """Make it so, and return what a playbook sees of it. Raise NotReached when the time is over."""
        self.began = self.answered = self.host.now()
        self.deadline = self.began + self.timeout
        self.before = report = self.look()
        self._require_known(report)
        unreached = self.unreached(report)
        to_ask = [service for service in unreached if self.may_ask(service)]
        if check_mode:
            return self._result(report, [service.name for service in to_ask])
        for service in to_ask:
            self.ask(service.name)
            if service.has_process:
                self.pace()
        if to_ask or (wait and unreached):
            report = self._settle(wait)
        self.check_excluded(report)
        return self._result(report, self._acted(report))

    def look(self):
        """Return monit's Report. A daemon that is away for a moment is waited for."""
        while True:
            try:
                report = self.monit.status()
                self.answered = self.host.now()
                self.noticed(report)
                return report
            except MonitDown:
                if self.host.now() >= min(self.answered + DAEMON_RESTART, self.deadline):
                    raise
                self.host.sleep(SLOW_LOOK)

    def ask(self, name):
        """Ask monit for the action. If it refuses because of another one, or is away, it will be asked again."""
        try:
            self.act(name)
        except (ActionPending, MonitDown):
            return
        self.accepted[name] = self.host.now()

    def act(self, name):
        self.monit.act(self.action, name)

    def targets(self, report):
        return [service for service in report.services if service.name not in self.exclude]

    def unreached(self, report):
        return [service for service in self.targets(report) if not self.reached(service)]

    def state_of(self, service):
        return self.state if self.reached(service) else service.status

    # What a direction has to say.

    def reached(self, service):
        raise NotImplementedError

    def may_ask(self, service):
        raise NotImplementedError

    def noticed(self, report):
        """Learn from a fresh report."""

    def pace(self):
        """Let monit work between two commands."""

    def pause(self):
        """Wait until it is worth looking again."""

    def check_excluded(self, report):
        """Raise an error if an excluded service was drawn in."""

    def pids(self, service):
        return [service.pid] if service.pid else []

    # The common way.

    def _require_known(self, report):
        unknown = sorted(self.exclude.difference(report.names))
        if unknown:
            raise DirectorError(
                "Cannot exclude %s: monit knows no service of that name, only %s."
                % (", ".join(unknown), ", ".join(report.names)),
                unknown=unknown,
            )

    def _settle(self, wait):
        while True:
            report = self.look()
            unreached = self.unreached(report)
            if not wait:
                unreached = [service for service in unreached if not self._under_way(service)]
            if not unreached:
                return report
            if self.host.now() >= self.deadline:
                raise self._not_reached(unreached, self._acted(report))
            for service in unreached:
                if self._is_due(service):
                    self.ask(service.name)
            self.pause()

    def _under_way(self, service):
        return service.name in self.accepted or not self.may_ask(service)

    def _is_due(self, service):
        if not self.may_ask(service):
            return False
        accepted = self.accepted.get(service.name)
        return accepted is None or (service.pending is None and self.host.now() - accepted >= ASK_AGAIN)

    def _acted(self, report):
        return [name for name in report.names if name in self.accepted]

    def _not_reached(self, unreached, acted):
        facts = [
            dict(name=service.name, status=service.status, pending=service.pending, pids=self.pids(service))
            for service in unreached
        ]
        listed = "; ".join(
            service.describe() + (" (pid %s)" % ", ".join(map(str, fact["pids"])) if fact["pids"] else "")
            for service, fact in zip(unreached, facts)
        )
        return NotReached(
            "Not %s within %d s, in monit's words: %s. %s" % (self.state, self.timeout, listed, self.advice),
            unreached=facts,
            acted=acted,
            seconds=round(self.host.now() - self.began, 2),
        )

    def _result(self, report, acted):
        ended = self.host.now()
        before = dict((service.name, self.state_of(service)) for service in self.targets(self.before))
        return dict(
            changed=bool(acted),
            acted=acted,
            services=[service.facts() for service in report.services],
            began=self.began,
            ended=ended,
            seconds=round(ended - self.began, 2),
            diff=dict(before=before, after=dict(before, **dict.fromkeys(acted, self.state))),
        )


class Stop(Change):
    """Stopped means that monit watches no more and that the processes are gone: monit also gives up on living ones."""

    action = "stop"
    state = "stopped"
    advice = (
        "A process that is there after monit has given up on it has to be ended by hand, and its log below "
        "/var/vcap/sys/log may tell why. The playbook microbosh.director.checkup starts everything again."
    )

    def __init__(self, *args, **kwargs):
        super(Stop, self).__init__(*args, **kwargs)
        self._processes = {}  # name -> {pid: when it began}, so that a pid given to another process is not taken for it

    def run(self, wait=True, check_mode=False):
        self.host.require_sight()
        return super(Stop, self).run(wait, check_mode)

    def targets(self, report):
        return [service for service in super(Stop, self).targets(report) if service.has_process]

    def reached(self, service):
        return not service.monitored and service.pending in (None, "stop", "unmonitor") and not self.pids(service)

    def may_ask(self, service):
        return service.pending != self.action

    def act(self, name):
        self.permit.require()
        super(Stop, self).act(name)

    def pids(self, service):
        return sorted(pid for name, pid in self._living() if name == service.name)

    def noticed(self, report):
        targets = self.targets(report)
        for service in targets:
            if service.pid:
                self._remember(service.name, service.pid)
        by_normal_name = dict((service.name.replace("-", "_"), service.name) for service in targets if not service.pid)
        for path, pid in self.host.pidfiles():
            for name in services_of_pidfile(path).intersection(by_normal_name):
                self._remember(by_normal_name[name], pid)

    def pace(self):
        """One command for each process that has gone: it wakes monit just when there is something to see."""
        end = self.host.now() + STOP_PACE
        while self.host.now() < end:
            living = self._living()
            if not living or len(self._known()) - len(living) >= len(self.accepted):
                return
            self.host.sleep(PROCESS_LOOK)

    def pause(self):
        """Look again soon after a process has gone, and at once when all have."""
        living = self._living()
        end = self.host.now() + (SLOW_LOOK if living else QUICK_LOOK)
        while self.host.now() < end and self._living() == living:
            self.host.sleep(QUICK_LOOK)

    def check_excluded(self, report):
        was_monitored = [service.name for service in self.before.services if service.monitored]
        drawn_in = [
            service.name
            for service in report.services
            if service.name in self.exclude and service.name in was_monitored and not service.monitored
        ]
        if drawn_in:
            raise DirectorError(
                "monit has also stopped %s, which was excluded, because it depends on a service that was stopped. "
                "Exclude what it depends on as well." % ", ".join(drawn_in),
                drawn_in=drawn_in,
            )

    def _remember(self, name, pid):
        birth = self.host.birth(pid)
        if birth is not None:
            self._processes.setdefault(name, {}).setdefault(pid, birth)

    def _known(self):
        return [(name, pid, birth) for name, processes in self._processes.items() for pid, birth in processes.items()]

    def _living(self):
        return [(name, pid) for name, pid, birth in self._known() if self.host.birth(pid) == birth]


class Start(Change):
    """Started means that monit calls it running. It is up some seconds before, when monit is done with the start."""

    action = "start"
    state = "started"
    advice = "Look at the log of each below /var/vcap/sys/log; the playbook microbosh.director.checkup tries again."

    def __init__(self, *args, **kwargs):
        super(Start, self).__init__(*args, **kwargs)
        self.up_at = None
        self._look_after = QUICK_LOOK
        self._all_asked = None  # when it was the last resort

    def run(self, wait=True, check_mode=False):
        if not check_mode:
            self.permit.end()
        result = super(Start, self).run(wait, check_mode)
        if wait and not check_mode:
            result["up_at"] = self.up_at
        return result

    def reached(self, service):
        return service.running and service.pending is None

    def may_ask(self, service):
        return not service.started and service.pending != self.action

    def act(self, name):
        self.permit.require_start()
        try:
            super(Start, self).act(name)
        except SudoRefused:
            # A service that is newer than the setup of this host. It has to come back all the same.
            if self.exclude:
                raise
            self._act_on_all()

    def _act_on_all(self):
        now = self.host.now()
        if self._all_asked is None or now - self._all_asked >= ASK_AGAIN:
            self.monit.act(self.action, "all")
            self._all_asked = now

    def noticed(self, report):
        processes = [service for service in self.targets(report) if service.has_process]
        if self.up_at is None and all(service.started for service in processes):
            self.up_at = self.host.now()

    def pace(self):
        """The pidfile that monit waits for is there some tenths of a second later; the next command wakes it then."""
        if version_of(self.before.version) < WAKEFUL:
            self.host.sleep(START_PACE)

    def pause(self):
        """monit calls most of them running as soon as all are up, and the rest after its next cycle."""
        if self.up_at is None:
            self.host.sleep(START_PACE)
        else:
            self.host.sleep(self._look_after)
            self._look_after = min(2 * self._look_after, SLOW_LOOK)


def version_of(text):
    """Given ``5.27.2``, return ``(5, 27, 2)``."""
    return tuple(int(part) for part in text.split(".") if part.isdigit())


CHANGES = dict(stopped=Stop, started=Start)
