# SPDX-License-Identifier: GPL-3.0-or-later
"""The reader on the director lays out what the filter names, runs rsync's daemon on it, and refuses all else."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import subprocess

import jinja2
import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._rules import guard, sealing, visible
from places import REPOSITORY

TEMPLATE = REPOSITORY / "roles" / "setup" / "templates" / "microbosh-read.j2"
RULES = ["+ bosh/settings.json", "+ bosh/gone.json", "+ open/a file", "+ it's $HOME/**", "+ store/**", "- **"]
DAEMON = ("--server", "--daemon", ".")
PROGRAMS = {
    "rsync": 'echo "rsync $*"; cat <&3',
    "mount": 'echo "mount $*" >>LOG; [ "$1" != --rbind ] || cp -a "$2/." "$3/"',
    "unshare": 'shift; echo "unshare $*" >>LOG; exec "$@"',
    "confine": 'echo "confine $*" >>LOG; [ "$1" != --root ] || shift 2; exec "$@"',
}
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Reader:
    """The reader, with /var/vcap in a scratch directory and programs that only tell what they are asked."""

    def __init__(self, directory, rules=None, mounts=True, confined=True, sealed=()):
        self.vcap, self.root, self.bin = directory / "vcap", directory / "root", directory / "bin"
        for path in (self.root, self.bin, self.vcap / "bosh", self.vcap / "open", self.vcap / "it's $HOME"):
            path.mkdir(parents=True)
        (self.vcap / "store").symlink_to("elsewhere")
        (self.vcap / "open").chmod(0o777)
        for name in ("bosh/settings.json", "bosh/secret", "open/a file"):
            (self.vcap / name).write_text(name)
        self.log, self.script = directory / "log", directory / "reader"
        self.log.touch()
        for name, script in PROGRAMS.items():
            self.program(name, script)
        text = environment().from_string(TEMPLATE.read_text()).render(
            microbosh_filter=rules or RULES, setup_reader_root=self.root, setup_mounts={"rc": 0 if mounts else 1},
            setup_path=f"{self.bin}:{PATH}", setup_confine=self.bin / "confine",
            setup_confined={"rc": 0 if confined else 1},
            setup_sealed=sealed,
        )  # fmt: skip
        # Without root, what belongs to whoever runs the tests stands for what belongs to root.
        text = text.replace("-user 0", f"-user {os.getuid()}")
        self.script.write_text(text.replace("/var/vcap", str(self.vcap)))
        self.script.chmod(0o755)

    def program(self, name, script):
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n".replace("LOG", f"'{self.log}'"))
        (self.bin / name).chmod(0o755)

    def run(self, *arguments, **environment):
        environment = {"PATH": "/nowhere", **environment}
        return subprocess.run([self.script, *arguments], capture_output=True, text=True, env=environment, check=False)

    def mounted(self):
        """Return the paths that were mounted from the real tree."""
        mounts = re.compile(rf"^mount --r?bind {re.escape(str(self.vcap))}/(.*) /", re.MULTILINE)
        return sorted(mounts.findall(self.log.read_text()))


def digest(text, algorithm="sha256"):
    return hashlib.new(algorithm, text.encode()).hexdigest()


def environment():
    made = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, autoescape=False)
    made.filters.update({
        "microbosh.director.host_rules": guard,
        "microbosh.director.sealing_rules": sealing,
        "microbosh.director.host_paths": visible,
        "ansible.builtin.quote": shlex.quote,
        "regex_replace": lambda text, pattern, by: re.sub(pattern, by, text),
        "hash": digest,
    })
    return made


@pytest.fixture
def reader(tmp_path):
    return Reader(tmp_path)


def test_rsync_is_a_read_only_daemon_locked_into_the_layout(reader):
    answer = reader.run(*DAEMON)
    assert (answer.returncode, answer.stderr) == (0, "")
    lines = answer.stdout.splitlines()
    assert lines[0] == "rsync --server --daemon --config=/dev/fd/3 ."
    assert {"use chroot = yes", "read only = yes", "list = no", f"path = {reader.root}"} <= set(lines)


@pytest.mark.parametrize("mounts", [True, False])
def test_nothing_of_the_callers_environment_gets_to_any_program(tmp_path, mounts):
    reader = Reader(tmp_path, mounts=mounts)
    for name in ("rsync", "find" if mounts else "confine"):
        reader.program(name, f"/usr/bin/env >>LOG; exec /usr/bin/{'find' if name == 'find' else 'true'} \"$@\"")
    assert reader.run(*DAEMON, HOME="/evil", XDG_CONFIG_HOME="/evil", RSYNC_OLD_ARGS="1", ENV="/evil").returncode == 0
    told = reader.log.read_text()
    assert "HOME=/\n" in told
    assert not re.search(r"evil|XDG|OLD_ARGS|/nowhere", told)


def test_rsync_has_no_right_but_to_read(reader):
    reader.run(*DAEMON)
    command = "rsync --server --daemon --config=/dev/fd/3 ."
    assert f"confine --root {reader.root} {command}\n" in reader.log.read_text()


def test_where_root_never_may_mount_rsync_has_no_right_but_to_read_either(tmp_path):
    reader = Reader(tmp_path, mounts=False)
    reader.run(*DAEMON)
    assert reader.log.read_text() == "confine rsync --server --daemon --config=/dev/fd/3 .\n"


@pytest.mark.parametrize("mounts", [True, False])
def test_where_rights_cannot_be_taken_from_root_it_reads_all_the_same(tmp_path, mounts):
    reader = Reader(tmp_path, mounts=mounts, confined=False)
    assert reader.run(*DAEMON).stdout.startswith("rsync --server --daemon ")
    assert "confine" not in reader.log.read_text()


def test_the_daemon_has_the_hosts_rules(reader):
    rules = re.search(r"^filter = (.*)$", reader.run(*DAEMON).stdout, re.MULTILINE).group(1)
    # A space would begin another rule.
    words = [rule[:2] + rule[2:].replace(" ", "?") for rule in sealing([]) + guard(RULES)]
    assert rules == " ".join(words)


def test_what_the_filter_names_is_shown_and_nothing_beside_it(reader):
    reader.run(*DAEMON)
    assert "bosh/settings.json" in reader.mounted()
    assert "it's $HOME" in reader.mounted()
    assert not (reader.root / "bosh" / "secret").exists()
    assert not (reader.root / "bosh" / "gone.json").exists()


SEALED = ["bosh/agent.key", "bosh/settings.json", "store/secret"]


def test_what_only_root_reads_is_not_there_and_not_let_through(tmp_path):
    reader = Reader(tmp_path, [*RULES, "+ bosh/agent.key", "+ store/secret"], sealed=SEALED)
    (reader.vcap / "store").unlink()
    (reader.vcap / "store" / "microbosh-restore").mkdir(parents=True)
    (reader.vcap / "store" / "secret").write_text("secret")
    rules = re.search(r"^filter = (.*)$", reader.run(*DAEMON).stdout, re.MULTILINE).group(1).split()
    for path in (*SEALED, "store/microbosh-restore"):
        assert rules.index(f"/{path}") < rules.index("+"), "an earlier rule lets it through"
    assert (reader.root / "bosh").is_dir()
    assert "bosh/settings.json" not in reader.mounted()
    mounts = reader.log.read_text()
    assert f"mount --bind /dev/null {reader.root}/store/secret\n" in mounts
    assert re.search(f"^mount -t tmpfs .* {reader.root}/store/microbosh-restore$", mounts, re.MULTILINE)


def test_a_file_that_only_root_reads_by_now_is_not_shown(reader):
    """Setup did not know it then."""
    (reader.vcap / "bosh" / "settings.json").chmod(0o600)
    reader.run(*DAEMON)
    assert "bosh/settings.json" not in reader.mounted()


def test_a_link_is_shown_as_a_link(reader):
    reader.run(*DAEMON)
    assert os.readlink(reader.root / "store") == "elsewhere"
    assert "store" not in reader.mounted()


def test_where_others_may_write_a_directory_is_shown_whole(reader):
    """A single path in it could be a link to anywhere by the time that it is mounted."""
    reader.run(*DAEMON)
    assert "open" in reader.mounted()
    assert "open/a file" not in reader.mounted()


def test_directories_have_mode_and_time_of_the_real_ones(reader):
    (reader.vcap / "bosh").chmod(0o750)
    os.utime(reader.vcap / "bosh", ns=(1, 1234567890123456789))
    reader.run(*DAEMON)
    there = (reader.root / "bosh").stat()
    assert (there.st_mode & 0o7777, there.st_mtime_ns) == (0o750, 1234567890123456789)


def test_root_touches_nothing_below_a_directory_that_is_shown_whole(tmp_path):
    """Others may put a link in its place between any two steps."""
    reader = Reader(tmp_path, ["+ open/sub/deep/**", "+ open/a file"])
    (reader.vcap / "open" / "sub").mkdir()
    for program in ("mkdir", "cp", "chown", "chmod", "touch", "find"):
        reader.program(program, f'echo "{program} $*" >>LOG; exec /usr/bin/{program} "$@"')
    assert f"path = {reader.root}" in reader.run(*DAEMON).stdout.splitlines()
    assert "open" in reader.mounted()
    assert re.findall(r"\bopen/.*", reader.log.read_text()) == [f"open/. {reader.root}/open/"]


@pytest.mark.parametrize("program", ["unshare", "mount", "mkdir", "find", "confine"])
def test_nothing_is_read_where_the_layout_fails(reader, program):
    """Whoever reads could make it fail, by limits for one, and gain what the filter leaves out."""
    reader.program(program, "exit 1")
    answer = reader.run(*DAEMON)
    assert answer.returncode != 0
    assert answer.stdout == ""


def test_where_root_never_may_mount_rsync_is_locked_into_var_vcap(tmp_path):
    reader = Reader(tmp_path, mounts=False)
    lines = reader.run(*DAEMON).stdout.splitlines()
    assert f"path = {reader.vcap}" in lines
    assert "use chroot = yes" in lines
    assert reader.run("--apart").returncode == 126


def test_a_filter_with_a_wildcard_at_its_top_needs_all_of_var_vcap(tmp_path):
    reader = Reader(tmp_path, ["+ *.yml", "+ store/**"])
    assert f"path = {reader.vcap}" in reader.run(*DAEMON).stdout.splitlines()


REFUSED = {
    "nothing": [],
    "a shell": ["-c", "id"],
    "a sender": ["--server", "--sender", "-lHogtpre.iLsfxCIvu", ".", "/var/vcap/"],
    "a receiver": ["--server", "-lHogtpre.iLsfxCIvu", ".", "/var/vcap/"],
    "a configuration of its own": ["--server", "--daemon", "--config=/tmp/x", "."],
    "a configuration behind": [*DAEMON, "--config=/tmp/x"],
    "another directory": ["--server", "--daemon", "/etc"],
    "a line break": ["--server --daemon .\n", "."],
}


@pytest.mark.parametrize("arguments", REFUSED.values(), ids=REFUSED.keys())
def test_everything_else_is_refused(reader, arguments):
    answer = reader.run(*arguments)
    assert (answer.returncode, answer.stdout) == (126, "")
    assert "microbosh-read: refused" in answer.stderr


def test_the_reader_tells_its_rules(reader):
    assert reader.run("--version").stdout == f"microbosh-read 3 {digest(' '.join(guard(RULES)))}\n"
