# SPDX-License-Identifier: GPL-3.0-or-later
"""How every module begins and ends."""

from __future__ import annotations

import errno
import json
import os
import subprocess

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core import _module
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from places import REPOSITORY
from pythons import OLDEST

PLACES = [REPOSITORY / "plugins" / part for part in ("modules", "module_utils/_modules")]
MODULES = sorted(path for place in PLACES for path in place.glob("*.py"))
SPECIFICATION = {"path": {"type": "path", "required": True}}


class Ended(Exception):
    """A module has ended, with this answer."""


class FakeModule:
    made: dict

    def __init__(self, **given):
        FakeModule.made = given
        self.params, self.check_mode = {"path": "/a"}, True

    def exit_json(self, **answer):
        raise Ended(answer)

    def fail_json(self, **answer):
        raise Ended({"failed": True, **answer})


@pytest.fixture
def ended(monkeypatch):
    monkeypatch.setattr(_module, "KIND", FakeModule)

    def run(perform, **given):
        with pytest.raises(Ended) as caught:
            _module.run_module(perform, SPECIFICATION, **given)
        return caught.value.args[0]

    return run


def raising(error):
    def perform(module):
        raise error

    return perform


def test_what_is_returned_is_the_answer(ended):
    assert ended(lambda module: {"changed": True, "at": module.params["path"]}) == {"changed": True, "at": "/a"}
    assert ended(lambda module: {"at": module.check_mode}) == {"changed": False, "at": True}


def test_all_tell_in_check_mode_and_all_else_is_handed_on(ended):
    ended(lambda module: {}, required_if=[("state", "x", ["path"])])
    assert FakeModule.made == {
        "argument_spec": SPECIFICATION,
        "supports_check_mode": True,
        "required_if": [("state", "x", ["path"])],
    }


@pytest.mark.parametrize("environment", [None, _module.C_LOCALE])
def test_the_environment_of_commands_is_that_which_was_named(ended, environment):
    found = ended(lambda module: {"environment": module.run_command_environ_update}, environment=environment)
    assert found["environment"] == (environment or {})


def test_an_error_of_ours_fails_with_its_facts(ended):
    found = ended(raising(DirectorError("It is held.", reason="held")))
    assert found == {"failed": True, "msg": "It is held.", "reason": "held"}


def test_an_error_of_a_disk_is_told_in_the_modules_words(ended):
    error = OSError(errno.ENOSPC, "No space left", "/b")
    text = "%(path)s is not written: %(reason)s at %(place)s."
    assert ended(raising(error), trouble=text)["msg"] == "/a is not written: No space left at /b."
    assert ended(raising(error), trouble="Not written: %(error)s")["msg"] == f"Not written: {error}"
    nameless = OSError("something")
    assert ended(raising(nameless), trouble=text)["msg"] == "/a is not written: something at a file."


def test_any_other_error_is_seen(monkeypatch):
    monkeypatch.setattr(_module, "KIND", FakeModule)
    for error, trouble in ((OSError("disk"), None), (KeyError("x"), "%(error)s")):
        with pytest.raises(type(error)):
            _module.run_module(raising(error), SPECIFICATION, trouble=trouble)


def test_no_module_begins_or_ends_by_itself():
    texts = {path.stem: path.read_text(encoding="utf-8") for path in MODULES}
    assert [name for name, text in texts.items() if "AnsibleModule(" in text or "_json(" in text] == []
    assert sum("\n    run_module(\n" in text or "    run_module(lambda" in text for text in texts.values()) >= 24


@pytest.mark.parametrize("python", OLDEST)
def test_a_module_runs_with_the_oldest_pythons(python, tmp_path):
    """From its file to its answer, as Ansible starts it; with 2.7 that is the last ansible-core that knows it."""
    (tmp_path / "ansible/module_utils").mkdir(parents=True)
    for package in ("ansible", "ansible/module_utils"):
        (tmp_path / package / "__init__.py").touch()
    fake = "\n".join((
        "import json", "class AnsibleModule(object):",
        "    def __init__(self, argument_spec, supports_check_mode, **more):",
        "        self.params, self.check_mode = {'path': '/nowhere', 'report': {}}, False",
        "    def exit_json(self, **answer):", "        print(json.dumps(answer))",
    ))  # fmt: skip
    (tmp_path / "ansible/module_utils/basic.py").write_text(fake, encoding="ascii")
    here = tmp_path / "ansible_collections/microbosh/director/plugins"
    here.parent.mkdir(parents=True)
    here.symlink_to(REPOSITORY / "plugins")
    for package in (here.parent, here.parents[1], here.parents[2]):
        (package / "__init__.py").touch()
    program = (
        "import sys, types; sys.path.insert(0, sys.argv[1]);"
        "name = 'ansible_collections.microbosh.director.plugins';"
        "made = [types.ModuleType(name + end) for end in ('', '.module_utils')];"
        "made[0].__path__, made[1].__path__ = [sys.argv[2]], [sys.argv[2] + '/module_utils'];"
        "sys.modules.update((module.__name__, module) for module in made);"
        "import runpy; runpy.run_path(sys.argv[2] + '/modules/backup_layout_info.py', run_name='__main__')"
    )
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": ""}
    command = [python, "-c", program, tmp_path, here]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert json.loads(said)["changed"] is False
