# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of Ruby's time are read with their tags, as data."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core._ruby_yaml import RubyError, read_document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!binary |-\n  aS0wYTFiMmMzZA==", "i-0a1b2c3d"),
        ("!!binary aS0wYTFi\n", "i-0a1b"),
        ("!binary w7xiZXI=", "über"),
        ("!ruby/sym vm_cid", "vm_cid"),
        ("!ruby/symbol ':vm_cid'", "vm_cid"),
        ("!ruby/object:Bosh::Deployer::State {vm_cid: i-1}", {"vm_cid": "i-1"}),
        ("!ruby/object:Foo\n:uuid: bm-1\n", {"uuid": "bm-1"}),
        ("!ruby/hash:Hash\n:a: b\n", {"a": "b"}),
        ("!ruby/hash-with-ivars\nelements: {a: b}\nivars: {c: d}\n", {"a": "b"}),
        ("!ruby/hash-with-ivars:Mash\nelements: {a: b}\nivars: {}\n", {"a": "b"}),
        ("!ruby/object:OpenStruct\ntable:\n  :a: b\nmodifiable: true\n", {"a": "b"}),
        ("!ruby/string:Cid\nstr: i-1\n'@a': b\n", "i-1"),
        ("!ruby/array:List\n- a\n", ["a"]),
        ("!ruby/class 'File'", "File"),
        ("!ruby/regexp /a+/", "/a+/"),
        ("!<tag:ruby.yaml.org,2002:object:Foo> {a: b}", {"a": "b"}),
        ("!python/object/apply:os.system ['touch /tmp/x']", ["touch /tmp/x"]),
        ("!!python/object/apply:os.system ['touch /tmp/x']", ["touch /tmp/x"]),
        ("? !binary dm1fY2lk\n: i-1\n", {"vm_cid": "i-1"}),
        ("? !ruby/sym vm_cid\n: i-1\n", {"vm_cid": "i-1"}),
        ("a: &x {b: c}\nd:\n  <<: *x\n", {"a": {"b": "c"}, "d": {"b": "c"}}),
        ('{"current_vm_cid": "i-1", "disks": []}', {"current_vm_cid": "i-1", "disks": []}),
        ('{\n\t"vm_cid": 4711,\n\t"disks": [1.50, true, null]\n}', {"vm_cid": "4711", "disks": ["1.50", "true", None]}),
        ("{vm_cid: 4711, disks: [1.50, true, ~]}", {"vm_cid": "4711", "disks": ["1.50", "true", None]}),
    ],
)
def test_a_tag_is_only_data(text, value):
    assert read_document(text.encode()) == value


@pytest.mark.parametrize("text", ["012345", "1_000", "190:20:30", "1e5", "true", "2014-12-21", "0x1f", "1.10", "="])
def test_an_id_stays_the_text_that_it_is(text):
    assert read_document(f"vm_cid: {text}".encode()) == {"vm_cid": text}


@pytest.mark.parametrize("text", ["vm_cid:", "vm_cid: ~", "vm_cid: null", '{"vm_cid": null}'])
def test_no_id_is_none(text):
    assert read_document(text.encode()) == {"vm_cid": None}


@pytest.mark.parametrize(
    "text", ["a: [", "\t{", "a: *b", "&a [*a]", "!binary 'a'", "--- a\n--- b", "a: \x00", "[" * 5000]
)
def test_what_is_no_document_is_an_error(text):
    with pytest.raises(RubyError, match=r"It is neither|It cannot be|holds no base64"):
        read_document(text.encode())
