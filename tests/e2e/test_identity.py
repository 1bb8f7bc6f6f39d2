"""The backup key does not read the agent's credentials; setup and a restore bring them, and every backup has them."""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess

import pytest
from breakage import READER
from restoring import restore
from test_setup import key_as

pytestmark = pytest.mark.rotating

ASK = "sudo -n /usr/local/sbin/microbosh-identity"
SETTINGS = "/var/vcap/bosh/settings.json"
SECRETS = ("settings.json", "agent.key")
# As the key's holder would ask for them.
WAYS = {
    "everything": ["-r", "SRC/"],
    "by name": ["SRC/bosh/settings.json", "SRC/bosh/agent.key"],
    "another way to the name": ["SRC/store/../bosh/./settings.json", "SRC/./bosh//agent.key"],
    "a pattern": ["SRC/bosh/*", "SRC/bosh/s[a-z]ttings.json"],
    "a list of files": ["--files-from=-", "SRC/"],
    "a link in the store": ["-rL", "SRC/store/planted/"],
    "what a restore put aside": ["-r", "SRC/store/microbosh-restore/"],
    "all in the store": ["-r", "--include=*", "SRC/store/"],
}
PLANT = r"""
install -d -m 0700 /var/vcap/store/microbosh-restore /var/vcap/store/microbosh-restore/aside
cp -a /var/vcap/bosh /var/vcap/store/microbosh-restore/aside/
install -d -o USER /var/vcap/store/planted
ln -sfn ../../bosh/settings.json /var/vcap/store/planted/one
ln -sfn ../../bosh /var/vcap/store/planted/two
ln -sfn ../microbosh-restore /var/vcap/store/planted/three
"""
UNPLANT = "rm -rf /var/vcap/store/planted /var/vcap/store/microbosh-restore"


def user_of(director):
    return director.shell("stat -c %U /var/vcap/store/microbosh-backup").strip()


def secrets_of(director):
    """Lines of the files that nobody can guess."""
    key = director.shell("cat /var/vcap/bosh/agent.key").splitlines()
    return [key[len(key) // 2], re.search(r'"mbus": "([^"]+)"', director.shell(f"cat {SETTINGS}")).group(1)]


def fetched(director, arguments, out):
    """Return what the key fetches through the reader: the output, and the content of every file."""
    variables = director.host.inventory()
    ssh = f"ssh {variables['ansible_ssh_common_args']} -o BatchMode=yes -p {variables['ansible_port']}"
    ssh += f" -i {director.directory}/key"
    source = f"{user_of(director)}@127.0.0.1::vcap"
    command = ["rsync", "-tp", "-e", ssh, f"--rsync-path=sudo -n {READER}"]
    command += [argument.replace("SRC", source) for argument in arguments] + [f"{out}/"]
    wanted = "bosh/settings.json\nbosh/agent.key\nstore/microbosh-restore/aside/bosh/agent.key\n"
    done = subprocess.run(command, input=wanted, capture_output=True, text=True, timeout=300, check=False)
    got = [path.read_bytes() for path in out.rglob("*") if path.is_file() and not path.is_symlink()]
    return done.stdout + done.stderr, b"".join(got).decode(errors="replace")


@pytest.fixture(params=["micro", "director"])
def host(request):
    return request.getfixturevalue(request.param)


def test_the_key_does_not_read_them_in_any_way(host, tmp_path):
    host.shell(PLANT.replace("USER", user_of(host)))
    try:
        for name, arguments in WAYS.items():
            out = tmp_path / name
            out.mkdir()
            told, got = fetched(host, arguments, out)
            assert not [secret for secret in secrets_of(host) if secret in got + told], name
            if name == "everything":
                assert (out / "bosh/agent.cert").is_file(), told  # or it shows nothing
    finally:
        host.shell(UNPLANT)


def test_the_director_answers_the_key_with_one_word(host):
    user = user_of(host)
    assert key_as(host, user, ASK).stdout == "same\n"
    for more in ("--inside", "bosh/settings.json", "''"):
        done = key_as(host, user, f"{ASK} {more}")
        assert done.returncode != 0
        assert done.stdout == ""
    assert host.shell("stat -c '%U %a' /usr/local/lib/microbosh-identity") == "root 600\n"


def test_the_controller_has_a_copy_of_its_own(host):
    copy = host.backups / "identity"
    assert {stat.S_IMODE(path.lstat().st_mode) for path in copy.rglob("*") if path.is_file()} == {0o600}
    assert stat.S_IMODE(copy.stat().st_mode) == 0o700
    for name in SECRETS:
        assert (copy / "current/bosh" / name).read_text() == host.shell(f"cat /var/vcap/bosh/{name}")


def test_a_backup_has_them_with_owner_and_mode_of_the_director(host):
    assert host.report["identity"]["state"] == "fresh"
    assert host.report["identity"]["files"] == ["bosh/agent.key", "bosh/settings.json"]
    metadata = (host.latest / "metadata.mtree").read_text()
    for name in SECRETS:
        assert (host.latest / "vcap/bosh" / name).read_text() == host.shell(f"cat /var/vcap/bosh/{name}")
        assert re.search(rf"^\./vcap/bosh/{name} type=file uid=0 gid=0 mode=0600 ", metadata, re.MULTILINE)
        assert f"  vcap/bosh/{name}\n" in (host.latest / "SHA256SUMS").read_text()
    run = host.play("verify")
    assert run.status == 0, run.output


@pytest.mark.long
def test_what_the_agent_wrote_since_is_told_and_setup_brings_it(micro):
    before = micro.shell(f"cat {SETTINGS}")
    micro.shell(f"""sed -i 's/"agent_id"/"more": 1, "agent_id"/' {SETTINGS}""")
    try:
        run = micro.backup()
        assert run.status == 0, run.output
        assert "OLD: on the director bosh/agent.key, bosh/settings.json is not any more" in run.told(micro.name)
        assert micro.report["identity"]["state"] == "old"
        assert (micro.latest / "vcap/bosh/settings.json").read_text() == before
        # A restore puts that back, and whoever it took it from knows it.
        restored = restore(micro)
        assert restored.status == 0, restored.output
        assert micro.shell(f"cat {SETTINGS}") == before
        assert micro.shell(f"stat -c '%U %G %a' {SETTINGS}") == "root root 600\n"
        assert key_as(micro, user_of(micro), ASK).stdout == "same\n"
        micro.shell(f"""sed -i 's/"agent_id"/"more": 2, "agent_id"/' {SETTINGS}""")
        check = micro.setup("--check")
        assert check.status == 0, check.output
        assert (micro.backups / "identity/current/bosh/settings.json").read_text() == before
        assert micro.setup().status == 0
        assert (micro.backups / "identity/current/bosh/settings.json").read_text() == micro.shell(f"cat {SETTINGS}")
        assert key_as(micro, user_of(micro), ASK).stdout == "same\n"
    finally:
        micro.execute("sh", "-c", f'printf "%s" "$1" >{SETTINGS}', "sh", before)
        assert micro.setup().status == 0


@pytest.mark.long
def test_without_the_copy_there_is_a_backup_that_says_so_and_a_restore_of_it_removes_nothing(micro):
    """As on another controller, or after its disk was lost."""
    before = micro.shell("cd /var/vcap/bosh && sha256sum settings.json agent.key")
    (micro.backups / "identity").rename(micro.directory / "identity-away")
    try:
        run = micro.backup()
        assert run.status == 0, run.output
        assert "NO COPY of what only root reads (bosh/agent.key, bosh/settings.json" in run.told(micro.name)
        assert micro.report["identity"] == {"state": "none", "taken": None, "files": []}
        assert not (micro.latest / "vcap/bosh/settings.json").exists()
        restored = restore(micro)
        assert restored.status == 0, restored.output
        assert micro.shell("cd /var/vcap/bosh && sha256sum settings.json agent.key") == before
    finally:
        shutil.rmtree(micro.backups / "identity", ignore_errors=True)
        (micro.directory / "identity-away").rename(micro.backups / "identity")


def test_a_filter_that_reaches_them_with_others_is_refused_by_setup_by_name(micro):
    run = micro.setup(microbosh_filter=["+ bosh/**", "+ store/**", "- *"])
    assert run.status != 0
    assert "bosh/agent.key" in run
    assert "Name each of them" in run
    assert json.loads((micro.backups / "identity/current/files.json").read_text())["host"] == micro.name
