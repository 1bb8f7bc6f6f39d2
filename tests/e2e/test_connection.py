"""Rsync goes where Ansible goes: the same machine, user, key and options, in whatever way an inventory spells them."""

from __future__ import annotations

import json
import os
import shutil

import pytest
import yaml
from conftest import ANSIBLE, REPOSITORY, run_ansible, write_inventory

SETTINGS = {"ansible.builtin.import_role": {"name": "microbosh.director.microbosh", "vars_from": "backup"}}
PLAYBOOKS = REPOSITORY / ".collections/ansible_collections/microbosh/director/playbooks"
# Stands in for ssh: notes what the real one would make of its arguments, and runs the command right here.
FAKE_SSH = r"""#!/usr/bin/env python3
import json, os, re, subprocess, sys
words, rest = [], sys.argv[1:]
while rest and rest[0].startswith("-"):
    words.append(rest.pop(0))
    if words[-1] in ("-o", "-F", "-i", "-J", "-p", "-l", "-S"):
        words.append(rest.pop(0))
host, command = rest[0], " ".join(rest[1:])
said = subprocess.run(["SSH", "-G", *words, host], capture_output=True, text=True)
other = ("requesttty ", "numberofpasswordprompts ")  # where the command's output goes, and who is asked
config = [line for line in said.stdout.splitlines() if not line.startswith(other)] or said.stderr
spelling = re.search(r"spelling-(\w+)", command)
if spelling:
    by = "rsync" if "--server" in command else "ansible"
    if by == "rsync" and os.environ.get("LC_ALL") != "C":
        sys.exit("rsync and ssh do not speak English")
    with open(os.environ["CONNECTIONS"], "a") as notes:
        notes.write(json.dumps([spelling.group(1), by, os.path.basename(sys.argv[0]), config]) + "\n")
os.execvp("sh", ["sh", "-c", command])
"""
SSH_CONFIG = """
Host mapped mapped.example
    HostName 192.0.2.77
    Port 2277
    User operator
    ProxyJump jump.example
    ForwardAgent yes
    ForwardX11 yes
"""
DECOY = "192.0.2.66"
TASKS = [
    {"name": "Ansible connects", "ansible.builtin.raw": "echo spelling-{{ spelling }}", "changed_when": False},
    {
        "name": "Rsync brings files",
        "microbosh.director.pull": {
            "src": "{{ tests }}/spelling-{{ spelling }}/from/",
            "dest": "{{ tests }}/to-{{ spelling }}/",
            "reader": "",
        },
    },
    {
        "name": "Rsync pushes files",
        "microbosh.director.push": {
            "src": "{{ tests }}/spelling-{{ spelling }}/from",
            "dest": "{{ tests }}/spelling-{{ spelling }}/back",
            "files": ["marker"],
        },
    },
    {
        "name": "The reader is asked",
        "microbosh.director.pull": {
            "src": "/var/vcap/",
            "dest": "{{ tests }}/to-{{ spelling }}/",
            "reader": "/nowhere/spelling-{{ spelling }}",
        },
        "register": "read",
        "failed_when": "read.rc is not defined",
    },
]
# By variables of one host. Where two spellings contradict each other, the one that Ansible does not take is a decoy.
HOSTS = {
    "plain": {"ansible_host": "192.0.2.1", "ansible_port": 2201, "ansible_user": "operator"},
    "old_names": {"ansible_ssh_host": "192.0.2.1", "ansible_ssh_port": 2201, "ansible_ssh_user": "operator"},
    "decoy_host": {"ansible_host": DECOY, "ansible_ssh_host": "192.0.2.1"},
    "decoy_port": {"ansible_host": "192.0.2.1", "ansible_port": 2266, "ansible_ssh_port": 2201},
    "decoy_user": {"ansible_host": "192.0.2.1", "ansible_user": "decoy", "ansible_ssh_user": "operator"},
    "decoy_key": {"ansible_private_key_file": "/decoy", "ansible_ssh_private_key_file": "/keys/it's \"one\" of mine"},
    "own_key": {"microbosh_private_key": "/keys/of a backup"},
    "mapped": {"ansible_ssh_common_args": "-F {{ tests }}/ssh_config", "microbosh_private_key": ""},
    "mapped_address": {"ansible_host": "mapped.example", "ansible_ssh_extra_args": "-F '{{ tests }}/ssh_config'"},
    "template": {"ansible_host": "192.0.2.{{ number }}", "ansible_port": "{{ 2200 + number }}", "number": 9},
    "ipv6": {"ansible_host": "2001:db8::1", "ansible_port": 2201},
    "ipv6_old": {"ansible_ssh_host": "2001:db8::1"},
    "loopback": {"ansible_host": "127.0.0.1"},
    "loopback6": {"ansible_host": "::1"},
    "tunnel": {"ansible_host": "localhost", "ansible_ssh_port": 2201},
    "own_args": {"ansible_host": "192.0.2.1", "ansible_ssh_args": "-C -o ProxyJump=a@jump -S /elsewhere"},
    "jump": {"ansible_host": "192.0.2.1", "ansible_ssh_common_args": "-o ProxyJump=a@jump.example:22"},
    "proxy": {"ansible_ssh_common_args": "-o ProxyCommand=\"ssh -W %h:%p -i '/keys/the jump' 'jump.example'\""},
    "extra": {"ansible_ssh_extra_args": "-o HostKeyAlias=other -4"},
    "timeout": {"ansible_host": "192.0.2.1", "ansible_ssh_timeout": 77},
    "agent": {"ansible_host": "192.0.2.1", "ansible_ssh_common_args": "-A -X -o ForwardAgent=yes"},
    "agent_extra": {"ansible_host": "192.0.2.1", "ansible_ssh_extra_args": "-o HostKeyAlias=other -AX"},
    "executable": {"ansible_ssh_executable": "{{ tests }}/bin/other_ssh"},
    "checking": {"ansible_host": "192.0.2.1", "ansible_ssh_host_key_checking": False},
    "local_user": {"ansible_connection": "ssh", "ansible_host": "192.0.2.1", "ansible_user": "jumpbox"},
}
ENVIRONMENT = {"REMOTE_USER": "operator", "REMOTE_PORT": "2201", "SSH_EXTRA_ARGS": "-A -4"}
# What else says it: arguments, environment, ansible.cfg.
RUNS = {
    "user": (["-u", "operator"], {}, ""),
    "key": (["--private-key", "/keys/the one"], {}, ""),
    "arguments": (["--ssh-common-args", "-o ProxyJump=jump", "--ssh-extra-args", "-A -o HostKeyAlias=a"], {}, ""),
    "timeout_option": (["--timeout", "33"], {}, ""),
    "extra_vars": (["-e", "ansible_ssh_host=192.0.2.1 ansible_ssh_port=2201 ansible_ssh_user=operator"], {}, ""),
    "own_arguments": (["-e", '{"ansible_ssh_args": "-o HostName=192.0.2.1"}'], {}, ""),
    "environment": ([], {f"ANSIBLE_{name}": value for name, value in ENVIRONMENT.items()}, ""),
    "environment_key": ([], {"ANSIBLE_PRIVATE_KEY_FILE": "/keys/the one", "ANSIBLE_TIMEOUT": "44"}, ""),
    "configured": ([], {}, "[defaults]\nremote_user=operator\nremote_port=2201\nprivate_key_file=/keys/the one\n"),
    "configured_ssh": ([], {}, "[ssh_connection]\nssh_common_args=-o ProxyJump=jump.example\ntimeout=55\n"),
    "configured_agent": ([], {}, "[ssh_connection]\nssh_extra_args=-A -o HostKeyAlias=b\nssh_common_args=-A\n"),
    "configured_executable": ([], {}, "[ssh_connection]\nssh_executable={tests}/bin/other_ssh\n"),
}
EXPECTED = {
    "decoy_host": ["hostname 192.0.2.1"],
    "decoy_port": ["port 2201"],
    "decoy_user": ["user operator"],
    "old_names": ["hostname 192.0.2.1", "port 2201", "user operator"],
    "mapped": ["hostname 192.0.2.77", "port 2277", "user operator", "proxyjump jump.example"],
    "mapped_address": ["hostname 192.0.2.77", "port 2277"],
    "ipv6": ["hostname 2001:db8::1", "port 2201"],
    "loopback": ["hostname 127.0.0.1"],
    "template": ["hostname 192.0.2.9", "port 2209"],
    "own_key": ["identityfile /keys/of a backup"],
    "local_user": ["user microbosh"],
    "user": ["user operator"],
    "environment": ["user operator", "port 2201", "addressfamily inet"],
    "configured": ["user operator", "port 2201", "identityfile /keys/the one"],
    "extra_vars": ["hostname 192.0.2.1", "port 2201", "user operator"],
    "own_arguments": ["hostname 192.0.2.1"],
    "agent_extra": ["hostkeyalias other"],
    "own_args": ["proxyjump a@jump", "compression no", "identitiesonly no"],
    "decoy_key": ["identitiesonly no"],  # there is no such file
    "configured_agent": ["hostkeyalias b"],
    "arguments": ["hostkeyalias a"],
}
# Whatever is set: a director that root of somebody else's holds must not use the operator's agent.
NEVER = ["forwardagent no", "forwardx11 no"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory with an ssh that connects nowhere, first in PATH, and a play that is backup's but for its tasks."""
    place = tmp_path_factory.mktemp("connection")
    (place / "bin").mkdir()
    fake = place / "bin" / "ssh"
    fake.write_text(FAKE_SSH.replace("SSH", shutil.which("ssh"), 1))
    fake.chmod(0o755)
    shutil.copy(fake, place / "bin" / "other_ssh")
    (place / "ssh_config").write_text(SSH_CONFIG)
    play = yaml.safe_load((PLAYBOOKS / "backup.yml").read_text())[1]
    play.update(tasks=[SETTINGS, *TASKS], pre_tasks=[])
    (place / "play.yml").write_text(yaml.safe_dump([play]))
    for name in (*HOSTS, *RUNS):
        (place / f"spelling-{name}" / "from").mkdir(parents=True)
        (place / f"spelling-{name}" / "from" / "marker").touch()
    return place


def connect(place, hosts, arguments=(), environment=None, config=""):
    """Run the play for hosts {name: variables}; return {name: [(who, program, what ssh made of it), ...]}."""
    common = {"tests": str(place), "run_control_dir": str(place), "microbosh_private_key": ""}
    variables = {name: {"spelling": name, **common, **more} for name, more in hosts.items()}
    inventory = write_inventory(place / "hosts.yml", variables)
    notes = place / "notes"
    notes.write_text("")
    (place / "ansible.cfg").write_text(config.replace("{tests}", str(place)))
    path = f"{place / 'bin'}:{ANSIBLE / 'bin'}:{os.environ['PATH']}"
    given = {"PATH": path, "CONNECTIONS": str(notes), "ANSIBLE_CONFIG": str(place / "ansible.cfg")}
    command = [str(ANSIBLE / "bin/ansible-playbook"), "-i", str(inventory), str(place / "play.yml"), *arguments]
    run = run_ansible(command, {**given, **(environment or {})})
    assert run.status == 0, run.output
    found = {name: [] for name in hosts}
    for line in notes.read_text().splitlines():
        name, *connection = json.loads(line)
        found[name].append(connection)
    return found, run


def check_agreement(name, connections, output):
    ansible = [connection for by, *connection in connections if by == "ansible"]
    rsync = [connection for by, *connection in connections if by == "rsync"]
    assert len(rsync) == 3, output
    assert ansible, output
    for program, config in rsync:
        assert program == ansible[0][0], output
        assert set(config) ^ set(ansible[0][1]) == set(), f"{name}: {output}"
    for line in [*EXPECTED.get(name, []), *NEVER]:
        assert line in ansible[0][1], ansible[0]


def test_variables_lead_rsync_where_ansible_goes(place):
    found, run = connect(place, HOSTS)
    for name, connections in found.items():
        check_agreement(name, connections, run.output)


@pytest.mark.parametrize("name", RUNS)
def test_options_lead_rsync_where_ansible_goes(place, name):
    arguments, environment, config = RUNS[name]
    found, run = connect(place, {name: {}}, arguments, environment, config)
    check_agreement(name, found[name], run.output)


def test_another_connection_than_ssh_is_refused(place):
    variables = {"spelling": "plain", "tests": str(place), "ansible_connection": "local"}
    hosts = write_inventory(place / "local.yml", {"local": variables})
    run = run_ansible([str(ANSIBLE / "bin/ansible-playbook"), "-i", str(hosts), str(place / "play.yml")])
    assert run.status != 0
    assert "Leave ansible_connection out, or set it to ssh" in run


def headers(playbook):
    """The variables of each play that connects to directors: those of the files that it names, and of the role."""
    plays = yaml.safe_load((PLAYBOOKS / f"{playbook}.yml").read_text())
    named = [[PLAYBOOKS / file for file in play.get("vars_files", [])] for play in plays]
    named.append(sorted((PLAYBOOKS.parent / "roles/microbosh/vars" / playbook).glob("*.yml")))
    files = [paths for paths in named if "connection.yml" in {path.name for path in paths}]
    loaded = [[yaml.safe_load(path.read_text()) for path in paths] for paths in files]
    return [{name: value for file in found for name, value in file.items()} for found in loaded]


def settled(key, otherwise):
    """What an option of the connection is made of: what the run has settled, and before that what is worked out."""
    return f"{{{{ run_connection.{key} if run_connection else lookup('ansible.builtin.vars', '{otherwise}') }}}}"


@pytest.mark.parametrize("playbook", ["setup", "backup", "restore", "checkup"])
def test_no_playbook_forwards_an_agent(playbook):
    assert headers(playbook)
    for known in headers(playbook):
        assert known["ansible_ssh_extra_args"] == settled("ssh_extra_args", "run_ssh_extra_args")
        assert known["run_ssh_extra_args"] == "{{ run_ssh_identity }} {{ run_ssh_extra_args_of_host }}"
        assert known["run_ssh_extra_args_of_host"].endswith("| microbosh.director.without_forwarding }}")
        assert known["ansible_host_key_checking"] is True


@pytest.mark.parametrize("playbook", ["backup", "checkup", "restore"])
def test_a_restore_alone_logs_in_as_the_operator(playbook):
    user = None if playbook == "restore" else settled("user", "microbosh_user")
    for known in headers(playbook):
        assert (known.get("ansible_user"), known.get("ansible_ssh_user")) == (user, None)
        assert known["ansible_ssh_args"] == settled("ssh_options", "run_ssh_options")
        assert ("run_login_key" in known["ansible_ssh_private_key_file"]) == (user is None)
