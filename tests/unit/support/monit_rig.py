# SPDX-License-Identifier: GPL-3.0-or-later
"""Replays monit's recorded output, second by second, on hosts whose clock takes no time."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from ansible_collections.microbosh.director.plugins.module_utils._core._host import ProcessesHidden
from places import UNIT

PROGRAM = "/usr/local/sbin/microbosh-processes"
TRANSCRIPTS = UNIT / "transcripts"
VERSIONS = ("5.2.5", "5.27.2", "5.33.0")
MONIT = "/var/vcap/bosh/bin/monit"
PROCESSES = [
    *("worker_3", "worker_2", "worker_1", "redis", "powerdns", "postgres", "nats", "health_monitor"),
    *("director_scheduler", "director_nginx", "director", "blobstore_nginx"),
]
BUSY = "monit: action failed -- Other action already in progress -- please try again later\n"


@dataclass
class Exchange:
    """One command of a transcript and its answer."""

    at: float | None
    command: str
    note: str
    rc: int
    out: str
    err: str

    @property
    def answer(self):
        return self.rc, self.out, self.err


def transcript(version):
    """Every exchange of one version, in order."""
    text = (TRANSCRIPTS / f"monit-{version}.txt").read_text(encoding="utf-8")
    heading = re.compile(r"^=== (?:\+([\d.]+)s )?\$ (monit[^(\n]*?)(?: \((.*)\))?$", re.MULTILINE)
    headings = list(heading.finditer(text))
    exchanges = []
    for this, following in zip(headings, [*headings[1:], None], strict=True):
        body = text[this.end() + 1 : following.start() if following else len(text)]
        rc, rest = re.match(r"exit status: (\d+)\n--- stdout\n(.*)", body, re.DOTALL).groups()
        out, err = re.split(r"^--- stderr\n", rest, maxsplit=1, flags=re.MULTILINE)
        at = float(this[1]) if this[1] else None
        exchanges.append(Exchange(at, this[2], this[3] or "", int(rc), out, err.split("process still alive")[0]))
    return exchanges


def exchange(version, command, note=""):
    """The first exchange with this command, under this note."""
    return next(e for e in transcript(version) if e.command == command and e.note.startswith(note))


def timeline(version, command):
    """The summaries that follow the first such action, as pairs of seconds and text."""
    exchanges = transcript(version)
    begin = next(i for i, e in enumerate(exchanges) if e.command == command and e.at == 0)
    summaries = []
    for e in exchanges[begin + 1 :]:
        if e.command != "monit summary" or e.at is None or (summaries and e.at < summaries[-1][0]):
            break
        summaries.append((e.at, e.out))
    return summaries


def status_text(version, rows):
    """Return what ``monit status`` prints for rows (type, name, status, pid), as in the transcripts."""
    old = version.startswith("5.2.")
    width = 33 if old else 28
    lines = [f"The Monit daemon {version} uptime: 10m \n" if old else f"Monit {version} uptime: 3m\n"]
    for kind, name, status, pid in rows:
        lines.append(f"{kind} '{name}'")
        fields = [("status", status)] + ([("pid", pid), ("parent pid", 1), ("uptime", "5m")] if pid else [])
        lines += [f"  {key:{width}} {value}" for key, value in fields] + [""]
    return "\n".join(lines) + "\n"


@dataclass
class FakeHost:
    """A clock that moves when someone sleeps, and processes that end at their time."""

    clock: float = 1000.0
    births: dict = field(default_factory=dict)
    deaths: dict = field(default_factory=dict)
    pidfile_list: list = field(default_factory=list)
    slept: list = field(default_factory=list)
    stale: list = field(default_factory=list)
    world: object = None  # what goes on whether or not someone looks
    hidden: bool = False  # whether this user sees only processes of its own

    def now(self):
        return self.clock

    def sleep(self, seconds):
        assert 0 < seconds <= 0.5, "nothing here sleeps for long"
        self.slept.append(seconds)
        self.clock = round(self.clock + seconds, 4)

    def birth(self, pid):
        if self.world:
            self.world()
        if self.hidden:
            return None
        return None if self.deaths.get(pid, self.clock + 1) <= self.clock else self.births.get(pid)

    def age(self, pid):
        birth = self.birth(pid)
        return None if birth is None else self.clock - birth / 100

    def pidfiles(self):
        return list(self.pidfile_list)

    def is_somebody_elses(self, pidfile, pid):
        return (pidfile, pid) in self.stale

    def require_sight(self):
        if self.hidden:
            raise ProcessesHidden("hidepid")


class FakeMonit:
    """Takes the place of run_command: knows the exact lines that sudo allows, and costs 20 ms each."""

    def __init__(self, host, version):
        self.host, self.version = host, version
        self.asked = []
        self.records = None  # {service: record} where the program for the pid files is installed

    def __call__(self, argv):
        if argv == ["sudo", "-n", PROGRAM]:
            if self.records is None:
                return 1, "", "sudo: a password is required\n"
            self.host.clock = round(self.host.clock + 0.02, 4)
            found = self.records() if callable(self.records) else self.records
            return 0, json.dumps({"version": 1, "processes": [dict(r, service=n) for n, r in found.items()]}), ""
        assert argv[:3] == ["sudo", "-n", MONIT], argv
        self.host.clock = round(self.host.clock + 0.02, 4)
        if argv[3:] == ["status"]:
            return 0, self.status(), ""
        action, name = argv[3:]
        assert action in ("start", "stop", "monitor", "unmonitor")
        self.asked.append((action, name))
        return self.act(action, name)


class ReplayedMonit(FakeMonit):
    """Lives through a timeline of a transcript, which begins with the first action."""

    def __init__(self, host, version, command):
        super().__init__(host, version)
        self.summaries = timeline(version, command)
        self.began = None
        self.stopping = command.startswith("monit stop")
        self.before = ("running" if version == "5.2.5" else "OK") if self.stopping else "not monitored"
        self.pids = dict(zip(PROCESSES, range(2000, 2100), strict=False))
        host.births = dict.fromkeys(self.pids.values(), 5)

    def act(self, action, name):
        if self.began is None:
            self.began = self.host.clock
            if self.stopping:
                self.plan_deaths()
        return 0, "", ""

    def plan_deaths(self):
        for at, text in reversed(self.summaries):
            for _kind, name, status in summary_rows(text):
                if name in self.pids and status.lower().startswith("not monitored"):
                    self.host.deaths[self.pids[name]] = self.began + at

    def status(self):
        return status_text(self.version, list(self.rows()))

    def rows(self):
        elapsed = self.host.clock - self.began if self.began else 0
        text = next((text for at, text in reversed(self.summaries) if at <= elapsed), self.summaries[0][1])
        for kind, name, status in summary_rows(text):
            status = status if self.began else self.before
            pid = None if status.lower().startswith("not monitored") else self.pids.get(name)
            yield kind, name, status, pid


def summary_rows(text):
    """Rows of a summary as (type, name, status in full), read in another way than the collection does."""
    for line in text.splitlines()[1:]:
        if "'" in line:
            kind, name, status = line.split("'")
            yield kind.strip(), name, status.strip()
        elif line.strip() and not line.startswith(" Service Name"):
            name, status, kind = line[1:34].strip(), line[34:62].strip(), line[62:].strip()
            yield kind, name, status.replace(" - start p...", " - start pending")


@dataclass
class FakeService:
    pid: int | None
    monitored: bool = True
    pending: str | None = None
    due: float = 0.0
    initializing_until: float = 0.0


class SerialMonit(FakeMonit):
    """Works through actions one by one, as monit does.

    ``refuses`` a second action while one is pending, as 5.2 does; ``stubborn`` services survive their stop,
    ``broken`` ones do not start.
    """

    def __init__(self, host, names, version="5.2.5", seconds=0.5, refuses=True, stubborn=(), broken=()):
        super().__init__(host, version)
        self.seconds, self.refuses, self.stubborn, self.broken = seconds, refuses, stubborn, broken
        self.services = {name: FakeService(pid) for pid, name in enumerate(names, 2000)}
        self.kinds = {}
        self.dependents = {}
        self.words = {}  # what monit says of a service instead of that it is running
        self.next_pid = 3000
        self.free_at = 0.0
        host.births.update({service.pid: 7 for service in self.services.values()})
        host.world = self.progress

    def act(self, action, name):
        self.progress()
        if name == "all":
            answers = [SerialMonit.act(self, action, each) for each in self.services]
            return max(rc for rc, _, _ in answers), "", "".join(err for _, _, err in answers)
        if name not in self.services:
            return 1, "", "monit: action failed -- There is no service by that name\n"
        service = self.services[name]
        if service.pending and self.refuses:
            return 1, "", BUSY
        service.pending = action
        self.free_at = service.due = max(self.free_at, self.host.clock) + self.seconds
        return 0, "", ""

    def progress(self):
        for name, service in self.services.items():
            if service.pending and service.due <= self.host.clock:
                getattr(self, service.pending)(name, service)
                service.pending = None

    def stop(self, name, service):
        if not service.monitored:
            return  # monit 5.33 says "stop action done", and the process lives on
        service.monitored = False
        if name not in self.stubborn and service.pid:
            self.host.births.pop(service.pid, None)
            service.pid = None
        for dependent in self.dependents.get(name, ()):
            self.stop(dependent, self.services[dependent])

    def start(self, name, service):
        if name in self.broken:
            return
        service.monitored = True
        service.initializing_until = self.host.clock + 3
        if not service.pid:
            self.next_pid += 1
            service.pid = self.next_pid
            self.host.births[service.pid] = 9

    def monitor(self, name, service):
        service.monitored = True

    def unmonitor(self, name, service):
        service.monitored = False

    def seen_by_root(self):
        """Return the answer of the program for the pid files."""
        return {
            name: {"pid": service.pid, "ticks": self.host.birth(service.pid), "alive": service.pid is not None}
            for name, service in self.services.items()
            if self.kinds.get(name, "Process") == "Process"
        }

    def status(self):
        self.progress()
        rows = []
        for name, service in self.services.items():
            status = self.words.get(name, "running") if service.monitored else "not monitored"
            if service.monitored and service.initializing_until > self.host.clock:
                status = "initializing"
            kind = self.kinds.get(name, "Process")
            shown = service.pid if service.monitored and kind == "Process" and status != "initializing" else None
            rows.append((kind, name, status + (f" - {service.pending} pending" if service.pending else ""), shown))
        return status_text(self.version, rows)
