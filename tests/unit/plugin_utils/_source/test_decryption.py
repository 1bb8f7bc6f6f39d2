# SPDX-License-Identifier: GPL-3.0-or-later
"""Encrypted archives are opened with a key in a file, or nothing of them is left; the key itself goes nowhere."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._backup._verdict import read_verdict
from ansible_collections.microbosh.director.plugins.plugin_utils._source._archive import ArchiveError, unpack
from ansible_collections.microbosh.director.plugins.plugin_utils._source._source import SealedError, SourceError, find
from ansible_collections.microbosh.director.plugins.plugin_utils._source._verifying import Verifier, backups_meant
from director_backup import make_director_backup, pack

NAME = "20261122T221326Z"
ENDINGS = [f"{packed}{sealed}" for packed in (".tar", ".tar.gz", ".tar.zst") for sealed in (".age", ".gpg")]
CANARY = "CANARY-of-a-secret-key"


class Keys:
    """A pair of keys for each program, and one more that opens nothing."""

    def __init__(self, directory):
        self._directory = directory
        self._home = tempfile.mkdtemp(prefix="keys-", dir="/tmp")
        for name in ("ours", "theirs"):
            subprocess.run(["age-keygen", "-o", directory / f"{name}.age"], check=True, capture_output=True)
            self._gpg("--passphrase", "", "--quick-generate-key", f"{name}@example.org", "rsa2048", "encrypt")
            self._export(name, directory / f"{name}.gpg")
        self._gpg("--passphrase", "secret", "--pinentry-mode", "loopback",
                  "--quick-generate-key", "locked@example.org", "rsa2048", "encrypt")  # fmt: skip
        self._export("locked", directory / "locked.gpg", "--passphrase", "secret", "--pinentry-mode", "loopback")

    def file(self, name):
        return self._directory / name

    def encrypt(self, path, sealed, to="ours"):
        """Encrypt a file as its name will say; return the new one."""
        if sealed == ".age":
            public = subprocess.run(
                ["age-keygen", "-y", self.file(f"{to}.age")], check=True, capture_output=True, text=True
            ).stdout.strip()
            command = ["age", "--encrypt", "--recipient", public]
        else:
            command = [*self._command, "--trust-model", "always", "--encrypt", "--recipient", f"{to}@example.org"]
        content = subprocess.run(command, input=path.read_bytes(), check=True, capture_output=True).stdout
        target = path.with_name(f"{path.name}{sealed}")
        target.write_bytes(content)
        return target

    def forget(self):
        subprocess.run(["gpgconf", "--homedir", self._home, "--kill", "all"], check=True)

    @property
    def _command(self):
        return ["gpg", "--homedir", self._home, "--batch", "--quiet"]

    def _gpg(self, *arguments):
        return subprocess.run([*self._command, *arguments], check=True, capture_output=True).stdout

    def _export(self, name, path, *options):
        path.write_bytes(self._gpg(*options, "--export-secret-keys", f"{name}@example.org"))


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    made = Keys(tmp_path_factory.mktemp("keys"))
    yield made
    made.forget()


@pytest.fixture(scope="module")
def backup(tmp_path_factory):
    return make_director_backup(tmp_path_factory.mktemp("backups"))


@pytest.fixture
def sealed(backup, keys, tmp_path):
    """A function that packs the backup under a name with that ending and encrypts it to one of the keys."""

    def seal(ending, to="ours"):
        packed = pack(backup, tmp_path / "archives" / f"bosh-1_{NAME}{Path(ending).stem}", checksum=False)
        archive = keys.encrypt(packed, Path(ending).suffix, to)
        packed.unlink()
        return archive

    return seal


@pytest.fixture
def scratch(tmp_path):
    return tmp_path / "scratch"


def program(ending):
    """Return the ending of the program that seals under such a name, and so of its keys."""
    return Path(f"x{ending}").suffix


@pytest.fixture
def temporary(monkeypatch):
    """A directory for what is temporary, of this test alone; its name is short, as gpg's socket is below it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        monkeypatch.setattr(tempfile, "tempdir", directory)
        yield Path(directory)


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_right_key_opens_it_to_what_was_packed(sealed, backup, keys, scratch, ending, temporary):
    source = find(str(sealed(ending)), Path("/none"), scratch, keys.file(f"ours{program(ending)}"))
    assert source.proven
    assert source.path == scratch / "unpacked" / NAME
    command = ["diff", "--recursive", "--no-dereference", str(backup), str(source.path)]
    assert subprocess.run(command, check=False, capture_output=True).stdout == b""
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_another_key_is_said_to_be_the_wrong_one_and_nothing_is_left(sealed, keys, scratch, ending):
    archive, key = sealed(ending), keys.file(f"theirs{program(ending)}")
    with pytest.raises(SealedError, match="does not open") as error:
        find(str(archive), Path("/none"), scratch, key)
    assert str(archive) in str(error.value)
    assert str(key) in str(error.value)
    assert not scratch.exists()


def cut(data):
    return data[: len(data) * 2 // 3]


def cut_at_the_end(data):
    return data[:-20]


def altered(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("spoil", [cut, cut_at_the_end, altered])
def test_what_was_cut_or_altered_is_said_to_be_and_nothing_is_left(sealed, keys, scratch, ending, spoil):
    archive = sealed(ending)
    archive.write_bytes(spoil(archive.read_bytes()))
    with pytest.raises(SourceError, match="it was cut or altered") as error:
        find(str(archive), Path("/none"), scratch, keys.file(f"ours{program(ending)}"))
    assert not isinstance(error.value, SealedError)
    assert str(archive) in str(error.value)
    assert not scratch.exists()


def test_damage_below_the_encryption_is_not_blamed_on_it(backup, keys, scratch, tmp_path):
    packed = pack(backup, tmp_path / f"bosh-1_{NAME}.tar.zst", checksum=False)
    os.truncate(packed, packed.stat().st_size // 2)
    with pytest.raises(SourceError, match="cannot be unpacked") as error:
        find(str(keys.encrypt(packed, ".age")), Path("/none"), scratch, keys.file("ours.age"))
    assert "altered" not in str(error.value)
    assert not scratch.exists()


def test_without_a_key_the_setting_is_named(sealed, scratch):
    with pytest.raises(SealedError, match=r"is encrypted\..* -e microbosh_archive_identity="):
        find(str(sealed(".tar.zst.age")), Path("/none"), scratch)
    assert not scratch.exists()


@pytest.mark.parametrize("ending", [".tar.age", ".tar.gpg"])
@pytest.mark.parametrize("content", [None, "", f"{CANARY}\n", f"AGE-SECRET-KEY-1{CANARY}\n"])
def test_a_file_that_holds_no_key_is_said_to_and_its_content_is_not_shown(sealed, scratch, tmp_path, ending, content):
    key = tmp_path / "key"
    if content is not None:
        key.write_text(content)
    with pytest.raises(SealedError, match=f"{key}") as error:
        find(str(sealed(ending)), Path("/none"), scratch, key)
    assert "no private key" in str(error.value) or "no file" in str(error.value)
    assert CANARY not in str(error.value)


def test_a_key_that_is_locked_is_said_to_be(sealed, keys, scratch):
    with pytest.raises(SealedError, match="locked with a passphrase"):
        find(str(sealed(".tar.gpg", to="locked")), Path("/none"), scratch, keys.file("locked.gpg"))


def test_nobody_is_asked_for_the_passphrase_of_an_ssh_key(scratch, tmp_path):
    key = tmp_path / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", key], check=True)
    packed = tmp_path / "b.tar"
    packed.write_bytes(b"never read")
    subprocess.run(["age", "-R", f"{key}.pub", "-o", f"{packed}.age", packed], check=True)
    with pytest.raises(SealedError, match="locked with a passphrase"):
        find(f"{packed}.age", Path("/none"), scratch, key)


def test_a_directory_that_gpg_cannot_use_is_named(sealed, keys, scratch, tmp_path, monkeypatch):
    (tmp_path / ("long" * 30)).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("long" * 30)))
    with pytest.raises(SealedError, match="set TMPDIR to a shorter one"):
        find(str(sealed(".tar.gpg")), Path("/none"), scratch, keys.file("ours.gpg"))
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


@pytest.mark.parametrize("ending", [".tar.age", ".tar.gpg"])
def test_a_program_that_is_missing_is_named(sealed, keys, scratch, monkeypatch, ending):
    archive = sealed(ending)
    monkeypatch.setenv("PATH", "/none")
    with pytest.raises(SourceError, match=f"takes {ending[-3:]}, which this controller does not have"):
        find(str(archive), Path("/none"), scratch, keys.file(f"ours{program(ending)}"))


def test_a_hostile_archive_is_refused_though_it_was_encrypted_well(keys, tmp_path):
    command = ["tar", "-cPf", tmp_path / "b.tar", "--transform", "s,^,../../,", "/etc/hostname"]
    subprocess.run(command, check=True, capture_output=True)
    (tmp_path / "target").mkdir()
    with pytest.raises(ArchiveError, match="would land outside"):
        unpack(keys.encrypt(tmp_path / "b.tar", ".age"), tmp_path / "target", keys.file("ours.age"))


class TestVerifying:
    @pytest.fixture
    def verify(self, backup, tmp_path):
        def examine(archive, identity):
            return Verifier(backup.parent, tmp_path / "verifying", None, True, identity).examine(str(archive))

        return examine

    @staticmethod
    def with_checksum(archive):
        command = ["sha256sum", archive.name]
        done = subprocess.run(command, cwd=archive.parent, check=True, capture_output=True)
        archive.with_name(f"{archive.name}.sha256").write_bytes(done.stdout)
        return archive

    @pytest.mark.parametrize("ending", [".tar.zst.age", ".tar.gz.gpg"])
    def test_with_the_key_every_file_in_it_is_read(self, sealed, keys, verify, tmp_path, ending):
        result = verify(self.with_checksum(sealed(ending)), keys.file(f"ours{program(ending)}"))
        assert (result["good"], result["sealed"], result["findings"]) == (True, False, [])
        assert result["blobs"] == {"named": 12, "checked": 12, "external": False, "made_again": 0, "lost": []}
        assert read_verdict(result["verdict"])["verified"]["whole"]
        assert not (tmp_path / "verifying").exists()

    def test_without_the_key_only_the_checksum_is_compared(self, sealed, verify):
        result = verify(self.with_checksum(sealed(".tar.zst.age")), None)
        assert (result["good"], result["sealed"], result["files"]) == (True, True, 0)

    def test_a_wrong_key_is_no_verdict_on_the_archive(self, sealed, keys, verify):
        archive = self.with_checksum(sealed(".tar.zst.age"))
        kept = read_verdict(verify(archive, None)["verdict"])
        result = verify(archive, keys.file("theirs.age"))
        assert not result["good"]
        assert [item["kind"] for item in result["findings"]] == ["key"]
        assert read_verdict(result["verdict"]) == kept

    def test_what_was_altered_and_has_no_checksum_is_kept_as_not_whole(self, sealed, keys, verify):
        archive = sealed(".tar.zst.age")
        archive.write_bytes(altered(archive.read_bytes()))
        result = verify(archive, keys.file("ours.age"))
        assert [item["kind"] for item in result["findings"]] == ["archive"]
        assert not read_verdict(result["verdict"])["verified"]["whole"]

    def test_all_means_encrypted_archives_too(self, sealed, tmp_path):
        archive = sealed(".tar.zst.age")
        assert backups_meant("all", tmp_path) == [str(archive)]
