# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A vars store is known by the names in it, whatever the operator called it, and no value of it is ever told."""

from __future__ import annotations

import json

import pytest
import yaml
from ansible_collections.microbosh.director.plugins.module_utils._backup._vars_store import (
    DOCUMENT,
    ENCRYPTED,
    LARGEST,
    OTHER,
    STORE,
    Found,
    advice,
    examine,
    missing_secrets,
    warnings,
)
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.modules.extra_files_info import perform

PASSWORD, CA, KEYS = "credhub's encryption password", "the CA of NATS", "UAA's keys"
CREDS = {
    "admin_password": "s3cret-a",
    "credhub_encryption_password": "s3cret-b",
    "nats_ca": {"ca": "s3cret-c", "certificate": "s3cret-c", "private_key": "s3cret-d"},
    "uaa_jwt_signing_key": {"private_key": "s3cret-e", "public_key": "s3cret-f"},
    "uaa_encryption_key_1": "s3cret-g",
}
STATE = {"director_id": "a", "current_vm_cid": "i-1", "disks": [], "stemcells": []}
MANIFEST = {"name": "bosh", "instance_groups": [{"jobs": [{"name": "uaa"}]}], "cloud_provider": {"mbus": "((x))"}}
SERVICES = ["nats", "bosh_nats_sync", "postgres", "director", "uaa", "credhub"]
SEALED = [
    b"$ANSIBLE_VAULT;1.1;AES256\n3263\n", b"age-encryption.org/v1\n-> X25519 a\n", b"-----BEGIN PGP MESSAGE-----\n",
    b"-----BEGIN AGE ENCRYPTED FILE-----\n", b"\x85\x02\x0c\x03\x00",
]  # fmt: skip


def found(*documents):
    return [examine(json.dumps(document).encode()) for document in documents]


@pytest.mark.parametrize("write", [json.dumps, yaml.safe_dump])
def test_creds_yml_is_a_vars_store(write):
    assert examine(write(CREDS).encode()) == Found(STORE, [PASSWORD, CA, KEYS])


@pytest.mark.parametrize("document", [STATE, MANIFEST, {"internal_ip": "10.0.0.6", "credhub_port": 8844}])
def test_state_manifest_and_other_variables_are_none(document):
    assert found(document) == [Found(DOCUMENT, [])]


@pytest.mark.parametrize(
    "raw", [b"", b"- a\n", b"a: [", b"\x00\xff", b"just text", b"credhub_ca: x\n" + b"#" * LARGEST]
)
def test_anything_else_is_something_else(raw):
    assert examine(raw) == Found(OTHER, [])


@pytest.mark.parametrize("raw", SEALED)
def test_what_is_encrypted_cannot_be_looked_into_and_is_no_reason_to_warn(raw):
    assert examine(raw) == Found(ENCRYPTED, [])
    assert warnings([examine(raw)], SERVICES) == []
    assert "may have it, in an encrypted file" in advice([examine(raw)], SERVICES)[0]


@pytest.mark.parametrize(
    "name", ["credhub-encryption-password", "/bosh/director/credhub_encryption_key", "Credhub_Encryption_Password"]
)
def test_names_are_written_in_more_than_one_way(name):
    assert found({name: "x"}) == [Found(STORE, [PASSWORD])]


@pytest.mark.parametrize("value", ["", None, "((credhub_encryption_password))", {"password": "((a))"}])
def test_the_name_of_a_variable_is_no_secret(value):
    assert found({"credhub_encryption_password": value}) == [Found(DOCUMENT, [])]


def test_no_vars_store_is_a_warning_where_credhub_or_uaa_run():
    lines = warnings(found(STATE, MANIFEST), SERVICES)
    assert "No file in microbosh_extra_files looks like a vars store" in lines[0]
    assert f"{PASSWORD}, {CA} and {KEYS}" in lines[0]
    assert [line.partition(":")[0] for line in lines[1:]] == [f"  - {name}" for name in (PASSWORD, CA, KEYS)]
    assert warnings([], ["uaa"])
    assert warnings([], ["nats", "redis", "director", "postgres"]) == []


def test_a_vars_store_without_one_of_them_is_a_warning_that_names_it():
    lines = warnings(found({key: value for key, value in CREDS.items() if key != "nats_ca"}), SERVICES)
    assert lines[0].startswith(f"The vars store in microbosh_extra_files does not hold {CA}. ")
    assert len(lines) == 2


def test_with_all_of_them_nothing_is_missing():
    assert warnings(found(STATE, CREDS), SERVICES) == []
    assert missing_secrets(found(CREDS), SERVICES) == []


def test_a_restore_tells_where_each_of_them_is():
    lines = advice(found({"credhub_encryption_password": "x"}), SERVICES)
    assert "deployed with credhub's encryption password of the backup (the backup's extra/ has it)" in lines[0]
    assert "the CA of NATS of the backup (it is not in the backup); with another one, no agent talks" in lines[1]
    assert len(lines) == 3
    assert advice([], ["nats", "redis", "director"]) == []


def test_no_value_leaves_it(tmp_path):
    (tmp_path / "creds.yml").write_text(yaml.safe_dump(CREDS))
    (tmp_path / "broken.yml").write_text('credhub_encryption_password: "s3cret-x\nnats_ca: [')
    result = perform({"paths": [str(tmp_path)], "services": SERVICES})
    assert [item["form"] for item in result["files"]] == [OTHER, STORE]
    assert "s3cret" not in json.dumps(result)


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(DirectorError, match="nowhere cannot be read"):
        perform({"paths": [str(tmp_path / "nowhere")], "services": []})
