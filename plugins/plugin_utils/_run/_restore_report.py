# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore says of itself when it is done, with what only a person can do next."""

from __future__ import annotations


def restore_report(run: dict) -> list[str]:
    """Given what a run knows at its end, return the lines that are told.

    ``run`` has the host and its address, whether it ``rolled_back``, what the ``restore`` is about, the ``identity`` of
    the director in the restored data, what stays down (``but``), the databases ``left_elsewhere`` and
    ``loaded_elsewhere``, and when the stop began (``stopped_at``, nothing if this run stopped nothing) and all was up.
    """
    restore = run["restore"]
    if run["rolled_back"]:
        what = f"The restore of {run['host']} from {restore['backup']} was rolled back"
        lines = [f"{what}; every service runs on what was there before{run['but']}"]
    else:
        lines = [f"{run['host']} is restored from {restore['backup']}; every service runs{run['but']}"]
        lines += next_steps(run) + elsewhere(run)
        lines += [f"  - {line}" for line in restore.get("secrets") or []]
    return [*lines, f"  The director was away {_away(run)}"]


def next_steps(run: dict) -> list[str]:
    """Return what only a person can do once a director is restored."""
    identity = run.get("identity") or {}
    return [
        "  Next steps, which only a person can take:",
        f"  - bosh target https://{run['address']}:25555 (bosh alias-env), and log in "
        f"{_users(identity.get('users'))}: the passwords are those of the backup",
        f"  - {_uuid(identity.get('uuid'), run['restore'].get('uuid_before'))}",
        f"  - {_deployments(identity.get('deployments'))}",
    ]


def elsewhere(run: dict) -> list[str]:
    """Return what became of the databases on another server."""
    restore, loaded = run["restore"], run.get("loaded_elsewhere") or []
    if run.get("left_elsewhere"):
        left = ", ".join(run["left_elsewhere"])
        return [
            f"  - THE DATABASE ELSEWHERE ({left}) IS AS IT WAS ON {restore.get('elsewhere') or ''}: "
            "stop the services, load its dump (dbs/ of the backup) or its provider's snapshot of that time, "
            "and start them with the checkup playbook"
        ]
    if not loaded:
        return []
    names = ", ".join(dump["database"] for dump in loaded)
    where = f"{names} on {restore['elsewhere_at']}"
    return [f"  The database elsewhere ({where}) is that of the backup; what it replaced there is gone"]


def _users(users):
    return f"as {' or '.join(users)}" if users else "with the users of the backup"


def _uuid(now, before):
    if now and before and now != before:
        return f"the director UUID is {now} and was {before}: put it into director_uuid of every deployment manifest"
    return f"the director UUID is {now or 'not known'}, deployment manifests need no change if they name it"


def _deployments(names):
    if not names:
        return "there are no deployments to check"
    return f"check what changed since the backup: {', '.join(f'bosh cloud-check of {name}' for name in names)}"


def _away(run):
    if not run.get("stopped_at"):
        return "until now"
    return f"for {round(float(run['up_at']) - float(run['stopped_at']), 2)} s"
