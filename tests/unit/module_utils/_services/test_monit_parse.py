# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that monit has printed is understood, or refused with the reason."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._services import _monit
from monit_rig import PROCESSES, VERSIONS, exchange, summary_rows, timeline, transcript

SYSTEM = {"5.2.5": "system_mb1", "5.27.2": "mb3", "5.33.0": "mb2"}
WELL = {"5.2.5": "running", "5.27.2": "OK", "5.33.0": "OK"}

REPORTS = [
    pytest.param(version, e, id=f"{version}-{number}{f'-+{e.at}s' if e.at is not None else ''}")
    for version in VERSIONS
    for number, e in enumerate(transcript(version))
    if e.command.split()[-1] in ("summary", "status") and e.rc == 0 and e.out
]


def at(version, command, seconds):
    """The report of a summary at that second after the command."""
    return _monit.parse_summary(dict(timeline(version, command))[seconds])


def with_status(report, *words):
    return [service.name for service in report.services if service.status in words]


def test_the_transcripts_are_there_as_a_whole():
    assert [sum(param.values[0] == version for param in REPORTS) for version in VERSIONS] == [62, 58, 58]


@pytest.mark.parametrize(("version", "e"), REPORTS)
def test_every_report_of_every_version(version, e):
    parse = _monit.parse_status if e.command.endswith("status") else _monit.parse_summary
    report = parse(e.out)
    assert report.version == version
    assert sorted(report.names) == sorted([*PROCESSES, SYSTEM[version]])
    assert {s.name: s.type for s in report.services} == {
        **dict.fromkeys(PROCESSES, "Process"),
        SYSTEM[version]: "System",
    }
    assert {s.status.lower() for s in report.services} <= {
        "running", "ok", "not monitored", "initializing", "does not exist",
    }  # fmt: skip
    assert {s.pending for s in report.services} <= {None, "start", "stop"}
    assert set(report.running).isdisjoint(report.not_running)
    assert len([s for s in report.processes if s.running]) + len(report.not_running) == 12


@pytest.mark.parametrize(("version", "e"), [p for p in REPORTS if p.values[1].command.endswith("summary")])
def test_no_row_is_changed(version, e):
    report = _monit.parse_summary(e.out)
    pending = [f" - {s.pending} pending" if s.pending else "" for s in report.services]
    read = [(s.type, s.name, s.status + p) for s, p in zip(report.services, pending, strict=True)]
    assert read == list(summary_rows(e.out))
    assert report.cut == ("start p..." in e.out)


@pytest.mark.parametrize("version", VERSIONS)
def test_all_run_in_the_beginning(version):
    report = _monit.parse_summary(exchange(version, "monit summary").out)
    assert report.all_running
    assert report.not_running == []
    assert with_status(report, WELL[version]) == report.names


@pytest.mark.parametrize(
    ("version", "pids"),
    [
        ("5.2.5", {"worker_3": 2088, "postgres": 2051, "blobstore_nginx": 2165}),
        ("5.27.2", {"worker_3": 64, "postgres": 48, "blobstore_nginx": 97}),
        ("5.33.0", {"director_scheduler": 94, "director": 65, "blobstore_nginx": 102}),
    ],
)
def test_pids_are_in_the_status(version, pids):
    report = _monit.parse_status(exchange(version, "monit status").out)
    found = {service.name: service.pid for service in report.services}
    assert {name: found[name] for name in pids} == pids
    assert found[SYSTEM[version]] is None
    assert len({found[name] for name in PROCESSES} - {None}) == 12


def test_after_4_15_s_of_stop_all_on_5_2_5():
    report = at("5.2.5", "monit stop all", 4.15)
    assert with_status(report, "running") == [
        "powerdns", "postgres", "nats", "health_monitor", "director_scheduler", "director_nginx", "blobstore_nginx",
        "system_mb1",
    ]  # fmt: skip
    assert with_status(report, "not monitored") == ["worker_3", "worker_2", "worker_1", "redis", "director"]
    assert {service.pending for service in report.services} == {"stop"}
    # Nothing that is about to be stopped counts as running.
    assert report.running == []


def test_a_stop_that_is_done_has_nothing_pending_on_5_2_5():
    report = at("5.2.5", "monit stop all", 5.10)
    assert [service.name for service in report.services if service.pending is None] == ["redis"]
    report = at("5.2.5", "monit stop all", 12.24)
    assert with_status(report, "not monitored") == report.names
    assert {service.pending for service in report.services} == {None}


def test_start_all_on_5_2_5():
    report = at("5.2.5", "monit start all", 8.07)
    assert [service.name for service in report.services if service.started] == ["redis", "powerdns", "postgres", "nats"]
    assert with_status(report, "not monitored") == [
        "health_monitor", "director_scheduler", "director_nginx", "blobstore_nginx", "system_mb1",
    ]  # fmt: skip
    assert report.running == []
    assert at("5.2.5", "monit start all", 12.17).all_running


@pytest.mark.parametrize(("version", "seconds"), [("5.27.2", 0.34), ("5.33.0", 0.35)])
def test_a_cut_status_is_told(version, seconds):
    report = at(version, "monit start all", seconds)
    assert report.cut
    assert with_status(report, "Initializing") == ["redis"]
    assert [service.name for service in report.services if service.pending == "start"] == [
        name for name in report.names if name != "redis"
    ]


def test_a_start_over_a_stop_on_5_33():
    """There, a second action takes the place of the pending one: nats was told to start before it had stopped."""
    texts = [e.out for e in transcript("5.33.0") if "nats                             OK - start pending" in e.out]
    nats = {service.name: service for service in _monit.parse_summary(texts[0]).services}["nats"]
    assert (nats.status, nats.pending, nats.running, nats.started) == ("OK", "start", True, False)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_killed_process(version):
    texts = [e.out for e in transcript(version) if "Does not exist" in e.out]
    assert len(texts) == 1
    report = _monit.parse_summary(texts[0])
    assert report.not_running == ["health_monitor"]
    assert not report.all_running


@pytest.mark.parametrize("version", VERSIONS)
def test_stop_postgres_stops_what_depends_on_it(version):
    report = _monit.parse_summary(timeline(version, "monit stop postgres")[-1][1])
    assert report.not_running == ["worker_3", "worker_2", "worker_1", "postgres", "director"]


def test_start_postgres_starts_what_depends_on_it_on_5_2_5_only():
    report = _monit.parse_summary(dict(timeline("5.2.5", "monit start postgres"))[5.05])
    assert with_status(report, "initializing") == ["worker_3", "worker_2", "worker_1", "postgres", "director"]
    report = _monit.parse_summary(dict(timeline("5.33.0", "monit start postgres"))[0.35])
    assert report.not_running == ["worker_3", "worker_2", "worker_1", "director"]


@pytest.mark.parametrize("version", VERSIONS)
def test_not_monitored_does_not_mean_stopped(version):
    """The process of powerdns was alive at that moment: only its pid can tell, and monit does not give it any more."""
    report = _monit.parse_summary(timeline(version, "monit stop powerdns")[-1][1])
    powerdns = {service.name: service for service in report.services}["powerdns"]
    assert (powerdns.monitored, powerdns.pending, powerdns.running) == (False, None, False)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("command", ["monit summary", "monit status"])
def test_a_daemon_that_is_down_is_an_error(version, command):
    answer = exchange(version, command, "daemon down").answer
    with pytest.raises(_monit.MonitDown, match="daemon of this director does not answer"):
        _monit.check_answer(command, *answer)


def test_the_exit_status_of_5_2_5_hides_it():
    rc, out, _err = exchange("5.2.5", "monit summary", "daemon down").answer
    assert (rc, out) == (0, "")
    with pytest.raises(_monit.MonitUnreadable, match="got nothing"):
        _monit.parse_summary(out)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_monit_that_is_not_root(version):
    answer = exchange(version, "monit summary", "as vcap").answer
    with pytest.raises(_monit.MonitError, match=r"not run as root.*microbosh\.director\.setup"):
        _monit.check_answer("monit summary", *answer)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_unknown_service(version):
    with pytest.raises(_monit.UnknownService, match="'monit stop nosuch': it knows no service"):
        _monit.check_answer("monit stop nosuch", *exchange(version, "monit stop nosuch").answer)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_unknown_command(version):
    with pytest.raises(_monit.MonitError, match=r"'monit bogus' failed with exit status 1: .*nvalid argument -- bogus"):
        _monit.check_answer("monit bogus", *exchange(version, "monit bogus").answer)


@pytest.mark.parametrize("command", ["monit stop all", "monit start nats"])
def test_an_action_while_another_is_pending(command):
    answer = next(e.answer for e in transcript("5.2.5") if e.command == command and e.rc == 1)
    with pytest.raises(_monit.ActionPending):
        _monit.check_answer(command, *answer)
    for version in ("5.27.2", "5.33.0"):
        answers = [e.answer for e in transcript(version) if e.command == command and e.at is None]
        assert answers == [(0, "", "")]
        _monit.check_answer(command, *answers[0])


def test_an_answer_with_warnings_is_an_answer():
    _monit.check_answer("monit summary", 0, "Monit 5.33.0 uptime: 3m\n", "sudo: unable to resolve host mb1\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "got nothing"),
        ("Segmentation fault", "got 'Segmentation fault'"),
        ("The Monit daemon 5.2.5 uptime: 10m \n\n", "names no service"),
        ("Monit 5.33.0 uptime: 3m\n Service Name                     Status        Type\n", "names no service"),
    ],
)
@pytest.mark.parametrize("parse", [_monit.parse_summary, _monit.parse_status])
def test_what_is_no_report(parse, text, reason):
    with pytest.raises(_monit.MonitUnreadable, match=reason):
        parse(text)


def test_a_block_without_a_status():
    with pytest.raises(_monit.MonitUnreadable, match="Process 'nats' has no status"):
        _monit.parse_status("The Monit daemon 5.2.5 uptime: 10m \n\nProcess 'nats'\n  pid         12\n")


# Written by hand, from the words in monit's sources.

ROWS_OF_5_8 = """\
The Monit daemon 5.8.1 uptime: 1d 2h

Process 'a_service_whose_name_is_longer_than_the_column' Running
Process 'nats'                      Running
Process 'director'                  Resource limit matched
Process 'worker_1'                  Execution failed - restart pending
Process 'worker_2'                  Not monitored - start pending
Process 'redis'                     Initializing
Remote Host 'gateway'               Online with all services
Remote Host 'blobstore'             Connection failed
File 'monitrc'                      Accessible
Directory 'store'                   Accessible
Fifo 'queue'                        Accessible
Filesystem 'root'                   Accessible
Program 'health'                    Status ok
Network 'eth0'                      UP
System 'system_bm-e0bcbfab-fd07-4fe7-b110-675e27a85225' Running
"""


def test_words_with_capitals():
    report = _monit.parse_summary(ROWS_OF_5_8)
    assert report.version == "5.8.1"
    # Who has not looked at the processes has monit's word only. A check that is no process never counts.
    assert report.not_running == ["director", "worker_1", "worker_2", "redis"]
    assert report.alarms == [{"name": "blobstore", "type": "Remote Host", "alarm": "Connection failed"}]
    by_name = {service.name: service for service in report.services}
    assert [by_name["gateway"].type, by_name["gateway"].status] == ["Remote Host", "Online with all services"]
    assert [by_name["worker_1"].status, by_name["worker_1"].pending] == ["Execution failed", "restart"]
    assert [by_name["worker_2"].monitored, by_name["worker_2"].pending] == [False, "start"]
    assert [by_name["redis"].monitored, by_name["redis"].started, by_name["redis"].running] == [True, True, False]
    assert [name for name, service in by_name.items() if service.has_process] == report.names[:6]


@pytest.mark.parametrize(
    ("status", "running", "monitored"),
    [
        ("running", True, True),
        ("running - start pending", True, True),
        ("running - monitor pending", True, True),
        ("running - stop pending", False, True),
        ("running - restart pending", False, True),
        ("running - unmonitor pending", False, True),
        ("Timeout", False, True),
        ("Resource limit matched", False, True),
        ("Connection failed", False, True),
        ("Execution failed - restart pending", False, True),
        ("Execution failed | Does not exist", False, True),
        ("not monitored - monitor pending", False, False),
        ("initializing - start pending", False, True),
    ],
)
def test_what_running_means(status, running, monitored):
    for text in (
        f"The Monit daemon 5.2.4 uptime: 29m \n\nProcess 'nats'                      {status}\n",
        f"Monit 5.35.2 uptime: 3m\n\nProcess 'nats'\n  status                       {status}\n\n",
    ):
        parse = _monit.parse_status if "5.35" in text else _monit.parse_summary
        (nats,) = parse(text).services
        assert (nats.running, nats.monitored) == (running, monitored)
        assert nats.status + (f" - {nats.pending} pending" if nats.pending else "") == status


FRAMED = """\
\x1b[0;36mMonit 5.20.0\x1b[0m uptime: 5m
\u250c\u2500\u2500\u252c\u2500\u2500\u2510
\u2502 \x1b[0;39mService Name\x1b[0m                    \u2502 Status                     \u2502 Type          \u2502
\u251c\u2500\u2500\u253c\u2500\u2500\u2524
\u2502 system_mb1                      \u2502 \x1b[0;32mRunning\x1b[0m                    \u2502 System        \u2502
\u2502 nats                            \u2502 Online with all services   \u2502 Remote Host   \u2502
\u2502 a_service_whose_name_is_long... \u2502 Not monitored              \u2502 Process       \u2502
\u2514\u2500\u2500\u2534\u2500\u2500\u2518
"""


def test_a_table_with_a_frame():
    report = _monit.parse_summary(FRAMED)
    assert [(s.name, s.status, s.type) for s in report.services] == [
        ("system_mb1", "Running", "System"),
        ("nats", "Online with all services", "Remote Host"),
        ("a_service_whose_name_is_long...", "Not monitored", "Process"),
    ]
    assert report.cut


@pytest.mark.parametrize(
    ("cell", "status", "pending"),
    [
        ("Not monitored - start p...", "Not monitored", "start"),
        ("Initializing - restart ...", "Initializing", "restart"),
        ("Connection failed - stop...", "Connection failed", "stop"),
        ("Resource limit matched -...", "Resource limit matched -...", None),
        ("Execution failed - unmo...", "Execution failed", "unmo"),
    ],
)
def test_cells_that_are_cut(cell, status, pending):
    text = f"Monit 5.33.0 uptime: 3m\n Service Name    Status     Type\n nats      {cell}  Process       \n"
    report = _monit.parse_summary(text)
    assert [(s.status, s.pending, s.running) for s in report.services] == [(status, pending, False)]
    assert report.cut


def test_the_output_of_a_program_is_not_its_status():
    report = _monit.parse_status(
        "Monit 5.33.0 uptime: 3m\n\n"
        "Program 'health'\n  status                       Status failed\n  last exit value              1\n"
        "  last output                  \n  status                       OK\n\n"
        "Process 'nats'\n  status                       OK\n  pid                          12\n"
    )
    assert [(s.name, s.status, s.pid) for s in report.services] == [
        ("health", "Status failed", None),
        ("nats", "OK", 12),
    ]
