# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that holds the lease, and starts the director if the lease is not released in time.

It outlives the task that started it, the ssh session and Ansible's temporary files: all that it
needs is imported before it is forked off. A signal that ends it frees the lock, as the kernel
does it; ``lease-armed`` then stays, and whoever comes next acts on it: the next run, or root's
``microbosh-comeback`` after a reboot.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import os
import select
import signal
import subprocess
import syslog
import time

from ansible_collections.microbosh.director.plugins.module_utils._core._clock import uptime
from ansible_collections.microbosh.director.plugins.module_utils._lease._lease_staging import (
    boot_id,
    receive,
    send,
    utc_now,
)

FIRST_PAUSE = 1
LONGEST_PAUSE = 30
GIVE_UP_SECONDS = 3600
COMMAND_SECONDS = 120
UNARMED_SECONDS = 24 * 3600  # nobody has asked for the lease and nobody has renewed it: its run is long gone
CLIENT_SECONDS = 2


def detach(serve, keep):
    """Run ``serve`` in a process that shares nothing with this one but the descriptors in ``keep``."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        os.setsid()
        if os.fork() == 0:  # not the leader of its session: it can never get a terminal
            _isolate(keep)
            serve()
    except Exception as error:  # there is nobody left to raise it to
        say("ends for an error: %s" % error)
    finally:
        os._exit(0)


def _isolate(keep):
    os.chdir("/")
    os.umask(0o077)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in keep:
            _close(int(name))
    with open("/proc/self/comm", "w") as comm:
        comm.write("microbosh-lease")


def _close(descriptor):
    try:
        os.close(descriptor)
    except EnvironmentError as error:
        if error.errno != errno.EBADF:  # the descriptor that listed the directory
            raise


def say(message):
    """Write a line to the host's syslog."""
    syslog.openlog("microbosh-lease", syslog.LOG_PID, syslog.LOG_DAEMON)
    syslog.syslog(syslog.LOG_WARNING, message)


def run_command(argv, seconds=COMMAND_SECONDS):
    """Given an argument list, return (exit status, output, errors), or 124 when it takes too long."""
    try:
        command = _Command(argv)
    except EnvironmentError as error:
        return 127, "", "%s: %s" % (argv[0], error.strerror)
    return command.answer(seconds)


class _Command(subprocess.Popen):
    """A command that is left behind when it hangs: it runs as root, and cannot be killed."""

    def __init__(self, argv):
        with open(os.devnull) as nothing:
            super(_Command, self).__init__(
                argv,
                stdin=nothing,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                close_fds=True,
                env=dict(os.environ, LANG="C", LC_ALL="C"),
            )

    def answer(self, seconds):
        """Return (exit status, output, errors); 124 is the status of one that takes too long."""
        said = {self.stdout: b"", self.stderr: b""}
        ended = _read_until(said, uptime() + seconds)
        out, err = _native(said[self.stdout]), _native(said[self.stderr])
        self.stdout.close()
        self.stderr.close()
        return (self.wait(), out, err) if ended else (124, "", "no answer within %d s" % seconds)


def _native(data):
    return data if isinstance(data, str) else data.decode("utf-8", "replace")


def _read_until(said, deadline):
    """Read streams to their ends into a mapping; return whether that was before the deadline."""
    streams = list(said)
    while streams:
        ready = _select(streams, deadline - uptime())
        if not ready and uptime() >= deadline:
            return False
        for stream in ready:
            part = os.read(stream.fileno(), 65536)
            said[stream] += part
            if not part:
                streams.remove(stream)
    return True


def _select(streams, seconds):
    """Return the streams that can be read, waiting for one of them; Python 2 lets a signal end the wait."""
    try:
        return select.select(streams, [], [], max(seconds, 0))[0]
    except select.error as error:
        if error.args[0] != errno.EINTR:
            raise
        return []


class Switch(object):
    """The dead man's switch: brings the director back, or only tells, and writes down that it did."""

    def __init__(self, staging, director, pause=time.sleep, give_up=GIVE_UP_SECONDS):
        self._staging = staging
        self._director = director
        self._pause = pause
        self._give_up = give_up

    def fire(self, lease, reason):
        """Given the armed lease and why its time is over, return the record of what was done.

        The record is there before the first service is started: whoever asks for the lease from
        now on learns that it is lost. A disk that is full must not keep the director down.
        """
        record = {
            "token": lease.get("token"),
            "run": lease.get("run"),
            "purpose": lease.get("purpose"),
            "holder": lease.get("holder"),
            "on_deadline": lease["on_deadline"],
            "reason": reason,
            "fired_at": utc_now(),
            "boot_id": boot_id(),
            "whole": None,
        }
        self._record(record)
        if lease["on_deadline"] == "start":
            self._restore(record, lease.get("unmonitored") or [])
            self._finish(record, lease)
        say(self._summary(record))
        self._staging.unmark()
        return record

    def _restore(self, record, unmonitored):
        give_up = uptime() + self._give_up
        pause = FIRST_PAUSE
        record.update(whole=False, attempts=0)
        while not record["whole"]:
            record["attempts"] += 1
            try:
                if "restarted" not in record:
                    record["restarted"] = self._director.not_running()
                self._director.start(unmonitored)
                record.update(whole=True, error="")
            except Exception as error:  # whatever it is: try again, the director has to come up
                record["error"] = str(error)
                say("attempt %d to start the director: %s" % (record["attempts"], error))
                if uptime() >= give_up:
                    return
                self._pause(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _finish(self, record, lease):
        record["ended_at"] = utc_now()
        if lease.get("boot_id") == record["boot_id"]:
            record["seconds_down"] = round(uptime() - lease["armed_at"], 2)
        self._record(record)

    def _record(self, record):
        try:
            self._staging.record(record)
        except EnvironmentError as error:
            say("cannot write the record: %s" % error)

    @staticmethod
    def _summary(record):
        if record["on_deadline"] == "tell":
            outcome = "nothing is started, as the data may be half written"
        elif record["whole"]:
            outcome = "the services are running"
        else:
            outcome = "gave up: %s" % record["error"]
        return "the lease of %s (%s %s) fired, %s: %s" % (
            record["holder"],
            record["purpose"],
            record["run"],
            record["reason"],
            outcome,
        )


class Holder(object):
    """Answers for the lease until it is released or its time is over."""

    def __init__(self, staging, lease, lock, server, switch):
        self._staging = staging
        self._lease = lease
        self._lock = lock
        self._server = server
        self._switch = switch
        self._ended = None
        self._last_client = None
        self._requests = {
            "status": self._status,
            "renew": self._renew,
            "arm": self._arm,
            "disarm": self._disarm,
            "release": self._release,
            "expire": self._expire,
        }

    def serve(self):
        """Wait for requests, at no cost, until the end of the lease."""
        self._lease["pid"] = os.getpid()
        self._sign()
        while not self._ended:
            remaining = self._lasts_until() - uptime()
            if remaining <= 0:
                self._end("nobody released it before its deadline")
            elif _select([self._server], remaining):
                self._answer()

    def _lasts_until(self):
        if self._lease["armed"]:
            return self._lease["deadline"]
        return self._lease["renewed_at"] + UNARMED_SECONDS

    def _answer(self):
        try:
            client = self._server.accept()[0]
            client.settimeout(CLIENT_SECONDS)
            send(client, self._reply(receive(client)))
        except EnvironmentError as error:
            say("a client went away: %s" % error)
        if self._ended:
            self._last_client = client  # stays open until this process is gone: that is what it waits for
        if self._ended == "expired":
            self._end("a new run found that the run that held it is dead")

    def _reply(self, request):
        act = self._requests.get(request.get("do"))
        if act is None:
            return {"error": "unknown request"}
        if act != self._status and request.get("token") != self._lease["token"]:
            return {"error": "the token is not that of the lease, which %s holds" % self._lease["holder"]}
        try:
            act(request)
        except EnvironmentError as error:
            return {"error": "%s: %s" % (error.strerror, error.filename or self._staging.path)}
        except (KeyError, TypeError) as error:
            return {"error": "the request is not whole: %s" % error}
        return dict(self._lease, now=uptime())

    def _status(self, request):
        """Do nothing: every reply tells the lease's state."""

    def _renew(self, request):
        self._lease["renewed_at"] = uptime()

    def _arm(self, request):
        now = uptime()
        armed = dict(
            self._lease,
            armed=True,
            armed_at=now,
            renewed_at=now,
            deadline=round(now + request["limit"], 2),
            on_deadline=request["on_deadline"],
            unmonitored=request.get("unmonitored", []),
        )
        self._staging.mark(armed)
        self._lease = armed
        self._sign()

    def _disarm(self, request):
        self._staging.unmark()
        self._lease.update(armed=False, deadline=None, on_deadline=None, renewed_at=uptime())
        self._sign()

    def _release(self, request):
        self._staging.unmark()
        self._withdraw()
        self._ended = "released"

    def _expire(self, request):
        self._ended = "expired"

    def _end(self, reason):
        """End the lease at its deadline; the lock is kept until the director is back."""
        self._server.close()
        self._staging.stop_listening()
        if self._lease["armed"]:
            self._lease["firing"] = True
            self._sign()
            self._switch.fire(self._lease, reason)
        self._withdraw()
        self._ended = "ended"

    def _sign(self):
        try:
            self._staging.sign(self._lock, self._lease)
        except EnvironmentError as error:
            say("cannot write into the lock file: %s" % error)

    def _withdraw(self):
        self._staging.stop_listening()
        self._staging.unlock()
