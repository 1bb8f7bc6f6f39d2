# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease of a director: one run at a time, and a director that comes back by itself."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import contextlib
import os
import random
import time

from ansible_collections.microbosh.director.plugins.module_utils._core._clock import seconds_since, uptime
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._lease._lease_director import Director
from ansible_collections.microbosh.director.plugins.module_utils._lease._lease_holder import (
    Holder,
    Switch,
    detach,
    run_command,
)
from ansible_collections.microbosh.director.plugins.module_utils._lease._lease_staging import (
    ANSWER_SECONDS,
    LeaseStaging,
    boot_id,
    receive,
    send,
    utc_now,
)

REFUSAL_SECONDS = 0.5
TAKEOVER_SECONDS = 900


class LeaseHeld(DirectorError):
    """Another run has the director."""


class LeaseLost(DirectorError):
    """The lease that the caller means is no longer there."""


def perform(params, check_mode):
    """Given the module's parameters, do what they ask for and return the facts."""
    began = uptime()
    if params["limit"] < 1:
        raise DirectorError("The limit of a lease is at least 1 second, not %d." % params["limit"])
    staging = LeaseStaging(params["staging"])
    lease = Lease(staging, Switch(staging, Director(run_command, params["monit"], params["manager"])))
    with explained(params["staging"]):
        facts = _preview(lease, params) if check_mode else _act(lease, params)
    return dict(facts, seconds=seconds_since(began))


def look(path):
    """Given the directory that a lease is in, return who has it and whether the last one fired; change nothing."""
    began = uptime()
    with explained(path):
        facts = Lease(LeaseStaging(path), None).check()
    return dict(facts, seconds=seconds_since(began))


def _act(lease, params):
    if params["state"] == "armed":
        return lease.arm(params["token"], params["limit"], params["on_deadline"], params.get("unmonitored"))
    if params["state"] == "disarmed":
        return lease.disarm(params["token"])
    if params["state"] == "released":
        return lease.release(params["token"])
    if params["token"]:
        return lease.renew(params["token"])
    return lease.hold(_wanted(params), params["takeover"])


def _preview(lease, params):
    facts = lease.check()
    if params["state"] == "held":
        lease.require_free(_wanted(params), params["takeover"])
    return dict(facts, changed=True)


def _wanted(params):
    return dict((name, params[name]) for name in ("holder", "purpose", "run", "limit", "controller"))


@contextlib.contextmanager
def explained(path):
    """Turn an error of the operating system into a DirectorError that names the path."""
    try:
        yield
    except EnvironmentError as error:
        raise DirectorError("The lease in %s cannot be used: %s (%s)." % (path, error.strerror, error.filename))


class Lease(object):
    """The lease as a run takes, renews, arms and releases it.

    ``staging`` is a LeaseStaging, ``switch`` a Switch, or None for who only looks. All of it can be asked again after
    an answer was lost on its way: the run gets the lease that it has, a new deadline, or the same news.
    """

    def __init__(self, staging, switch):
        self._staging = staging
        self._switch = switch

    def check(self):
        """Return who has the lease and whether the last one fired; change nothing."""
        self._staging.check()
        return self._facts(
            self._holding(), changed=False, previous_fired=self._staging.recorded(), left_armed=self._left_armed()
        )

    def hold(self, wanted, takeover=None):
        """Given its holder and purpose, take the lease and return it; raise LeaseHeld at once if another has it.

        ``takeover`` is the token of a lease whose run is known to be dead. That lease ends now,
        as it would have at its deadline: if it was armed, the director is started first.
        """
        self._staging.check()
        lock = self._lock_or_holding(wanted, takeover)
        if isinstance(lock, dict):
            return dict(self._facts(lock), changed=False, previous_fired=None, left_armed=None)
        self._staging.forget_start()
        left = self._settle(lock, wanted)
        previous = self._staging.report()
        lease = self._start_holder(lock, new_lease(wanted))
        return dict(self._facts(lease), changed=True, previous_fired=previous, left_armed=left)

    def require_free(self, wanted, takeover=None):
        """Raise LeaseHeld if the lease would be refused because another run has it; change nothing."""
        give_up = uptime() + REFUSAL_SECONDS
        while self._staging.is_locked():
            lease = self._status()
            if is_same_run(lease, wanted) or may_take_over(lease, takeover):
                return
            if lease or uptime() >= give_up:
                lease = lease or self._staging.signed()
                raise LeaseHeld(refusal(lease), reason="held", lease=public(lease))
            time.sleep(0.05)  # as when it is taken

    def renew(self, token):
        """Renew the lease, so that no other run takes it over."""
        self._staging.check()
        lease = self._ask_own({"do": "renew"}, token)
        return dict(self._facts(lease), changed=False, previous_fired=None, left_armed=None)

    def arm(self, token, limit, on_deadline, unmonitored=None):
        """Set what happens ``limit`` seconds from now, and return once the holder itself has said so."""
        self._staging.check()
        request = {"do": "arm", "limit": limit, "on_deadline": on_deadline, "unmonitored": unmonitored or []}
        lease = self._ask_own(request, token)
        if not lease["armed"] or lease["deadline"] <= uptime():
            raise LeaseLost("The lease could not be armed: its deadline has passed already. Stop nothing.")
        return dict(self._facts(lease), changed=True)

    def release(self, token):
        """End the lease and return whether it was held without a break until now."""
        self._staging.check()
        facts = self._relieve("release", token)
        return dict(facts, **dict(self._facts(None), lease=facts["lease"]))

    def disarm(self, token):
        """Keep the lease without its deadline, and return whether it was held without a break until now."""
        self._staging.check()
        return self._relieve("disarm", token)

    def _relieve(self, request, token):
        try:
            lease = self._ask_own({"do": request}, token)
        except LeaseLost:
            self._forget_telling(token)
            record = self._staging.recorded(token)
            return dict(self._facts(None), changed=False, intact=False, fired=bool(record), record=record)
        return dict(self._facts(lease), changed=True, intact=True, fired=False, record=None)

    def _forget_telling(self, token):
        """Forget a lease of the run itself that only told, when its holder died: there is nothing more to tell of.

        A lease that starts the director stays, so that the next run does that.
        """
        left = self._left_armed()
        if left and left["on_deadline"] == "tell" and left.get("token") == token:
            self._staging.unmark()

    def _lock_or_holding(self, wanted, takeover):
        """Return the lock's descriptor, or the lease when this very run has it already."""
        give_up = uptime() + REFUSAL_SECONDS
        while True:
            lock = self._staging.lock()
            if lock is not None:
                return lock
            lease = self._status()
            if lease is None and uptime() < give_up:
                time.sleep(0.05)  # the holder has only just begun, or is about to be gone
            elif is_same_run(lease, wanted):
                return self._ask_own({"do": "renew"}, lease["token"])
            elif may_take_over(lease, takeover):
                self._expire(lease)
            else:
                lease = lease or self._staging.signed()
                raise LeaseHeld(refusal(lease), reason="held", lease=public(lease))

    def _settle(self, lock, wanted):
        """Carry out a lease whose holder died while it was armed; return it if that is not allowed."""
        left = self._staging.marked()
        if left and left["on_deadline"] == "start":
            self._staging.sign(lock, dict(new_lease(wanted), firing=True, pid=os.getpid()))
            self._switch.fire(left, "its holder died or the host was restarted")
            return None
        return left

    def _start_holder(self, lock, lease):
        self._staging.sign(lock, lease)
        server = self._staging.listen()
        holder = Holder(self._staging, lease, lock, server, self._switch)
        detach(holder.serve, keep=(lock, server.fileno()))
        os.close(lock)
        server.close()
        try:
            return self._ask_own({"do": "renew"}, lease["token"])
        except LeaseLost as error:
            raise DirectorError("The process that holds the lease could not be started, see the host's log: %s" % error)

    def _holding(self):
        """Return the lease that somebody has, {} if the holder has not said whose, None if it is free."""
        lease = self._status()
        if lease is None and self._staging.is_locked():
            return self._staging.signed()
        return lease

    def _left_armed(self):
        return None if self._staging.is_locked() else self._staging.marked()

    def _status(self):
        try:
            return self._ask({"do": "status"}, REFUSAL_SECONDS)
        except EnvironmentError:
            return None  # it hangs; the lock file says whose it is

    def _expire(self, lease):
        lasting = TAKEOVER_SECONDS if lease["armed"] else ANSWER_SECONDS
        try:
            self._ask({"do": "expire", "token": lease["token"]}, ANSWER_SECONDS, lasting)
        except EnvironmentError as error:
            raise LeaseHeld(
                "The lease of %s, whose run is dead, did not end within %d s: %s." % (lease["holder"], lasting, error),
                reason="held",
                lease=public(lease),
            )

    def _ask_own(self, request, token):
        """Ask something of the lease that ``token`` stands for; raise LeaseLost if it is not there."""
        try:
            reply = self._ask(dict(request, token=token), ANSWER_SECONDS)
        except EnvironmentError as error:
            reply = {"error": "its holder does not answer within %d s (%s)" % (ANSWER_SECONDS, error)}
        if reply is None:
            reply = {"error": self._fate(token)}
        if not reply or "error" in reply:
            raise LeaseLost(
                "The lease of this run is lost: %s. Stop nothing, or start the director if it is stopped; "
                "what was copied since must not be published." % reply.get("error", "its holder died"),
                reason="lost",
                record=self._staging.recorded(token),
            )
        return reply

    def _fate(self, token):
        record = self._staging.recorded(token)
        if record is None:
            return "its holder is not running any more"
        return "it fired at %s, %s" % (record["fired_at"], record["reason"])

    def _ask(self, request, seconds, lasting=None):
        """Return the holder's reply, None if nobody listens. Waits for its end if it ends by this request."""
        connection = self._staging.connect(seconds)
        if connection is None:
            return None
        try:
            send(connection, request)
            reply = receive(connection)
            if request["do"] in ("release", "expire") and "error" not in reply:
                connection.settimeout(lasting or seconds)
                connection.recv(1)
        finally:
            connection.close()
        return reply

    @staticmethod
    def _facts(lease, **more):
        held = lease is not None
        lease = lease or {}
        facts = {
            "held": held,
            "lease": public(lease) if held else None,
            "token": lease.get("token"),
            "held_since": lease.get("since"),
            "armed": bool(lease.get("armed")),
            "deadline": lease.get("deadline"),
            "boot_id": boot_id(),
        }
        return dict(facts, **more)


def new_lease(wanted):
    """Given its holder and purpose, return an unarmed lease that begins now."""
    now = uptime()
    return dict(
        wanted,
        token="%032x" % random.SystemRandom().getrandbits(128),
        address=(os.environ.get("SSH_CONNECTION") or "").partition(" ")[0],
        boot_id=boot_id(),
        since=utc_now(),
        held_at=now,
        renewed_at=now,
        armed=False,
        deadline=None,
        on_deadline=None,
    )


def is_same_run(lease, wanted):
    """Return whether a lease is what this run asked for before, when it did not get the answer."""
    return bool(lease and wanted["controller"]) and all(
        lease.get(name) == wanted[name] for name in ("controller", "run", "purpose")
    )


def may_take_over(lease, takeover):
    """Return whether a lease may be ended for a new run.

    Its run is known to be dead, or nothing was stopped under it and it has not given a sign of
    life for as long as it said it would.
    """
    if not lease:
        return False
    if lease["token"] == takeover:
        return True
    return not lease["armed"] and uptime() - lease["renewed_at"] > lease["limit"]


def public(lease):
    """Return the lease with the seconds that a person asks for."""
    if not lease:
        return lease
    now = uptime()
    deadline = lease.get("deadline")
    return dict(
        lease,
        seconds_held=round(now - lease["held_at"], 2),
        seconds_left=None if deadline is None else round(deadline - now, 2),
    )


def refusal(lease):
    """Given the lease of another run, return what the one that is refused is told."""
    if not lease:
        return "Another process has just taken the lease of this director and has not said whose it is. Try again."
    held = public(lease)
    return "The director is held by %s%s for %s since %s (%d s ago): %s." % (
        lease["holder"],
        " from %s" % lease["address"] if lease["address"] else "",
        " ".join(part for part in (lease["purpose"], lease["run"]) if part),
        lease["since"],
        held["seconds_held"],
        _prospect(lease, held),
    )


def _prospect(lease, held):
    if lease.get("firing"):
        return "its deadline has passed, and the director is being started; wait for that"
    if lease["armed"]:
        return "wait for it to end, in %d s at the latest" % max(held["seconds_left"], 0)
    return "wait for it to end; if its controller is dead, another one may take over in %d s" % max(
        lease["limit"] - (uptime() - lease["renewed_at"]), 0
    )
