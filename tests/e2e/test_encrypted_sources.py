"""Encrypted archives are verified and restored with the private key in a file; if it is wrong, nothing is touched."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from conftest import prepared
from restoring import content, destroy, files, restore
from standing import standing

pytestmark = pytest.mark.long

AGE = "{{ inventory_hostname }}_{id}.tar.zst.age"
GPG = "{{ inventory_hostname }}_{id}.tar.gz.gpg"


@pytest.fixture(scope="module", autouse=True)
def temporary():
    """A directory for what is temporary, of these tests alone; its name is short, as gpg's socket is below it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory, pytest.MonkeyPatch.context() as patched:
        patched.setenv("TMPDIR", directory)
        patched.setattr(tempfile, "tempdir", None)
        yield


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Private keys of age (ours, theirs) and gpg (gpg), each in a file, and the public ones beside them."""
    directory = tmp_path_factory.mktemp("private")
    for name in ("ours", "theirs"):
        subprocess.run(["age-keygen", "-o", directory / name], check=True, capture_output=True)
        public = subprocess.run(["age-keygen", "-y", directory / name], check=True, capture_output=True).stdout
        (directory / f"{name}.pub").write_bytes(public)
    gpg = ["gpg", "--homedir", str(tmp_path_factory.mktemp("gpg")), "--batch", "--quiet"]
    os.chmod(gpg[2], 0o700)
    user = "vault@example.org"
    made = [*gpg, "--passphrase", "", "--quick-generate-key", user, "rsa2048", "encrypt"]
    subprocess.run(made, check=True, capture_output=True)
    for option, name in (("--export-secret-keys", "gpg"), ("--export", "gpg.pub")):
        exported = subprocess.run([*gpg, option, user], check=True, capture_output=True).stdout
        (directory / name).write_bytes(exported)
    subprocess.run(["gpgconf", "--homedir", gpg[2], "--kill", "all"], check=True)
    return directory


@pytest.fixture(scope="module")
def sealed(new_director):
    """A microBOSH of which there are backups only."""
    return prepared(new_director("e2e-sealed", generation="micro", blobs=8))


@pytest.fixture(scope="module")
def archives(sealed, keys):
    """Its archives, one encrypted by each program."""
    made = {}
    for name, template in (("ours", AGE), ("gpg", GPG)):
        run = sealed.backup(microbosh_archive=template, microbosh_archive_recipients=[str(keys / f"{name}.pub")])
        assert run.status == 0, run.output
        [made[name]] = (sealed.backups / "archives").glob(f"*{sealed.latest.name}*.{template[-3:]}")
    return made


@pytest.fixture
def alone(archives, tmp_path):
    """A function that copies an archive to where no checksum lies beside it, altered by a function of its content."""

    def copy(name, spoil=bytes):
        target = Path(shutil.copy(archives[name], tmp_path))
        target.write_bytes(spoil(target.read_bytes()))
        return target

    return copy


def secret(key):
    """The secret that must be shown nowhere."""
    return next(line for line in key.read_text().splitlines() if line.startswith("AGE-SECRET-KEY-"))


def nothing_in_the_clear(director):
    """Nothing that was encrypted stays, nor gpg's directory with the key."""
    homes = Path(tempfile.gettempdir()).glob("microbosh-*/private-keys*")
    places = [director.backups / "verifying", director.backups / "restore"]
    return not list(homes) and not any(place.exists() for place in places)


def refused_restore(director, archive, *words, key=None, check=()):
    """Try a restore that has to be refused, to say these words, and to leave everything as it was."""
    before = standing(director), files(director)
    given = {} if key is None else {"microbosh_archive_identity": str(key)}
    run = restore(director, *check, microbosh_restore_from=str(archive), **given)
    assert run.status != 0, run.output
    for word in words:
        assert word in run, run.output
    assert "Nothing was touched" in run
    assert (standing(director), files(director)) == before
    assert nothing_in_the_clear(director)
    return run


@pytest.mark.parametrize("name", ["ours", "gpg"])
def test_with_the_key_everything_in_it_is_verified(sealed, archives, keys, name):
    settings = {"microbosh_verify": str(archives[name]), "microbosh_archive_identity": str(keys / name)}
    run = sealed.play("verify", "-vvv", **settings)
    assert run.status == 0, run.output
    assert f"{archives[name].name} is whole: " in run
    assert " files read again, " in run
    assert secret(keys / "ours") not in run.output
    assert nothing_in_the_clear(sealed)


def test_without_the_key_it_is_said_that_only_the_checksum_was_compared(sealed, archives):
    run = sealed.play("verify", microbosh_verify=str(archives["ours"]))
    assert run.status == 0, run.output
    assert "without microbosh_archive_identity only its checksum was compared" in run


def test_a_restore_without_the_key_names_the_setting(sealed, archives):
    refused_restore(sealed, archives["ours"], "is encrypted", "-e microbosh_archive_identity=")


def test_a_wrong_key_is_said_to_be_one(sealed, archives, keys):
    said = f"The private key in {keys / 'theirs'} does not open {archives['ours']}"
    refused_restore(sealed, archives["ours"], said, key=keys / "theirs")
    wrong = {"microbosh_verify": str(archives["ours"]), "microbosh_archive_identity": str(keys / "theirs")}
    run = sealed.play("verify", **wrong)
    assert run.status != 0
    assert f"{archives['ours'].name} COULD NOT BE OPENED" in run
    assert said in run


def cut(data):
    return data[: len(data) // 2]


def altered(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize("name", ["ours", "gpg"])
@pytest.mark.parametrize("spoil", [cut, altered])
def test_one_that_was_cut_or_altered_is_said_to_be(sealed, alone, keys, spoil, name):
    archive = alone(name, spoil)
    refused_restore(sealed, archive, f"{archive} cannot be unpacked: it was cut or altered", key=keys / name)


def test_check_mode_leaves_nothing_in_the_clear(sealed, archives, keys):
    before = standing(sealed), files(sealed)
    settings = {"microbosh_restore_from": str(archives["gpg"]), "microbosh_archive_identity": str(keys / "gpg")}
    run = restore(sealed, "--check", **settings)
    assert run.status == 0, run.output
    assert nothing_in_the_clear(sealed)
    assert (standing(sealed), files(sealed)) == before


def lose_the_disk(director):
    """Nothing is left of blobs, logs and the directory that PostgreSQL runs on."""
    director.shell("cd /var/vcap/store && rm -r blobstore/store director/tasks postgres")


@pytest.mark.parametrize(("name", "harm"), [("ours", destroy), ("gpg", lose_the_disk)])
def test_what_was_destroyed_comes_back_out_of_it(sealed, alone, keys, name, harm):
    before = content(sealed)
    harm(sealed)
    assert files(sealed) != before["files"]
    run = restore(sealed, microbosh_restore_from=str(alone(name)), microbosh_archive_identity=str(keys / name))
    assert run.status == 0, run.output
    assert secret(keys / "ours") not in run.output
    assert content(sealed) == before
    assert sealed.wholly_up()
    assert nothing_in_the_clear(sealed)
