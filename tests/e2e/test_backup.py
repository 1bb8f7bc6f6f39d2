"""The backup, offline: what it makes, what it tells, and that it is what the director had when it stood still."""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest
from breakage import ATTRIBUTES, SECOND_PASS, gate
from conftest import Director, Run, finish
from standing import standing, whole
from trees import check_archive, host_tree, recorded_tree

TASKS = "/var/vcap/store/director/tasks"
BLOBS = "/var/vcap/store/blobstore/store"
ODD_NAMES = [
    "with spaces  in it", " at both ends ", "tab\tinside", "new\nline", "'single' and \"double\"", "back\\slash",
    "grüße-ключ-鍵", "-n --delete", "*?[a-z]", "$(touch x) `id` ;&|<>", "%n %i \\#012 #", "{id}{{ run_id }}",
]  # fmt: skip


@dataclass
class Second:
    """A second backup of the same director, with everything that can go with a backup."""

    director: Director
    previous: Path
    backup: Path
    run: Run
    on_host: tuple
    meanwhile: Run
    after: dict

    @property
    def report(self):
        return json.loads((self.backup / "backup.json").read_text())

    @property
    def told(self):
        return self.run.told(self.director.name)


@pytest.fixture(scope="module")
def odd_names(micro):
    """Files whose names hold every kind of character, and one name that is in no encoding of today."""
    names = [name.encode() for name in ODD_NAMES] + [b"latin-1 \xe9"]
    octal = ["".join(f"\\{byte:03o}" for byte in name) for name in names]
    micro.shell(
        f"mkdir {TASKS}/odd && cd {TASKS}/odd && " + "; ".join(f"echo x >\"$(printf '{name}.')\"" for name in octal)
    )
    micro.shell(f"cd {TASKS}/odd && ln -s 'new\nline.' 'link to\na new line' && chown -hR vcap:vcap .")
    yield [name + b"." for name in names]
    micro.shell(f"rm -r {TASKS}/odd")


@pytest.fixture(scope="module")
def second(micro, odd_names, tmp_path_factory):
    """Look at the host itself while everything on it is stopped, and try a checkup just then."""
    extra = tmp_path_factory.mktemp("extra") / "bosh-deployments.yml"
    # A link, as the secrets are that are mounted into a pod.
    extra.symlink_to(tmp_path_factory.mktemp("mounted") / "deployments")
    extra.write_text("instances: []\n")
    previous = micro.latest
    with gate(micro) as barrier:
        barrier.hold(SECOND_PASS)
        process = micro.start(
            "backup", microbosh_archive="{{ inventory_hostname }}_{id}.tar.zst", microbosh_extra_files=[str(extra)]
        )
        barrier.wait(process)
        meanwhile = micro.play("checkup")
        on_host = host_tree(micro)
        barrier.release()
        run = finish(process)
    assert run.status == 0, run.output
    return Second(micro, previous, micro.latest, run, on_host, meanwhile, standing(micro))


def test_the_manifest_says_what_the_director_had_while_it_stood_still(second):
    (recorded, recorded_links), (on_host, links_on_host) = recorded_tree(second.backup), second.on_host
    assert recorded == on_host
    assert recorded_links == links_on_host
    assert links_on_host, "no hard link was there to be recorded"


def test_every_file_has_the_content_that_the_manifest_says(second):
    assert whole(second.backup) is True
    lines = (second.backup / "SHA256SUMS").read_bytes().split(b"\n")
    named = {os.fsdecode(line[66:]) for line in lines if not line.startswith(b"\\")}
    assert {"backup.json", "backup.log", "metadata.mtree", "dbs/bosh.sql", "dbs/globals.sql", "filter"} <= named


def test_hard_links_and_symbolic_links_are_what_they_were(second):
    tasks = second.backup / "vcap/store/director/tasks"
    assert (tasks / "kept debug log").samefile(tasks / "1/debug")
    assert os.readlink(tasks / "latest") == "1"
    assert os.readlink(tasks / "moved-away") == "/mnt/old/tasks"


def test_names_of_every_kind_are_kept_exactly(second, odd_names):
    kept = os.listdir(os.fsencode(second.backup / "vcap/store/director/tasks/odd"))
    assert sorted(kept) == sorted([*odd_names, b"link to\na new line"])


def test_its_directory_holds_what_a_backup_is_made_of(second):
    assert sorted(os.listdir(second.backup)) == [
        "SHA256SUMS", "backup.json", "backup.log", "dbs", "extra", "filter", "metadata.mtree", "vcap",
    ]  # fmt: skip
    assert sorted(os.listdir(second.backup / "dbs")) == [
        "bosh.properties", "bosh.sql", "globals.sql", "postgres.properties", "postgres.sql",
    ]  # fmt: skip
    assert sorted(os.listdir(second.backup / "vcap")) == ["bosh", "store"]
    assert sorted(os.listdir(second.backup / "vcap/bosh")) == ["agent.cert", "agent.key", "settings.json", "state.yml"]
    assert (second.backup / "extra/bosh-deployments.yml").read_text() == "instances: []\n"
    assert not second.director.partials


def test_nobody_else_may_look_into_it(second):
    for path in (second.director.backups, second.backup, second.backup / "dbs", second.director.backups / "archives"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700, path
    for name in (
        "SHA256SUMS",
        "backup.json",
        "backup.log",
        "metadata.mtree",
        "dbs/bosh.sql",
        "dbs/globals.sql",
        "filter",
    ):
        assert stat.S_IMODE((second.backup / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE((second.backup / "vcap/bosh/settings.json").stat().st_mode) == 0o600


def test_latest_leads_to_it(second):
    assert os.readlink(second.director.backups / "latest") == second.backup.name == second.director.ids[-1]


def test_the_second_backup_moves_only_what_changed(second):
    report = second.report
    assert report["previous"] == second.previous.name
    # Of the 40 MiB of blobs nothing; PostgreSQL writes files of 16 MiB, however little changes in them.
    assert report["all"]["bytes"] > 90 << 20
    assert report["new"]["bytes"] < 50 << 20
    assert report["new"]["files"] < 60 < 1000 < report["all"]["files"]
    assert report["proof"]["manifest"]["reused"] > 1000
    assert report["proof"]["blobs"]["checked"] == 0 < report["proof"]["blobs"]["reused"]


def test_unchanged_files_share_their_space_with_the_backup_before(second):
    blobs = [path for path in (second.backup / "vcap/store/blobstore").rglob("*") if path.is_file()]
    assert len(blobs) > 10
    for blob in blobs:
        assert blob.samefile(second.previous / blob.relative_to(second.backup))


def test_the_dumps_are_complete_and_their_rows_are_those_of_the_database(second):
    for dump in second.report["dumps"]:
        copy = second.backup / "dbs" / f"{dump['database']}.sql"
        assert copy.stat().st_size == dump["size"]
        assert "-- PostgreSQL database dump complete" in copy.read_text()[-200:]
    assert "CREATE ROLE bosh" in (second.backup / "dbs/globals.sql").read_text()
    (rows,) = (dump["rows"] for dump in second.report["dumps"] if dump["database"] == "bosh")
    counts = "; ".join(f"SELECT '{table}', count(*) FROM {table}" for table in rows)
    psql = f"/var/vcap/packages/postgres/bin/psql -h 127.0.0.1 -U vcap -AtX -F ' ' -d bosh -c \"{counts}\""
    counted = dict(line.split() for line in second.director.shell(psql).splitlines())
    assert rows == {table: int(count) for table, count in counted.items()}


def test_the_report_says_what_was_done(second):
    report = second.report
    assert (report["id"], report["host"]) == (second.backup.name, second.director.name)
    assert (report["status"], report["mode"], report["resumed_from"]) == ("published", "offline", None)
    assert set(report["versions"]) == {"collection", "ansible_core", "monit", "postgresql"}
    assert all(report["versions"].values())
    phases = {phase["phase"]: phase for phase in report["phases"]}
    assert list(phases) == ["preflight", "rehearse_dumps", "blobs", "first_pass", "outage", "dumps", "proof"]
    assert all(phase["seconds"] > 0 and phase["start"].startswith("20") for phase in phases.values())
    assert 0 < report["outage_seconds"] <= phases["outage"]["seconds"]
    assert [dump["database"] for dump in report["dumps"]] == ["bosh", "postgres"]
    assert report["proof"]["whole"] is True
    assert report["proof"]["blobs"]["named"] > 10


def test_the_report_counts_what_is_there(second):
    files = [line for line in (second.backup / "metadata.mtree").read_text().splitlines() if " type=file " in line]
    assert second.report["all"]["files"] == len(files)


def test_a_person_is_told_what_happens(second):
    assert "Checking monit processes: 13 running (" in second.told
    assert re.search(
        r"First pass: \d+ files and \S+ \S+ copied, of \d+ files and \S+ \S+ in all \(\S+ s\)", second.told
    )
    assert re.search(r"Stopped 11 services in \S+ s, the agent in \S+ s", second.told)
    assert re.search(r"Dumped bosh, postgres in \S+ s", second.told)
    assert re.search(r"The director was away for \S+ s; every service runs again \(\S+ s\)", second.told)
    assert re.search(
        r"Proof: \d+ files in the manifest, \d+ of them read; \d+ blobs named by the database, all there", second.told
    )


def test_at_the_end_there_is_one_block_for_the_host(second):
    report = second.report
    block = second.told[second.told.index(f"Backup {report['id']} of {second.director.name} is whole") :]
    assert re.search(rf" outage +{report['outage_seconds']} s of \S+ s in all \(offline\)", block)
    assert re.search(rf" new +{report['new']['files']} files, ", block)
    assert re.search(rf" in all +{report['all']['files']} files, ", block)
    assert re.search(r" dumps +bosh \S+ \S+ with \d+ rows, postgres ", block)
    assert re.search(r" proof +manifest, dumps and \d+ blobs whole", block)
    assert re.search(rf" path +{second.backup}", block)


def test_the_log_goes_with_the_backup(second):
    log = (second.director.backups / "logs" / f"{second.backup.name}.log").read_text()
    inside = (second.backup / "backup.log").read_text()
    assert log.startswith(inside)
    for words in ("begins (offline)", "Checking monit processes: 13 running", "First pass: ", "away for ", "Proof: "):
        assert words in inside
    assert re.search(r"^    postgres +OK$", inside, re.MULTILINE)
    assert f"Published {second.backup}" in log


def test_the_archive_holds_the_same(second, tmp_path):
    (archive,) = (second.director.backups / "archives").glob("*.tar.zst")
    assert archive.name == f"{second.director.name}_{second.backup.name}.tar.zst"
    check_archive(archive, second.backup, tmp_path)


def test_nothing_is_left_on_the_director(second):
    assert second.after["staging"] == []
    assert second.director.wholly_up()
    assert second.director.execute("pgrep", "-u", "vcap", "-f", "microbosh|ansible", check=False).stdout == ""


def test_a_checkup_does_not_start_what_a_backup_has_stopped(second):
    assert second.meanwhile.status != 0
    told = second.meanwhile.told(second.director.name)
    assert "backup" in told
    assert second.report["id"] in told


# Of an age at which nothing has happened to a directory of blobs for a while; one blob that no row names.
SETTLED = f"""
cd {BLOBS}; shard=$(ls | head -n 1); echo x >$shard/goes; chown -R vcap:vcap $shard
find . -exec touch -hd '2014-12-21 01:30:12' {{}} +; echo $shard
"""
BETWEEN_THE_PASSES = f"""
cd {BLOBS}; rm $(ls | head -n 1)/goes; echo new >$(ls | tail -n 1)/comes
free=$(for n in $(seq 16 255); do printf '%02x\\n' $n; done | grep -vxF "$(ls)" | head -n 1)
mkdir $free; echo new >$free/in-a-new-directory; chown -R vcap:vcap .; echo $free
"""


def states(backup):
    """Inode, mode and times of every file of a backup: nobody may touch them once it is published."""
    stats = {path: path.lstat() for path in (backup / "vcap").rglob("*")}
    return {path: (s.st_ino, s.st_mode, s.st_uid, s.st_gid, s.st_mtime_ns) for path, s in stats.items()}


def test_blobs_that_come_and_go_after_the_first_pass_are_as_the_director_has_them_in_the_outage(micro):
    previous, before = micro.latest, states(micro.latest)
    going = micro.shell(SETTLED).strip()
    with gate(micro) as barrier:
        barrier.hold(ATTRIBUTES)
        process = micro.start("backup")
        barrier.wait(process)
        made = micro.shell(BETWEEN_THE_PASSES).strip()
        (first_pass,) = micro.backups.glob("*.partial/.work/vcap/store/blobstore/store")
        spared = json.loads((first_pass.parents[3] / "spared.json").read_text())
        assert f"store/blobstore/store/{going}" in spared
        assert (first_pass / going / "goes").exists()
        barrier.hold_next(process, SECOND_PASS)
        on_host = host_tree(micro)
        barrier.release()
        run = finish(process)
    assert run.status == 0, run.output
    blobs = micro.latest / "vcap/store/blobstore/store"
    assert (recorded_tree(micro.latest)[0], whole(micro.latest)) == (on_host[0], True)
    assert not (blobs / going / "goes").exists()
    assert len(list(blobs.rglob("comes"))) == len(list((blobs / made).iterdir())) == 1
    assert states(previous) == before
    micro.shell(f"cd {BLOBS}; rm -r {made}; rm */comes")


def test_the_report_says_where_the_seconds_of_the_outage_went(second):
    report = second.report
    parts = {part["part"]: part for part in report["outage"]}
    assert list(parts) == [
        "agent", "intake", "tasks", "stop", "dumps", "stop_postgresql", "second_pass", "postgresql_files", "start",
        "between",
    ]  # fmt: skip
    whole_outage = sum(part["seconds"] for name, part in parts.items() if name != "agent")
    assert whole_outage == pytest.approx(report["outage_seconds"], abs=0.1)
    stopped = {*parts["intake"]["services"], *parts["stop"]["services"]}
    assert len(stopped) == 11
    assert set(parts["start"]["services"]) == {*stopped, "postgres"}
    assert re.search(r"of that stopping the agent before it \S+ s, .*stopping services \S+ s, dumps ", second.told)
    assert re.search(r"slowest of starting services: \w+ \S+ s, ", second.told)


@pytest.mark.parametrize("earlier", [True, False])
def test_check_says_what_a_backup_would_do_and_does_nothing(micro, tmp_path, earlier):
    kept = micro.backups if earlier else tmp_path / "none"
    before = sorted((str(path), path.lstat().st_mtime_ns) for path in kept.rglob("*"))
    run = micro.backup("--check", microbosh_backup_dir=str(kept))
    assert run.status == 0, run.output
    outage = rf"about [\d.]+ s, as in the backup {micro.latest.name}" if earlier else "not known before the first"
    told = run.told(micro.name)
    for words in (r"A backup could be made", r"stop +13 services and the agent", outage, rf"to +{kept}"):
        assert re.search(words, told), (words, told)
    assert sorted((str(path), path.lstat().st_mtime_ns) for path in kept.rglob("*")) == before
    assert kept.exists() is earlier
    assert micro.wholly_up()
