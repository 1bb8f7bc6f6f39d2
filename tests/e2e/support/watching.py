"""Looks at a director from its own host, whatever becomes of the network, the controller and the run."""

from __future__ import annotations

import re
import subprocess
import threading
import time

LOOK_SECONDS = 0.5
SETTLE_SECONDS = 240
STAGING = "/var/vcap/store/microbosh-backup"
MARKER = "/var/vcap/store/microbosh-restore/marker.json"
# A director is whole when every service that monit knows has its process, monit says OK, and the agent runs.
LOOK = f"""
marker() {{ sed -n 's/.*"phase": *"\\([a-z_]*\\)".*/phase \\1/p' {MARKER} 2>/dev/null; }}
look() {{
    marker
    /var/vcap/bosh/bin/monit summary
    # Those of bpm lie one level deeper, and end without a newline.
    for file in /var/vcap/sys/run/*/*.pid /var/vcap/sys/run/bpm/*/*.pid; do
        pid=$(cat "$file") && kill -0 "$pid" && echo "pid $file"
    done 2>/dev/null
    sv status agent
    [ ! -e {STAGING}/lease-armed ] || echo armed
    marker
}}
"""
# One process looks again and again, until its standard input ends: to start one for each look costs more than the look.
LOOK_ON = f"""{LOOK}
while :; do
    look
    echo end
    read -r -t {LOOK_SECONDS} dummy
    [ $? -gt 128 ] || exit 0
done
"""


class Watch:
    """Looks at a director by way of the container engine until it is told to end."""

    def __init__(self, director):
        self._director = director
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.first_down = self.last_down = None
        self.state = "not looked at"
        self.seen_running = {}

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *dummy):
        self._done.set()
        self._thread.join()

    @property
    def seconds_down(self):
        return self.last_down - self.first_down if self.last_down else 0.0

    def seconds_after(self, moment):
        """Return the seconds from that moment until the director was whole for good."""
        return max(self.last_down - moment, 0.0) if self.last_down else 0.0

    def _watch(self):
        while not self._done.is_set():
            self._look_on()
            if not self._done.wait(LOOK_SECONDS):
                self._note("out of sight", time.monotonic())

    def _look_on(self):
        """Look until the end, or until the host is restarted."""
        host = self._director.host
        command = [host.engine.program, "exec", "--interactive", host.container, "bash", "-c", LOOK_ON]
        process = subprocess.Popen(
            command, env=host.engine.environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        with process:
            began, lines = time.monotonic(), []
            for line in process.stdout:
                if line != "end\n":
                    lines.append(line)
                    continue
                self._understand("".join(lines), began)
                began, lines = time.monotonic(), []
                if self._done.is_set():
                    break
            process.stdin.close()

    def _understand(self, seen, began):
        self._note(understood(seen), began)
        phases = re.findall(r"^phase (\w+)$", seen, re.MULTILINE)
        # The phase was the same before and after the look, so it was this one during it.
        if len(phases) == 2 and phases[0] == phases[1]:
            running = re.findall(r"^pid \S+/(\S+)\.pid$", seen, re.MULTILINE)
            self.seen_running.setdefault(phases[0], set()).update(running)

    def _note(self, state, began):
        self.state = state
        if not state.startswith("whole"):
            self.first_down = self.first_down or began
            self.last_down = time.monotonic()


def look(director):
    """Return "whole" or what is not, and whether a lease is armed."""
    return understood(director.execute("bash", "-c", f"{LOOK}look", check=False).stdout)


def understood(seen):
    """Given what a look saw, return what it means."""
    rows = re.findall(r"^ *\S+ +(.+?) +(Process|System) *$", seen, re.MULTILINE)
    processes = sum(kind == "Process" for _status, kind in rows)
    alive = seen.count("pid /")
    lease = "armed" if "armed" in seen.splitlines() else "free"
    if processes and alive >= processes and {status for status, _kind in rows} == {"OK"} and "run: agent" in seen:
        return f"whole {lease}"
    return f"{alive} of {processes} processes {lease}"


def settle(director):
    """Wait until the director is whole."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while not (seen := look(director)).startswith("whole"):
        assert time.monotonic() < deadline, f"the director is not whole: {seen}"
        time.sleep(LOOK_SECONDS)
