# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the collection importable: the artifact that script/test installed, unless PYTHONPATH names another."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import tempfile
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

REPOSITORY = Path(__file__).resolve().parents[2]
OF_POSTGRES = re.compile(r"^from (postgres_rig|postgres_databases) import", re.MULTILINE)


def collection_found():
    try:
        return importlib.util.find_spec("ansible_collections.microbosh.director") is not None
    except ModuleNotFoundError:
        return False


if not collection_found():
    sys.path.insert(0, str(REPOSITORY / ".collections"))
    importlib.invalidate_caches()
    for package in [name for name in sys.modules if name.split(".")[0] == "ansible_collections"]:
        del sys.modules[package]
    if not collection_found():
        raise pytest.UsageError("there is no collection in .collections: run 'script/test unit', which installs it")


class ByRig(LoadScopeScheduling):
    """A file's tests share rigs, so one worker runs them all.

    One of two workers has all that starts or looks for a PostgreSQL: it sees every one of the machine.
    """

    def _split_scope(self, nodeid):
        file = nodeid.partition("::")[0]
        return "postgres" if OF_POSTGRES.search((self.config.rootpath / file).read_text()) else file


def pytest_xdist_make_scheduler(config, log):
    return ByRig(config, log)


@pytest.fixture(scope="session", autouse=True)
def own_temporary_directory():
    """Give each worker a temporary directory of its own: tests look whether anything was left there."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="unit-") as directory, pytest.MonkeyPatch.context() as patch:
        Path(directory).chmod(0o1777)
        patch.setenv("TMPDIR", directory)
        patch.setattr(tempfile, "tempdir", None)
        yield


@pytest.fixture
def postgres(server):
    """The server of a module, which has no databases of a test's afterwards."""
    yield server
    for name in server.databases() - {"postgres"}:
        server.drop(name)
