# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops and starts the services of a director, and knows when that is done.

monit works through its actions one by one. While it waits for a process, 5.2 looks once a second, unless another
command wakes it. So one ``stop NAME`` after the other, each as soon as the process before it has gone, is done in a
quarter of the time that ``stop all`` takes; and so it is with ``start``.
"""

from __future__ import absolute_import, division, print_function

from ansible_collections.microbosh.director.plugins.module_utils._core._arguments import MONIT_PROGRAM
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._host import ProcessesHidden
from ansible_collections.microbosh.director.plugins.module_utils._core._sudo import (
    CommandMissing,
    SudoRefused,
    run_as_root,
)
from ansible_collections.microbosh.director.plugins.module_utils._services._monit import (
    ActionPending,
    MonitDown,
    MonitError,
    UnknownService,
    check_answer,
    parse_status,
    parse_summary,
)
from ansible_collections.microbosh.director.plugins.module_utils._services._permit import NullPermit
from ansible_collections.microbosh.director.plugins.module_utils._services._processes import (
    PROGRAM,
    judge,
    parse_records,
    postgres_services,
    strangers,
)

__metaclass__ = type

# All in seconds.
PROCESS_LOOK = 0.05  # between two looks at /proc, which cost next to nothing
QUICK_LOOK = 0.1  # between two looks at monit when the answer is due
SLOW_LOOK = 0.5  # between two looks at monit when it is not
STOP_PACE = 1.0  # at most, between two stops
START_PACE = 0.2  # between two starts, and between two looks at monit until everything is up
ASK_AGAIN = 5.0  # after monit has accepted an action, ended it, and the service is still not there
RECORDS_LAST = 1.0  # for so long what root has read in the pid files is not asked again
STEADY = 2.0  # a process that has lived for so long is no longer taken for one that dies right after its start
CYCLES = 25.0  # within two cycles of monit, which are 10 s each on a director, it has looked at everything
WATCHES = 20  # how often monit is asked to watch a process again that it has to stop
UNMONITORS = 2  # how often a service is taken out of monit's sight again: monit may see it again with what needs it
PATIENCE = 60.0  # for what was down before, since the last one came up: twice as long as monit waits for a process
DAEMON_RESTART = 45.0  # how long the monit daemon may be away, as when the agent reloads it or somebody restarts it

# The first of the versions that do not sleep while they wait for a process.
WAKEFUL = (5, 26)


class NotReached(DirectorError):
    """The time is over and some services are not as wanted."""


class Monit(object):
    """The monit command line of this host."""

    def __init__(self, run_command, path=MONIT_PROGRAM):
        self._run_command = run_command
        self._path = path
        self._sees_pidfiles = True  # until it is known that this host was set up before there was a program for it

    def processes(self):
        """Return {service: record} of what root reads in the pid files, None where setup is older than that."""
        if not self._sees_pidfiles:
            return None
        try:
            rc, out, _err = run_as_root(self._run_command, [PROGRAM])
        except (SudoRefused, CommandMissing):
            rc, out = 1, ""
        records = None if rc else parse_records(out)
        self._sees_pidfiles = records is not None
        return records

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
    """The change of all services but the excluded ones to a wanted state."""

    action = None
    state = None
    advice = None

    def __init__(self, monit, host, exclude=(), timeout=600, permit=None, unmonitored=(), down_before=()):
        self.monit = monit
        self.host = host
        self.exclude = frozenset(exclude)
        self.unmonitored = frozenset(unmonitored)
        self.down_before = frozenset(down_before)
        self.timeout = timeout
        self.permit = permit or NullPermit()
        self.began = self.deadline = None
        self.before = None
        self.accepted = {}  # name -> when monit accepted the action
        self.refused = {}  # name -> the error with which the last one was refused
        self.answered = None  # when the daemon last did
        self._seen = {}  # name -> since when it is seen as wanted, without a break
        self._records = None
        self._recorded = None  # when they were read

    def run(self, wait=True, check_mode=False):
        """Make the change, and return its facts. Raise NotReached when the time is over."""
        self.began = self.answered = self.host.now()
        self.deadline = self.began + self.timeout
        self.before = report = self.look()
        self._require_known(report)
        unreached = self.unreached(report)
        to_ask = [service for service in unreached if self.may_ask(service)]
        if check_mode:
            return self._result(report, [service.name for service in to_ask])
        for service in self.in_turn(to_ask):
            self.ask(service)
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
                report = judge(report, self.host, self.records(report))
                self.noticed(report)
                return report
            except MonitDown:
                if self.host.now() >= min(self.answered + DAEMON_RESTART, self.deadline):
                    raise
                self.host.sleep(SLOW_LOOK)

    def records(self, report):
        """Return what root has read in the pid files, fresh where monit does not tell the pids itself."""
        never = self._recorded is None
        unknown = any(service.has_process and not service.pid for service in report.services)
        if never or (unknown and self.host.now() - self._recorded >= RECORDS_LAST):
            self.read_records()
        return self._records

    def read_records(self):
        self._records = self.monit.processes()
        self._recorded = self.host.now()

    def ask(self, service):
        """Ask monit for the action. If it refuses because of another one, or is away, it will be asked again."""
        try:
            self.act(service.name)
        except (ActionPending, MonitDown):
            return
        self.accepted[service.name] = self.host.now()

    def act(self, name):
        self.monit.act(self.action, name)

    def targets(self, report):
        return [service for service in report.services if service.name not in self.exclude]

    def unreached(self, report):
        return [service for service in self.targets(report) if not self.reached(service)]

    def state_of(self, service):
        return self.state if self.reached(service) else service.status

    # Defined by Stop and Start.

    def reached(self, service):
        raise NotImplementedError

    def may_ask(self, service):
        raise NotImplementedError

    def noticed(self, report):
        """Note what a fresh report shows."""

    def saw(self, name, as_wanted):
        """Note that a service is as wanted, or not: for how long it took each."""
        if as_wanted:
            self._seen.setdefault(name, self.host.now())
        else:
            self._seen.pop(name, None)

    def took(self):
        """Return the services that are as wanted with the seconds until they were, the quickest first."""
        seen = sorted((round(when - self.began, 2), name) for name, when in self._seen.items())
        return [dict(name=name, seconds=seconds) for seconds, name in seen]

    def in_turn(self, services):
        """Return services in the order in which they are asked for."""
        return services

    def pace(self):
        """Wait while monit works between two commands."""

    def pause(self):
        """Wait until it is worth looking again."""

    def check_excluded(self, report):
        """Raise an error if an excluded service was drawn in."""

    def check_refused(self, unreached):
        """Raise an error if asking again cannot help."""

    def is_enough(self, unreached):
        """Return whether the services that are not as wanted are waited for no longer."""
        return not unreached

    def is_bearable(self, service):
        """Return whether a service that is not quite as wanted is no failure when the time is over."""
        return False

    def pids(self, service):
        return [service.pid] if service.pid else []

    def findings(self, report):
        """Return the facts that only this kind of change reports."""
        return {}

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
            if self.is_enough(unreached):
                return report
            if self.host.now() >= self.deadline:
                unreached = [service for service in unreached if not self.is_bearable(service)]
                if not unreached:
                    return report
                raise self._not_reached(unreached, self._acted(report))
            self.check_refused(unreached)
            for service in self.in_turn(unreached):
                if self._is_due(service):
                    self.ask(service)
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
            service.describe()
            + (" (pid %s)" % ", ".join(map(str, fact["pids"])) if fact["pids"] else "")
            + (" (%s)" % self.refused[service.name] if service.name in self.refused else "")
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
            alarms=report.alarms,
            unmonitored=report.unmonitored,
            began=self.began,
            ended=ended,
            seconds=round(ended - self.began, 2),
            took=self.took(),
            diff=dict(before=before, after=dict(before, **dict.fromkeys(acted, self.state))),
            **self.findings(report)
        )


class Stop(Change):
    """Stops services: one is stopped when monit does not watch it and its process is gone."""

    action = "stop"
    state = "stopped"
    advice = (
        "A process that is there after monit has given up on it has to be ended by hand, and its log below "
        "/var/vcap/sys/log may tell why. The playbook microbosh.director.checkup starts everything again."
    )

    def __init__(self, *args, **kwargs):
        super(Stop, self).__init__(*args, **kwargs)
        self._processes = {}  # name -> {pid: when it began}, so that a pid given to another process is not taken for it
        self._strangers = set()  # pids that pid files name, and that somebody else has by now
        self._watch_asked = {}  # name -> how often monit was asked to watch it, so that it can be stopped
        self._proved = False  # whether the pid files were read after all had gone
        self.unwatched = []  # what is excluded, and what monit has ceased to watch meanwhile though it lives
        self._spared = {}  # name -> (pid, when it began) of what is excluded, as monit saw it last

    def run(self, wait=True, check_mode=False):
        self.host.require_sight()
        result = super(Stop, self).run(wait, check_mode)
        unmonitored = [name for name in self.before.unmonitored if name not in self.exclude]
        return dict(result, unmonitored=unmonitored)

    def records(self, report):
        """Return what was read first: from then on it is known which processes have to go."""
        if self._recorded is None:
            self.read_records()
        return self._records

    def unreached(self, report):
        """Return what is not stopped; when nothing seems to be left, the pid files have the last word."""
        unreached = super(Stop, self).unreached(report)
        if not unreached and self.accepted and not self._proved:
            self._proved = True
            self.read_records()
            self.noticed(judge(report, self.host, self._records))
            unreached = super(Stop, self).unreached(report)
        return unreached

    def targets(self, report):
        return [service for service in super(Stop, self).targets(report) if service.has_process]

    def reached(self, service):
        return not service.monitored and service.pending in (None, "stop", "unmonitor") and not self.pids(service)

    def may_ask(self, service):
        return service.pending != self.action

    def ask(self, service):
        """Ask for the stop. monit ends no process that it does not watch, so it is told to watch that first."""
        found = [s.name for s in self.before.processes if s.lives and not s.monitored]
        asked = self._watch_asked.get(service.name, 0)
        if service.monitored or service.name not in found or asked >= WATCHES:
            super(Stop, self).ask(service)
            return
        self._watch_asked[service.name] = asked + 1
        self.permit.require()
        try:
            self._watch(service.name)
        except (ActionPending, MonitDown):
            return

    def _watch(self, name):
        try:
            self.monit.act("monitor", name)
        except SudoRefused:
            self.monit.act("start", name)  # which an older setup allows, and which starts nothing that lives

    def act(self, name):
        self.permit.require()
        super(Stop, self).act(name)

    def pids(self, service):
        return sorted(pid for name, pid in self._living() if name == service.name)

    def noticed(self, report):
        self._strangers.update(strangers(self.host, self._records))
        for service in self.targets(report):
            if service.pid:
                self._remember(service.name, service.pid)
        for service in report.services:
            if service.pid and service.name in self.exclude:
                self._spared[service.name] = (service.pid, self.host.birth(service.pid))
        self._watch_the_living([service.name for service in self.targets(report)])

    def _watch_the_living(self, names):
        """Note which processes have ended, and return those that live."""
        living = self._living()
        there = set(name for name, dummy in living)
        for name in names:
            self.saw(name, name not in there)
        return living

    def pace(self):
        """Send one command for each process that has ended: it wakes monit when there is a change to see."""
        end = self.host.now() + STOP_PACE
        while self.host.now() < end:
            living = self._watch_the_living(self._processes)
            if not living or len(self._known()) - len(living) >= len(self.accepted):
                return
            self.host.sleep(PROCESS_LOOK)

    def pause(self):
        """Look again soon after a process has gone, and at once when all have."""
        living = self._living()
        end = self.host.now() + (SLOW_LOOK if living else QUICK_LOOK)
        while self.host.now() < end and self._watch_the_living(self._processes) == living:
            self.host.sleep(QUICK_LOOK)

    def check_excluded(self, report):
        """Raise an error if monit stopped an excluded service; one that it only stopped watching is noted."""
        was_monitored = [service.name for service in self.before.services if service.monitored]
        unwatched = [s.name for s in report.services if s.name in was_monitored and not s.monitored]
        unwatched = [name for name in unwatched if name in self.exclude]
        self.unwatched = self._alive(report, unwatched) if unwatched else []
        drawn_in = [name for name in unwatched if name not in self.unwatched]
        if drawn_in:
            raise DirectorError(
                "monit has also stopped %s, which was excluded, because it depends on a service that was stopped. "
                "Exclude what it depends on as well." % ", ".join(drawn_in),
                drawn_in=drawn_in,
            )

    def findings(self, report):
        return dict(unwatched=self.unwatched)

    def _alive(self, report, names):
        self.read_records()
        fresh = judge(report, self.host, self._records)
        return [s.name for s in fresh.services if s.name in names and (s.lives or self._is_spared(s.name))]

    def _is_spared(self, name):
        pid, birth = self._spared.get(name, (None, None))
        return birth is not None and self.host.birth(pid) == birth

    def _remember(self, name, pid):
        birth = self.host.birth(pid)
        if birth is not None:
            self._processes.setdefault(name, {}).setdefault(pid, birth)

    def _known(self):
        return [(name, pid, birth) for name, processes in self._processes.items() for pid, birth in processes.items()]

    def _living(self):
        return [
            (name, pid)
            for name, pid, birth in self._known()
            if pid not in self._strangers and self.host.birth(pid) == birth
        ]


class Start(Change):
    """Starts services: one is started when its process lives, has lived for a moment, and nothing is pending.

    Anything else that monit reports is an alarm, reported at the end. ``unmonitored`` names what is left out of monit's
    sight, or taken out of it again once it lives: so it was found. ``down_before`` names what did not run before it was
    stopped: it is asked for like the others, but after them, and that it stays down is told and is no failure.
    """

    action = "start"
    state = "started"
    advice = "Look at the log of each below /var/vcap/sys/log; the playbook microbosh.director.checkup tries again."

    def __init__(self, *args, **kwargs):
        super(Start, self).__init__(*args, **kwargs)
        self.up_at = None
        self._look_after = QUICK_LOOK
        self._all_asked = None  # when it was the last resort
        self._checks = frozenset()  # names of what is no process
        self._waited = {}  # (name, pid) -> since when monit has only words left to change
        self._unmonitor_asked = {}  # name -> (how often, when)
        self._tries = {}  # name -> how often monit was asked for its start
        self._left = None  # names of what was down before and is all that is left, while that is so
        self._left_since = None

    def run(self, wait=True, check_mode=False):
        if not check_mode:
            self.permit.end()
        hidden = self._hidden()
        result = super(Start, self).run(wait and not hidden, check_mode)
        if hidden and wait:
            raise hidden  # all was asked for: what cannot be seen must not stay down
        result["not_stopped"] = [s.name for s in self.before.processes if s.monitored or s.lives]
        if wait and not check_mode:
            result["up_at"] = self.up_at
        return result

    def reached(self, service):
        if service.pending:
            return False
        if not service.has_process:
            return self._check_reached(service)
        if not self._is_up(service):
            return False
        if service.name in self.unmonitored:
            return not service.monitored or not self._may_unmonitor(service)
        return service.well or bool(service.alarm and not _says_dead(service)) or self._has_waited(service)

    def _check_reached(self, service):
        """Return whether monit watches a check that is no process again; its complaints are only reported."""
        refused = isinstance(self.refused.get(service.name), SudoRefused)
        if refused or service.name in self.unmonitored or service.well or service.alarm:
            return True
        asked = service.monitored or service.name in self.accepted or service.name in self.refused
        return asked and self._has_waited(service)

    def may_ask(self, service):
        if service.pending == self.action:
            return False
        if service.name in self.unmonitored and (service.lives or not service.has_process):
            return service.has_process and self._is_unmonitor_due(service)
        if not service.has_process:
            return not service.monitored
        return not service.monitored or not (service.started or service.running)

    def ask(self, service):
        """Ask for the start, or for monit to unwatch; a refused service does not keep the others down."""
        unmonitors = service.name in self.unmonitored and service.has_process and service.lives
        try:
            if unmonitors:
                self._unmonitor(service.name)
            else:
                super(Start, self).ask(service)
                self._tries[service.name] = self._tries.get(service.name, 0) + 1
            self.refused.pop(service.name, None)
        except (MonitError, SudoRefused) as error:
            self.refused[service.name] = error

    def act(self, name):
        self.permit.require_start()
        try:
            super(Start, self).act(name)
        except SudoRefused:
            # A service that is newer than the setup of this host. It has to come back all the same.
            if self.exclude or name in self._checks:
                raise
            self._act_on_all()

    def check_refused(self, unreached):
        """End when all others are up and sudo will refuse what is left for ever."""
        needed = [service for service in unreached if service.name not in self.down_before]
        if needed and all(self._is_forbidden(service) for service in needed):
            raise self.refused[needed[0].name]

    def is_bearable(self, service):
        return not service.has_process or self._is_up(service) or service.name in self.down_before

    def in_turn(self, services):
        """Return services that were down before last: while monit waits for a process, it starts no other."""
        return sorted(services, key=lambda service: service.name in self.down_before)

    def is_enough(self, unreached):
        """Return whether only services that were down before are left, and have had their time."""
        left = frozenset(service.name for service in unreached)
        if not left:
            return True
        if left - self.down_before:
            self._left = None
            return False
        if self._left is None or self._left - left or any(self._is_first_try(service) for service in unreached):
            self._left_since = self.host.now()
        self._left = left
        patient = self.host.now() - self._left_since < PATIENCE
        return not patient or all(self._is_forbidden(service) for service in unreached)

    def _is_first_try(self, service):
        """Tell whether monit still waits for the process, for as long as its job says: a database may take minutes."""
        return service.pending == self.action and self._tries.get(service.name, 0) <= 1

    def _is_forbidden(self, service):
        return isinstance(self.refused.get(service.name), SudoRefused)

    def _hidden(self):
        """Return the error for a host on which live processes cannot be seen, None if they can."""
        try:
            self.host.require_sight()
        except ProcessesHidden as error:
            return error

    def findings(self, report):
        """Return what was down before and is down still, and in what way."""
        down = [s for s in report.processes if s.name in self.down_before and (not s.running or s.pending)]
        why = [_reason(s) + (" (%s)" % self.refused[s.name] if s.name in self.refused else "") for s in down]
        return dict(still_down=[service.name for service in down], reasons=why)

    def _unmonitor(self, name):
        asked = self._unmonitor_asked.get(name, (0, 0))[0]
        self.permit.require_start()
        try:
            self.monit.act("unmonitor", name)
        except (ActionPending, MonitDown):
            return
        self._unmonitor_asked[name] = (asked + 1, self.host.now())

    def _may_unmonitor(self, service):
        """Return whether monit may still be asked to unwatch a service: it is asked a few times."""
        asked, when = self._unmonitor_asked.get(service.name, (0, 0))
        return service.name not in self.refused and (asked < UNMONITORS or self.host.now() - when < ASK_AGAIN)

    def _is_unmonitor_due(self, service):
        asked, when = self._unmonitor_asked.get(service.name, (0, 0))
        due = asked == 0 or (asked < UNMONITORS and self.host.now() - when >= ASK_AGAIN)
        return service.monitored and due and service.name not in self.refused

    def _is_up(self, service):
        return service.running and not service.pending and not self._is_young(service)

    def _is_young(self, service):
        age = self.host.age(service.pid) if service.pid else None
        return age is not None and age < STEADY

    def _has_waited(self, service):
        """Return whether monit has had the time to look at a process that lives, or at a check."""
        since = self._waited.setdefault((service.name, service.pid), self.host.now())
        return self.host.now() - since >= CYCLES

    def _act_on_all(self):
        now = self.host.now()
        if self._all_asked is None or now - self._all_asked >= ASK_AGAIN:
            self.monit.act(self.action, "all")
            self._all_asked = now

    def noticed(self, report):
        self._checks = frozenset(service.name for service in report.services if not service.has_process)
        needed = [s for s in self.targets(report) if s.has_process and s.name not in self.down_before]
        for service in self.targets(report):
            if service.has_process:
                self.saw(service.name, service.started)
        if not all(service.started for service in needed):
            self.up_at = None  # one that was there has died
        elif self.up_at is None:
            self.up_at = self.host.now()

    def pace(self):
        """Wait some tenths of a second for the pid file that monit waits for; the next command wakes monit then."""
        if monit_version(self.before.version) < WAKEFUL:
            self.host.sleep(START_PACE)

    def pause(self):
        """Wait for monit, which reports most services as running when all are up, and the rest a cycle later."""
        if self.up_at is None:
            self.host.sleep(START_PACE)
        else:
            self.host.sleep(self._look_after)
            self._look_after = min(2 * self._look_after, SLOW_LOOK)


def _says_dead(service):
    """Return whether monit's word is that of a process that is not there, as its last cycle saw it."""
    return service.status.lower() in ("does not exist", "process is not running")


def look(monit, host, seconds=0, required=()):
    """Return the facts of the services; one that is about to change is waited for until the time is over."""
    host.require_sight()
    deadline = host.now() + seconds
    while True:
        records = monit.processes()
        report = judge(monit.status(), host, records)
        if host.now() >= deadline or not any(_in_motion(service) for service in report.services):
            break
        host.sleep(SLOW_LOOK)
    unknown = sorted(set(required).difference(report.names))
    if unknown:
        raise DirectorError(
            "monit knows no %s, which microbosh_required_checks names, only %s."
            % (", ".join(unknown), ", ".join(report.names)),
            unknown=unknown,
        )
    facts = report.facts(required)
    facts.update(unseen=facts["unseen"] if records is None else [], postgres=postgres_services(records))
    return dict(facts, reasons=[_reason(s) for s in report.services if s.name in facts["not_running"]])


def _reason(service):
    """Return in words in what way a service does not run."""
    pending = " with a %s pending" % service.pending if service.pending else ""
    gone = ", but its process is gone or somebody else's" if service.well and service.lives is False else ""
    return "%s is '%s'%s%s" % (service.name, service.status, pending, gone)


def _in_motion(service):
    """Return whether monit is at work on a service, or has not looked at it since it changed."""
    return bool(service.pending) or service.initializing or (service.well and service.lives is False)


def monit_version(text):
    """Given ``5.27.2``, return ``(5, 27, 2)``."""
    return tuple(int(part) for part in text.split(".") if part.isdigit())


CHANGES = dict(stopped=Stop, started=Start)
