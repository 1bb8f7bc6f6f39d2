"""The embedded director is what its README says: on one that is easier than the real thing no test means anything."""

from __future__ import annotations

import re
import subprocess

import pytest

RUN = "/var/vcap/sys/run"
BPM = "/var/vcap/jobs/bpm/bin/bpm"
# With every variant that can be had at once; what each is by itself makes no other host.
ODD = dict(
    generation="director",
    blobs=2,
    tasks=2,
    database_mib=1,
    database_at="split",
    director_database="bosh_production",
    postgres_port=5433,
    postgres_layout="successor",
    blobstore="external",
    agent="systemd",
    checks=True,
    requiretty=True,
)


@pytest.fixture(scope="module")
def odd(new_director):
    """A director that differs from the default one wherever it can."""
    return new_director("e2e-odd", **ODD)


def facts(director):
    return dict(line.split("=", 1) for line in director.shell("cat /etc/testhost").splitlines())


def ask(director, database, query):
    """Return the answer of the server that holds this database."""
    psql = f"{facts(director)['POSTGRES']}/bin/psql"
    arguments = ("-qAtX", "-h", "127.0.0.1", "-U", "vcap", "-d", database, "-c", query)
    return director.execute(psql, *arguments).stdout.strip()


def pid(director, service):
    return int(director.shell(f"cat {RUN}/bpm/{service}.pid"))


def test_all_but_the_workers_run_in_namespaces_of_their_own(director):
    found = director.shell(f"find {RUN}/ -name '*.pid' -printf '%P\n'").split()
    assert {"bpm/blobstore/blobstore.pid", "bpm/director/nginx.pid", "bpm/director/scheduler.pid"} <= set(found)
    workers = {f"director/worker_{number}.pid" for number in range(1, 5)}
    assert {name for name in found if not name.startswith("bpm/")} == workers
    modes = director.shell(f"stat -c '%a %U %n' {RUN}/bpm {RUN}/bpm/*").splitlines()
    assert len(modes) > 5
    assert all(mode.startswith("700 root ") for mode in modes)
    own = "readlink /proc/self/ns/pid"
    spaces = director.shell(f"for f in {RUN}/bpm/*/*.pid; do readlink /proc/$(cat $f)/ns/pid; done").split()
    assert len(set(spaces)) == len(spaces) == len(found) - len(workers)
    assert director.shell(own).strip() not in spaces


def test_postgres_writes_the_pid_that_it_has_inside(director):
    inner = int(director.shell("head -n 1 $(sed -n 's/^DATA=//p' /etc/testhost)/postmaster.pid"))
    outer = pid(director, "postgres/postgres")
    assert inner != outer
    assert inner < 20
    names = director.shell(f"ls /tmp; ls /proc/{outer}/root/tmp -A").split()
    assert names.count(".s.PGSQL.5432") == 1


def test_a_stop_that_is_not_heeded_ends_in_a_kill(director):
    service = pid(director, "uaa/uaa")
    child = director.shell(f"cat /proc/{service}/task/{service}/children").split()[0]
    director.shell("/var/vcap/bosh/bin/monit unmonitor uaa")
    director.shell(f"kill -STOP {child}")
    took = director.shell(f"a=$(date +%s); {BPM} stop uaa; b=$(date +%s); echo $((b - a))")
    assert 15 <= int(took) < 60
    assert director.execute("test", "-e", f"/proc/{service}", check=False).returncode != 0
    assert director.execute("test", "-e", f"{RUN}/bpm/uaa/uaa.pid", check=False).returncode != 0
    director.shell(f"{BPM} start uaa; /var/vcap/bosh/bin/monit monitor uaa")
    director.host.wait(director.host.facts["port"])


def test_sudo_keeps_the_path_of_its_caller(director):
    run = ("setpriv", "--reuid=jumpbox", "--regid=jumpbox", "--init-groups", "env", "PATH=/odd:/usr/bin:/bin")
    assert director.execute(*run, "sudo", "-n", "/usr/bin/printenv", "PATH").stdout.strip() == "/odd:/usr/bin:/bin"
    assert "secure_path" not in director.shell("cat /etc/sudoers")


def test_monit_is_a_script_that_calls_others_by_name(director):
    assert director.shell("head -c 11 /var/vcap/bosh/bin/monit") == "#!/bin/bash"
    planted = (
        "mkdir -p /run/planted && cd /run/planted && for p in cat grep awk mkdir; do "
        "printf '#!/bin/sh\necho %s >>/run/planted/called\nexec /usr/bin/%s \"$@\"\n' $p $p >$p && chmod +x $p; done; "
        "PATH=/run/planted:$PATH /var/vcap/bosh/bin/monit summary >/run/planted/out; sort -u called; rm -r /run/planted"
    )
    assert director.shell(planted).split() == ["awk", "cat", "grep", "mkdir"]


def test_sshd_is_as_strict_as_a_stemcells(director):
    told = set(director.shell("/usr/sbin/sshd -T").splitlines())
    wanted = {"maxauthtries 3", "allowgroups bosh_sshers", "banner /etc/issue.net", "passwordauthentication no"}
    assert wanted <= told
    assert director.shell("cat /etc/cron.allow") == "vcap\n"
    assert re.search(r" /home \S+ \S*nosuid\S*nodev|nodev\S*nosuid", director.shell("cat /proc/mounts"))
    inventory = director.host.inventory()
    command = ["ssh", *inventory["ansible_ssh_common_args"].split(), "-i", inventory["ansible_ssh_private_key_file"]]
    command += ["-p", str(inventory["ansible_port"]), "jumpbox@127.0.0.1", "true"]
    greeted = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(greeted.stderr.splitlines()) > 10


@pytest.mark.long
def test_a_database_elsewhere_is_reached_by_the_director_alone(odd):
    known = facts(odd)
    assert ask(odd, "bosh", "SELECT count(*) > 0 FROM deployments") == "t"
    assert ask(odd, "bosh", "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user") == "f"
    assert ask(odd, "bosh", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == "t"
    with pytest.raises(Exception, match="permission denied"):
        ask(odd, "bosh", "SELECT * FROM pg_authid")
    here = ask(odd, "uaa", "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE NOT datistemplate")
    assert here == "credhub postgres uaa"
    assert known["PORT"] == ask(odd, "uaa", "SHOW port") == "5433"
    assert re.fullmatch(r"/var/vcap/store/postgres/postgres-1\d\.\d+", ask(odd, "uaa", "SHOW data_directory"))
    elsewhere = odd.host.elsewhere
    assert "BEGIN CERTIFICATE" in elsewhere.ca.read_text()
    assert elsewhere.password not in odd.shell("cat /proc/*/cmdline /proc/net/tcp | tr '\\0' '\n'")


@pytest.mark.long
def test_blobs_that_are_elsewhere_are_only_named(odd):
    assert int(ask(odd, "bosh", "SELECT count(*) FROM packages WHERE blobstore_id IS NOT NULL")) > 0
    assert "blobstore" not in odd.shell("ls /var/vcap/store").split()
    assert "blobstore_nginx" not in odd.host.summary()
    assert '"provider":"s3cli"' in odd.shell("cat /var/vcap/jobs/director/config/director.yml")


@pytest.mark.long
def test_the_agent_is_a_unit_where_sv_knows_none(odd):
    assert odd.wholly_up()
    assert odd.execute("sv", "status", "agent", check=False).returncode != 0
    odd.shell("systemctl stop agent.service")
    assert "ActiveState=inactive" in odd.shell("systemctl show --property=ActiveState bosh-agent.service").splitlines()
    assert not odd.wholly_up()
    odd.shell("systemctl start bosh-agent.service")
    assert odd.wholly_up()


@pytest.mark.long
def test_checks_that_are_no_processes_alarm_by_a_switch(odd):
    odd.shell("rmdir /var/vcap/data/checked/directory; sv restart monit")
    assert odd.host.told("checked_directory", "Does not exist")
    assert odd.host.runs()
    odd.shell("mkdir /var/vcap/data/checked/directory")
    assert odd.host.told("checked_directory", "OK")


@pytest.mark.long
def test_sudo_wants_a_terminal_if_told(odd):
    run = ("setpriv", "--reuid=jumpbox", "--regid=jumpbox", "--init-groups", "sudo", "-n", "true")
    refused = odd.execute(*run, check=False)
    assert refused.returncode != 0
    assert "tty" in refused.stderr
