"""The backup key opens nothing else: every known way out is tried with it, and with rights as the old tool gave."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import shares
from conftest import REPOSITORY
from escapes import ENVIRONMENT, READER, STAGING, TRIES

SUDOERS = "/etc/sudoers.d/backup"
FORBIDDEN = re.compile(r"(?<![\w-])(rsync|cp|mv|chown|chmod|tar|rm|find|sh|bash|ALL)(?![\w-])|[*?\[!]")
# What the old tool's line came to: it ran these on the host by sudo.
OLD = "/var/vcap/bosh/bin/monit, /usr/bin/sv, /usr/bin/rsync, /bin/cp, /bin/tar, /bin/chown, /bin/chmod, /bin/rm"
# Name, generation and base of a host.
HOSTS = [
    ("bookworm", "micro", "bookworm"),
    ("director", "director", "bookworm"),
    pytest.param(("bullseye", "micro", "bullseye"), marks=pytest.mark.core216),
]
USERS = {"micro": "vcap", "director": "microbosh"}
SECONDS = 60
# What ends a try, and the words for it.
TOLD = {
    "refused by sudo": r"sudo: (a password is required|.*(not allowed|sorry|invalid|unknown|terminal))|usage: sudo",
    "refused by the reader": r"microbosh-read: refused",
    "refused by rsync's daemon": r"@ERROR|configured to refuse|read.only|to be a directory|invalid (path|argument)",
    "not there for the reader": r"rsync: .*(No such file or directory|link_stat|change_dir)",
    "refused by the kernel": r"(Permission denied|Operation not permitted|Read-only file system|cross-device)",
}

LEGEND = """\
After each try it is looked for: the word of root's canaries in what it put out or fetched (read), root's id in it
(root), a change of one of N paths and sums on the host (wrote), and the success of a command that must not be allowed
(ran). In brackets: the exit status."""

# Real stemcells have no secure_path, and jammy's monit is a script of bash that finds its programs by PATH.
STEMCELL = r"""
set -e
sed -i '/secure_path/d' /etc/sudoers
if [ ! -e /var/vcap/bosh/bin/monit-actual ]; then
    mv /var/vcap/bosh/bin/monit /var/vcap/bosh/bin/monit-actual
    printf '%s\n' '#!/bin/bash' 'cat /proc/self/cgroup | grep -q monit-api-access || mkdir -p /run/monit-access' \
        'exec /var/vcap/bosh/bin/monit-actual "$@"' >/var/vcap/bosh/bin/monit
    chmod 755 /var/vcap/bosh/bin/monit
fi
# Somebody with the rights that setup gave before; elsewhere, for what a command's own line says counts for everybody.
install -D -m 755 /var/vcap/bosh/bin/monit /opt/earlier/monit
cat >/etc/sudoers.d/earlier <<'END'
Cmnd_Alias EARLIER = /opt/earlier/monit summary
Defaults!EARLIER env_reset, !setenv, !requiretty
earlier ALL=(root) NOPASSWD: EARLIER
END
"""
# What the rest of sudo's configuration may say: nothing, what Ubuntu's kept before 19.10 and more, or that all is kept.
KEPT = "HOME XDG_CONFIG_HOME XDG_DATA_HOME PATH SVDIR BASH_ENV ENV PYTHONPATH PYTHONHOME PYTHONSTARTUP"
SUDO_KEEPS = {
    "nothing": "",
    "some": f'Defaults env_keep += "{KEPT}"\nDefaults !always_set_home',
    # Of a group that is exempt, sudo heeds no secure_path.
    "all": "Defaults !env_reset, setenv, !always_set_home, !set_home, exempt_group=KEY",
}

# Where root keeps what is watched. A canary holds a word that nobody can guess, and so does the name of
# a file beside it.
PREPARE = r"""
set -e
mkdir -m 700 /run/watch /run/watch/sbin /run/watch/cron
cp -p /usr/local/sbin/microbosh-* /run/watch/sbin/
cp -p /etc/cron.d/microbosh-comeback /run/watch/cron/
for user in old lax earlier; do
    useradd --create-home --shell /bin/sh --groups bosh_sshers $user
    install -d -m 700 -o $user /home/$user/.ssh
    cut -d' ' -f2- /home/KEY/.ssh/authorized_keys | sed 's/^/no-pty /' | tail -n 1 >/home/$user/.ssh/authorized_keys
    chown $user /home/$user/.ssh/authorized_keys
done
echo "old ALL=(root) NOPASSWD: OLD" >/etc/sudoers.d/old
# Somebody for whom sudo keeps every variable: with him a variable has to show.
printf 'Defaults:lax !env_reset\nlax ALL=(root) NOPASSWD:SETENV: %s --server --daemon .\n' READER >/etc/sudoers.d/lax
for user in KEY old lax earlier; do install -d -o $user /var/vcap/store/planted-$user; done
""".replace("OLD", OLD).replace("READER", READER)
PUT_BACK = r"""
cp -p /run/watch/sbin/* /usr/local/sbin/
cp -p /run/watch/cron/* /etc/cron.d/
rm -rf /etc/canary* /root/canary* /etc/cron.d/canary* /usr/local/lib/microbosh-read/* /var/vcap/store/lost+found/canary*
for directory in /etc /root /var/vcap/bosh/etc /var/vcap/jobs; do
    rm -rf $directory/canary*
    umask 077
    echo "WORD and more" >$directory/canary
    touch $directory/canary-WORD
done
echo mine >/var/vcap/store/lost+found/canary-mine
"""
# What somebody has in his environment.
STRANGE = " ".join(f"{name}=/strange" for name in f"{KEPT} TERM LANG TZ LC_ALL DISPLAY SHELL NEW".split())
# The reader as it waits for a client: its rights, environment, mounts and network.
LOOK_AT_READER = r"""
runuser -u KEY -- sh -c 'sleep 5 | COMMAND' >/dev/null 2>&1 &
for n in 1 2 3 4 5 6 7 8 9; do
    p=$(pgrep -f '^rsync --server --daemon' | head -n 1)
    [ -z "$p" ] || break
    sleep 0.3
done
grep -E '^(NoNewPrivs|Cap(Inh|Prm|Eff|Bnd)):' /proc/$p/status; echo ====
tr '\0' '\n' </proc/$p/environ; echo ====; cat /proc/$p/mountinfo; echo ====; cat /proc/$p/net/dev
"""
LOOK = r"""
find /etc /root /usr/local /var/spool/cron /var/vcap/bosh /var/vcap/jobs /var/vcap/store/lost+found -xdev \
    ! -path '*/supervise/*' ! -path '/var/vcap/bosh/log*' -printf '%p %y %m %U:%G %l' \
    \( -type f -printf ' %s %T@' -o -true \) -printf '\n' | sort
sha256sum /etc/canary /root/canary /var/vcap/bosh/etc/canary /var/vcap/jobs/canary /etc/shadow /etc/passwd \
    /etc/sudoers.d/* || true
"""
ON_HOST = r"""
PLANTED=store/planted-$(id -un) PLANT=/var/vcap/store/planted-$(id -un)
READ='READER' MONIT=MONIT
root() { sudo -n "$@"; }
cd
"""
CLIENT = r"""
pull() { rsync -e "$SSH" --rsync-path="$READ" "$@"; }
push() { pull "$@"; }
on_host() { $SSH "$HOST" "PLANT=/var/vcap/$PLANTED; $*"; }
crafted() { "$PYTHON" "$CRAFTED" "$KIND" "$@" -- $SSH "$HOST" "$READ $SERVER"; }
"""


@dataclass
class Holder:
    """The holder of a key: the user on the host, and the program that rsync runs there."""

    user: str
    read: str
    source: str
    kind: str
    server: str
    monit: str = "/var/vcap/bosh/bin/monit"


@dataclass(frozen=True)
class Outcome:
    """The result of a try: the ways in which it escaped, if any, and the answer."""

    ways: tuple
    told: str

    def __str__(self):
        return ", ".join(self.ways) or self.told


LAX = Holder("lax", f"sudo -n {READER}", "::vcap", "daemon", "--server --daemon .")
EARLIER = replace(LAX, user="earlier", monit="/opt/earlier/monit")
OLD_RIGHTS = Holder("old", "sudo -n rsync", ":/var/vcap", "sender", "--server --sender -r . /var/vcap/")


@dataclass
class Prison:
    """A host with canaries, from which a key must not get out."""

    director: object
    scratch: Path
    name: str
    word: str = field(default_factory=lambda: secrets.token_hex(12))
    before: list = field(default_factory=list)

    @property
    def key(self):
        """The holder of the backup key."""
        user = USERS[self.director.host.facts["settings"]["generation"]]
        return Holder(user, f"sudo -n {READER}", "::vcap", "daemon", "--server --daemon .")

    def prepare(self):
        self.director.shell(PREPARE.replace("KEY", self.key.user))
        self.director.shell(STEMCELL)
        self.put_back()

    def keep(self, what):
        """Let the rest of sudo's configuration keep that much of a caller's environment."""
        script = "umask 337; rm -f $1; echo \"$2\" >$1; visudo -cqf $1"
        line = SUDO_KEEPS[what].replace("KEY", self.key.user)
        self.director.execute("sh", "-c", script, "sh", "/etc/sudoers.d/0keeps", line)
        self.before = self.look()

    def put_back(self):
        self.director.shell(PUT_BACK.replace("WORD", self.word))
        self.before = self.look()

    def look(self):
        return self.director.shell(LOOK).splitlines()

    @property
    def ssh(self):
        """The way in with the key, over one connection for each user."""
        variables = self.director.host.inventory()
        return [
            "ssh", *variables["ansible_ssh_common_args"].split(), "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
            "-o", "ControlMaster=auto", "-o", "ControlPersist=60", "-o", f"ControlPath={self.scratch}/%r",
            "-i", str(self.director.directory / "key"), "-p", str(variables["ansible_port"]),
        ]  # fmt: skip

    def attempt(self, attempt, holder):
        """Try it as the holder, with whatever sudo may keep if that counts; return the Outcome."""
        if not attempt.kept:
            return self.attempt_once(attempt, holder)
        outcomes = {}
        for what in ("nothing", "some"):
            self.keep(what)
            outcomes[what] = self.attempt_once(attempt, holder)
        self.keep("nothing")
        found = {f"{way} (sudo keeps {what})": way for what, outcome in outcomes.items() for way in outcome.ways}
        return Outcome(tuple(found), outcomes["nothing"].told)

    def attempt_once(self, attempt, holder):
        script = attempt.old if attempt.old and holder is OLD_RIGHTS else attempt.script
        clean = 'rm -rf "$PLANT"/* "$PLANT"/.[!.]*; '
        if attempt.where == "client":
            self.on_host(holder, clean + attempt.prepare)
            status, output = self.beside(holder, script)
        else:
            status, output = self.on_host(holder, clean + script)
        if attempt.afterwards:
            done = self.director.execute("sh", "-c", attempt.afterwards, check=False)
            assert done.returncode != 124, f"root's own script hangs: {attempt.name}"
            output += done.stdout + done.stderr
            output += self.on_host(holder, f"chmod 700 {STAGING}; find {STAGING} -type f -exec cat {{}} +")[1]
        return self.verdict(status, status == 0 and attempt.runs, output)

    def on_host(self, holder, script):
        text = ON_HOST.replace("READER", holder.read).replace("=MONIT", f"={holder.monit}") + script
        return self.run([*self.ssh, f"{holder.user}@127.0.0.1", "timeout", str(SECONDS), "sh"], text)

    def beside(self, holder, script):
        out = self.scratch / secrets.token_hex(4)
        out.mkdir()
        host = f"{holder.user}@127.0.0.1"
        environment = {
            **os.environ, "SSH": shlex.join(self.ssh), "HOST": host, "OUT": str(out),
            "READ": holder.read, "SRC": host + holder.source, "KIND": holder.kind, "SERVER": holder.server,
            "PLANT": f"/var/vcap/store/planted-{holder.user}", "PLANTED": f"store/planted-{holder.user}",
            "PYTHON": sys.executable, "CRAFTED": str(REPOSITORY / "tests/e2e/support/crafted_rsync.py"),
        }  # fmt: skip
        status, output = self.run(["timeout", str(SECONDS), "sh"], CLIENT + script, env=environment)
        got = [path for path in out.rglob("*") if path.is_file() and not path.is_symlink()]
        return status, output + "".join(f"{path}\n{path.read_bytes().decode(errors='replace')}" for path in got)

    @staticmethod
    def run(command, script, **options):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(command, input=script.encode(), check=False, **pipes, **options)
        return done.returncode, done.stdout.decode(errors="replace")

    def verdict(self, status, ran, output):
        ways = ["read"] if self.word in output else []
        ways += ["root"] if re.search(r"\be?uid=0\(root\)", output) else []
        ways += ["loaded"] if re.search(r"cannot be preloaded|ELF header|file too short", output) else []
        if self.look() != self.before:
            ways.append("wrote")
            self.put_back()
        ways += ["ran"] if ran else []
        told = ", ".join(what for what, sign in TOLD.items() if re.search(sign, output))
        return Outcome(tuple(ways), f"{told or 'nothing came of it'} ({status})")


@pytest.fixture(scope="module", params=HOSTS, ids=lambda host: host[0])
def prison(request, new_director, tmp_path_factory):
    name, generation, base = request.param
    settings = {"generation": generation, "base": base, "blobs": 1, "tasks": 2, "database_mib": 1}
    director = new_director(f"e2e-key-{name}", **settings)
    run = director.setup()
    assert run.status == 0, run.output
    made = Prison(director, tmp_path_factory.mktemp("key"), name)
    made.prepare()
    return made


@pytest.fixture(scope="module")
def table(request, prison):
    """Takes (name, with the key, with the old rights) of each try; at the end they are shown and written down."""
    rows = []
    yield rows
    version = prison.director.shell("rsync --version | head -n 1").split()[2]
    lines = [
        f"# What a stolen key can do ({prison.name}, {prison.key.user}, rsync {version})", "",
        LEGEND.replace("N", str(len(prison.before))), "",
        "| try | with the backup key | with the old rights |", "|---|---|---|",
    ]  # fmt: skip
    lines += [f"| {name} | {key} | {old} |" for name, key, old in rows]
    lines += ["", f"{len(rows)} tries, {len(working(rows))} of them work with the old rights."]
    path = REPOSITORY / "build" / ("escapes.md" if prison.name == "bookworm" else f"escapes-{prison.name}.md")
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    request.config.pluginmanager.get_plugin("terminalreporter").write("\n" + path.read_text())


def working(rows):
    return [row for row in rows if isinstance(row[2], Outcome) and row[2].ways]


def has_protections_of_its_own(prison):
    """Return whether rsync on the host refuses links that somebody else made: since the fixes of 2025."""
    version = prison.director.shell("rsync --version | head -n 1").split()[2]
    return tuple(int(part) for part in version.split(".")[:2]) >= (3, 4)


@pytest.mark.parametrize("attempt", TRIES, ids=lambda attempt: attempt.name)
def test_the_key_does_not_get_out(prison, table, attempt):
    with_key = prison.attempt(attempt, prison.key)
    earlier = EARLIER if attempt.earlier else OLD_RIGHTS
    with_old = f"not applicable: {attempt.absent}" if attempt.absent else prison.attempt(attempt, earlier)
    if attempt.hardened and not with_old.ways and has_protections_of_its_own(prison):
        with_old = "not applicable: this rsync has a protection of its own"
    table.append((attempt.name, with_key, with_old))
    assert with_key.ways == ()
    assert isinstance(with_old, str) or with_old.ways, "it shows nothing: the old rights do not let it out either"


def test_enough_of_them_work_with_the_old_rights(prison, table):
    everything = shares.LONG or prison.name == "director"
    assert len(table) == len(TRIES) if everything else len(table) >= len(TRIES) // shares.TURNS
    assert len(working(table)) >= (40 if everything else 40 // shares.TURNS)


@pytest.mark.parametrize("name", ["LD_PRELOAD", "LD_LIBRARY_PATH"])
def test_a_variable_that_sudo_kept_would_be_seen(prison, name):
    """Or the tries with variables would show nothing: the old line does not let them through either."""
    [attempt] = [attempt for attempt in ENVIRONMENT if attempt.name.startswith(f"{name} ")]
    assert {way.partition(" (")[0] for way in prison.attempt(attempt, LAX).ways} == {"loaded"}


def test_the_sudoers_file_has_exact_lines_of_harmless_programs(prison):
    text = prison.director.shell(f"cat {SUDOERS}")
    rights = re.search(r"^Cmnd_Alias MICROBOSH_BACKUP = ((?:.*\\\n)*.*)$", text, re.MULTILINE).group(1)
    lines = [line.strip(" \\\n") for line in rights.split(",")]
    assert prison.director.execute("visudo", "-c", "-f", SUDOERS, check=False).returncode == 0
    assert [line for line in lines if FORBIDDEN.search(line)] == []
    assert [line for line in lines if len(line.split()) < 2] == []  # a program alone may be given any argument
    assert text.splitlines()[-1] == f"{prison.key.user} ALL=(root) NOPASSWD: MICROBOSH_BACKUP"


def test_the_reader_has_the_least_that_reading_takes(prison):
    """No right but to read, to chroot and to set its groups; every mount read-only; nothing of the caller's."""
    command = f"env HOME=/evil RSYNC_OLD_ARGS=1 sudo -n {READER} --server --daemon ."
    found = prison.director.shell(LOOK_AT_READER.replace("KEY", prison.key.user).replace("COMMAND", command))
    status, environment, mounts, interfaces = found.split("====\n")
    rights = dict(line.split(":\t") for line in status.splitlines())
    assert rights["NoNewPrivs"] == "1"
    assert {rights[name] for name in ("CapPrm", "CapEff", "CapBnd")} == {"0000000000040042"}
    assert {rights[name] for name in ("CapInh",)} == {"0000000000000000"}
    assert sorted(environment.split()) == ["HOME=/", "LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
    writable = [line.split()[4] for line in mounts.splitlines() if "ro" not in line.split()[5].split(",")]
    # Others may lie below what was mounted over them.
    assert [path for path in writable if path in ("/", "/proc") or path.startswith("/usr/local/lib/")] == []
    assert re.findall(r"^ *(\w+):", interfaces, re.MULTILINE) == ["lo"]


@pytest.mark.parametrize("program", ["monit", "sv"])
def test_of_a_callers_environment_nothing_gets_to_root(prison, program):
    """Not even a variable that nobody has thought of yet, whatever sudo keeps."""
    path = {"monit": "/var/vcap/bosh/bin/monit", "sv": "/usr/bin/sv"}[program]
    line = {"monit": f"{path} summary", "sv": f"{path} status agent"}[program]
    prison.director.shell(f"mv {path} {path}.real; printf '#!/bin/sh\\nenv\\n' >{path}; chmod 755 {path}")
    try:
        found = set()
        for what in SUDO_KEEPS:
            prison.keep(what)
            script = f"SUDO=$(command -v sudo); env {STRANGE} $SUDO -n {line}; env {STRANGE} $SUDO -n -E {line}; true"
            status, output = prison.on_host(prison.key, script)
            assert (status, "PATH=/usr/sbin:/usr/bin:/sbin:/bin" in output) == (0, True), output
            found |= {line for line in output.splitlines() if "strange" in line}
    finally:
        prison.director.shell(f"mv {path}.real {path}")
        prison.keep("nothing")
    assert found == set()


def test_the_services_have_survived(prison):
    assert prison.director.host.runs()
