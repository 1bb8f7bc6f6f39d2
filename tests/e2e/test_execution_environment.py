# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-builder takes what we name for execution environments, and a bare Debian with exactly that makes backups."""

from __future__ import annotations

import json

import execution_environment as environment
import faults
import pytest
import testhost
from conftest import Director, Run
from private_data import fill_in, give, lay_out
from standing import whole

COLLECTIONS = environment.REPOSITORY / ".collections"
# The packages that ansible-builder would install, by the profiles that bindep has on a platform.
PLATFORMS = {
    "Debian": (["platform:dpkg", "platform:debian"], {"openssh-client", "xz-utils", "gnupg", "age", "postgresql"}),
    "Fedora": (["platform:rpm", "platform:fedora"], {"openssh-clients", "xz", "gnupg2", "age", "postgresql-server"}),
    "CentOS": (["platform:rpm", "platform:centos", "epel"], {"epel-release", "age", "postgresql-server", "sshpass"}),
    "Red Hat": (["platform:rpm", "platform:rhel"], {"openssh-clients", "xz", "gnupg2", "postgresql-server"}),
}
ASK_BINDEP = """
import bindep.depends, sys
print(*[rule[0] for rule in bindep.depends.Depends(open(sys.argv[1]).read()).active_rules(sys.argv[2:])])
"""


@pytest.fixture(scope="module")
def introspected(tmp_path_factory):
    """What ansible-builder finds in the installed collection: the files for bindep and pip."""
    directory = tmp_path_factory.mktemp("introspected")
    write = [f"--write-{kind}={directory / kind}" for kind in ("bindep", "pip")]
    environment.command("ansible-builder", "introspect", COLLECTIONS, *write)
    return directory


def test_ansible_builder_takes_the_example(tmp_path):
    text = environment.create(tmp_path / "context").read_text()
    assert "ansible-galaxy collection install" in text
    assert "microbosh.director" in (tmp_path / "context" / "_build" / "requirements.yml").read_text()


@pytest.mark.parametrize("platform", PLATFORMS)
def test_ansible_builder_finds_our_packages(introspected, platform):
    profiles, wanted = PLATFORMS[platform]
    named = environment.command("python", "-c", ASK_BINDEP, introspected / "bindep", *profiles).split()
    assert wanted | {"rsync", "zstd", "gzip", "tar"} <= set(named)
    assert ("restic" in named) == (platform in ("Debian", "Fedora"))  # the others may have to look elsewhere for it
    packages = [line.partition("#")[0].strip() for line in (introspected / "pip").read_text().splitlines()]
    assert [package for package in packages if package] == ["apprise>=1.9"]


class InPod(Director):
    """A director whose operator is AWX: each playbook is run in a container of its own."""

    def play(self, playbook, *arguments, named=True, environment=None, **settings):
        """Run a playbook of the project, with the machine's credential in an agent; return the Run."""
        fill_in(self.pod.directory, self.inventory(**settings), self.directory / "key", environment=environment)
        give(self.directory, self.pod.user)
        words = ["ansible-runner", "run", "/runner", "--playbook", f"{playbook}.yml", *arguments]
        done = self.pod.run(*words, named=named)
        return Run(done.returncode, done.stdout + done.stderr)


@pytest.fixture(scope="module")
def pod(new_director, tmp_path_factory):
    """A director that was set up from elsewhere, and what runs playbooks in containers."""
    engine = testhost.Engine()
    image = environment.build(engine, tmp_path_factory.mktemp("ee"))
    made = new_director("e2e-pod", generation="director", **faults.SMALL)
    run = made.setup()
    assert run.status == 0, run.output
    director = InPod(made.host, made.directory, {"microbosh_private_key": ""})
    shown = [made.directory, made.host.directory]
    director.pod = environment.Pod(engine, image, lay_out(made.directory / "runner"), shown)
    return director


def refused_namespace(pod):
    """Return what an attempt to make a namespace of users comes to in the container."""
    return pod.run("python3", "-c", "import ctypes; print(ctypes.CDLL(None).unshare(0x10000000))").stdout.strip()


@pytest.mark.long
def test_a_bare_container_with_what_we_name_makes_a_proven_backup(pod):
    assert refused_namespace(pod.pod) == "-1"
    run = pod.backup(microbosh_archive="{id}.tar.zst")
    assert run.status == 0, run.output
    assert whole(pod.latest) is True
    run = pod.play("verify", microbosh_verify="all", microbosh_rehearse=True)
    assert run.status == 0, run.output
    assert json.loads((pod.latest / "verdict.json").read_text())["rehearsed"]["good"]
    assert pod.wholly_up()


@pytest.mark.long
def test_a_user_without_a_name_is_told_what_needs_one(pod):
    """The container's entrypoint gives it one. Where it is left out, ssh and initdb refuse, and the rest works."""
    assert pod.backup().status == 0
    ids = pod.ids
    run = pod.play("verify", named=False)
    assert run.status == 0, run.output
    run = pod.play("verify", named=False, microbosh_rehearse=True)
    assert run.status != 0
    assert "1000660000 has none on this controller" in run
    run = pod.play("backup", named=False)
    assert run.status != 0
    assert "No user exists for uid 1000660000" in run
    assert "its entrypoint adds one to /etc/passwd" in run
    assert "Nothing was stopped on the director" in run
    assert pod.ids == ids
