"""A stolen key: replaced, its holder thrown out, what could have been left listed; and setup taken back."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from conftest import prepared_places
from test_setup import SSH_FAILED, STAGING, key_as

pytestmark = pytest.mark.long

USER = "microbosh"
# What its holder leaves to come back by: as the user, and the key in other accounts.
LEAVE = f"""
echo 'rsync alias -Z --rsh=x' >/home/{USER}/.popt
echo x >>/home/{USER}/.profile
echo x >/home/{USER}/.ssh/rc
echo '* * * * * true' >/var/spool/cron/crontabs/{USER}
chown -R {USER} /home/{USER} /var/spool/cron/crontabs/{USER}
setpriv --reuid={USER} --regid={USER} --clear-groups setsid sleep 4711 >/dev/null 2>&1 </dev/null &
for home in /root /home/jumpbox; do
    mkdir -p $home/.ssh
    grep -h ssh-ed25519 /home/{USER}/.ssh/authorized_keys >>$home/.ssh/authorized_keys
done
"""
LEFT = (f"/home/{USER}/.popt", f"/home/{USER}/.profile", f"/home/{USER}/.ssh/rc", f"/var/spool/cron/crontabs/{USER}")


@pytest.fixture
def thief(director, tmp_path):
    """A director whose key somebody else has, too, and the controller's side of that one."""
    for name in ("key", "key.pub"):
        shutil.copy(director.directory / name, tmp_path)
    director.shell(LEAVE)
    yield type(director)(director.host, tmp_path)
    director.shell(f"rm -f {' '.join(LEFT)}")


def opens(director, user):
    return key_as(director, user, "true").returncode != SSH_FAILED


def session(thief):
    """A connection of the thief's, with a program that runs in it."""
    variables = thief.host.inventory()
    command = ["ssh", *variables["ansible_ssh_common_args"].split(), "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"]
    command += ["-i", str(thief.directory / "key"), "-p", str(variables["ansible_port"]), f"{USER}@127.0.0.1"]
    process = subprocess.Popen([*command, "echo in; exec sleep 4712"], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "in\n"
    return process


def test_rotate_throws_the_thief_out_and_lists_what_is_left(director, thief):
    assert opens(thief, USER)
    assert opens(thief, "jumpbox")
    inside = session(thief)
    run = director.setup(microbosh_setup="rotate")
    assert run.status == 0, run.output
    assert inside.wait(timeout=30) == SSH_FAILED
    assert [user for user in (USER, "jumpbox", "root") if opens(thief, user)] == []
    assert director.shell("pgrep -f 'sleep 471[12]' || true") == ""
    told = run.told(director.name)
    for path in LEFT:
        assert path in told
        assert director.shell(f"ls {path}").strip() == path
    assert "sleep 4711" in told
    assert key_as(director, USER, "id -un").stdout == f"{USER}\n"
    backup = director.backup()
    assert backup.status == 0, backup.output
    # Whoever puts the old key back loses it at the next setup.
    old = (thief.directory / "key.pub").read_text()
    assert old in (director.directory / "key.pub.retired").read_text()
    director.execute("sh", "-c", f'echo "$1" >>/home/{USER}/.ssh/authorized_keys', "sh", old)
    assert opens(thief, USER)
    again = director.setup()
    assert again.status == 0, again.output
    assert not opens(thief, USER)
    assert director.wholly_up()


@pytest.mark.parametrize("setup", ["rotate", "absent"])
def test_it_is_refused_while_a_run_is_open(director, setup):
    before = prepared_places(director)
    director.shell(f"install -o {USER} -m 0600 /dev/null {STAGING}/lease.lock")
    try:
        run = director.setup(microbosh_setup=setup)
    finally:
        director.shell(f"rm {STAGING}/lease.lock")
    assert run.status != 0
    assert f"holds {director.name} or was interrupted" in run
    after = prepared_places(director)
    assert {path: what for path, what in after.items() if before.get(path) != what and STAGING not in path} == {}


def test_absent_leaves_nothing_of_setup_on_the_director(director):
    # Sudo remembers who asked.
    director.execute("su", USER, "-s", "/bin/sh", "-c", "echo wrong | sudo -S true", check=False)
    run = director.setup(microbosh_setup="absent")
    try:
        assert run.status == 0, run.output
        for top in ("/ -xdev -path /proc -prune -o", "/var/vcap/store"):
            assert director.shell(f"find {top} -name '*microbosh*' -print") == ""
        public = (director.directory / "key.pub").read_text().split()[1]
        assert director.shell(f"grep -rlsF {public} /home /root /etc || true") == ""
        assert not director.services.user(USER).exists
        assert not director.services.file("/etc/sudoers.d/backup").exists
        assert not (director.backups / "identity").exists()
        assert director.ids
        assert director.wholly_up()
        again = director.setup(microbosh_setup="absent")
        assert again.status == 0, again.output
        assert again.recap[director.name]["changed"] == 0
    finally:
        prepared = director.setup()
    assert prepared.status == 0, prepared.output
    backup = director.backup()
    assert backup.status == 0, backup.output
