# SPDX-License-Identifier: GPL-3.0-or-later
"""A signature shows forged backups, older ones in the place of the latest, and those of other directors."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._backup import _signature as signature
from ansible_collections.microbosh.director.plugins.module_utils._backup._manifest_verification import verify
from ansible_collections.microbosh.director.plugins.plugin_utils._source._signing import Trust, said_of_signature
from ansible_collections.microbosh.director.plugins.plugin_utils._source._source import SourceError, find
from ansible_collections.microbosh.director.plugins.plugin_utils._source._verifying import Verifier
from director_backup import make_director_backup, pack

NAME = "20261122T221326Z"
NEWER = "20261123T221326Z"


def make_key(path, comment="key"):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path], check=True)
    return str(path)


@pytest.fixture
def key(tmp_path):
    (tmp_path / "keys").mkdir()
    return make_key(tmp_path / "keys/sign")


@pytest.fixture
def backup(tmp_path, key):
    """A published backup, signed."""
    made = make_director_backup(tmp_path)
    host = signature_host(made)
    signature.sign(str(made), NAME, host, key)
    return made


def signature_host(made):
    import json

    return json.loads((made / "backup.json").read_text())["host"]


@pytest.fixture
def trust(backup, key):
    return Trust(key, signature_host(backup))


def found(backup, wanted, trust):
    return find(str(wanted), backup.parent, backup.parent / "scratch", None, trust)


@pytest.mark.parametrize("wanted", ["latest", NAME])
def test_a_signed_one_is_found_and_told(backup, trust, wanted):
    source = found(backup, wanted, trust)
    assert source.signature == "signed"
    assert source.describe()["signature"] == "signed"
    assert verify(str(backup))["extra"] == []


def test_without_a_key_nothing_is_asked(backup):
    assert found(backup, NAME, Trust()).signature == ""


def test_the_public_key_is_enough_and_there_may_be_several(backup, trust, key, tmp_path):
    public = tmp_path / "public"
    other = make_key(tmp_path / "other")
    lines = (tmp_path / "other.pub").read_text() + (tmp_path / "keys/sign.pub").read_text()
    public.write_text(lines)
    assert found(backup, NAME, Trust(str(public), trust.host)).signature == "signed"
    with pytest.raises(SourceError, match="not that of"):
        found(backup, NAME, Trust(other, trust.host))


def test_the_private_key_alone_is_enough(backup, trust, key, tmp_path):
    (tmp_path / "keys/sign.pub").unlink()
    assert found(backup, NAME, trust).signature == "signed"


def touched(path, content):
    path.write_bytes(path.read_bytes() + content)


@pytest.mark.parametrize("name", ["SHA256SUMS", "metadata.mtree", "filter", "backup.json"])
def test_whatever_is_changed_of_its_records_is_refused(backup, trust, name):
    touched(backup / name, b" \n")
    with pytest.raises(SourceError):
        found(backup, NAME, trust)


@pytest.mark.parametrize("name", ["SHA256SUMS", "metadata.mtree", "backup.json"])
def test_a_record_that_is_gone_is_refused(backup, trust, name):
    (backup / name).unlink()
    with pytest.raises(SourceError):
        found(backup, NAME, trust)


def test_a_writer_cannot_sign(backup, trust, tmp_path):
    signature.sign(str(backup), NAME, trust.host, make_key(tmp_path / "his"))
    with pytest.raises(SourceError, match="somebody else"):
        found(backup, NAME, trust)


def test_a_signature_for_another_purpose_is_none(backup, trust, key):
    about = signature.statement(str(backup), NAME, trust.host)
    done = subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-n", "git", "-f", key], input=about, capture_output=True, check=True
    )
    (backup / "signature").write_bytes(done.stdout)
    with pytest.raises(SourceError, match="not that of"):
        found(backup, NAME, trust)


def test_an_older_one_in_the_place_of_the_latest_is_refused(backup, trust):
    shutil.copytree(backup, backup.parent / NEWER, symlinks=True)
    with pytest.raises(SourceError, match=f"is signed as the backup {NAME}"):
        found(backup, NEWER, trust)
    with pytest.raises(SourceError, match="latest leads to"):
        found(backup, "latest", trust)


def test_that_the_newest_was_removed_is_known_beside_the_key(backup, trust, key):
    signature.note_newest(key, trust.host, NEWER)
    with pytest.raises(SourceError, match=f"{NEWER} was the newest"):
        found(backup, "latest", trust)
    assert found(backup, NAME, trust).signature == "signed"  # by name


def test_another_directors_is_refused_unless_it_is_meant(backup, key):
    with pytest.raises(SourceError, match="is signed as a backup of"):
        found(backup, NAME, Trust(key, "other"))
    with pytest.raises(SourceError, match="is signed as a backup of"):
        found(backup, backup, Trust(key, "other"))


def test_one_from_before_the_key_is_told_and_restored_by_a_setting(backup, trust, key):
    (backup / "signature").unlink()
    with pytest.raises(SourceError, match="microbosh_restore_unsigned"):
        found(backup, NAME, trust)
    source = found(backup, NAME, Trust(key, trust.host, unsigned=True))
    assert source.signature == "unsigned"


def test_a_wrong_one_is_never_fine(backup, trust, key):
    touched(backup / "filter", b"+ /\n")
    with pytest.raises(SourceError):
        found(backup, NAME, Trust(key, trust.host, unsigned=True))


def test_a_link_in_the_place_of_a_signature_is_refused(backup, trust, tmp_path):
    (tmp_path / "elsewhere").write_bytes((backup / "signature").read_bytes())
    (backup / "signature").unlink()
    (backup / "signature").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SourceError, match="is a link"):
        found(backup, NAME, trust)


def test_an_archive_is_signed_as_what_it_was_packed_of(backup, trust, tmp_path):
    archive = pack(backup, tmp_path / f"m1_{NAME}.tar.gz")
    assert found(backup, archive, trust).signature == "signed"
    renamed = archive.rename(tmp_path / f"m1_{NEWER}.tar.gz")
    sums = tmp_path / f"m1_{NAME}.tar.gz.sha256"
    if sums.exists():
        sums.unlink()
    with pytest.raises(SourceError, match="another one was put in its place"):
        found(backup, renamed, trust)


def test_verify_tells(backup, trust, tmp_path):
    work = Verifier(tmp_path, tmp_path / "verifying", None, True, None, trust)
    assert (work.examine(NAME)["whole"], work.examine(NAME)["signature"]) == (True, "signed")
    kept = (backup / "signature").read_bytes()
    (backup / "signature").unlink()
    assert (work.examine(NAME)["whole"], work.examine(NAME)["signature"]) == (True, "unsigned")
    (backup / "signature").write_bytes(kept.replace(b"A", b"B"))
    verdict = work.examine(NAME)
    assert (verdict["whole"], verdict["signature"]) == (False, "wrong")
    assert said_of_signature(trust, backup, NAME)[0] == "wrong"


@pytest.mark.parametrize("kind", ["gone", "no key", "locked"])
def test_a_key_that_cannot_sign_is_told(backup, tmp_path, kind):
    path = tmp_path / "bad"
    if kind == "no key":
        path.write_text("nonsense")
    if kind == "locked":
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", path], check=True)
    with pytest.raises(signature.SignatureError, match="cannot be signed"):
        signature.sign(str(backup), NAME, "m1", str(path))
