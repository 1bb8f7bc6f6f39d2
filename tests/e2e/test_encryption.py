"""Archives that only a private key opens, which the controller does not have."""

from __future__ import annotations

import os
import subprocess

import pytest
from standing import refused

pytestmark = pytest.mark.rotating

AGE = "{{ inventory_hostname }}_{id}.tar.zst.age"
GPG = "{{ inventory_hostname }}_{id}.tar.gz.gpg"


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Two pairs of keys for age and one for gpg, and a gpg of its own for each side."""
    directory = tmp_path_factory.mktemp("keys")
    for name in ("ours", "theirs"):
        subprocess.run(["age-keygen", "-o", directory / name], check=True, capture_output=True)
        public = subprocess.run(["age-keygen", "-y", directory / name], check=True, capture_output=True).stdout
        (directory / f"{name}.pub").write_bytes(public)
    for side in ("vault", "controller"):
        (directory / side).mkdir(mode=0o700)
    gpg(directory / "vault", "--passphrase", "", "--quick-generate-key", "vault@example.org", "rsa2048", "encrypt")
    (directory / "gpg.pub").write_bytes(gpg(directory / "vault", "--export", "vault@example.org").stdout)
    return directory


def gpg(home, *arguments, **options):
    command = ["gpg", "--homedir", str(home), "--batch", "--quiet", *arguments]
    return subprocess.run(command, check=options.pop("check", True), capture_output=True, **options)


def unpacked(data, directory, *options):
    directory.mkdir()
    subprocess.run(["tar", "-x", "-C", directory, *options], input=data, check=True)
    return directory


def same(backup, copy):
    """Return whether everything of a backup is in the copy, with mode and time."""
    command = ["rsync", "-aHcn", "--itemize-changes", "--delete", f"{backup}/", f"{copy}/"]
    changes = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return changes or True


@pytest.fixture(scope="module")
def sealed(micro, keys):
    """The backup and its archive, encrypted to a key on the command line and to one in a file."""
    ours = (keys / "ours.pub").read_text().strip()
    run = micro.backup(microbosh_archive=AGE, microbosh_archive_recipients=[str(keys / "theirs.pub"), ours])
    assert run.status == 0, run.output
    [archive] = (micro.backups / "archives").glob(f"*{micro.latest.name}*.age")
    return micro.latest, archive


def opened(archive, key, **options):
    command = ["age", "-d", "-i", key, *([archive] if archive else [])]
    return subprocess.run(command, capture_output=True, check=False, **options)


@pytest.mark.parametrize("key", ["ours", "theirs"])
def test_each_private_key_opens_it_to_what_was_packed(sealed, keys, tmp_path, key):
    backup, archive = sealed
    answer = opened(archive, keys / key)
    assert answer.returncode == 0, answer.stderr
    assert same(backup, unpacked(answer.stdout, tmp_path / "x", "--zstd") / backup.name) is True


def test_its_checksum_lies_beside_it_and_nothing_in_the_clear(micro, sealed):
    archive = sealed[1]
    subprocess.run(["sha256sum", "-c", f"{archive.name}.sha256"], cwd=archive.parent, check=True, capture_output=True)
    beside = sorted(path.name for path in archive.parent.glob(f"*{sealed[0].name}*"))
    assert beside == [archive.name, f"{archive.name}.sha256"]
    assert os.stat(archive).st_mode & 0o777 == 0o600
    assert archive.read_bytes().startswith(b"age-encryption.org/v1")


def test_another_key_does_not_open_it(sealed, tmp_path):
    subprocess.run(["age-keygen", "-o", tmp_path / "another"], check=True, capture_output=True)
    answer = opened(sealed[1], tmp_path / "another")
    assert answer.returncode != 0
    assert b"no identity matched" in answer.stderr


def cut(data):
    return data[:-1000]


def cut_at_a_chunk(data):
    """Cut the archive where one of age's parts of 64 KiB ends: even then it is seen that there should be more."""
    body = data.index(b"\n---") + 1
    start = data.index(b"\n", body) + 1 + 16
    return data[: start + 2 * (64 * 1024 + 16)]


def altered(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize("spoil", [cut, cut_at_a_chunk, altered])
def test_what_was_cut_or_altered_is_refused(sealed, keys, spoil):
    answer = opened(None, keys / "ours", input=spoil(sealed[1].read_bytes()))
    assert answer.returncode != 0
    assert b"age: error:" in answer.stderr


@pytest.mark.long
def test_gpg_does_it_as_well(micro, keys, tmp_path):
    run = micro.backup(microbosh_archive=GPG, microbosh_archive_recipients=[str(keys / "gpg.pub")])
    assert run.status == 0, run.output
    [archive] = (micro.backups / "archives").glob(f"*{micro.latest.name}*.gpg")
    data = gpg(keys / "vault", "--decrypt", str(archive)).stdout
    assert same(micro.latest, unpacked(data, tmp_path / "x", "-z") / micro.latest.name) is True
    assert gpg(keys / "controller", "--decrypt", str(archive), check=False).returncode != 0
    (tmp_path / "altered").write_bytes(altered(archive.read_bytes()))
    assert gpg(keys / "vault", "--decrypt", str(tmp_path / "altered"), check=False).returncode != 0


BAD = {
    "nobody to encrypt to": ({"microbosh_archive": AGE}, "name whose public keys"),
    "a name that says nothing of it": (
        {"microbosh_archive": "{id}.tar.gz", "microbosh_archive_recipients": ["age1x"]}, "would not be encrypted",
    ),
    "no such key": ({"microbosh_archive": AGE, "microbosh_archive_recipients": ["age1x"]}, "cannot write"),
    "no such file": ({"microbosh_archive": AGE, "microbosh_archive_recipients": ["/none"]}, "cannot write"),
    "nobody that gpg knows": (
        {"microbosh_archive": GPG, "microbosh_archive_recipients": ["no@example.org"]}, "cannot write",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "says"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_encrypted_is_said_before_anything_is_touched(micro, settings, says):
    refused(micro, says, **settings)
