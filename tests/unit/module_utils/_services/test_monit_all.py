# SPDX-License-Identifier: GPL-3.0-or-later
"""monit_all: timelines of real monits, and the cases that a timeline does not have, without waiting for anything."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._host import ProcessesHidden
from ansible_collections.microbosh.director.plugins.module_utils._core._sudo import SudoRefused
from ansible_collections.microbosh.director.plugins.module_utils._lease import _lease_director
from ansible_collections.microbosh.director.plugins.module_utils._services import _monit, _services
from ansible_collections.microbosh.director.plugins.module_utils._services._services import (
    Monit,
    NotReached,
    Start,
    Stop,
)
from monit_rig import BUSY, PROCESSES, VERSIONS, FakeHost, ReplayedMonit, SerialMonit, exchange, timeline

NAMES = ["director", "nats", "postgres", "system_mb1"]


@pytest.fixture
def host():
    return FakeHost()


def serial(host, names=NAMES, **options):
    run_command = SerialMonit(host, names, **options)
    run_command.kinds["system_mb1"] = "System"
    return run_command


def change(kind, run_command, host, **options):
    return kind(Monit(run_command), host, **options)


# Timelines.


@pytest.mark.parametrize(("version", "last"), [("5.2.5", 11.14), ("5.27.2", 2.92), ("5.33.0", 2.81)])
def test_stop_all_of_every_version(host, version, last):
    """It ends just after the last process has, and not when monit has worked off what is pending."""
    run_command = ReplayedMonit(host, version, "monit stop all")
    result = change(Stop, run_command, host).run()
    assert {name for action, name in run_command.asked if action == "stop"} == set(PROCESSES)
    assert result["acted"] == [s["name"] for s in result["services"] if s["type"] == "Process"]
    assert result["changed"]
    assert last <= host.clock - run_command.began <= last + 0.35
    assert result["seconds"] == pytest.approx(result["ended"] - result["began"], abs=0.01)
    assert all(host.birth(pid) is None for pid in run_command.pids.values())


@pytest.mark.parametrize(("version", "up"), [("5.2.5", 12.17), ("5.27.2", 2.76), ("5.33.0", 2.67)])
def test_start_all_of_every_version(host, version, up):
    run_command = ReplayedMonit(host, version, "monit start all")
    result = change(Start, run_command, host).run()
    assert len(run_command.asked) == 13
    assert len(result["acted"]) == 13
    assert up <= result["up_at"] - run_command.began <= up + 0.3
    assert result["ended"] - result["up_at"] <= 0.3
    assert all(service["running"] for service in result["services"])


@pytest.mark.parametrize("version", VERSIONS)
def test_a_stop_that_leaves_the_process_alive_is_not_one(host, version):
    """monit says plain "not monitored" of powerdns at the end of this timeline. Its process was alive."""
    run_command = ReplayedMonit(host, version, "monit stop powerdns")
    run_command.plan_deaths = lambda: None
    others = [name for name in PROCESSES if name != "powerdns"]
    if version == "5.2.5":
        # It says so at once there, and its pid is known from before.
        assert "powerdns'                  not monitored - stop" in timeline(version, "monit stop powerdns")[0][1]
    with pytest.raises(NotReached, match=r"powerdns: [Nn]ot monitored \(pid 2004\)") as raised:
        change(Stop, run_command, host, exclude=[*others], timeout=20).run()
    (unreached,) = raised.value.facts["unreached"]
    assert (unreached["name"], unreached["pids"], unreached["pending"]) == ("powerdns", [2004], None)
    assert raised.value.facts["acted"] == ["powerdns"]
    assert 20 <= host.clock - 1000 < 21
    # It has not been left at that: monit was asked again, but not all the time.
    assert 2 <= len(run_command.asked) <= 4
    assert set(run_command.asked) == {("stop", "powerdns")}


# Stopping.


def test_excluded_services_are_left_alone(host):
    run_command = serial(host)
    result = change(Stop, run_command, host, exclude=["postgres"]).run()
    assert run_command.asked == [("stop", "director"), ("stop", "nats")]
    assert result["acted"] == ["director", "nats"]
    assert {s["name"]: s["running"] for s in result["services"]} == {
        "director": False, "nats": False, "postgres": True, "system_mb1": True,
    }  # fmt: skip


def test_it_is_idempotent(host):
    run_command = serial(host)
    assert change(Stop, run_command, host).run()["changed"]
    asked = list(run_command.asked)
    again = change(Stop, run_command, host).run()
    assert (again["changed"], again["acted"], again["seconds"]) == (False, [], 0.02)
    assert run_command.asked == asked


def test_an_unknown_name_is_an_error(host):
    run_command = serial(host)
    with pytest.raises(
        DirectorError, match=r"Cannot exclude postgras: monit knows .* only director, nats, postgres"
    ) as raised:
        change(Stop, run_command, host, exclude=["postgras", "nats"]).run()
    assert raised.value.facts == {"unknown": ["postgras"]}
    assert run_command.asked == []


@pytest.mark.parametrize("kind", [Stop, Start])
def test_check_mode_asks_for_nothing(host, kind):
    run_command = serial(host)
    if kind is Start:
        change(Stop, run_command, host).run()
        run_command.asked.clear()
    result = change(kind, run_command, host, exclude=["nats"]).run(check_mode=True)
    assert run_command.asked == []
    assert result["changed"]
    assert result["acted"] == ["director", "postgres"]
    wanted, before = ("stopped", "running") if kind is Stop else ("started", "not monitored")
    expected = {"director": before, "postgres": before}
    if kind is Start:
        expected["system_mb1"] = "started"
    assert result["diff"] == {"before": expected, "after": dict(expected, director=wanted, postgres=wanted)}


def test_what_is_not_a_process_is_not_stopped(host):
    names = ["director", "monitrc", "gateway", "system_mb1"]
    run_command = serial(host, names)
    run_command.kinds.update(monitrc="File", gateway="Remote Host")
    change(Stop, run_command, host).run()
    assert run_command.asked == [("stop", "director")]


def test_a_refused_action_is_asked_again(host):
    """5.2 refuses a second action on a service while the first is pending."""
    run_command = serial(host, seconds=2)
    for name in ("director", "nats"):
        run_command.act("start", name)
    assert run_command(["sudo", "-n", "/var/vcap/bosh/bin/monit", "stop", "director"]) == (1, "", BUSY)
    run_command.asked.clear()
    result = change(Stop, run_command, host).run()
    assert result["acted"] == ["director", "nats", "postgres"]
    assert run_command.asked.count(("stop", "director")) > 1
    assert not any(service.monitored for name, service in run_command.services.items() if name != "system_mb1")


def test_a_service_that_never_accepts_is_named(host):
    run_command = serial(host)
    accept = run_command.act
    run_command.act = lambda action, name: (1, "", BUSY) if name == "nats" else accept(action, name)
    with pytest.raises(NotReached, match=r"^Not stopped within 30 s.*: nats: running \(pid 2001\)\.") as raised:
        change(Stop, run_command, host, timeout=30).run()
    assert raised.value.facts["acted"] == ["director", "postgres"]


def test_a_stop_that_somebody_else_has_asked_for_is_waited_for(host):
    run_command = serial(host, seconds=3)
    for name in NAMES[:3]:
        run_command.act("stop", name)
    result = change(Stop, run_command, host).run()
    assert run_command.asked == []
    assert not result["changed"]
    assert 9 <= result["seconds"] <= 9.7


def test_a_service_that_is_about_to_start_is_not_stopped(host):
    run_command = stopped(host, seconds=2)
    run_command.act("start", "nats")
    result = change(Stop, run_command, host).run()
    assert result["acted"] == ["nats"]
    assert not run_command.services["nats"].monitored
    assert run_command.services["nats"].pid is None


def test_the_pid_of_another_process_is_no_sign_of_life(host):
    run_command = serial(host)
    running = change(Stop, run_command, host, timeout=30)
    stop = run_command.stop

    def recycle(name, service):
        pid = service.pid
        stop(name, service)
        if pid:
            host.births[pid] = 99  # someone else has it now

    run_command.stop = recycle
    assert running.run()["changed"]


def test_a_pidfile_speaks_where_monit_does_not(host):
    """A service that is not monitored, but whose process lives: left by a stop that timed out before our time."""
    run_command = serial(host, ["director_nginx", "nats"], stubborn=["director_nginx"])
    run_command.services["director_nginx"].monitored = False
    run_command.services["director_nginx"].pid = 77
    host.births.update({77: 3, 88: 3})
    host.pidfile_list = [
        ("/var/vcap/sys/run/bpm/director/nginx.pid", 77),
        ("/var/vcap/sys/run/other/other.pid", 88),
        ("/var/vcap/sys/run/nats/nats.pid", 66),  # of a process that is gone
    ]
    with pytest.raises(NotReached) as raised:
        change(Stop, run_command, host, timeout=10).run()
    assert [(each["name"], each["pids"]) for each in raised.value.facts["unreached"]] == [("director_nginx", [77])]
    host.births.pop(77)
    assert change(Stop, run_command, host).run()["changed"] is False


def test_a_process_that_outlives_monits_word_is_waited_for(host):
    run_command = serial(host, ["nats", "postgres"], stubborn=["nats"])
    host.deaths[2000] = host.clock + 4
    result = change(Stop, run_command, host).run()
    assert 4 <= result["seconds"] <= 4.2


def test_an_excluded_service_that_goes_down_too_is_an_error(host):
    run_command = serial(host)
    run_command.dependents["postgres"] = ["director"]
    with pytest.raises(DirectorError, match="monit has also stopped director, which was excluded") as raised:
        change(Stop, run_command, host, exclude=["director"]).run()
    assert raised.value.facts == {"drawn_in": ["director"]}


def test_without_waiting_it_is_enough_that_monit_accepts(host):
    run_command = serial(host, seconds=20)
    result = change(Stop, run_command, host).run(wait=False)
    assert result["acted"] == ["director", "nats", "postgres"]
    assert result["seconds"] < 4
    assert [s["pending"] for s in result["services"]] == ["stop", "stop", "stop", None]


def test_one_command_for_each_process_that_has_gone(host):
    """monit 5.2 sleeps a second while it waits for a process, and every command wakes it."""
    run_command = serial(host, [f"worker_{n}" for n in range(6)], seconds=0.3)
    result = change(Stop, run_command, host).run()
    assert len(run_command.asked) == 6
    assert result["seconds"] <= 6 * 0.3 + 6 * 0.15


def test_stops_are_not_held_back_by_a_slow_one(host):
    run_command = serial(host, ["worker_1", "worker_2", "worker_3"], seconds=9)
    begun = host.clock
    change(Stop, run_command, host).run()
    assert host.clock - begun <= 27.5


# Starting.


def stopped(host, *names, **options):
    run_command = serial(host, *names, **options)
    for service in run_command.services.values():
        service.monitored, service.pid = False, None
    host.births.clear()
    return run_command


def test_started_means_that_everything_runs(host):
    run_command = stopped(host)
    result = change(Start, run_command, host).run()
    assert run_command.asked == [("start", name) for name in NAMES]
    assert all(service["running"] for service in result["services"])
    # Initializing is up; running comes three seconds later.
    assert result["up_at"] < result["ended"] - 2
    assert change(Start, run_command, host).run()["changed"] is False


def test_a_service_that_is_excluded_is_not_started(host):
    run_command = stopped(host)
    change(Start, run_command, host, exclude=["nats"]).run()
    assert run_command.asked == [("start", "director"), ("start", "postgres"), ("start", "system_mb1")]
    assert not run_command.services["nats"].monitored


def test_a_start_while_the_stop_is_pending(host):
    """What 5.2 refuses, and later versions take in place of the stop."""
    run_command = serial(host, seconds=2)
    for name in NAMES:
        run_command.act("stop", name)
    result = change(Start, run_command, host).run()
    assert result["acted"] == NAMES
    assert all(service["running"] for service in result["services"])


def test_a_service_that_was_left_behind_is_started_again(host):
    """monit forgets what is pending when it is reloaded, as the agent does."""
    run_command = stopped(host)
    act, forgotten = run_command.act, []

    def forget_once(action, name):
        if name == "nats" and not forgotten:
            forgotten.append(name)
            return 0, "", ""
        return act(action, name)

    run_command.act = forget_once
    result = change(Start, run_command, host, timeout=60).run()
    assert run_command.asked.count(("start", "nats")) == 2
    assert result["seconds"] < 15


def test_the_system_row_of_old_stemcells(host):
    """Left "not monitored" after a restart of monit; nothing but its start mends it."""
    run_command = serial(host)
    run_command.services["system_mb1"].monitored = False
    result = change(Start, run_command, host).run()
    assert run_command.asked == [("start", "system_mb1")]
    assert result["acted"] == ["system_mb1"]
    # The processes were up all the time.
    assert result["up_at"] == pytest.approx(result["began"], abs=0.03)


def test_a_service_that_does_not_start_is_named(host):
    run_command = stopped(host, broken=["director"])
    with pytest.raises(NotReached, match=r"^Not started within 60 s, in monit's words: director: not monitored\."):
        change(Start, run_command, host, timeout=60).run()
    assert 3 <= run_command.asked.count(("start", "director")) <= 12


def test_a_start_that_is_not_waited_for(host):
    run_command = stopped(host, seconds=20)
    result = change(Start, run_command, host).run(wait=False)
    assert result["changed"]
    assert result["seconds"] < 3
    assert "up_at" not in result


def test_a_service_newer_than_the_setup_comes_back_all_the_same(host):
    run_command = stopped(host)
    act = run_command.act

    def as_in_sudoers(action, name):
        return (1, "", "sudo: a password is required\n") if name == "nats" else act(action, name)

    run_command.act = as_in_sudoers
    with pytest.raises(SudoRefused, match="monit start nats"):
        change(Start, run_command, host, exclude=["director"]).run()
    result = change(Start, run_command, host).run()
    assert ("start", "all") in run_command.asked
    assert all(service["running"] for service in result["services"])


def test_a_service_newer_than_the_setup_cannot_be_stopped(host):
    run_command = serial(host)
    run_command.act = lambda _action, _name: (1, "", "sudo: a password is required\n")
    with pytest.raises(SudoRefused, match=r"monit stop director' as root"):
        change(Stop, run_command, host).run()


def test_monit_before_5_26_is_given_time_between_two_starts(host):
    for version, least in (("5.2.5", 3 * 0.2), ("5.33.0", 0)):
        run_command = stopped(FakeHost(), version=version, seconds=0.01, refuses=False)
        change(Start, run_command, run_command.host).run(wait=False)
        assert (sum(run_command.host.slept) >= least) == (sum(run_command.host.slept) > 0 or least == 0)
        assert len(run_command.host.slept) == (3 if least else 0)


# The daemon.


def away(run_command, host, seconds):
    """Make monit's daemon be away from now on, for so long."""
    back, present = host.clock + seconds, run_command.status

    def answer(argv):
        if host.clock < back:
            host.clock = round(host.clock + 0.02, 4)
            return exchange("5.2.5", "monit status", "daemon down").answer
        return SerialMonit.__call__(run_command, argv)

    assert present()
    return answer


@pytest.mark.parametrize("kind", [Stop, Start])
def test_a_daemon_that_is_reloaded_is_waited_for(host, kind):
    run_command = serial(host) if kind is Stop else stopped(host)
    result = kind(Monit(away(run_command, host, 5)), host).run()
    assert result["acted"] == (NAMES[:3] if kind is Stop else NAMES)


@pytest.mark.parametrize("kind", [Stop, Start])
def test_a_daemon_that_stays_away_is_an_error(host, kind):
    run_command = serial(host)
    with pytest.raises(_monit.MonitDown, match="does not answer"):
        kind(Monit(away(run_command, host, 500)), host).run()
    assert host.clock - 1000 <= _services.DAEMON_RESTART + 1


def test_a_daemon_that_dies_in_the_middle(host):
    run_command = serial(host, seconds=4)
    act = run_command.act

    def die(action, name):
        answer = act(action, name)
        if name == "nats":
            change_in_progress.monit = Monit(away(run_command, host, 500))
        return answer

    run_command.act = die
    change_in_progress = change(Stop, run_command, host)
    with pytest.raises(_monit.MonitDown):
        change_in_progress.run()
    assert host.clock - 1000 <= _services.DAEMON_RESTART + 10


def test_a_start_that_fails_because_the_daemon_is_away_is_asked_for_again(host):
    """The command starts a service by itself then, and fails on what that one needs."""
    run_command = stopped(host)
    back = []

    def answer(argv):
        starts = "start" in argv
        if starts and not back:
            back.append(host.clock + 30)
        if back and host.clock < back[0]:
            host.clock = round(host.clock + 0.02, 4)
            failed = (1, "", "'director' failed to start -- could not start required services: 'nats'\n")
            return failed if starts else exchange("5.2.5", "monit status", "daemon down").answer
        return SerialMonit.__call__(run_command, argv)

    assert Start(Monit(answer), host).run()["acted"] == NAMES


# An alarm is not a dead process.

ALARMS = ["Execution failed", "Resource limit matched", "Connection failed", "Timeout", "PPID changed"]


@pytest.mark.parametrize("word", ALARMS)
def test_an_alarm_is_told_and_not_waited_for(host, word):
    run_command = stopped(host)
    run_command.words["director"] = word
    result = change(Start, run_command, host).run()
    assert result["alarms"] == [{"name": "director", "type": "Process", "alarm": word}]
    assert result["seconds"] < 8
    assert run_command.asked.count(("start", "director")) == 1


@pytest.mark.parametrize("word", ALARMS)
def test_a_dead_process_with_an_alarm_is_no_alarm(host, word):
    run_command = stopped(host)
    run_command.words["director"] = word
    start = run_command.start

    def stillborn(name, service):
        start(name, service)
        if name == "director":
            host.births.pop(service.pid, None)
            service.pid = None

    run_command.start = stillborn
    with pytest.raises(NotReached, match=rf"director: ({word}|initializing)"):
        change(Start, run_command, host, timeout=40).run()
    assert {name for action, name in run_command.asked} == set(NAMES)


def test_a_check_that_alarms_keeps_nobody_waiting(host):
    run_command = stopped(host)
    run_command.words["system_mb1"] = "Resource limit matched"
    result = change(Start, run_command, host).run()
    assert result["alarms"] == [{"name": "system_mb1", "type": "System", "alarm": "Resource limit matched"}]
    assert result["seconds"] < 8


def test_one_that_dies_right_after_its_start_is_not_up(host):
    run_command = stopped(host)
    run_command.records = run_command.seen_by_root
    start = run_command.start

    def short_lived(name, service):
        start(name, service)
        host.births[service.pid] = int(host.clock * 100)
        if name == "director":
            host.deaths[service.pid] = host.clock + 1.5
            service.initializing_until = 0

    run_command.start = short_lived
    with pytest.raises(NotReached, match="director"):
        change(Start, run_command, host, timeout=60).run()
    # And the others are up all the same.
    assert all(run_command.services[name].monitored for name in NAMES)


def test_up_is_when_the_last_try_lived(host):
    run_command = stopped(host)
    start, tries = run_command.start, []

    def second_try(name, service):
        if host.deaths.get(service.pid, host.clock + 1) <= host.clock:
            service.pid = None
        start(name, service)
        host.births[service.pid] = int(host.clock * 100)
        service.initializing_until = 0
        if name == "director" and not tries:
            tries.append(host.clock)
            host.deaths[service.pid] = host.clock + 1.5

    run_command.start = second_try
    result = change(Start, run_command, host, timeout=60).run()
    assert run_command.asked.count(("start", "director")) == 2
    assert result["up_at"] > tries[0] + 1.5


def test_a_refused_start_does_not_keep_the_others_down(host):
    run_command = stopped(host)
    act = run_command.act
    refused = (1, "", "it has no start program\n")
    run_command.act = lambda action, name: refused if name == "director" else act(action, name)
    with pytest.raises(NotReached, match=r"director: not monitored \('.*monit start director' failed .*start program"):
        change(Start, run_command, host, timeout=40).run()
    assert [name for name, service in run_command.services.items() if service.monitored] == NAMES[1:]


def test_what_sudo_refuses_for_ever_is_not_waited_for(host):
    run_command = stopped(host)
    act = run_command.act
    refused = (1, "", "sudo: a password is required\n")
    run_command.act = lambda action, name: refused if name == "nats" else act(action, name)
    with pytest.raises(SudoRefused, match="monit start nats"):
        change(Start, run_command, host, exclude=["director"]).run()
    assert host.clock < 1060
    assert run_command.services["postgres"].monitored


def test_what_was_not_watched_is_not_watched_again(host):
    run_command = serial(host)
    run_command.records = run_command.seen_by_root
    for name in ("director", "system_mb1"):
        run_command.services[name].monitored = False
    stop = change(Stop, run_command, host).run()
    assert stop["unmonitored"] == ["director", "system_mb1"]
    assert "director" in stop["acted"]
    assert run_command.services["director"].pid is None
    assert ("start", "director") not in run_command.asked
    run_command.asked.clear()
    result = change(Start, run_command, host, unmonitored=stop["unmonitored"]).run()
    assert result["unmonitored"] == ["director", "system_mb1"]
    assert run_command.asked.count(("unmonitor", "director")) == 1
    assert ("start", "system_mb1") not in run_command.asked
    assert run_command.services["director"].pid is not None
    assert change(Start, run_command, host, unmonitored=stop["unmonitored"]).run()["changed"] is False


def test_a_setup_without_unmonitor_leaves_it_watched(host):
    run_command = stopped(host)
    act = run_command.act
    refused = (1, "", "sudo: a password is required\n")
    run_command.act = lambda action, name: refused if action == "unmonitor" else act(action, name)
    result = change(Start, run_command, host, unmonitored=["director"]).run()
    assert result["unmonitored"] == []
    assert result["changed"]


# What only root sees.


def test_pid_files_of_bpm_prove_the_stop(host):
    """A process that monit does not watch, and whose pid file lies where only root reads."""
    run_command = serial(host, ["director", "nats"], stubborn=["director"])
    run_command.records = run_command.seen_by_root
    run_command.services["director"].monitored = False
    with pytest.raises(NotReached, match=r"director: not monitored \(pid 2000\)"):
        change(Stop, run_command, host, timeout=10).run()


def test_one_that_came_up_behind_monits_back_is_not_stopped(host):
    run_command = serial(host, ["director", "nats"])

    def restarted():
        host.births[4000] = 11
        return dict(run_command.seen_by_root(), director={"pid": 4000, "ticks": 11, "alive": True})

    run_command.records = restarted
    with pytest.raises(NotReached, match=r"director: not monitored \(pid 4000\)"):
        change(Stop, run_command, host, timeout=10).run()


def test_a_stale_pid_file_is_no_sign_of_life(host):
    run_command = serial(host, ["director", "nats"])
    run_command.services["director"].monitored, run_command.services["director"].pid = False, None
    host.births[77] = 3
    run_command.records = {
        "director": {"pid": 77, "ticks": 3, "alive": False, "foreign": True},
        "nats": {"pid": None, "ticks": None, "alive": False},
    }
    result = change(Stop, run_command, host).run()
    assert (result["acted"], result["seconds"] < 3) == (["nats"], True)


def test_a_stale_pid_file_that_this_user_reads_is_no_sign_of_life(host):
    run_command = serial(host, ["director", "nats"])
    run_command.services["director"].monitored, run_command.services["director"].pid = False, None
    host.births[77] = 3
    host.pidfile_list = host.stale = [("/var/vcap/sys/run/director/director.pid", 77)]
    assert change(Stop, run_command, host).run()["acted"] == ["nats"]


def test_what_lives_when_the_start_begins_is_told(host):
    run_command = stopped(host)
    run_command.records = run_command.seen_by_root
    run_command.services["nats"].pid = 2001
    host.births[2001] = 7
    run_command.services["postgres"].monitored = True
    assert change(Start, run_command, host).run()["not_stopped"] == ["nats", "postgres"]


def test_a_pid_that_monit_believes_and_somebody_else_has_is_not_waited_for(host):
    run_command = serial(host, ["director", "nats"], stubborn=["director"])
    run_command.records = {
        "director": {"pid": 2000, "ticks": 7, "alive": False, "foreign": True},
        "nats": {"pid": None, "ticks": None, "alive": False},
    }
    result = change(Stop, run_command, host).run()
    assert (result["acted"], result["seconds"] < 4) == (["director", "nats"], True)


def test_a_check_that_is_newer_than_the_setup_starts_nothing_else(host):
    run_command = serial(host)
    run_command.services["system_mb1"].monitored = False
    act = run_command.act
    refused = (1, "", "sudo: a password is required\n")
    run_command.act = lambda action, name: refused if name == "system_mb1" else act(action, name)
    result = change(Start, run_command, host).run()
    assert set(run_command.asked) == {("start", "system_mb1")}
    assert (result["changed"], result["seconds"] < 30) == (False, True)


def test_when_the_time_is_over_it_counts_who_lives(host):
    run_command = stopped(host)
    run_command.records = run_command.seen_by_root
    run_command.words.update(nats="initializing", system_mb1="initializing")
    assert change(Start, run_command, host, timeout=12).run()["seconds"] < 14


def test_monit_that_will_not_stop_looking_is_told_and_not_fought(host):
    run_command = serial(host)
    run_command.unmonitor = lambda _name, _service: None
    result = change(Start, run_command, host, unmonitored=["director"]).run()
    assert run_command.asked == [("unmonitor", "director")] * 2
    assert result["unmonitored"] == []


def test_an_older_setup_watches_it_by_its_start(host):
    run_command = serial(host, ["director_nginx", "nats"])
    run_command.services["director_nginx"].monitored = False
    host.pidfile_list = [("/var/vcap/sys/run/bpm/director/nginx.pid", 2000)]
    act = run_command.act
    refused = (1, "", "sudo: a password is required\n")
    run_command.act = lambda action, name: refused if action == "monitor" else act(action, name)
    result = change(Stop, run_command, host, timeout=30).run()
    assert result["acted"] == ["director_nginx", "nats"]
    assert host.birth(2000) is None


# What was down before.


def test_one_that_was_down_before_and_stays_down_is_told_and_fails_nothing(host):
    run_command = stopped(host, broken=["nats"])
    result = change(Start, run_command, host, down_before=["nats"]).run()
    assert run_command.asked[: len(NAMES)].count(("start", "nats")) == 1
    assert [result["still_down"], result["reasons"]] == [["nats"], ["nats is 'not monitored'"]]
    assert {s["name"] for s in result["services"] if s["running"]} == {"director", "postgres", "system_mb1"}
    assert result["seconds"] < 75, "it was waited for as long as for the others"
    assert result["up_at"] < result["began"] + 15


def test_one_that_ran_before_and_stays_down_is_a_failure_whatever_else_was_down(host):
    run_command = stopped(host, broken=["nats", "director"])
    with pytest.raises(NotReached, match="director: not monitored") as raised:
        change(Start, run_command, host, down_before=["nats"], timeout=90).run()
    assert [fact["name"] for fact in raised.value.facts["unreached"]] == ["director"]


def test_one_that_was_down_before_and_comes_up_is_not_told(host):
    run_command = stopped(host)
    result = change(Start, run_command, host, down_before=["nats"]).run()
    assert (result["still_down"], result["reasons"]) == ([], [])
    assert result["seconds"] < 15
    assert run_command.services["nats"].pid


def test_those_that_ran_before_are_asked_first(host):
    """While monit 5.2 waits for a process, it begins no other."""
    run_command = stopped(host)
    change(Start, run_command, host, down_before=["director"]).run()
    assert run_command.asked[-1] == ("start", "director")


def test_as_long_as_more_come_up_one_that_was_down_before_has_time(host):
    """A machine made anew: nothing ran before, and each takes its time."""
    run_command = stopped(host, seconds=40)
    result = change(Start, run_command, host, down_before=NAMES).run()
    assert result["still_down"] == []
    assert all(run_command.services[name].pid for name in NAMES)
    assert result["up_at"] is not None


def test_what_monit_itself_still_waits_for_has_time(host):
    """The start of a database may take minutes."""
    run_command = stopped(host, ["nats", "postgres"], seconds=0.5)
    act = run_command.act

    def slow(action, name):
        answer = act(action, name)
        run_command.services[name].due += 200 if name == "postgres" else 0
        return answer

    run_command.act = slow
    result = change(Start, run_command, host, down_before=["postgres"]).run()
    assert result["still_down"] == []
    assert 200 < result["seconds"] < 215


def test_the_time_of_one_that_was_down_before_ends_with_that_of_all(host):
    run_command = stopped(host, broken=["nats"])
    result = change(Start, run_command, host, down_before=["nats"], timeout=20).run()
    assert result["still_down"] == ["nats"]
    assert result["seconds"] < 22


def test_one_that_was_down_before_and_that_sudo_refuses_fails_nothing(host):
    run_command = stopped(host)
    act = run_command.act
    refused = (1, "", "sudo: a password is required\n")
    run_command.act = lambda action, name: refused if name in ("nats", "all") else act(action, name)
    result = change(Start, run_command, host, down_before=["nats"]).run()
    assert result["still_down"] == ["nats"]
    assert "sudo" in result["reasons"][0]


def test_an_excluded_one_that_is_still_down_is_told_and_not_asked(host):
    run_command = stopped(host)
    result = change(Start, run_command, host, exclude=["nats"], down_before=["nats", "gone"]).run()
    assert ("start", "nats") not in run_command.asked
    assert result["still_down"] == ["nats"]


# What is out of monit's sight meanwhile, and what is out of ours.


@pytest.mark.parametrize("seen_by_root", [True, False])
def test_an_excluded_service_that_monit_ceases_to_watch_and_that_lives_was_not_stopped(host, seen_by_root):
    """A timeout rule of monit's does that, and so does a person."""
    run_command = serial(host)
    run_command.records = run_command.seen_by_root if seen_by_root else None
    stop = run_command.stop

    def meanwhile(name, service):
        stop(name, service)
        run_command.services["postgres"].monitored = False

    run_command.stop = meanwhile
    result = change(Stop, run_command, host, exclude=["postgres"]).run()
    assert result["unwatched"] == ["postgres"]
    assert host.birth(run_command.services["postgres"].pid)


def test_one_that_monit_started_anew_before_it_ceased_to_watch_it_lives(host):
    run_command = serial(host)
    run_command.records = run_command.seen_by_root
    stop, postgres = run_command.stop, run_command.services["postgres"]

    def meanwhile(name, service):
        stop(name, service)
        if postgres.pid == 2002:
            host.births.pop(2002)
            postgres.pid, host.births[4000] = 4000, 11
        elif name == "nats":
            postgres.monitored = False

    run_command.stop = meanwhile
    assert change(Stop, run_command, host, exclude=["postgres"]).run()["unwatched"] == ["postgres"]


@pytest.mark.parametrize("seen_by_root", [True, False])
def test_an_excluded_service_that_has_died_is_an_error_though_monit_only_ceased_to_watch(host, seen_by_root):
    run_command = serial(host)
    run_command.records = run_command.seen_by_root if seen_by_root else None
    run_command.dependents["nats"] = ["postgres"]
    with pytest.raises(DirectorError, match="monit has also stopped postgres"):
        change(Stop, run_command, host, exclude=["postgres"]).run()


def test_a_host_that_hides_processes_is_looked_at_no_further(host):
    run_command = serial(host)
    host.hidden = True
    with pytest.raises(ProcessesHidden):
        _services.look(Monit(run_command), host)
    assert run_command.asked == []


def test_what_is_hidden_is_started_and_the_true_cause_told_at_once(host):
    run_command = stopped(host)
    host.hidden = True
    with pytest.raises(ProcessesHidden):
        change(Start, run_command, host).run()
    assert {name for _action, name in run_command.asked} == set(NAMES)
    assert host.clock < 1060


def test_the_dead_mans_switch_starts_what_it_cannot_see(host, monkeypatch):
    run_command = stopped(host)
    host.hidden = True
    monkeypatch.setattr(_lease_director, "Host", lambda: host)
    switch = _lease_director.Director(run_command, "/var/vcap/bosh/bin/monit", "auto")
    assert switch.not_running() == []
    assert run_command.asked == []


# How long each service took.


def seconds_of(result):
    return {one["name"]: one["seconds"] for one in result["took"]}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_stop_tells_when_each_process_had_ended(host, version):
    run_command = ReplayedMonit(host, version, "monit stop all")
    began = host.clock
    result = change(Stop, run_command, host).run()
    took = seconds_of(result)
    assert set(took) == set(PROCESSES)
    assert list(took.values()) == sorted(took.values())
    assert len(set(took.values())) > 3, "they did not end at one moment"
    for name, pid in run_command.pids.items():
        assert host.birth(pid) is None
        assert 0 <= took[name] <= result["ended"] - began


@pytest.mark.parametrize("version", VERSIONS)
def test_a_start_tells_when_each_service_ran(host, version):
    run_command = ReplayedMonit(host, version, "monit start all")
    result = change(Start, run_command, host).run()
    took = seconds_of(result)
    assert set(took) == set(PROCESSES)
    assert max(took.values()) == pytest.approx(result["up_at"] - result["began"], abs=0.01)


def test_what_does_not_live_when_it_begins_took_nothing(host):
    run_command = serial(host)
    change(Stop, run_command, host).run()
    assert max(seconds_of(change(Stop, run_command, host).run()).values()) < 0.1
