# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports go down: by the floors of docs/architecture.md, as script/imports counts them."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

import pytest
from places import REPOSITORY

SCRIPT = REPOSITORY / "script" / "imports"
PLUGINS = REPOSITORY / "plugins"
FLOORS = """# Any

## Floors
Words with `code`.

1. `module_utils._low`
2. `module_utils._high`, `modules`

## More
- `x`
"""


@pytest.fixture(scope="module")
def graph():
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    loader = SourceFileLoader("script_imports", str(SCRIPT))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    yield module
    sys.dont_write_bytecode = before


@pytest.fixture
def house(graph, tmp_path):
    """Makes plugins of a text each, by name; in a text, @ stands for where a collection's plugins are."""

    def make(**texts):
        for name, text in texts.items():
            path = tmp_path.joinpath(*name.split("__")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("@", graph.PREFIX), encoding="utf-8")
        return tmp_path

    return make


def test_no_import_goes_up_or_in_a_circle(graph):
    order = graph.floors((REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8"))
    found = graph.imports(PLUGINS)
    assert graph.upward(graph.between_rooms(found), order) == []
    assert graph.cycles(found) == []
    assert graph.homeless(PLUGINS, order) == []


def test_what_runs_on_a_director_imports_nothing_that_is_of_the_controller(graph):
    """What a module imports is sent along with it, and a director's Python may be 2.7."""
    arrows = graph.between_rooms(graph.imports(PLUGINS))
    sent = [b for a, b in arrows if a == "modules"]
    assert [name for name in sent if not name.startswith("module_utils.")] == []
    assert len(sent) > 5


def test_every_file_is_looked_at(graph):
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    which = ["plugins/*.py", ":!plugins/doc_fragments"]
    files = subprocess.run([*listed, *which], cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout.split()
    assert sorted(set(files)) == sorted(str(path.relative_to(REPOSITORY)) for path in graph.modules(PLUGINS).values())


def test_the_script_shows_it():
    shown = subprocess.run([SCRIPT], capture_output=True, text=True, check=True).stdout.splitlines()
    assert shown[-3:] == ["upward: 0", "cycles: 0", "on no floor: 0"]


def test_the_floors_are_read_from_their_section_alone(graph):
    assert graph.floors(FLOORS) == [["module_utils._low"], ["module_utils._high", "modules"]]
    assert graph.floors("# Nothing\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "from @module_utils._high._a import thing\n",
        "from @module_utils._high import _a as a\n",
        "import @module_utils._high._a\n",
        "from .._high._a import thing\n",
        "from .._high import _a\n",
        "def later():\n    from @module_utils._high._a import thing\n    return thing\n",
        "try:\n    import @module_utils._high._a as a\nexcept ImportError:\n    a = None\n",
        "from importlib import import_module\nimport_module('@module_utils._high._a')\n",
        "from importlib import import_module\nwhich = 'a'\nimport_module(f'@module_utils._high.{which}')\n",
    ],
)
def test_an_upward_import_is_found(graph, house, text):
    plugins = house(module_utils___low___b=text, module_utils___high___a="thing = 1\n")
    arrows = graph.between_rooms(graph.imports(plugins))
    assert graph.upward(arrows, graph.floors(FLOORS)) == [("module_utils._low", "module_utils._high")]


def test_a_sideways_import_is_found_and_a_downward_one_is_right(graph, house):
    plugins = house(
        modules__m="from @module_utils._high._a import thing\n",
        module_utils___high___a="from @module_utils._low._b import thing\n",
        module_utils___low___b="from ansible.module_utils.basic import AnsibleModule\nthing = 1\n",
    )
    arrows = graph.between_rooms(graph.imports(plugins))
    assert dict(arrows) == {("modules", "module_utils._high"): 1, ("module_utils._high", "module_utils._low"): 1}
    assert graph.upward(arrows, graph.floors(FLOORS)) == [("modules", "module_utils._high")]


def test_a_circle_is_found_across_files_and_rooms(graph, house):
    plugins = house(
        module_utils___low___a="from @module_utils._low._b import thing\n",
        module_utils___low___b="def later():\n    from @module_utils._high import _c\n    return _c\n",
        module_utils___high___c="import @module_utils._low._a\n",
        modules__m="from @module_utils._low import _a\n",
    )
    circle = ["module_utils._high._c", "module_utils._low._a", "module_utils._low._b"]
    assert graph.cycles(graph.imports(plugins)) == [circle]


def test_a_package_on_no_floor_or_of_no_files_is_found(graph, house):
    plugins = house(module_utils___low___a="", module_utils___other___b="", modules__m="")
    assert graph.homeless(plugins, graph.floors(FLOORS)) == ["module_utils._high", "module_utils._other"]
