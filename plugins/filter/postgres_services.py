# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the services of monit that are PostgreSQL itself."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.plugin_utils._transfer import _server_files as files


def postgres_services(summary):
    """Given what monit_summary returned, return the names of the services that are PostgreSQL itself."""
    names = [service["name"] for service in summary["services"]]
    return files.postgres_services(names, summary.get("postgres") or [])


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"postgres_services": postgres_services}
