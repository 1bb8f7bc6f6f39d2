# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A flipped byte, a missing file, a truncated dump, a swapped blob, at random places: each is found and named."""

from __future__ import annotations

import itertools
import os
import random
import shutil
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._backup._verification import verify_backup
from ansible_collections.microbosh.director.plugins.module_utils._tree._mtree import readable
from director_backup import make_director_backup

TRIES = 60
SEED = 20261122


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return make_director_backup(tmp_path_factory.mktemp("corruption"))


def files(backup):
    return sorted(path for path in backup.rglob("*") if path.is_file() and not path.is_symlink())


def blobs(backup):
    return [path for path in files(backup / "vcap" / "store" / "blobstore" / "store")]


def overwrite(path, content):
    """Change a file as a failing disk does: its times stay."""
    status = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def flip_a_byte(backup, chance):
    path = chance.choice([path for path in files(backup) if path.stat().st_size])
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    overwrite(path, bytes(content))
    return [path], {"altered"}


def lose_a_file(backup, chance):
    path = chance.choice(files(backup))
    path.unlink()
    return [path], {"missing"}


def truncate_a_dump(backup, chance):
    path = chance.choice(sorted((backup / "dbs").iterdir()))
    content = path.read_bytes()
    overwrite(path, content[: chance.randrange(len(content))])
    return [path], {"altered", "dump"}


def swap_blobs(backup, chance):
    paths = chance.sample(blobs(backup), 2)
    contents = [path.read_bytes() for path in paths]
    for path, content in zip(paths, reversed(contents), strict=True):
        overwrite(path, content)
    return paths, {"altered", "blob"}


DAMAGES = (flip_a_byte, lose_a_file, truncate_a_dump, swap_blobs)


def named(findings, path, backup):
    """The kinds of findings that name a file."""
    name = readable(os.fsencode(path.relative_to(backup)))
    return {item["kind"] for item in findings if item["path"] in (name, str(path.relative_to(backup)))}


def damaged(whole, work, damage, seed):
    """Damage a copy of a backup; return it, the files that were damaged and the kinds of findings to expect."""
    backup = Path(shutil.copytree(whole, work / whole.name, symlinks=True))
    shutil.copystat(whole, backup)
    paths, kinds = damage(backup, random.Random(seed))
    return backup, paths, kinds


def test_the_backup_and_a_copy_of_it_are_whole(whole, tmp_path):
    copy, dummy, dummy = damaged(whole, tmp_path, lambda backup, chance: ([], set()), 0)
    assert [verify_backup(str(backup))["findings"] for backup in (whole, copy)] == [[], []]


def test_every_damage_is_found_and_named(whole, tmp_path, capsys):
    missed = []
    for damage, number in itertools.product(DAMAGES, range(TRIES)):
        backup, paths, kinds = damaged(whole, tmp_path, damage, SEED + number)
        result = verify_backup(str(backup))
        if result["whole"] or not all(kinds <= named(result["findings"], path, backup) for path in paths):
            missed.append((damage.__name__, number, paths, result["findings"]))
        shutil.rmtree(backup)
    with capsys.disabled():
        print(f"\n{len(DAMAGES) * TRIES} damages at random places, {len(missed)} of them not found or not named")
    assert missed == []
    assert len(DAMAGES) * TRIES >= 200
