# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses the output of monit 5.2.4 to 5.35.

Pure: text in, values out, or a typed error.

* 5.2 to 5.7 print ``Process 'nats'     running - stop pending``; 5.8 to 5.14 the same with capitals and
  ``Status ok``; later ones a table that cuts long names and statuses, with or without a frame.
* ``monit status`` has every name and status in full, and the pids, in all of them.
* The exit status says nothing: 5.2 answers 0 and prints nothing when its daemon is down. Only a header
  followed by services is an answer.
"""

from __future__ import absolute_import, division, print_function

import re
from collections import namedtuple

from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError

__metaclass__ = type

_HEADER = re.compile(r"^(?:The Monit daemon|Monit) (\d\S*) uptime: ", re.MULTILINE)
_TYPES = r"Filesystem|Directory|File|Process|Remote Host|System|Fifo|Program|Network"
_NAMED = re.compile(r"^(%s) '([^']+)'(.*)$" % _TYPES)
_FIELD = re.compile(r"^  (status|pid) {2,}(.*\S)\s*$")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_FRAME = re.compile(r"[^\x20-\x7e]|\|")  # some versions draw lines around the table
_TABLE_ROW = re.compile(r"^\s*(\S+(?: \S+)*)\s{2,}(\S+(?: \S+)*)\s{2,}(%s)\s*$" % _TYPES)
_PENDING = re.compile(r"^(.*?) - (\w+)(?: pending|(?: p?[endig]*)?\.\.\.)$")

# "All is well" in the words of all types and versions. Everything else that is not among the next two is an error.
_WELL = frozenset(("running", "accessible", "online with all services", "status ok", "up", "ok"))
_NOT_MONITORED = "not monitored"
_INITIALIZING = frozenset(("initializing", "waiting"))

_DOWN = re.compile(
    r"daemon is not running|connect(?:ing)? to the monit daemon|Connection refused|no status available", re.IGNORECASE
)
_BUSY = re.compile(r"Other action already in progress", re.IGNORECASE)
_UNKNOWN = re.compile(r"There is no service", re.IGNORECASE)
_NOT_ROOT = re.compile(r"control file .* (?:must be owned by you|is not readable)", re.IGNORECASE)


class MonitError(DirectorError):
    """monit did not do what it was asked."""


class MonitDown(MonitError):
    """The monit daemon does not answer."""


class MonitUnreadable(MonitError):
    """monit answered with something that is not an answer."""


class ActionPending(MonitError):
    """monit refuses an action because another one is pending; it will accept it later."""


class UnknownService(MonitError):
    """monit knows no service of that name."""


class Service(namedtuple("Service", "name type status pending pid lives")):
    """One service as monit sees it: its status in monit's words, without the action that is pending.

    ``lives`` tells whether its process is there, None if nobody has looked or it cannot be seen. An alarm is not a
    dead process: monit has a dozen words of complaint about processes that work.
    """

    __slots__ = ()

    @property
    def monitored(self):
        return self.status.lower() != _NOT_MONITORED

    @property
    def well(self):
        """Return whether monit reports no problem."""
        return self.status.lower() in _WELL

    @property
    def initializing(self):
        """Return whether monit has not looked since it was told to watch the service."""
        return self.status.lower() in _INITIALIZING

    @property
    def running(self):
        """Return whether the service lives and will stay alive: one with a pending stop or restart is not running."""
        lives = self.well if self.lives is None else self.lives
        return lives and self.pending in (None, "start", "monitor")

    @property
    def started(self):
        """Return whether monit has done a start; it reports initializing until its next cycle."""
        return self.pending is None and (self.running or (self.initializing and self.lives is not False))

    @property
    def alarm(self):
        """Return monit's complaint about what lives, or about a check of something else; None if it has none."""
        complains = self.monitored and not self.initializing and not self.well
        return self.status if complains and (self.lives or not self.has_process) else None

    @property
    def has_process(self):
        return self.type == "Process"

    def describe(self):
        """Return name, status and pending action as a person would write them."""
        pending = " - %s pending" % self.pending if self.pending else ""
        return "%s: %s%s" % (self.name, self.status, pending)

    def facts(self):
        """Return what a playbook sees of it."""
        return dict(
            name=self.name,
            type=self.type,
            status=self.status,
            running=self.running,
            lives=self.lives,
            pid=self.pid,
            alarm=self.alarm,
            monitored=self.monitored,
            pending=self.pending,
        )


class Report(namedtuple("Report", "version services cut")):
    """All services at one moment. ``cut`` tells that monit shortened a name or a status to fit its table."""

    __slots__ = ()

    @property
    def names(self):
        return [service.name for service in self.services]

    @property
    def processes(self):
        return [service for service in self.services if service.has_process]

    @property
    def running(self):
        return [service.name for service in self.services if service.running]

    @property
    def not_running(self):
        return self.amiss()

    @property
    def all_running(self):
        return not self.not_running

    @property
    def alarms(self):
        return [dict(name=s.name, type=s.type, alarm=s.alarm) for s in self.services if s.alarm]

    @property
    def unmonitored(self):
        """Return the names of services that monit was told not to watch; a dead process is none of them."""
        return [s.name for s in self.services if not s.monitored and (s.lives or not s.has_process)]

    def amiss(self, required=()):
        """Return the names of the processes that do not run, and of what is required and not well."""
        return [
            service.name
            for service in self.services
            if (service.has_process and not service.running)
            or (service.name in required and not (service.well and service.running))
        ]

    def facts(self, required=()):
        """Return what a playbook sees of it."""
        amiss = self.amiss(required)
        return dict(
            version=self.version,
            services=[service.facts() for service in self.services],
            running=self.running,
            not_running=amiss,
            all_running=not amiss,
            processes=len(self.processes),
            processes_running=len([service for service in self.processes if service.running]),
            alarms=self.alarms,
            unmonitored=self.unmonitored,
            unseen=[s.name for s in self.processes if s.lives is None and not s.running],
        )


def parse_summary(text):
    """Given what ``monit summary`` printed, return a Report; raise MonitUnreadable if it is none."""
    version, lines = _split_header(text)
    rows = [row for row in map(_parse_row, lines) if row]
    cut = any(part.endswith("...") for row in rows for part in row[:2])
    services = [_service(name, kind, status, None) for name, status, kind in rows]
    return Report(version, _whole(services, text), cut)


def parse_status(text):
    """Given what ``monit status`` printed, return a Report; raise MonitUnreadable if it is none."""
    version, lines = _split_header(text)
    services = []
    kind, name, fields = None, None, {}
    for line in lines + [None]:
        named = _NAMED.match(line) if line else None
        if named or line is None:
            if name is not None:
                services.append(_service_of_block(kind, name, fields))
            if named:
                kind, name, fields = named.group(1), named.group(2), {}
            continue
        field = _FIELD.match(line)
        if field:
            # The first one counts: the output of a Program, further down, may hold anything.
            fields.setdefault(field.group(1), field.group(2))
    return Report(version, _whole(services, text), False)


def check_answer(command, rc, out, err):
    """Given how a monit command ended, raise the error that its words or, for want of words, its status mean."""
    said = " ".join((err.strip() or out.strip()).split())
    if _DOWN.search(err):
        raise MonitDown(
            "The monit daemon of this director does not answer ('%s' says: %s). Start it, then run this again."
            % (command, said)
        )
    if _NOT_ROOT.search(err):
        raise MonitError(
            "monit was not run as root ('%s' says: %s). Run the playbook microbosh.director.setup for this host."
            % (command, said)
        )
    if rc:
        if _BUSY.search(err):
            raise ActionPending("monit refuses '%s', because another action is pending." % command)
        if _UNKNOWN.search(err):
            raise UnknownService("monit refuses '%s': it knows no service of that name." % command)
        raise MonitError("'%s' failed with exit status %d: %s" % (command, rc, said or "it gave no reason"))


def _split_header(text):
    text = _COLOUR.sub("", text)
    header = _HEADER.search(text)
    if not header:
        raise MonitUnreadable(
            "monit gave no report: expected a first line such as 'The Monit daemon 5.2.5 uptime: 10m', got %s. "
            "Look at it by hand with 'sudo monit summary' on the director." % _excerpt(text)
        )
    return header.group(1), text[header.end() :].splitlines()[1:]


def _whole(services, text):
    if not services:
        raise MonitUnreadable("monit's report names no service, a director has a dozen: got %s." % _excerpt(text))
    return services


def _excerpt(text):
    text = text.strip()
    return repr(str(text[:200])) if text else "nothing"


def _parse_row(line):
    """Given a line below the header, return (name, status, type), or None if it is no service."""
    named = _NAMED.match(line)
    if named:
        return named.group(2), named.group(3).strip(), named.group(1)
    row = _TABLE_ROW.match(_FRAME.sub(" ", line))
    return row.groups() if row else None


def _service_of_block(kind, name, fields):
    if "status" not in fields:
        raise MonitUnreadable("monit's report on %s '%s' has no status." % (kind, name))
    pid = fields.get("pid", "")
    return _service(name, kind, fields["status"], int(pid) if pid.isdigit() and int(pid) > 0 else None)


def _service(name, kind, status, pid):
    pending = _PENDING.match(status)
    if not pending:
        return Service(name, kind, status, None, pid, None)
    return Service(name, kind, pending.group(1), pending.group(2), pid, None)
