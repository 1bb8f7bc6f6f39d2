# SPDX-License-Identifier: GPL-3.0-or-later
"""The execution environment of execution-environment.yml: built by ansible-builder, run as a pod of AWX runs it."""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import testhost
import yaml

REPOSITORY = testhost.REPOSITORY
RUNNER = REPOSITORY / ".venv-runner"
RELEASE, PYTHON = "bookworm", "3.11"
# What any image has that an execution environment is built from.
BARE = ["ca-certificates", "python3", "python3-pip"]
NAMES = ["execution-environment.yml", "meta/execution-environment.yml", "bindep.txt", "requirements.txt"]
POD_USER = 1000660000
# Neither unshare nor clone may make namespaces of users, and clone3, whose flags no filter can see, is not there.
NEW_USER = {"index": 0, "value": 0x10000000, "valueTwo": 0x10000000, "op": "SCMP_CMP_MASKED_EQ"}
SECCOMP = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [
        {"names": ["unshare", "clone"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "args": [NEW_USER]},
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
    ],
}


def fingerprint(*texts):
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


class Bare(testhost.Image):
    """Debian with Python and pip, and nothing else."""

    def __init__(self, engine):
        super().__init__(engine, RELEASE)
        self.base_tag = f"localhost/microbosh-bare:{RELEASE}-{fingerprint(*BARE)}"

    def packages(self):
        return BARE

    def build(self):
        testhost.STATE.mkdir(exist_ok=True)
        with testhost.locked(testhost.STATE / f"build-{self.base}.lock"):
            if not self.engine.has_image(self.base_tag):
                self._build_base()
        return self.base_tag


def command(*words):
    """Run one of the tools of .venv-runner and return its output."""
    done = subprocess.run([RUNNER / "bin" / words[0], *words[1:]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def create(context, file=REPOSITORY / "execution-environment.yml"):
    """Let ansible-builder make the context of a build, from the file as it is published; return the Containerfile."""
    command("ansible-builder", "create", "--file", file, "--context", context, "--output-filename", "Containerfile")
    return context / "Containerfile"


def build(engine, directory):
    """Build it unless its files are those of the last time; return its tag."""
    bare = Bare(engine).build()
    files = [(REPOSITORY / name).read_text() for name in NAMES]
    tag = f"localhost/microbosh-ee:{fingerprint(bare, *files)}"
    if not engine.has_image(tag):
        context = directory / "context"
        containerfile = create(context)
        _without_galaxy(context / "_build")
        # Debian's Python has pip as a package, and lets nothing else install one.
        containerfile.write_text(containerfile.read_text().replace("RUN /output/scripts/pip_install $PYCMD\n", ""))
        wheels = _wheels(directory)
        # A bare image has old lists of packages, and the programs ask no questions here.
        beginning = f"FROM {bare}\nENV DEBIAN_FRONTEND=noninteractive\nRUN apt-get -qq update\n"
        (directory / "Containerfile").write_text(beginning)
        shared = ["build", "--network=host", f"--label={testhost.LABEL}"]
        engine.run(*shared, "-t", f"{bare}-fresh", "-f", directory / "Containerfile", directory)
        arguments = {
            "EE_BASE_IMAGE": f"{bare}-fresh",
            "PKGMGR": "/usr/bin/apt-get",
            "PKGMGR_PRESERVE_CACHE": "always",
            "ANSIBLE_GALAXY_CLI_COLLECTION_OPTS": "--no-deps",
        }
        given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        mounts = [f"--volume={wheels}:/wheels:ro", f"--volume={directory / 'pip.conf'}:/etc/pip.conf:ro"]
        engine.run(*shared, *given, *mounts, "-t", tag, "-f", containerfile, context)
    return tag


def _without_galaxy(build):
    """The collections come from this working copy instead of from Galaxy, as files."""
    (artifact,) = (REPOSITORY / ".collections" / "artifact").glob("microbosh-director-*.tar.gz")
    (build / artifact.name).write_bytes(artifact.read_bytes())
    collection = {"name": f"/build/{artifact.name}", "type": "file"}
    (build / "requirements.yml").write_text(yaml.safe_dump({"collections": [collection]}))


def _wheels(directory):
    """What pip needs in the build, brought by the machine's own pip, with its settings."""
    wheels = directory / "wheels"
    file = yaml.safe_load((REPOSITORY / "execution-environment.yml").read_text())
    named = [file["dependencies"][name]["package_pip"] for name in ("ansible_core", "ansible_runner")]
    of_the_builder = ["bindep", "pyyaml", "packaging", "dumb-init==1.2.5"]
    download = ["download", "--quiet", "--only-binary=:all:", "--python-version", PYTHON, "--dest", wheels]
    command("pip", *download, *named, *of_the_builder, "--requirement", REPOSITORY / "requirements.txt")
    (directory / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    return wheels


@dataclass
class Pod:
    """Runs commands in containers of the environment as a pod does: a strange user of group 0, without any right."""

    engine: testhost.Engine
    image: str
    directory: Path  # what ansible-runner runs from
    shown: list  # directories that are in the container where they are here
    user: int = POD_USER

    def run(self, *words, named=True):
        """Run a command in a container of its own and return the completed process.

        An entry in /etc/passwd is the entrypoint's affair, as the engine makes none. Without a name there is none.
        """
        profile = self.directory.with_name("seccomp.json")
        profile.write_text(json.dumps(SECCOMP))
        limits = ["--cap-drop=all", "--security-opt=no-new-privileges", f"--security-opt=seccomp={profile}"]
        mounts = [f"--volume={path}:{path}" for path in self.shown] + [f"--volume={self.directory}:/runner"]
        start = [] if named else ["--entrypoint=[]"]
        return self.engine.run(
            "run", "--rm", "--network=host", f"--user={self.user}:0", "--passwd=false", *start, *limits, *mounts,
            f"--label={testhost.LABEL}", "--env=HOME=/runner", self.image, *words, check=False,
        )  # fmt: skip
