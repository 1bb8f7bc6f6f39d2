# SPDX-License-Identifier: GPL-3.0-or-later
"""The name of an archive decides what packs it, and whether it is encrypted."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._run._archive_command import (
    ArchiveError,
    archive_command,
)


@pytest.mark.parametrize(
    ("name", "pipe", "programs"),
    [
        ("m_{id}.tar.zst", "zstd -q -T0", ["zstd"]),
        ("{id}.tar.gz", "gzip", ["gzip"]),
        ("{id}.x.tar.xz", "xz -T0", ["xz"]),
        ("{id}.tar", "cat", ["cat"]),
    ],
)
def test_what_compresses(name, pipe, programs):
    assert archive_command(name, []) == {"encryption": "", "programs": programs, "pipe": pipe}


@pytest.mark.parametrize(
    ("name", "recipients", "encryptor"),
    [
        ("{id}.tar.zst.age", ["age1x"], "age --encrypt --recipient=age1x"),
        ("{id}.tar.age", ["/keys"], "age --encrypt --recipients-file=/keys"),
        ("{id}.tar.age", ["--recipient=age1x"], "age --encrypt --recipient=age1x"),
        ("{id}.tar.age", ["./keys", "/a b"], "age --encrypt --recipients-file=./keys '--recipients-file=/a b'"),
        ("{id}.tar.age", ["~/keys"], "age --encrypt --recipients-file=/home/me/keys"),
        ("{id}.tar.age", ["a; rm -r /"], "age --encrypt '--recipient=a; rm -r /'"),
        (
            "{id}.tar.gz.gpg",
            ["0xAB", "/keys"],
            "gpg --batch --quiet --trust-model always --compress-algo none --encrypt --recipient=0xAB "
            "--recipient-file=/keys",
        ),
    ],
)
def test_what_encrypts(monkeypatch, name, recipients, encryptor):
    monkeypatch.setenv("HOME", "/home/me")
    command = archive_command(name, recipients)
    assert command["pipe"].partition(" | ")[2] == encryptor
    assert command["encryption"] == name.rpartition(".")[2]
    assert command["programs"][1:] == [command["encryption"]]


def test_no_archive_needs_nothing():
    assert archive_command("", []) == {"encryption": "", "programs": [], "pipe": ""}


@pytest.mark.parametrize(
    "name", ["m.tar.zst", "{id}.zip", "{id}.tar.zst.bz2", "a/{id}.tar", "{id}.tar.age.gz", "{id}", "{id}.tar\n"]
)
def test_what_is_no_name_of_an_archive(name):
    with pytest.raises(
        ArchiveError, match=r"a file name is expected that holds \{id\}.*'m1_\{id\}\.tar\.zst', or empty"
    ):
        archive_command(name, [], "m1")


def test_nobody_to_encrypt_to():
    with pytest.raises(ArchiveError, match="microbosh_archive_recipients is empty: name whose public keys"):
        archive_command("{id}.tar.age", [])


@pytest.mark.parametrize("name", ["", "{id}.tar.gz"])
def test_keys_without_use(name):
    with pytest.raises(ArchiveError, match=r"would not be encrypted: let its name end in \.age or \.gpg"):
        archive_command(name, ["age1x"])
