# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of the controller: made once by many at the same moment, kept for a run and no longer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.action.backup_key import given
from ansible_collections.microbosh.director.plugins.action.kept_key import TEXT, kept_text, named_in_agent
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _key_files as files

PLACE = "ansible_collections.microbosh.director.plugins.plugin_utils._run._key_files"
PLENTY = 20
SECONDS = 20


class Plain:
    """A templar of variables without templates."""

    @staticmethod
    def template(value):
        return value


@pytest.fixture
def pair(tmp_path):
    path = str(tmp_path / "key")
    assert files.make_pair(path)
    return path


def test_a_pair_is_made_once(pair):
    before = Path(pair).read_bytes()
    assert not files.make_pair(pair)
    assert Path(pair).read_bytes() == before
    assert Path(pair).stat().st_mode & 0o777 == 0o600
    assert files.public_of(pair) == Path(f"{pair}.pub").read_text().strip()
    assert files.public_of(pair).endswith("microbosh backup")
    assert sorted(os.listdir(os.path.dirname(pair))) == ["key", "key.pub"]


@pytest.mark.parametrize("spoil", [lambda text: text.replace("\n", "\r\n"), lambda text: text.rstrip("\n")])
def test_what_setup_says_of_a_key_that_was_pasted_mends_it(pair, spoil):
    key = Path(pair)
    key.write_bytes(spoil(key.read_text()).encode())
    Path(f"{pair}.pub").unlink()
    if files.public_of(pair) == "":  # some versions of ssh read the one or the other
        subprocess.run(["sed", "-i", "s/\\r$//; $a\\", pair], check=True)
    assert files.public_of(pair).startswith("ssh-ed25519 ")


def test_many_at_the_same_moment_have_one_key(tmp_path):
    path = str(tmp_path / "new" / "key")
    script = f"from {PLACE} import *; print(make_pair({path!r}), with_public({path!r}))"
    tries = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(PLENTY)
    ]
    said = [each.communicate(timeout=SECONDS * 3)[0].split(" ", 1) for each in tries]
    assert [made for made, _ in said].count("True") == 1
    [public] = {public.split()[1] for _, public in said}
    assert files.line_of(f"{path}.pub").split()[1] == public
    assert sorted(os.listdir(tmp_path / "new")) == ["key", "key.pub"]


def test_a_lost_public_part_comes_back(pair):
    before = files.line_of(f"{pair}.pub")
    os.unlink(f"{pair}.pub")
    assert files.with_public(pair).split()[:2] == before.split()[:2]
    assert files.line_of(f"{pair}.pub").split()[:2] == before.split()[:2]


def test_what_is_beside_counts_only_if_it_belongs_to_the_key(pair, tmp_path):
    files.make_pair(str(tmp_path / "other"))
    expected = files.public_of(pair)
    os.replace(tmp_path / "other.pub", f"{pair}.pub")
    assert files.public_of(pair).split()[:2] == expected.split()[:2]


def test_a_passphrase_leaves_what_is_beside(pair):
    expected = files.public_of(pair)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", pair], check=True)
    assert files.public_of(pair) == expected
    os.unlink(f"{pair}.pub")
    assert files.public_of(pair) == ""


def keeping(pair):
    """Start what stands for a run, whose worker keeps the key; return the run and the path."""
    text = Path(pair).read_text().replace("\n", "\r\n")  # as a form in a browser has it
    script = (
        f"import os, sys, time\nfrom {PLACE} import kept\n"
        "if not os.fork():\n    print(kept(sys.argv[1]), flush=True)\n    os._exit(0)\n"
        f"os.wait()\ntime.sleep({SECONDS * 3})"
    )
    run = subprocess.Popen([sys.executable, "-c", script, text], stdout=subprocess.PIPE, text=True)
    return run, run.stdout.readline().strip()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_key_that_is_kept_goes_with_the_run_whatever_ends_it(pair, end):
    run, path = keeping(pair)
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert files.public_of(path).split()[:2] == files.public_of(pair).split()[:2]
    assert "PRIVATE KEY" not in Path(path).parents[1].joinpath("cmdline").read_text()
    run.send_signal(end)
    run.wait(SECONDS)
    deadline = time.monotonic() + SECONDS
    while os.path.exists(path):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("text", ["no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
def test_what_is_no_key_is_not_kept_silently_and_not_told(text):
    with pytest.raises(DirectorError, match="is not a private key of ssh without a passphrase") as raised:
        kept_text(Plain, {TEXT: text})
    assert text not in str(raised.value)


@pytest.mark.parametrize("nothing", [{}, {TEXT: ""}, {TEXT: None}, {TEXT: " \n"}])
def test_no_text_is_no_key(nothing):
    assert kept_text(Plain, nothing) == ""


@pytest.fixture
def agent(monkeypatch):
    said = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True).stdout
    values = dict(part.split("=", 1) for part in said.replace("\n", ";").split(";") if "=" in part)
    monkeypatch.setenv("SSH_AUTH_SOCK", values["SSH_AUTH_SOCK"])
    yield
    os.kill(int(values["SSH_AGENT_PID"]), signal.SIGTERM)


def test_a_key_of_an_agent_is_taken_by_its_public_part(agent, pair, tmp_path):
    other = str(tmp_path / "other")
    files.make_pair(other)
    subprocess.run(["ssh-add", "-q", pair], check=True)
    public = files.public_of(pair)
    assert [line.split()[1] for line in files.agent_keys({})] == [public.split()[1]]
    assert named_in_agent("", f"{pair}.pub", "") == f"{pair}.pub"
    assert Path(named_in_agent("", public, "")).read_text().strip() == public
    assert named_in_agent("", f"{other}.pub", "") == ""  # the agent has not got it
    for settings in (("/key", public, ""), ("", public, "/login"), ("", ".pub", "")):
        assert named_in_agent(*settings) == ""


def test_without_an_agent_there_are_no_keys(monkeypatch, tmp_path):
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "none"))
    assert files.agent_keys({}) == []


def test_a_public_key_is_text_or_a_file_or_says_nothing(pair):
    public = files.public_of(pair)
    assert given("", f" {public}\n") == given("", f"{pair}.pub") == given("/other", f"{pair}.pub") == public
    assert given(pair, f"{pair}.pub") == given("", ".pub") == given("", "") == ""
    assert given(os.path.expanduser("~/none"), "~/none.pub") == ""
    with pytest.raises(DirectorError, match="neither a public key nor a file"):
        given("", "/nowhere/key.pub")


def test_what_ssh_makes_of_its_configuration_is_known(tmp_path):
    config = tmp_path / "config"
    config.write_text("Host d1\n  IdentityFile /keys/one\n  IdentityFile /keys/two\n  IdentityAgent /run/agent\n")
    found = files.ssh_settings(["ssh", "-F", str(config)], "d1")
    assert found["identityfile"] == ["/keys/one", "/keys/two"]
    assert found["identityagent"] == ["/run/agent"]
