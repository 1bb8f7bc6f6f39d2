"""Real logins as people have them, up to a transfer as a backup's: jump hosts, agents, long homes, IPv6, names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import yaml
from conftest import ANSIBLE, REPOSITORY, playbook_command, run_ansible, write_inventory

PLAYBOOKS = REPOSITORY / ".collections/ansible_collections/microbosh/director/playbooks"
SSH_CONFIG = """
Host jumper
    HostName 127.0.0.1
    Port {port}
    User vcap
    IdentityFile {top}/jump
    IdentitiesOnly yes
    UserKnownHostsFile {top}/known_hosts
Host alias
    HostName 127.0.0.1
    Port 22
    ProxyJump jumper
    UserKnownHostsFile {top}/known_hosts
"""
KNOWN = "-o UserKnownHostsFile={top}/known_hosts"
THROUGH = "-F {top}/ssh_config -o UserKnownHostsFile={top}/known_hosts"
# Beyond the jump host, which is the director itself, it has these addresses.
INSIDE = {"ansible_host": "127.0.0.1", "ansible_port": 22}
WAYS = {
    "known_hosts in args": {"ansible_ssh_args": f"-C {KNOWN}"},
    "known_hosts in extra args": {"ansible_ssh_extra_args": "-o 'UserKnownHostsFile=\"{top}/known hosts\"'"},
    "control path": {"ansible_ssh_common_args": f"{KNOWN} -o ControlPath={{top}}/{'x' * 90}"},
    "jump-J": {**INSIDE, "ansible_ssh_common_args": f"{THROUGH} -J jumper"},
    "jump in args": {**INSIDE, "ansible_ssh_args": f"-C {THROUGH} -o ProxyJump=jumper"},
    "alias": {"ansible_host": "alias", "ansible_port": 22, "ansible_ssh_common_args": "-F {top}/ssh_config"},
    "nested": {
        **INSIDE,
        "ansible_ssh_common_args": f"{KNOWN} -o ProxyCommand=\"ssh -F {{top}}/ssh_config -o ProxyCommand='ssh -F "
        "{top}/ssh_config -W \\\"[127.0.0.1]:22\\\" jumper' -W '[%h]:%p' jumper\"",
    },
    "IPv6": {"ansible_host": "::1", "ansible_port": 22, "ansible_ssh_common_args": f"{THROUGH} -J jumper"},
    "link-local": {"ansible_host": "{local}", "ansible_port": 22, "ansible_ssh_common_args": f"{THROUGH} -J jumper"},
    "Direktor Süd 1.example": {"microbosh_private_key": "{top}/it's \"the\" key, 100%"},
}
REFUSED = {
    "unknown": ({"ansible_ssh_args": "-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no"}, "pin it once"),
    "unknown jump": ({**INSIDE, "ansible_ssh_common_args": f"{KNOWN} -J vcap@localhost:1"}, "refused"),
    "no jump": ({**INSIDE, "ansible_ssh_common_args": f"{KNOWN} -o ProxyCommand=false"}, "jump host does not work"),
    "quote": ({"ansible_ssh_common_args": f"{KNOWN} -o 'ProxyCommand=ssh"}, "quotes do not match"),
    "option": ({"ansible_ssh_common_args": f"{KNOWN} -o ProxyJmp=x"}, "An option for ssh is not one"),
    "brackets": ({"ansible_host": "[::1]"}, "has no brackets"),
    "agent": ({"microbosh_private_key": ""}, "MaxAuthTries"),
    "loud": ({"microbosh_user": "loud"}, "Something prints text when this user logs in"),
}


def write_play(path, tasks):
    """Write a play that connects as a backup does, and has these task files."""
    play = yaml.safe_load((PLAYBOOKS / "backup.yml").read_text())[1]
    names = [{"ansible.builtin.import_tasks": str(PLAYBOOKS / "tasks/shared" / f"{task}.yml")} for task in tasks]
    names[-1]["vars"] = {"transfer_reader": "{{ run_reader }}"}
    settings = {"name": "microbosh.director.microbosh", "vars_from": "backup"}
    play.update(tasks=[{"ansible.builtin.import_role": settings}, *names], pre_tasks=[])
    path.write_text(yaml.safe_dump([play]))
    return path


def turkish(top):
    """Return an environment whose locale has other capital letters, if this machine can make one."""
    made = top / "locales" / "tr_TR.UTF-8"
    made.parent.mkdir()
    if subprocess.run(["localedef", "-i", "tr_TR", "-f", "UTF-8", made], capture_output=True, check=False).returncode:
        return {"LANG": "C.UTF-8", "LANGUAGE": "tr"}
    return {"LOCPATH": str(made.parent), "LANG": "tr_TR.UTF-8", "LANGUAGE": "tr"}


@pytest.fixture(scope="module")
def place(micro):
    """A directory that ssh's sockets would fit into, with keys, known hosts, an agent of four keys and a long home."""
    top = Path(tempfile.mkdtemp(prefix="logins"))
    for name in ("jump", "a", "b", "c", "d"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", top / name], check=True)
    micro.shell(
        f"echo '{(top / 'jump.pub').read_text().strip()}' >>~vcap/.ssh/authorized_keys; cp /etc/ssh/sshd_config /root/"
        "&& echo 'MaxAuthTries 3' >>/etc/ssh/sshd_config; echo 'Banner /etc/ssh/sshd_config' >>/etc/ssh/sshd_config;"
        "useradd -m -s /bin/bash loud && mkdir -m 700 ~loud/.ssh && cp ~vcap/.ssh/authorized_keys ~loud/.ssh/"
        "&& chown -R loud ~loud/.ssh && echo 'echo Welcome' >~loud/.bashrc; pkill -HUP -o sshd"
    )
    found = re.search(r"inet6 (fe80\S+)/", micro.shell("ip -6 addr show eth0"))
    local = f"{found[1]}%eth0" if found else "::1"
    known = micro.host.known_hosts.read_text()
    kinds = [line.partition(" ")[2] for line in known.splitlines()]
    inside = [f"{host} {kind}\n" for kind in kinds for host in ("127.0.0.1", "::1", local)]
    for name in ("known_hosts", "known hosts"):
        (top / name).write_text(known + "".join(inside))
    port = micro.host.facts["port"]
    (top / "ssh_config").write_text(SSH_CONFIG.format(top=top, port=port))
    shutil.copy(micro.directory / "key", top / "it's \"the\" key, 100%")
    (top / ("home-" + "x" * 54)).mkdir()
    agent = subprocess.run(["ssh-agent", "-a", top / "agent"], capture_output=True, text=True, check=True)
    environment = {"SSH_AUTH_SOCK": str(top / "agent")}
    keys = [top / name for name in "abcd"]
    subprocess.run(["ssh-add", "-q", *keys], env={**os.environ, **environment}, check=True)
    yield top, local
    os.kill(int(re.search(r"SSH_AGENT_PID=(\d+)", agent.stdout)[1]), 15)
    micro.shell("sed -i '$d' ~vcap/.ssh/authorized_keys; userdel -rf loud; cp /root/sshd_config /etc/ssh/")
    micro.shell("pkill -HUP -o sshd")
    shutil.rmtree(top)


def log_in(micro, place, hosts, *arguments, **environment):
    """Log in to hosts {name: variables} and transfer what is no more than a directory; return the Run."""
    top, local = place
    variables = {}
    for name, more in hosts.items():
        own = micro.variables()
        if any(key.endswith("_args") for key in more):
            del own["ansible_ssh_common_args"]
        words = {key: str(value).replace("{top}", str(top)).replace("{local}", local) for key, value in more.items()}
        variables[name] = {**own, **words}
    inventory = write_inventory(top / "hosts.yml", variables)
    play = write_play(top / "play.yml", ["reach", "transfer"])
    home = {"HOME": str(top / ("home-" + "x" * 54)), "SSH_AUTH_SOCK": str(top / "agent")}
    command = [str(ANSIBLE / "bin/ansible-playbook"), "-i", str(inventory), str(play), *arguments]
    return run_ansible(command, {**home, **environment})


def test_every_way_leads_to_a_transfer(micro, place):
    """From a home whose control path is too long for a socket, with four keys in an agent against MaxAuthTries 3."""
    run = log_in(micro, place, WAYS, **turkish(place[0]))
    assert run.status == 0, run.output
    assert run.output.count("TASK [Rsync brings files from the director]") >= 1
    counts = re.findall(r"^(.+?) +: ok=(\d+) .*unreachable=0 +failed=0", run.output, re.MULTILINE)
    assert {name for name, dummy in counts} == set(WAYS)


def test_what_is_in_the_way_is_named(micro, place):
    run = log_in(micro, place, {name: more for name, (more, dummy) in REFUSED.items()})
    assert run.status == 2, run.output
    for name, (dummy, hint) in REFUSED.items():
        assert hint in run.told(name), f"{name}: {run.told(name)}"
        if name != "unknown jump":
            assert "the network" not in run.told(name), run.told(name)


@pytest.mark.long
def test_the_whole_way_through_a_jump_host(micro, place):
    """Setup, backup and restore, each through a nested ProxyCommand, from a long home, under a name with everything."""
    top, dummy = place
    name = "Direktor Süd 1.example"
    settings = {**WAYS["nested"], "microbosh_restore_confirm": name, "microbosh_backup_dir": f"{top}/backups/{name}"}
    variables = {key: str(value).replace("{top}", str(top)) for key, value in micro.variables(**settings).items()}
    inventory = write_inventory(top / "whole.yml", {name: variables})
    password = micro.directory / "password"
    home = {"HOME": str(top / ("home-" + "x" * 54)), "LANG": "C.UTF-8", "LANGUAGE": "tr"}
    # Without the agent: the password of vcap is all that setup has.
    asked = ("--connection-password-file", str(password), "--become-password-file", str(password))
    for playbook, arguments in (("setup", asked), ("backup", ()), ("restore", asked[2:])):
        # Ansible takes a blank for the end of a name, unless there is a comma.
        limit = ("--limit", f"{name},")
        command = playbook_command(inventory, f"microbosh.director.{playbook}", *limit, *arguments)
        run = run_ansible(command, home)
        assert run.status == 0, run.output
    assert micro.wholly_up()


@pytest.mark.rotating_alone
def test_setup_ends_where_a_backup_would_fail(micro):
    micro.shell("cp ~vcap/.bashrc /root/bashrc 2>/dev/null; echo 'echo Welcome' >~vcap/.bashrc")
    try:
        run = micro.setup()
    finally:
        micro.shell("[ -e /root/bashrc ] && cat /root/bashrc >~vcap/.bashrc || rm ~vcap/.bashrc")
    assert run.status == 2, run.output
    assert "Something prints text when this user logs in" in run
