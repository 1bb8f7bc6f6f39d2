# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups and archives are verified, rehearsed, and the verdict is kept where prune and the next backup find it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tarfile
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._backup._manifest_verification import verify
from ansible_collections.microbosh.director.plugins.module_utils._backup._retention import prune
from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import newest_published
from ansible_collections.microbosh.director.plugins.module_utils._backup._verdict import note, read_verdict
from ansible_collections.microbosh.director.plugins.module_utils._backup._verification import (
    finding_lines,
    verify_backup,
)
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_file import dumped_from
from ansible_collections.microbosh.director.plugins.module_utils._postgres._scratch_postgres import (
    matching_binaries,
    remove_stale,
    unprivileged,
)
from ansible_collections.microbosh.director.plugins.module_utils._restore._rehearsal import rehearse_backup
from ansible_collections.microbosh.director.plugins.plugin_utils._source._source import SourceError
from ansible_collections.microbosh.director.plugins.plugin_utils._source._verifying import Verifier, backups_meant
from director_backup import make_director_backup, pack, pack_members
from postgres_rig import newest_binaries, run_command, running_server

NAME = "20261122T221326Z"
ENDINGS = (".tar", ".tar.gz", ".tar.xz", ".tar.zst")


@pytest.fixture
def backup(tmp_path):
    return make_director_backup(tmp_path)


@pytest.fixture
def verifier(tmp_path):
    return Verifier(tmp_path, tmp_path / "verifying", None, True)


def kinds(result):
    return {(item["kind"], item["path"]) for item in result["findings"]}


def rewrite(path, old, new):
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))


class TestBackup:
    def test_a_whole_one_is_whole_and_the_verdict_is_kept(self, backup, verifier):
        result = verifier.examine(NAME)
        assert (result["whole"], result["findings"], result["good"]) == (True, [], True)
        assert result["blobs"] == {"named": 12, "checked": 12, "external": False, "made_again": 0, "lost": []}
        assert [dump["database"] for dump in result["dumps"]] == ["bosh", "globals", "uaa"]
        verdict = json.loads((backup / "verdict.json").read_text())["verified"]
        assert verdict["whole"] is True
        assert re.match(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$", verdict["at"])

    def test_a_verdict_is_no_stranger_to_the_next_verification(self, backup, verifier):
        verifier.examine(NAME)
        (backup / "verdict.json.new").write_bytes(b"half")
        assert verify(str(backup))["whole"]
        assert verifier.examine("latest")["whole"]

    def test_check_mode_keeps_no_verdict(self, backup, tmp_path):
        Verifier(tmp_path, tmp_path / "verifying", None, False).examine(NAME)
        assert not (backup / "verdict.json").exists()

    def test_a_verification_keeps_what_an_earlier_rehearsal_found(self, backup, verifier):
        note(str(backup / "verdict.json"), "rehearsed", {"good": True})
        verifier.examine(NAME)
        assert set(read_verdict(str(backup / "verdict.json"))) == {"rehearsed", "verified"}

    def test_missing_altered_and_extra_are_told_apart(self, backup, verifier):
        (backup / "vcap/store/redis/dump.rdb").unlink()
        (backup / "vcap/store/extra").write_text("new")
        (backup / "filter").write_text("- *\n")
        result = verifier.examine(NAME)
        expected = {("missing", "vcap/store/redis/dump.rdb"), ("extra", "vcap/store/extra"), ("altered", "filter")}
        assert expected <= kinds(result)
        assert not result["good"]
        assert read_verdict(str(backup / "verdict.json"))["verified"]["whole"] is False

    def test_a_dump_that_only_backup_json_knows_is_missed(self, backup):
        report = json.loads((backup / "backup.json").read_text())
        report["dumps"].append({"database": "credhub", "sha256": "0" * 64, "rows": {}})
        (backup / "backup.json").write_text(json.dumps(report))
        reseal(backup)
        assert kinds(verify_backup(str(backup))) == {("missing", "dbs/credhub.sql")}

    def test_a_dump_with_other_rows_than_recorded_is_found_though_the_manifest_vouches_for_it(self, backup):
        report = json.loads((backup / "backup.json").read_text())
        report["dumps"][0]["rows"]["public.packages"] = 13
        (backup / "backup.json").write_text(json.dumps(report))
        reseal(backup)
        assert [item["detail"] for item in verify_backup(str(backup))["findings"]] == [
            "public.packages has 12 rows, backup.json records 13"
        ]

    @pytest.mark.parametrize("recorded", ["lost", "damaged"])
    def test_exactly_what_was_recorded_of_the_directors_own_blobs_is_accepted(self, backup, recorded):
        rows = [line.split("\t")[1:] for line in (backup / "dbs/bosh.sql").read_text().splitlines() if "\t" in line]
        first, second = rows[:2]
        rewrite(backup / "dbs/bosh.sql", second[1].encode(), b"0" * 40)  # what is there is not what is named
        rewrite(backup / "dbs/bosh.sql", first[0].encode(), b"another")  # what is named is not there
        report = json.loads((backup / "backup.json").read_text())
        dump = next(one for one in report["dumps"] if one["database"] == "bosh")
        dump["sha256"] = hashlib.sha256((backup / "dbs/bosh.sql").read_bytes()).hexdigest()
        gone = {"lost": [{"id": "another"}], "damaged": [{"id": second[0], "found": f"sha1:{second[1]}"}]}
        for known, left in (({}, 2), ({recorded: gone[recorded]}, 1), (gone, 0)):
            report["proof"]["blobs"] = known
            (backup / "backup.json").write_text(json.dumps(report))
            reseal(backup)
            result = verify_backup(str(backup))
            found = [item["kind"] for item in result["findings"] if item["path"] != "dbs/bosh.sql"]
            assert found == ["blob"] * left
        assert result["blobs"]["lost"] == ["another", second[0]]

    def test_a_backup_without_a_manifest_is_not_whole(self, backup):
        for name in ("SHA256SUMS", "metadata.mtree", "backup.json"):
            (backup / name).unlink()
        result = verify_backup(str(backup))
        assert {("missing", "SHA256SUMS"), ("missing", "metadata.mtree")} <= kinds(result)
        assert result["blobs"] == {"named": 12, "checked": 12, "external": False, "made_again": 0, "lost": []}

    def test_the_lines_are_few_however_much_is_wrong(self):
        findings = [{"kind": "missing", "path": str(number), "detail": "gone"} for number in range(99)]
        assert len(finding_lines(findings)) == 11
        assert finding_lines(findings)[-1] == "... and 89 more"


def reseal(backup):
    """Let SHA256SUMS vouch for a backup.json that was changed."""
    digest = hashlib.sha256((backup / "backup.json").read_bytes()).hexdigest()
    sums = (backup / "SHA256SUMS").read_bytes()
    (backup / "SHA256SUMS").write_bytes(re.sub(rb"[0-9a-f]{64}(?=  backup\.json\n)", digest.encode(), sums))


class TestArchive:
    @pytest.mark.parametrize("ending", ENDINGS)
    def test_a_whole_one_is_whole_and_nothing_of_it_is_left(self, backup, verifier, tmp_path, ending):
        archive = pack(backup, tmp_path / "archives" / f"bosh-1_{NAME}{ending}")
        result = verifier.examine(str(archive))
        assert (result["findings"], result["good"]) == ([], True)
        assert result["verdict"] == f"{archive}.verdict.json"
        assert read_verdict(result["verdict"])["verified"]["whole"]
        assert not (tmp_path / "verifying").exists()

    @pytest.mark.parametrize("ending", ENDINGS)
    def test_an_altered_one_is_found_by_its_checksum(self, backup, verifier, tmp_path, ending):
        archive = pack(backup, tmp_path / "archives" / f"bosh-1_{NAME}{ending}")
        content = bytearray(archive.read_bytes())
        content[len(content) // 2] ^= 1
        archive.write_bytes(bytes(content))
        result = verifier.examine(str(archive))
        assert kinds(result) == {("archive", archive.name)}
        assert not read_verdict(result["verdict"])["verified"]["whole"]

    @pytest.mark.parametrize("ending", ENDINGS)
    @pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
    def test_a_cut_one_without_a_checksum_is_not_whole(self, backup, verifier, tmp_path, ending, part):
        archive = pack(backup, tmp_path / "archives" / f"bosh-1_{NAME}{ending}", checksum=False)
        os.truncate(archive, int(archive.stat().st_size * part))
        result = verifier.examine(str(archive))
        assert not result["whole"]
        assert result["findings"]

    def test_a_whole_one_without_a_checksum_is_said_to_have_none(self, backup, verifier, tmp_path):
        archive = pack(backup, tmp_path / "archives" / f"bosh-1_{NAME}.tar.gz", checksum=False)
        assert kinds(verifier.examine(str(archive))) == {("missing", f"{archive.name}.sha256")}

    def test_what_is_damaged_inside_is_named(self, backup, verifier, tmp_path):
        rewrite(backup / "dbs" / "uaa.sql", b"COPY public.notes", b"COPY public.totes")
        archive = pack(backup, tmp_path / "archives" / f"bosh-1_{NAME}.tar.gz")
        assert ("altered", "dbs/uaa.sql") in kinds(verifier.examine(str(archive)))

    @pytest.mark.parametrize(
        "members",
        [
            [("../../escaped", tarfile.REGTYPE, b"x")],
            [("/tmp/escaped", tarfile.REGTYPE, b"x")],
            [("vcap/../../../escaped", tarfile.REGTYPE, b"x")],
            [("vcap/out", tarfile.SYMTYPE, "../.."), ("vcap/out/escaped", tarfile.REGTYPE, b"x")],
            [("vcap", tarfile.SYMTYPE, "/"), ("vcap/escaped", tarfile.REGTYPE, b"x")],
            [("vcap/link", tarfile.LNKTYPE, "../../SECRET")],
            [("vcap/out", tarfile.SYMTYPE, "../../SECRET"), ("vcap/link", tarfile.LNKTYPE, "vcap/out")],
            [("vcap/null", tarfile.CHRTYPE, "")],
        ],
    )
    def test_one_that_would_leave_its_directory_is_refused(self, verifier, tmp_path, members):
        (tmp_path / "SECRET").write_text("secret")
        archive = pack_members(tmp_path / "evil.tar.gz", *members)
        before = sorted(tmp_path.rglob("*"))
        result = verifier.examine(str(archive))
        assert [item["kind"] for item in result["findings"]] == ["archive"]
        assert sorted(tmp_path.rglob("*")) == sorted([*before, Path(result["verdict"])])
        assert not Path("/tmp/escaped").exists()

    @pytest.mark.parametrize("ending", [".age", ".gpg"])
    def test_of_an_encrypted_one_the_checksum_is_compared(self, backup, verifier, tmp_path, ending):
        archive = pack(backup, tmp_path / "archives" / f"bosh-1_{NAME}.tar{ending}")
        result = verifier.examine(str(archive))
        assert (result["good"], result["sealed"], result["findings"]) == (True, True, [])
        with archive.open("ab") as opened:
            opened.write(b"x")
        assert kinds(verifier.examine(str(archive))) == {("altered", archive.name)}
        archive.with_name(f"{archive.name}.sha256").unlink()
        assert kinds(verifier.examine(str(archive))) == {("missing", f"{archive.name}.sha256")}


class TestSelection:
    def test_all_is_every_backup_and_archive(self, backup, tmp_path):
        shutil.copytree(backup, tmp_path / "20261121T000000Z", symlinks=True)
        archives = [pack(backup, tmp_path / "archives" / f"bosh-1_{NAME}{ending}") for ending in (".tar.gz", ".tar.xz")]
        sealed = pack(backup, tmp_path / "archives" / f"bosh-1_{NAME}.tar.zst").rename(f"{archives[1]}.age")
        (tmp_path / "20261123T000000Z.partial").mkdir()
        assert backups_meant("all", tmp_path) == ["20261121T000000Z", NAME, *map(str, [*archives, sealed])]

    def test_all_of_nothing_is_an_error(self, tmp_path):
        with pytest.raises(SourceError, match="There is no backup"):
            backups_meant("all", tmp_path)

    @pytest.mark.parametrize("wanted", ["latest", "20260101T000000Z", "/no/such.tar.gz", "nonsense"])
    def test_what_is_not_there_is_an_error_that_says_what_is(self, tmp_path, wanted):
        with pytest.raises(SourceError, match=f"There is no (backup )?{re.escape(wanted)}"):
            Verifier(tmp_path, tmp_path / "verifying", None, True).examine(wanted)


class TestVerdictInUse:
    """A backup found damaged is neither built upon nor counted; one found good stays."""

    def test_no_backup_builds_on_one_that_is_damaged(self, backup, verifier, tmp_path):
        assert newest_published(str(tmp_path)) == str(backup)
        (backup / "filter").write_text("- *\n")
        verifier.examine(NAME)
        assert newest_published(str(tmp_path)) is None

    def test_prune_keeps_a_whole_one_in_the_place_of_a_damaged_one(self, tmp_path):
        names = ["20261120T000000Z", "20261121T000000Z", "20261122T000000Z"]
        for name in names:
            (tmp_path / name / "vcap").mkdir(parents=True)
            report = {"id": name, "status": "published", "proof": {"whole": True}}
            (tmp_path / name / "backup.json").write_text(json.dumps(report))
        note(str(tmp_path / names[2] / "verdict.json"), "verified", {"whole": False})
        note(str(tmp_path / names[0] / "verdict.json"), "verified", {"whole": True})
        note(str(tmp_path / names[0] / "verdict.json"), "rehearsed", {"good": True})
        kept = {item["id"]: item["because"] for item in prune(str(tmp_path), {"last": 1})["kept"]}
        assert kept == {
            names[0]: ["newest verified", "newest rehearsed"],
            names[1]: ["last 1 of 1", "newest whole"],
            names[2]: ["not understood: it was found not whole when it was verified"],
        }


class TestRehearsal:
    def rehearse(self, backup):
        newest_binaries()
        return rehearse_backup(str(backup), "/var/tmp", "", run_command)

    def test_dumps_are_loaded_and_nothing_is_left(self, backup, tmp_path):
        verifier = Verifier(tmp_path, tmp_path / "verifying", {"parent": "/var/tmp", "user": ""}, True)
        newest_binaries()
        result = verifier.examine(NAME)
        assert result["good"], result["rehearsed"]
        assert result["rehearsed"]["roles"] == ["vcap"]
        assert {item["database"]: item["rows"] for item in result["rehearsed"]["databases"]} == {"bosh": 12, "uaa": 7}
        assert read_verdict(str(backup / "verdict.json"))["rehearsed"]["good"]

    def test_what_is_not_whole_is_not_loaded(self, backup, tmp_path):
        (backup / "filter").write_text("- *\n")
        verifier = Verifier(tmp_path, tmp_path / "verifying", {"parent": "/var/tmp", "user": ""}, True)
        assert verifier.examine(NAME)["rehearsed"] is None

    def test_other_rows_than_recorded_are_named(self, backup):
        rewrite(backup / "backup.json", b'"public.packages": 12', b'"public.packages": 13')
        result = self.rehearse(backup)
        assert result["problems"] == [
            "Database bosh: public.packages has 12 rows after loading, and had 13 when it was dumped."
        ]

    def test_a_dump_that_cannot_be_loaded_is_named(self, backup):
        rewrite(backup / "dbs/uaa.sql", b"CREATE TABLE public.notes (", b"CREATE TABLE public.notes (bad nosuchtype,")
        result = self.rehearse(backup)
        assert not result["good"]
        assert re.search(r"dbs/uaa.sql cannot be loaded: .*nosuchtype", result["problems"][0])
        assert [item["loaded"] for item in result["databases"]] == [True, False]

    def test_a_role_that_no_dump_makes_is_named(self, backup):
        rewrite(backup / "dbs/uaa.sql", b"OWNER TO vcap", b"OWNER TO gone")
        result = self.rehearse(backup)
        assert [problem for problem in result["problems"] if "needs the role gone, which no dump makes" in problem]

    def test_a_role_that_was_gone_at_the_dump_is_nobodys_to_make(self, backup):
        """pg_dump writes a number for it then, and a restore leaves that out."""
        rewrite(backup / "dbs/uaa.sql", b"OWNER TO vcap", b'OWNER TO "16400"')
        assert self.rehearse(backup)["good"]

    def test_roles_of_a_server_that_told_none_are_not_asked_for(self, backup):
        rewrite(backup / "dbs/uaa.sql", b"OWNER TO vcap", b"OWNER TO provider")
        rewrite(backup / "backup.json", b'"dumps":', b'"elsewhere": {"databases": ["uaa"]}, "dumps":')
        assert self.rehearse(backup)["good"]

    def test_roles_that_cannot_be_made_are_named(self, backup):
        rewrite(backup / "dbs/globals.sql", b"CREATE ROLE vcap;", b"CREATE ROLE vcap NOSUCHRIGHT;")
        assert "globals.sql of the roles cannot be loaded" in self.rehearse(backup)["problems"][0]

    def test_a_dump_that_backup_json_names_and_is_not_there_is_named(self, backup):
        (backup / "dbs/uaa.sql").unlink()
        assert "There is no dump of the database uaa" in self.rehearse(backup)["problems"][0]

    def test_a_controller_without_a_server_is_told_what_to_install(self, tmp_path):
        with pytest.raises(DirectorError, match=r"none is there\. Install one, on Debian and Ubuntu the package"):
            matching_binaries(None, [str(tmp_path / "*")], run_command)

    def test_a_server_that_is_too_old_is_named(self, tmp_path):
        package = tmp_path / "10"
        (package / "bin").mkdir(parents=True)
        for name in ("initdb", "postgres", "psql", "pg_dump"):
            program = package / "bin" / name
            program.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 10.23'\n")
            program.chmod(0o755)
        needed = dumped_from("15.18")
        with pytest.raises(DirectorError, match=r"version 15 or newer is needed, and only 10\.23 is there"):
            matching_binaries(needed, [str(package)], run_command)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become another user")
    def test_an_account_that_is_not_there_is_named(self):
        with pytest.raises(DirectorError, match="no account nosuchuser"):
            unprivileged("nosuchuser")

    def test_a_user_without_a_name_is_told_so(self, monkeypatch):
        """As in a container whose entrypoint was not started: initdb would only say that the user does not exist."""
        monkeypatch.setattr(os, "geteuid", lambda: 1000660000)
        with pytest.raises(DirectorError, match=r"1000660000 has none on this controller.* entrypoint"):
            unprivileged("")

    def test_what_another_rehearsal_removes_at_the_end_is_removed(self):
        """As soon as it is not locked any more, another one takes it for what a killed one left."""
        with running_server("/var/tmp") as scratch:
            shutil.rmtree(scratch.directory)
        assert not os.path.exists(scratch.directory)

    def test_what_a_killed_rehearsal_left_is_removed(self, tmp_path):
        (tmp_path / "microbosh-rehearse-dead" / "data").mkdir(parents=True)
        (tmp_path / "microbosh-rehearse-dead" / "lock").touch()  # the first thing that a rehearsal makes
        remove_stale(str(tmp_path))
        assert list(tmp_path.iterdir()) == []
