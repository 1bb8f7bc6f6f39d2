"""A restore becomes root for its run, and leaves nothing of that behind."""

from __future__ import annotations

import re

from restoring import restore

# Who may log in, who may become root and by what: everything but the content of what a restore brings back.
RIGHTS = r"""
sha256sum /etc/passwd /etc/shadow /etc/group /etc/sudoers /etc/sudoers.d/* /etc/ssh/sshd_config /etc/cron.d/* \
    $(find /root /home -path '*/.ssh/*' -type f) $(find /usr/local -type f)
find / /var/vcap/store -xdev -path /proc -prune -o \( -perm /6000 -o -perm -0002 ! -type l \) -printf '%p %M %u %g\n'
find /etc /root /home /usr/local /opt /tmp /var/tmp /dev/shm /var/spool /run /var/vcap/store -xdev -user root \
    ! -path '*/supervise*' ! -path '/run/testhost*' ! -path '/run/*.pid' -printf '%p %M %u %g %l\n'
"""
PROCESSES = "ps -U root -o args="


def rights(director):
    return sorted(set(director.shell(RIGHTS).splitlines()))


def programs(director):
    """Return the programs that run as root, without this look and ssh connections that are kept open, of any user."""
    lines = director.shell(PROCESSES).splitlines()
    return sorted({line.strip() for line in lines if not re.match(r"ps |sh -c|sleep |sshd: [a-z]+ ", line.strip())})


def test_a_restore_leaves_no_standing_right(micro):
    before = rights(micro), programs(micro)
    assert any("/etc/sudoers.d/backup" in line for line in before[0])
    run = restore(micro)
    assert run.status == 0, run.output
    assert (rights(micro), programs(micro)) == before
