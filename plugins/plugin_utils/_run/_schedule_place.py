# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a schedule finds on this controller: how Ansible was started, whose it is, what was scheduled before."""

from __future__ import annotations

import contextlib
import grp
import json
import os
import pwd
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ansible import constants, context
from ansible_collections.microbosh.director.plugins.plugin_utils._run._schedule import (
    CRON,
    SYSTEMD,
    ScheduleError,
    longest_gap,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._run._schedule_record import RECORDS

UNITS = Path("/etc/systemd/system")
CRONTABS = Path("/etc/cron.d")
COLLECTIONS = Path(__file__).parents[6]
RUNS_SYSTEMD = Path("/run/systemd/system")
MARK = "# microbosh.director.schedule"
FIRST_BYTES = 4096
ITERATIONS = "40"


def start() -> dict:
    """Return how this ansible-playbook was started, as another one can be."""
    prompts = [one for one in context.CLIARGS.get("vault_ids") or () if one.endswith("@prompt") or one == "prompt"]
    if prompts or context.CLIARGS.get("ask_vault_pass"):
        raise ScheduleError(
            "The vault's password was asked for, and at night nobody answers. Give it by a file that the scheduled "
            "user may read: --vault-password-file, ANSIBLE_VAULT_PASSWORD_FILE, or vault_password_file of ansible.cfg."
        )
    vault = [_vault(one) for one in context.CLIARGS.get("vault_ids") or ()]
    by_setting = constants.DEFAULT_VAULT_PASSWORD_FILE
    if not vault and by_setting:
        vault = [os.path.abspath(os.path.expanduser(by_setting))]
    return {
        "program": _program(),
        "python": sys.executable,
        "inventory": [_inventory(one) for one in context.CLIARGS.get("inventory") or constants.DEFAULT_HOST_LIST],
        "vault": vault,
        "config": str(constants.CONFIG_FILE or ""),
        "collections": list(
            dict.fromkeys([str(COLLECTIONS), *map(str, constants.config.get_config_value("COLLECTIONS_PATHS"))])
        ),
        "directory": os.getcwd(),
    }


def _program():
    beside = Path(sys.argv[0]).absolute().with_name("ansible-playbook")
    found = beside if beside.is_file() else Path(sys.executable).with_name("ansible-playbook")
    if not found.is_file():
        raise ScheduleError(f"There is no ansible-playbook beside {sys.argv[0]} or {sys.executable}.")
    return str(found)


def _vault(one):
    label, at, source = one.rpartition("@")
    return f"{label}{at}{os.path.abspath(os.path.expanduser(source))}"


def _inventory(one):
    if "," in one:
        return one  # a list of hosts
    return os.path.abspath(os.path.expanduser(one))


def files_of(found: Mapping) -> list[str]:
    """Return the files that the scheduled user has to be able to read."""
    vault = [one.rpartition("@")[2] for one in found["vault"]]
    return [one for one in [*found["inventory"], *vault, found["config"]] if one and "," not in one]


def account(name: str) -> dict:
    """Return whose runs they are: this user's, or those of one that may have to be made."""
    me = pwd.getpwuid(os.geteuid())
    try:
        known = pwd.getpwnam(name) if name else me
    except KeyError:
        return {"user": name, "group": name, "home": f"/var/lib/{name}", "new": True, "other": True, "root": False}
    with contextlib.suppress(KeyError):
        group = grp.getgrgid(known.pw_gid).gr_name
        return {
            "user": known.pw_name, "group": group, "home": known.pw_dir, "new": False,
            "other": known.pw_uid != me.pw_uid, "root": known.pw_uid == 0,
        }  # fmt: skip
    raise ScheduleError(f"The group {known.pw_gid} of {known.pw_name} has no name.")


def scheduler(wanted: str) -> str:
    """Return what schedules here."""
    if wanted != "auto":
        return wanted
    if RUNS_SYSTEMD.is_dir():
        return SYSTEMD
    if CRONTABS.is_dir():
        return CRON
    raise ScheduleError(
        f"Neither systemd runs here nor is there a {CRONTABS} of cron, so nothing would start in time. Install cron."
    )


def gap_of(name: str, calendar: str) -> int:
    """Return the longest seconds between two times of a calendar, 0 if not known; raise for what is no calendar."""
    command = ["systemd-analyze", "calendar"]
    for more in (["--iterations", ITERATIONS], []):  # before systemd 242 there are no iterations
        done = subprocess.run(
            [*command, *more, "--", calendar], capture_output=True, text=True, check=False,
            env={**os.environ, "LC_ALL": "C", "TZ": "UTC"},
        )  # fmt: skip
        if done.returncode == 0:
            return longest_gap(done.stdout)
    said = " ".join(done.stderr.split())
    raise ScheduleError(
        f"calendar of {name} in microbosh_schedule is {calendar!r}, which systemd does not take: {said}"
    )


def mark(prefix: str, inventory: list[str]) -> str:
    """Return the line by which a file of ours is known, and whose it is."""
    return f"{MARK} {prefix} of {json.dumps(inventory)}"


def made_before(prefix: str, inventory: list[str], places: tuple = (UNITS, CRONTABS, RECORDS)) -> list[Path]:
    """Return the files that were made of this schedule before; raise if they are those of another inventory."""
    found = []
    for path in sorted(one for place in places if place.is_dir() for one in place.glob(f"{prefix}-*")):
        whose = _marked(path)
        if whose is None or whose[0] != prefix:
            continue
        if whose[1] != json.dumps(inventory):
            raise ScheduleError(
                f"{path} was made for the inventory {whose[1]}, this one is {json.dumps(inventory)}. Another "
                "microbosh_schedule_prefix keeps them apart. If it was moved, take the old schedule away first: "
                "-e microbosh_schedule_state=absent, with -i and the old path."
            )
        found.append(path)
    return found


def _marked(path):
    """Return prefix and inventory of a file of ours, None for any other."""
    if path.suffix == ".json":
        said = written(path)
        return (said["prefix"], json.dumps(said.get("inventory"))) if "prefix" in said else None
    with contextlib.suppress(OSError, UnicodeDecodeError):
        with path.open("rb") as source:
            head = source.read(FIRST_BYTES).decode("utf-8")
        match = re.search(rf"^(?:{re.escape(MARK)}) (\S+) of (\[.*\])$", head, re.MULTILINE)
        return match.groups() if match else None
    return None


def written(path: Path) -> dict:
    """Return what was written down before; nothing of what cannot be read."""
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    return {}
