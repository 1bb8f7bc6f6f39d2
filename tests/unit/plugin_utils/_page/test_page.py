# SPDX-License-Identifier: GPL-3.0-or-later
"""The page has in it all that it needs, lets nothing else in, and is made of nothing but what is told."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._page._page import PageError, page, shown
from told import fleet, told

HOSTILE = "</script><script>alert(1)</script><!--<script> ]]> & \u2028 \u202e \ud800 \x00 {{ 7 * 7 }}"
WHERE = ["/etc/ansible/inventory"]


class Elements(HTMLParser):
    """The elements of a page, with the text in scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.found, self.inside = [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs), []))
        self.inside = True

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.found[-1][2].append(data)

    def texts(self, tag, **attributes):
        wanted = attributes.items()
        return ["".join(text) for name, given, text in self.found if name == tag and wanted <= given.items()]

    @property
    def told(self):
        (text,) = self.texts("script", type="application/json")
        return json.loads(text)

    @property
    def scripts(self):
        return ["".join(text) for name, given, text in self.found if name == "script" and not given]

    @property
    def policy(self):
        (found,) = [given["content"] for name, given, dummy in self.found if given.get("http-equiv")]
        return {part.split()[0]: part.split()[1:] for part in found.split("; ")}


def hashes(texts):
    return [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in texts]


def everywhere(value, text):
    """Return what is told with a text in place of each of its texts but ids, times and what has few values."""
    plain = re.compile(r"\d{8}T\d{6}Z|\d{4}-\d\d-\d\dT[\d:]+Z|[a-z_]*")
    if isinstance(value, dict):
        return {name: everywhere(one, text) for name, one in value.items()}
    if isinstance(value, list):
        return [everywhere(one, text) for one in value]
    return value if not isinstance(value, str) or plain.fullmatch(value) else text


def test_the_page_has_what_is_told_and_no_text_ends_its_script():
    hostile = everywhere(told(2), HOSTILE)
    made = Elements(page(hostile, WHERE))
    assert made.told == shown(hostile, WHERE)
    assert made.told["directors"][0]["name"] == HOSTILE
    assert len(made.texts("script")) == 3
    assert [name for name, *dummy in made.found].count("script") == len(made.scripts) + 1


def test_its_policy_lets_its_own_scripts_and_styles_be_and_nothing_else():
    made = Elements(page(told(), WHERE))
    policy = made.policy
    assert policy.pop("script-src") == hashes(made.scripts)
    assert policy.pop("style-src") == hashes(made.texts("style"))
    assert policy == {
        "default-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["'none'"],
    }


def test_nothing_in_it_refers_to_anything_elsewhere_or_is_styled_or_run_by_an_attribute():
    attributes = {name for dummy, given, _text in Elements(page(fleet(5), WHERE)).found for name in given}
    known = {"charset", "http-equiv", "content", "name", "lang", "id", "class", "role", "tabindex", "type"}
    assert attributes <= known


def test_the_policy_is_the_first_thing_but_for_the_characters():
    made = Elements(page(told(), WHERE)).found
    assert [name for name, *dummy in made[:4]] == ["html", "head", "meta", "meta"]
    assert made[2][1] == {"charset": "utf-8"}
    assert "http-equiv" in made[3][1]


def test_it_is_ascii_where_a_director_speaks_and_always_the_same():
    made = page(everywhere(told(), "Grün \U0001f600"), WHERE)
    (text,) = Elements(made).texts("script", type="application/json")
    assert text.isascii()
    assert made == page(everywhere(told(), "Grün \U0001f600"), WHERE)


def test_a_template_in_a_text_stays_a_text():
    assert "{{ 7 * 7 }}" in json.dumps(Elements(page(everywhere(told(), "{{ 7 * 7 }}"), WHERE)).told)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_has_not_got_is_not_shown(number):
    given = told()
    given["directors"][0]["backups"][0]["outage_seconds"] = number
    found = Elements(page(given, WHERE)).told["directors"][0]["backups"][0]
    assert "outage_seconds" not in found


def test_what_is_empty_is_left_out_and_a_zero_is_not():
    given = told(1, 1)
    given["directors"][0]["backups"][0].update(
        outage_seconds=0, problem="", online_moved=[], verified=None, proven=False
    )
    found = shown(given, WHERE)["directors"][0]["backups"][0]
    assert found["outage_seconds"] == 0
    assert found["proven"] is False
    assert not {"problem", "online_moved", "verified"} & set(found)


def test_phases_are_those_of_runs_and_of_the_newest_backup():
    found = shown(told(1, 5), WHERE)["directors"][0]
    assert ["phases" in backup for backup in found["backups"]] == [True, False, False, False, False]
    assert all(run["phases"] for run in found["runs"])


def test_of_copies_elsewhere_the_page_has_those_of_backups_and_those_that_are_only_there():
    given = told(1, 3)
    director = given["directors"][0]
    snapshot, only = director["backups"][0]["offsite"]["snapshot"], director["offsite"]["copies"][3:]
    found = shown(given, WHERE)["directors"][0]
    assert found["backups"][0]["offsite"] == {"snapshot": snapshot[:8], "of": "archive", "size": 142_000_000}
    assert [one["id"] for one in found["offsite"]["only"]] == [one["id"] for one in only]
    assert (found["offsite"]["copies"], found["offsite"]["newest"]) == (5, director["newest"])
    assert snapshot not in page(given, WHERE)


@pytest.mark.parametrize(
    "odd", [None, 7, "latest", "20261124T145449Z;reboot", "\uff12" * 8 + "T145449Z", "20261124T145449Z\n"]
)
def test_a_copy_whose_id_is_none_gets_into_no_command(odd):
    given = told(1, 1)
    given["directors"][0]["offsite"]["copies"][1]["id"] = odd
    given["directors"][0]["offsite"]["newest"] = odd
    given["directors"][0]["backups"][0]["id"] = odd
    found = shown(given, WHERE)["directors"][0]
    assert len(found["offsite"]["only"]) == 1
    assert "newest" not in found["offsite"]
    assert not {"offsite", "restore"} & set(found["backups"][0])


def test_where_no_repository_is_set_up_no_command_takes_a_copy():
    given = told(1, 1)
    assert shown(given, WHERE)["directors"][0]["offsite"]["restore"] == "-e microbosh_restore_from=offsite:"
    given["directors"][0]["offsite"]["configured"] = False
    assert "restore" not in shown(given, WHERE)["directors"][0]["offsite"]


def test_a_copy_of_which_next_to_nothing_is_known_is_one():
    given = told(1, 1)
    given["directors"][0]["backups"][0]["offsite"] = {"snapshot": None, "of": None, "size": None}
    assert shown(given, WHERE)["directors"][0]["backups"][0]["offsite"] == {}


def test_a_director_of_which_little_is_known_has_a_page():
    given = {"schema": 1, "at": "2026-11-28T06:00:00Z", "directors": [{"name": "a"}, {"name": "b", "backups": [{}]}]}
    assert [one["name"] for one in Elements(page(given, WHERE)).told["directors"]] == ["a", "b"]


@pytest.mark.parametrize("schema", [2, None, "1"])
def test_another_schema_is_refused(schema):
    with pytest.raises(PageError, match=re.escape(f"the schema {schema!r}")):
        page(told(schema=schema), WHERE)


def test_the_library_is_there_with_its_licence():
    library, ours = Elements(page(told(), WHERE)).scripts
    assert "Copyright (c) 2022 Leon Sorokin" in library
    assert "THE SOFTWARE IS PROVIDED" in library
    assert "var uPlot" in library
    assert '"use strict"' in ours


def test_thirty_directors_with_two_hundred_backups_each_fit_into_six_megabytes():
    assert len(page(fleet(200), WHERE)) < 6_000_000
