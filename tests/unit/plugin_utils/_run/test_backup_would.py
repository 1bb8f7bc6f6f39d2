# SPDX-License-Identifier: GPL-3.0-or-later
"""What --check tells of a backup."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.plugin_utils._run._backup_would import backup_would

ANY_TIME = {"open": True, "words": "", "refusal": ""}
NOW = {"open": True, "words": "01:00-04:00 CET", "refusal": ""}
NOT_NOW = {"open": False, "words": "01:00-04:00 CET", "refusal": "No outage may begin now. It opens at 01:00 CET"}
WOULD = {
    "mode": "offline", "attempts": "3", "moved": "refuse", "window": ANY_TIME,
    "estimate": {
        "transfer_files": 15, "transfer_bytes": 2048, "total_files": 1828, "total_bytes": 1048576,
        "free_bytes": 1073741824,
    },
    "databases": ["bosh", "uaa"], "dump_bytes": "4096", "services": ["postgres", "director"],
    "previous": "20261122T221326Z", "outage": 7.1, "limit": "1800", "path": "/b/20261123T221326Z", "archive": "",
    "offsite": "",
}  # fmt: skip


def test_what_would_be_done():
    assert backup_would(WOULD) == [
        "A backup could be made; nothing was dumped, copied or stopped. It would",
        "  copy     15 files, 2.00 KB, of 1828 files, 1.00 MB in all",
        "  dump     bosh, uaa, about 4.00 KB",
        "  stop     2 services and the agent: postgres, director",
        "  outage   about 7.1 s, as in the backup 20261122T221326Z; the lease ends it after 1800 s",
        "  to       /b/20261123T221326Z, where 1.00 GB are free",
    ]


def test_the_first_one():
    for unknown in (None, ""):
        told = backup_would({**WOULD, "outage": unknown, "previous": "", "databases": [], "archive": "/b/a.tar"})
        assert "  dump     no database" in told
        assert (
            "  outage   not known before the first backup that stops the director; the lease ends it after 1800 s"
            in told
        )
        assert told[-1] == "  pack     /b/a.tar"
    assert backup_would({**WOULD, "offsite": "sftp:nas:/d1"})[-1] == "  copy to  sftp:nas:/d1"


def test_in_the_window_of_outages():
    told = backup_would({**WOULD, "window": NOW})
    assert told[0].startswith("A backup could be made; ")
    assert told[5] == "  window   01:00-04:00 CET, which is open"


def test_outside_of_the_window():
    told = backup_would({**WOULD, "window": NOT_NOW})
    assert told[0] == "A backup could be made, but not now; nothing was dumped, copied or stopped. It would"
    assert told[5] == "  window   No outage may begin now. It opens at 01:00 CET"


def test_online_nothing_stops():
    told = backup_would({**WOULD, "mode": "online", "window": NOT_NOW})
    assert told[3:6] == [
        "  online   try 3 times whether the director holds still while it is copied, else end with status 4",
        "  stop     nothing (online)",
        "  outage   none",
    ]
    assert "but not now" not in told[0]
    published = backup_would({**WOULD, "mode": "online", "attempts": 1, "moved": "publish"})
    assert published[3].startswith("  online   try once ")
    assert published[3].endswith(", and publish what moved, with the list")


def test_auto_is_both():
    told = backup_would({**WOULD, "mode": "auto", "window": NOT_NOW})
    assert "but not now" not in told[0]
    assert told[3:7] == [
        "  online   try 3 times whether the director holds still while it is copied; nothing is stopped then, else",
        "  stop     2 services and the agent: postgres, director",
        "  outage   about 7.1 s, as in the backup 20261122T221326Z; the lease ends it after 1800 s",
        "  window   No outage may begin now. It opens at 01:00 CET",
    ]
