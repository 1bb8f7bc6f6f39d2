"""Secrets are where they have to be, the files of the backup, and appear nowhere else."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import threading
from pathlib import Path

import pytest
import testhost
from conftest import REPOSITORY

pytestmark = pytest.mark.rotating

ARCHIVE = "{{ inventory_hostname }}_{id}.tar.gz"
# The parts of a backup that are the director's own data.
DATA = re.compile(r"/(vcap/(bosh|store)/|identity/set-[^/]*/bosh/|dbs/globals\.sql$)")


class ProcessLists:
    """Everything that ps would have shown, here and on the hosts, while the block ran."""

    def __init__(self):
        self.seen = set()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *dummy):
        self._done.set()
        self._thread.join()

    def _look(self):
        """The hosts are containers: their processes are among those of this machine."""
        while not self._done.wait(0.02):
            for process in filter(str.isdigit, os.listdir("/proc")):
                try:
                    self.seen.add(Path("/proc", process, "cmdline").read_bytes())
                except OSError:
                    continue  # it has ended


@pytest.fixture(scope="module")
def words():
    """A word that nobody can guess for each kind of secret."""
    return {name: secrets.token_hex(12) for name in ("password", "settings", "role")}


@pytest.fixture(scope="module")
def host(new_director, words):
    """A microBOSH whose secrets are these words."""
    director = new_director("e2e-secrets", blobs=2, tasks=5, database_mib=1)
    director.shell(f"""
        echo 'vcap:{words["password"]}' | chpasswd
        echo '{{"blobstore": {{"options": {{"password": "{words["settings"]}"}}}}}}' >/var/vcap/bosh/settings.json
        su vcap -c "/var/vcap/packages/postgres/bin/psql -h 127.0.0.1 -U vcap -d postgres -c \\"
            CREATE ROLE secretive PASSWORD '{words["role"]}'\\""
    """)
    return director


@pytest.fixture(scope="module")
def runs(host, words):
    """The output of everything with -vvv, and the process lists meanwhile."""
    password = host.directory / "password"
    password.write_text(words["password"])
    password.chmod(0o600)
    loud = ("-vvv", "--diff")
    files = ("--connection-password-file", str(password), "--become-password-file", str(password))
    # Facts that an operator lets Ansible keep are among the files that are looked through below.
    environment = {
        "ANSIBLE_SHOW_CUSTOM_STATS": "1",
        "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(host.directory / "facts"),
    }
    confirmed = {"microbosh_restore_confirm": host.name}
    with ProcessLists() as processes:
        done = [
            host.play("setup", *loud, *files, environment=environment),
            host.play("backup", *loud, environment=environment, microbosh_archive=ARCHIVE),
            host.play("checkup", *loud, environment=environment),
            host.play("verify", *loud, environment=environment, microbosh_rehearse=True),
            host.play("restore", *loud, *files[2:], environment=environment, **confirmed),
            host.play("backup", *loud, environment=environment, microbosh_databases=["missing"]),
        ]
    for run in done[:-1]:
        assert run.status == 0, run.output
    assert done[-1].status != 0
    assert list((host.directory / "facts").iterdir())
    return done, processes.seen


@pytest.fixture(scope="module")
def hidden(host, words, runs):
    """Return by name what must not be seen: the passwords, their encoded forms, and the keys."""
    key = (host.directory / "key").read_text().splitlines()
    agent = host.shell("cat /var/vcap/bosh/agent.key").splitlines()
    digest = re.search(r"PASSWORD '(\S+)'", (host.latest / "dbs/globals.sql").read_text()).group(1)
    return {
        **words,
        "the key": key[2], "the agent's key": agent[len(agent) // 2], "the digest of a password": digest,
        "the digest of the login": host.shell("getent shadow vcap").split(":")[1],
    }  # fmt: skip


def test_they_are_in_the_backup_itself(host, hidden):
    """Or the tests below would find nothing because there is nothing."""
    assert hidden["settings"] in (host.latest / "vcap/bosh/settings.json").read_text()
    assert hidden["the agent's key"] in (host.latest / "vcap/bosh/agent.key").read_text()
    assert hidden["the digest of a password"] in (host.latest / "dbs/globals.sql").read_text()
    assert "SCRAM-SHA-256" in hidden["the digest of a password"]


def test_no_output_has_them(runs, hidden):
    for run in runs[0]:
        assert [name for name, secret in hidden.items() if secret in run.output] == []


def test_no_process_list_has_them(runs, hidden):
    lines = b"\n".join(runs[1]).replace(b"\0", b" ").decode(errors="replace")
    for program in (
        "ansible-playbook",
        "rsync --server --daemon",
        "pg_dump",
        "monit summary",
        "psql",
        "rsync --server -",
    ):
        assert program in lines, "the process lists were not looked at often enough to say anything"
    assert [name for name, secret in hidden.items() if secret in lines] == []


def test_no_other_file_has_them(host, hidden):
    """Reports, logs, manifests, facts that were kept: here and on the host."""
    kept = [host.directory / name for name in ("key", "password")]
    places = [*host.directory.rglob("*"), *(REPOSITORY / ".ansible").rglob("*"), *Path("/tmp").glob("ansible*")]
    for path in places:
        if path in kept or path.is_symlink() or not path.is_file() or DATA.search(str(path)) or path.suffix == ".gz":
            continue
        text = ""
        with contextlib.suppress(FileNotFoundError):  # another run of Ansible removes its own files meanwhile
            text = path.read_bytes().decode(errors="replace")
        assert [name for name, secret in hidden.items() if secret in text] == [], path


def test_nobody_else_on_the_host_can_read_them(host, hidden):
    patterns = "".join(f"{secret}\n" for secret in hidden.values())
    host.execute("sh", "-c", 'printf %s "$1" >/run/patterns; chmod 644 /run/patterns', "sh", patterns)
    places = "/etc /home /opt /run /tmp /usr/local /var/log /var/tmp /var/vcap"
    nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups"
    found = host.shell(f"{nobody} grep -rlsF -f /run/patterns {places} || true")
    assert found.splitlines() == ["/run/patterns"]


def test_nobody_else_can_read_the_backup(host):
    assert stat.S_IMODE(host.backups.stat().st_mode) == 0o700
    for place in (host.latest, host.latest / "dbs", host.backups / "archives", host.backups / "logs"):
        for path in filter(Path.is_file, place.iterdir()):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for directory in (host.latest, host.latest / "dbs", host.backups / "archives", host.backups / "logs"):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700, directory


def test_the_words_were_the_secrets_of_this_host(host, words):
    assert words["password"] != testhost.PASSWORD
    assert host.shell("getent shadow vcap").startswith("vcap:$")
