"""Setup: from nothing but the password, or by the key that a director already knows."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess

import pytest
import yaml
from conftest import ANSIBLE, OLD_SUDOERS, ansible_environment, playbook_command, run_ansible
from faults import SMALL

SUDOERS = "/etc/sudoers.d/backup"
STAGING = "/var/vcap/store/microbosh-backup"
OWN = "microbosh"
SSH_FAILED = 255
# Whoever may run one of these as root is root.
AS_GOOD_AS_ROOT = ("rsync", "cp", "mv", "chown", "chmod", "tar", "rm", "find", "sh", "bash", "tee", "ALL")


def allowed(director):
    """Return the command lines that the sudoers file allows without a password."""
    text = director.shell(f"cat {SUDOERS}").replace("\\\n", " ")
    return [line.strip() for line in re.search(r"MICROBOSH_BACKUP = (.*)", text).group(1).split(",")]


def runs_as_root(director, command, user="vcap"):
    """Return whether the backup user may run this as root without a password."""
    return director.execute("runuser", "-u", user, "--", "sudo", "-n", *command, check=False).returncode == 0


def key_as(director, user, command):
    """Run a command on the host with nothing but the backup key."""
    variables = director.host.inventory()
    ssh = ["ssh", *variables["ansible_ssh_common_args"].split(), "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"]
    ssh += ["-i", str(director.directory / "key"), "-p", str(variables["ansible_port"]), f"{user}@127.0.0.1", command]
    return subprocess.run(ssh, capture_output=True, text=True, check=False)


def test_check_mode_and_diff_before_the_first_run_change_nothing(first_setup):
    assert first_setup.check.status == 0, first_setup.check.output
    assert first_setup.after_check == first_setup.before
    assert f"-{OLD_SUDOERS}" in first_setup.check.output
    assert re.search(r"^\+.* NOPASSWD: MICROBOSH_BACKUP$", first_setup.check.output, re.MULTILINE)


def test_the_password_is_all_it_needs(first_setup):
    assert first_setup.run.status == 0, first_setup.run.output
    assert first_setup.run.recap[first_setup.director.name]["changed"] > 0


def test_at_the_end_monit_answers_to_the_key(first_setup):
    told = first_setup.run.told(first_setup.director.name)
    assert "Connection test passed, monit 5." in told
    for service in ("nats", "redis", "postgres", "powerdns", "director", "worker_3", "health_monitor"):
        assert re.search(rf"\b{service} +OK\b", told), told


def test_a_second_run_changes_nothing(first_setup):
    assert first_setup.again.status == 0, first_setup.again.output
    assert first_setup.again.recap[first_setup.director.name]["changed"] == 0
    assert first_setup.after_all == first_setup.after_run


def test_check_mode_and_diff_after_it_find_nothing_to_do(first_setup):
    assert first_setup.check_again.status == 0, first_setup.check_again.output
    assert first_setup.check_again.recap[first_setup.director.name]["changed"] == 0
    assert not re.search(r"^[+-]", first_setup.check_again.output, re.MULTILINE)


def test_the_controller_has_a_key_and_a_directory_that_are_its_own(first_setup):
    director = first_setup.director
    assert stat.S_IMODE((director.directory / "key").stat().st_mode) == 0o600
    assert stat.S_IMODE(director.backups.stat().st_mode) == 0o700


def test_the_key_opens_a_shell_but_no_tunnel(first_setup):
    director = first_setup.director
    public = (director.directory / "key.pub").read_text().split()[1]
    lines = [line for line in director.shell("cat /home/vcap/.ssh/authorized_keys").splitlines() if public in line]
    assert len(lines) == 1
    assert lines[0].startswith("no-port-forwarding,no-agent-forwarding,no-X11-forwarding ssh-ed25519 ")


def test_the_key_alone_is_enough_afterwards(first_setup):
    assert key_as(first_setup.director, "vcap", "id -un").stdout == "vcap\n"


def test_what_it_installed_belongs_to_root(first_setup):
    host = first_setup.director.services
    for path, mode in ((SUDOERS, 0o440), ("/usr/local/sbin/microbosh-read", 0o755)):
        assert (host.file(path).user, host.file(path).group, host.file(path).mode) == ("root", "root", mode), path
    staging = host.file(STAGING)
    assert (staging.is_directory, staging.user, staging.mode) == (True, "vcap", 0o700)


def test_the_sudoers_file_allows_exact_command_lines_only(first_setup):
    lines = allowed(first_setup.director)
    assert "*" not in first_setup.director.shell(f"cat {SUDOERS}")
    for line in lines:
        program = line.split()[0]
        assert program.startswith("/"), line
        assert program.rpartition("/")[2] not in AS_GOOD_AS_ROOT, line
    # A program without arguments may be run with any.
    assert [line for line in lines if len(line.split()) == 1] == []


def test_the_old_sudoers_file_is_replaced(first_setup):
    director = first_setup.director
    assert OLD_SUDOERS not in director.shell(f"cat {SUDOERS}")
    assert not runs_as_root(director, ["/usr/bin/rsync", "--version"])
    assert not runs_as_root(director, ["/var/vcap/bosh/bin/monit", "-V"])
    assert runs_as_root(director, ["/var/vcap/bosh/bin/monit", "summary"])


def test_a_sudoers_file_that_visudo_refuses_is_not_put_in_place(first_setup):
    director = first_setup.director
    before = director.shell(f"stat {SUDOERS}; cat {SUDOERS}")
    director.shell("ln -s /var/vcap/bosh/bin/monit /opt/moni:t")
    try:
        run = director.setup(microbosh_monit="/opt/moni:t")
    finally:
        director.shell("rm /opt/moni:t")
    assert run.status != 0
    assert "failed to validate" in run
    assert "syntax error" in run
    assert director.shell(f"stat {SUDOERS}; cat {SUDOERS}") == before


def test_a_director_is_prepared_with_the_key_it_knows(director):
    before = director.shell(f"cat {SUDOERS}")
    again = director.setup()
    assert again.status == 0, again.output
    assert again.recap[director.name]["changed"] == 0
    told = again.told(director.name)
    assert "Connection test passed" in told
    assert "as good as root" not in told
    assert "others than root" not in told
    assert "also logs in as" not in told
    assert director.shell(f"cat {SUDOERS}") == before
    assert before.rstrip().endswith(f"{OWN} ALL=(root) NOPASSWD: MICROBOSH_BACKUP")
    assert "/var/vcap/bosh/bin/monit stop credhub" in allowed(director)
    assert director.services.file(STAGING).user == OWN


def test_where_the_login_user_is_as_good_as_root_backups_have_a_user_of_their_own(director):
    assert runs_as_root(director, ["true"], "jumpbox")
    assert key_as(director, "jumpbox", "true").returncode == SSH_FAILED
    assert key_as(director, OWN, "id -un").stdout == f"{OWN}\n"
    assert not runs_as_root(director, ["true"], OWN)
    assert runs_as_root(director, ["/var/vcap/bosh/bin/monit", "summary"], OWN)
    groups = director.shell(f"id -Gn {OWN}").split()
    assert set(groups) == {OWN, "bosh_sshers"}
    # No password opens it, and no date ends it: the hosts' defaults would after some weeks.
    password, dummy, _least, most = director.shell(f"getent shadow {OWN}").split(":")[1:5]
    assert (password, most) == ("*", "")


# What inventories say of all hosts, for others than directors; the controller may be a host among them.
OF_ALL_HOSTS = {
    "ansible_become": True,
    "ansible_become_user": "deploy",
    "ansible_become_password": "not the controller's",
    "ansible_connection": "ssh",
    "ansible_python_interpreter": "auto_silent",
}
# Whoever becomes another by it is seen, with what he sends.
SEEN_SUDO = """#!/bin/sh
{ echo "$*"; timeout 2 cat; } >>"$SUDO_SEEN"
exit 1
"""


@pytest.fixture
def sudo_here(tmp_path):
    """The environment of a controller that has another sudo, and what this notes."""
    program, seen = tmp_path / "bin" / "sudo", tmp_path / "seen"
    program.parent.mkdir()
    program.write_text(SEEN_SUDO)
    program.chmod(0o755)
    seen.touch()
    return {"PATH": f"{program.parent}:{ansible_environment()['PATH']}", "SUDO_SEEN": str(seen)}, seen


def of_all_hosts(director, directory, **more):
    """Write an inventory that says of all hosts to become somebody; the backups are in that directory."""
    settings = {"microbosh_backup_dir": str(directory / "backups")}
    hosts = {"all": {"hosts": {"localhost": None}, "vars": {**OF_ALL_HOSTS, **more}}}
    path = directory / "all.yml"
    path.write_text(yaml.safe_dump({**hosts, **yaml.safe_load(director.inventory(**settings).read_text())}))
    return path


@pytest.mark.rotating_alone
def test_nothing_becomes_root_on_the_controller_whatever_the_inventory_says(director, sudo_here, tmp_path):
    environment, seen = sudo_here
    inventory = of_all_hosts(director, tmp_path)
    for playbook in ("setup", "backup", "checkup", "verify"):
        command = playbook_command(inventory, f"microbosh.director.{playbook}", "-b", "--become-user", "deploy")
        run = run_ansible(command, environment)
        assert run.status == 0, run.output
        assert seen.read_text() == "", playbook


def test_become_on_the_command_line_is_refused(director, sudo_here, tmp_path):
    """There it would beat the plays."""
    environment, seen = sudo_here
    inventory = of_all_hosts(director, tmp_path)
    command = playbook_command(inventory, "microbosh.director.backup", "-e", "ansible_become=true")
    run = run_ansible(command, environment)
    assert run.status == 2, run.output
    assert "ansible_become is given with -e" in run
    assert seen.read_text() == ""


@pytest.fixture
def agent():
    """An agent of ssh, as AWX makes one for a machine credential: the environment, and what gives it keys."""
    said = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True).stdout
    values = dict(re.findall(r"(SSH_\w+)=([^;]+);", said))
    environment = {"SSH_AUTH_SOCK": values["SSH_AUTH_SOCK"]}

    def add(*paths):
        subprocess.run(["ssh-add", "-q", *map(str, paths)], env={**os.environ, **environment}, check=True)

    yield environment, add
    os.kill(int(values["SSH_AGENT_PID"]), signal.SIGTERM)


@pytest.fixture
def made_keys(tmp_path):
    """A function that makes a key of that name."""

    def make(name):
        path = tmp_path / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path], check=True)
        return path

    return make


def without_a_key_of_its_own(director, directory, **settings):
    """Write an inventory of a controller without any file of a key; return its path and the login's key."""
    places = {"microbosh_backup_dir": str(directory / "backups"), "microbosh_private_key": ""}
    inventory = yaml.safe_load(director.inventory(**places).read_text())
    [host] = inventory["microbosh"]["hosts"].values()
    login = host.pop("ansible_ssh_private_key_file")
    inventory["microbosh"]["vars"].update(settings)
    path = directory / "hosts.yml"
    path.write_text(yaml.safe_dump(inventory))
    return path, login


def authorized(director):
    return director.shell(f"cat /home/{OWN}/.ssh/authorized_keys")


@pytest.fixture
def keys_as_before(director):
    before = authorized(director)
    yield
    director.shell(f"cat >/home/{OWN}/.ssh/authorized_keys <<'END'\n{before}END")


@pytest.mark.rotating_alone
@pytest.mark.usefixtures("keys_as_before")
def test_keys_of_an_agent_alone_serve_setup_and_backups(director, agent, made_keys, tmp_path):
    environment, add = agent
    inventory, login = without_a_key_of_its_own(director, tmp_path)
    backup_key = made_keys("of-backups")
    add(*(made_keys(f"other-{number}") for number in range(2)), login, backup_key)
    doubtful = run_ansible(playbook_command(inventory, "microbosh.director.setup"), environment)
    assert doubtful.status == 2, doubtful.output
    assert "has 4 keys: SHA256:" in doubtful
    assert "of-backups (ssh-ed25519)" in doubtful
    public = backup_key.with_suffix(".pub").read_text()
    inventory, _ = without_a_key_of_its_own(director, tmp_path, microbosh_public_key=public)
    for playbook in ("setup", "backup"):
        run = run_ansible(playbook_command(inventory, f"microbosh.director.{playbook}"), environment)
        assert run.status == 0, run.output
    assert public.split()[1] in authorized(director)


@pytest.mark.rotating_alone
@pytest.mark.usefixtures("keys_as_before")
def test_a_key_given_as_a_vaulted_text_is_nowhere_to_be_found(director, made_keys, tmp_path):
    key, secret = made_keys("text"), tmp_path / "vault-password"
    secret.write_text("of the vault")
    encrypt = [str(ANSIBLE / "bin/ansible-vault"), "encrypt_string", "--vault-password-file", str(secret)]
    text = key.read_text()
    vaulted = [
        subprocess.run([*encrypt, "--stdin-name", name], input=value, capture_output=True, text=True, check=True).stdout
        for name, value in {
            "microbosh_private_key_text": text,
            "microbosh_backup_dir": str(tmp_path / "vaulted"),
            "microbosh_user": OWN,
        }.items()
    ]
    settings = tmp_path / "vaulted.yml"
    settings.write_text("".join(f"{setting}\n" for setting in vaulted))
    key.unlink()
    told = []
    for playbook in ("setup", "backup"):
        command = playbook_command(director.inventory(), f"microbosh.director.{playbook}", "-vvv")
        command += ["-e", f"@{settings}", "--vault-password-file", str(secret)]
        run = run_ansible(command, {"ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "1"})
        assert run.status == 0, run.output
        told.append(run.output)
    lines = text.splitlines()[1:-1]
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path != settings]
    assert len(written) > 20
    for line in lines:
        assert not any(line in output for output in told)
        assert not any(line.encode() in content for content in written)


@pytest.fixture
def sudoers_as_before(director):
    director.shell("cp -p /etc/sudoers /root/sudoers")
    yield
    director.shell("mv /root/sudoers /etc/sudoers")


@pytest.mark.rotating_alone
@pytest.mark.usefixtures("sudoers_as_before")
def test_a_sudo_that_wants_a_terminal_and_more(director, tmp_path):
    """Whatever it wants, and wherever it says so: behind what setup writes as well."""
    settings = {"microbosh_backup_dir": str(tmp_path / "backups")}
    strict = "requiretty\nDefaults:microbosh log_input,log_output,noexec,command_timeout=1"
    director.shell(f"printf 'Defaults {strict}\n' >>/etc/sudoers")
    refused = director.setup(**settings)
    assert refused.status == 2, refused.output
    assert "jumpbox cannot become root" in refused
    assert "Defaults:jumpbox,root !requiretty" in refused
    director.shell("echo 'Defaults:jumpbox,root !requiretty' >>/etc/sudoers")
    for run in (director.setup(**settings), director.backup(**settings)):
        assert run.status == 0, run.output
    assert director.shell("find /var/log/sudo-io 2>/dev/null || true") == ""


@pytest.mark.long
def test_a_key_that_is_as_good_as_root_is_told_of(new_director):
    """By name or left by an earlier setup; and the user of backups may change."""
    director = new_director("e2e-own", generation="director", **SMALL)
    director.shell("ln -s /var/vcap/bosh/bin/monit /home/jumpbox/monit")
    as_root = director.setup(microbosh_user="jumpbox", microbosh_monit="/home/jumpbox/monit")
    assert as_root.status == 0, as_root.output
    assert "The backup key is as good as root" in as_root.told(director.name)
    assert "others than root may change /home/jumpbox. Let" in as_root.told(director.name)
    assert director.backup(microbosh_user="jumpbox").status == 0
    check = director.setup("--check", "--diff")
    assert check.status == 0, check.output
    assert director.services.file(STAGING).user == "jumpbox"
    assert not director.services.user(OWN).exists
    director.shell(f"touch {STAGING}/lease-armed")
    held = director.setup()
    assert held.status != 0
    assert "both with -e microbosh_user=jumpbox. Then run setup again" in held
    director.shell(f"rm {STAGING}/lease-armed")
    own = director.setup()
    assert own.status == 0, own.output
    assert "as good as root" not in own.told(director.name)
    assert "The backup key also logs in as jumpbox" in own.told(director.name)
    run = director.backup()
    assert run.status == 0, run.output
    assert director.services.file(STAGING).user == OWN
    # As an AWX job whose credential is that of jumpbox: the backup key is elsewhere.
    public = str(director.directory / "key.pub")
    elsewhere = director.setup(microbosh_private_key="", microbosh_public_key=public)
    assert elsewhere.status == 0, elsewhere.output
    assert "Connection not tested" in elsewhere.told(director.name)
