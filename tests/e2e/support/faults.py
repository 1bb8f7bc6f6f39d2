"""Faults in the middle of a backup, the points at which they happen, and the checks that hold after each."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import stat
import struct
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from watching import LOOK_SECONDS, SETTLE_SECONDS, STAGING, Watch, settle

LIMIT = 40  # microbosh_outage_limit of the runs that something happens to
START_SECONDS = 20  # what the services may take to come up after the lease has told them to, on a busy machine
CRON_SECONDS = 60  # how long cron may take to look after a host that was restarted
SMALL = {"blobs": 2, "tasks": 5, "database_mib": 1, "monit_timeout": 5}
CALLBACKS = Path(__file__).parent / "callback_plugins"
FAKETIME = {"FAKETIME_NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
HOST_CLOCK = "/etc/faketimerc"
HOST_PYTHON = "/etc/faketime"  # for PYTHONPATH
# Python sleeps until a monotonic time; the library changes that time, though it was told to leave that clock alone.
SITECUSTOMIZE = "import select, time; time.sleep = lambda seconds: select.select([], [], [], seconds)"
DUMP_ENDS = ("-- PostgreSQL database dump complete", "-- PostgreSQL database cluster dump complete")
SHUT_DOWN = 1  # of PostgreSQL's DBState: it was stopped in order when this was copied


class Running:
    """A run that something is about to happen to."""

    def __init__(self, director, scratch, environment=None, playbook="backup", arguments=(), **settings):
        self.director = director
        self.scratch = scratch
        self._starts = scratch / f"starts-{time.monotonic_ns()}"
        self._starts.touch()
        self.process = director.start(
            playbook,
            *arguments,
            environment={
                "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
                "ANSIBLE_CALLBACKS_ENABLED": "task_starts",
                "TASK_STARTS": str(self._starts),
                **(environment or {}),
            },
            **{"microbosh_outage_limit": LIMIT, "microbosh_keep": {"last": 4}, **settings},
        )
        self.output = ""

    def wait_for(self, task, after=0.0):
        """Return when this task is about to begin, or some seconds into it."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while task not in self._starts.read_text().splitlines():
            assert self.process.poll() is None, f"the run ended before '{task}' began:\n{self.wait()}"
            assert time.monotonic() < deadline, f"'{task}' has not begun"
            time.sleep(0.02)
        time.sleep(after)

    def ended(self):
        return self.process.poll() is not None

    def wait(self):
        """Return the output when the run has ended; a process that it left may still hold the pipe open."""
        try:
            self.process.wait(timeout=SETTLE_SECONDS)
        except subprocess.TimeoutExpired:
            kill_everything(self)
            raise
        os.set_blocking(self.process.stdout.fileno(), False)
        self.output += self.process.stdout.read() or ""
        return self.output

    def signal(self, number):
        """Send a signal as a terminal, a job scheduler or the kernel does: to the whole process group."""
        os.killpg(self.process.pid, number)


@dataclass
class Fault:
    """Something that goes wrong, and what ends it again."""

    name: str
    inject: callable
    mend: callable = lambda running: None
    prepare: callable = lambda director, scratch: {}
    settings: dict = field(default_factory=dict)
    mended_first: bool = False  # without that, nobody could start the services
    rebooted: bool = False  # the lease is gone, cron has to look
    within: int = 0  # seconds that the director may be away, if it is not the lease that brings it back


def send(number):
    return lambda running: running.signal(number)


def kill_everything(running):
    """Kill the run with its workers, rsync and ssh, as when the controller's plug is pulled."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listing.splitlines()]
    doomed = [running.process.pid]
    for pid in doomed:
        doomed += [child for child, parent in pairs if parent == pid]
    for pid in doomed:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def on_host(script):
    return lambda running: running.director.shell(script)


def cut(running):
    """Drop what comes and goes over the network; the container engine does not need it."""
    running.director.shell("iptables -I INPUT -p tcp --dport 22 -j DROP; iptables -I OUTPUT -p tcp --sport 22 -j DROP")


def rejoin(running):
    running.director.shell("iptables -F")


def for_seconds(seconds, begin, end):
    """Return what begins something and ends it after a while, whatever the run does."""

    def inject(running):
        begin(running)
        threading.Timer(seconds, end, [running]).start()

    return inject


def restart(running):
    running.director.host.restart(hard=True)


def controller_clock(director, scratch):
    """Return the environment in which the run's clock is what a file says; the library is that of the test host."""
    library = director.shell("ls /usr/lib/*/faketime/libfaketime.so.1").strip()
    copy = scratch / "libfaketime.so.1"
    director.host.engine.run("cp", f"{director.host.container}:{library}", copy)
    step_to(scratch, "+0")
    (scratch / "sitecustomize.py").write_text(SITECUSTOMIZE)
    paths = {"FAKETIME_TIMESTAMP_FILE": str(scratch / "clock"), "PYTHONPATH": str(scratch)}
    return {"LD_PRELOAD": str(copy), **paths, **FAKETIME}


def step_to(scratch, offset):
    (scratch / "clock").write_text(f"{offset}\n")


def step_controller(offset):
    return lambda running: step_to(running.scratch, offset)


def host_clock(director, scratch):
    """Let a file say what the time is for monit and for all that comes by ssh: the lease, too."""
    library = director.shell("ls /usr/lib/*/faketime/libfaketime.so.1").strip()
    pairs = {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": HOST_CLOCK, "PYTHONPATH": HOST_PYTHON, **FAKETIME}
    words = " ".join(f"{name}={value}" for name, value in pairs.items())
    director.shell(
        f"mkdir -p {HOST_PYTHON}; echo '{SITECUSTOMIZE}' >{HOST_PYTHON}/sitecustomize.py; "
        f"echo +0 >{HOST_CLOCK}; chmod 644 {HOST_CLOCK}; echo 'SetEnv {words}' >>/etc/ssh/sshd_config; "
        f"sed -i 's|^exec /var|exec env {words} /var|' /etc/sv/monit/run; sv -w 60 restart sshd monit"
    )
    settle(director)
    return {}


def step_host(offset):
    return on_host(f"echo {offset} >{HOST_CLOCK}")


def mend_host_clock(running):
    running.director.shell(
        f"rm -rf {HOST_CLOCK} {HOST_PYTHON}; sed -i '/^SetEnv /d' /etc/ssh/sshd_config; "
        "sed -i 's|^exec env .* /var/vcap/bosh/bin|exec /var/vcap/bosh/bin|' /etc/sv/monit/run; "
        "sv -w 60 restart sshd monit"
    )


def second_run(running):
    """Try a backup in the middle of the first run, which must not come to its end before that is refused."""
    running.signal(signal.SIGSTOP)
    try:
        second = running.director.backup()
    finally:
        running.signal(signal.SIGCONT)
    assert second.status != 0, second.output
    assert "is held by" in second, second.output


def fill_up(directory):
    """Leave no byte free on a small file system."""
    with contextlib.suppress(OSError), open(directory / "filler", "wb", buffering=0) as filler:
        while True:
            filler.write(bytes(65536))


KILLED = Fault("SIGKILL to ansible-playbook", send(signal.SIGKILL))
PULLED = Fault("SIGKILL to all of the controller's processes", kill_everything)
TERMINATED = Fault("SIGTERM to ansible-playbook", send(signal.SIGTERM))
INTERRUPTED = Fault("SIGINT to ansible-playbook", send(signal.SIGINT))
# To connect again is in vain: only how long it takes to give up depends on how long it is tried.
CUT = Fault("network cut for good", cut, rejoin, settings={"run_reconnect_seconds": 5})
# The run connects again and starts the director long before the lease would.
CUT_30 = Fault(
    "network cut for 30 s",
    for_seconds(30, cut, rejoin),
    rejoin,
    settings={"microbosh_outage_limit": 180},
    within=90,
)
SSHD_KILLED = Fault("sshd killed", on_host("pkill -KILL -x sshd"))
MONIT_KILLED = Fault("monit killed", on_host("pkill -KILL -x 'monit(-actual)?'"))
MONIT_AWAY = Fault(
    "monit's daemon stopped for 30 s",
    for_seconds(30, on_host("sv stop monit"), on_host("sv start monit")),
    on_host("sv start monit"),
    mended_first=True,
)
HOLDER_KILLED = Fault(
    "the lease's process killed",
    on_host("timeout 20 sh -c 'until pkill -KILL -x microbosh-lease; do :; done'"),
    rebooted=True,
)
RESTARTED = Fault("host restarted", restart, rebooted=True)
CONTROLLER_CLOCKS = [
    Fault(f"controller's clock stepped by {offset}", step_controller(offset), prepare=controller_clock)
    for offset in ("+1h", "-1h")
]
HOST_CLOCKS = [
    Fault(f"host's clock stepped by {offset}", step_host(offset), mend_host_clock, host_clock)
    for offset in ("+1h", "-1h")
]
SECOND_RUN = Fault("two runs at once", second_run, settings={"microbosh_outage_limit": 120})
POSTGRES_KILLED = Fault(
    "postgres killed during the dump",
    on_host("timeout 20 sh -c 'until pgrep -x pg_dump; do :; done; pkill -KILL -x postgres'"),
)
NO_STOP = Fault(
    "a service does not stop",
    on_host("touch /var/vcap/jobs/powerdns/no_stop"),
    on_host("rm -f /var/vcap/jobs/powerdns/no_stop"),
    settings={"microbosh_timeout": 15},
)
NO_START = Fault(
    "a service does not start",
    on_host("touch /var/vcap/jobs/powerdns/no_start"),
    on_host("rm -f /var/vcap/jobs/powerdns/no_start"),
    settings={"microbosh_timeout": 15},
    mended_first=True,
)

FILLER = "/var/vcap/store/filler"
HOST_FULL = Fault(
    "disk full on the host",
    on_host(f"dd if=/dev/zero of={FILLER} bs=1M 2>/dev/null; true"),
    on_host(f"rm -f {FILLER}"),
    settings={"microbosh_timeout": 15},  # PostgreSQL does not start without space
    mended_first=True,
)
CONTROLLER_FULL = Fault(
    "disk full on the controller",
    lambda running: fill_up(running.director.directory),
    lambda running: (running.director.directory / "filler").unlink(missing_ok=True),
    settings={"microbosh_outage_limit": 120},
    within=60,  # it is the run that starts the director
)


@dataclass
class Cell:
    """The result of one fault at one point."""

    fault: str
    point: str
    seconds: float
    down: float
    outcome: str
    output: str = field(repr=False, default="")
    next_run: str = field(repr=False, default="")


def suffer(director, scratch, fault, task, after=0.0):
    """Cause a fault in a backup at a point, check all that has to hold, and return the Cell."""
    with step("whole before"):
        settle(director)
        before = fingerprints(director)
        environment = fault.prepare(director, scratch)
        running = Running(director, scratch, environment, **fault.settings)
    try:
        with Watch(director) as watch:
            with step("until the point"):
                running.wait_for(task, after)
            moment = time.monotonic()
            with step("until the run ended"):
                fault.inject(running)
                output = running.wait()
            if fault.mended_first:
                fault.mend(running)
            with step("until it was whole again"):
                until_settled(watch, running)
    finally:
        fault.mend(running)
    with step("mended"):
        settle(director)
    made = set(director.ids) - set(before)
    check_backups(director, before, made, running.process.returncode, output)
    check_down(fault, watch, output)
    with step("next run"):
        next_run = check_next_run(director)
    name = f"{task}{f' + {after} s' if after else ''}"
    outcome = outcome_of(running.process.returncode, made)
    return Cell(fault.name, name, watch.seconds_after(moment), watch.seconds_down, outcome, output, next_run)


@contextlib.contextmanager
def step(name):
    """Print where the time of a cell goes; pytest shows it with -rP."""
    began = time.monotonic()
    yield
    print(f"{time.monotonic() - began:6.1f} s  {name}")


def until_settled(watch, running):
    """Wait until the director is whole and no lease is armed any more: whatever will still happen has happened."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while watch.state != "whole free":
        assert time.monotonic() < deadline, f"the director did not come back: {watch.state}\n{running.wait()}"
        time.sleep(LOOK_SECONDS)


def check_down(fault, watch, output):
    limit = fault.settings.get("microbosh_outage_limit", LIMIT)
    allowed = limit + START_SECONDS + (CRON_SECONDS if fault.rebooted else 0) + (30 if fault.mended_first else 0)
    allowed = fault.within or allowed
    assert watch.seconds_down <= allowed, f"down for {watch.seconds_down:.0f} s, allowed are {allowed}:\n{output}"


def check_backups(director, before, made, status, output):
    """No backup but a whole one, and those of before as they were."""
    after = fingerprints(director)
    kept = sorted(set(before) & set(after))
    assert sorted(before)[-2:] == kept[-2:], f"earlier backups are gone:\n{output}"
    for name in kept:
        assert after[name] == before[name], f"{name} was changed:\n{output}"
    for name in made:
        check_whole(director.backups / name)
    assert status != 0 or len(made) == 1, f"status 0, and published was {made}:\n{output}"


def check_next_run(director):
    """The next run needs nobody's help and leaves nothing behind; return what it says."""
    ids = director.ids
    run = director.backup(microbosh_keep={"last": 4})
    assert run.status == 0, run.output
    newest = director.ids[-1]
    assert newest not in ids, run.output
    check_whole(director.backups / newest)
    assert director.partials == []
    assert set(director.shell(f"find {STAGING} ! -type d -printf '%f\\n'").split()) <= {"lease-fired.last.json"}
    assert director.execute("pgrep", "-x", "microbosh-lease", check=False).stdout == ""
    return run.output


def check_whole(backup):
    """Every file as the manifest says, every dump to its end, PostgreSQL's files from a server that was stopped."""
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=backup, check=True)
    dumps = list((backup / "dbs").glob("*.sql"))
    assert dumps
    for dump in dumps:
        assert any(end in dump.read_text()[-400:] for end in DUMP_ENDS), f"{dump} is cut short"
    control = next((backup / "vcap/store").glob("postgres*/global/pg_control")).read_bytes()
    assert struct.unpack_from("=I", control, 16)[0] == SHUT_DOWN, f"{backup} has files of a running PostgreSQL"
    assert not (backup / ".work").exists()


def fingerprints(director):
    """Return the name and a digest of content and attributes of every published backup."""
    return {name: fingerprint(director.backups / name) for name in director.ids}


def fingerprint(backup):
    digest = hashlib.sha256()
    for path in sorted(backup.rglob("*")):
        found = path.lstat()
        digest.update(repr((str(path), found.st_mode, found.st_mtime_ns, found.st_size)).encode())
        if stat.S_ISREG(found.st_mode):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def outcome_of(status, made):
    if status == 0:
        return "whole backup"
    after = ", after a whole backup" if made else ""
    return (f"ended by signal {-status}" if status < 0 else f"failed with status {status}") + after


def table(cells):
    """Return the cells as a table in Markdown."""
    lines = [
        "| fault | point | seconds until the director was whole | seconds it was away | outcome |",
        "|---|---|---:|---:|---|",
    ]
    lines += [f"| {c.fault} | {c.point} | {c.seconds:.0f} | {c.down:.0f} | {c.outcome} |" for c in cells]
    return "\n".join(lines) + "\n"
