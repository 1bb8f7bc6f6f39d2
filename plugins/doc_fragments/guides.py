# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guides that documentation leads to, each named once; in the site these links lead to its own pages."""

from __future__ import annotations


class ModuleDocFragment:
    ARCHITECTURE = r"""
options: {}
seealso:
  - name: Architecture
    description: Where code runs, why each kind of plugin is there, and the way of the data through a run.
    link: https://github.com/microbosh/director/blob/main/docs/architecture.md
"""

    BACKUP = r"""
options: {}
seealso:
  - name: Backups
    description: What a backup does, step by step, and what it tells.
    link: https://github.com/microbosh/director/blob/main/docs/backup.md
"""

    DATABASES = r"""
options: {}
seealso:
  - name: What becomes of a database
    description: Which dumps load, what hangs on a database, and databases on another server.
    link: https://github.com/microbosh/director/blob/main/docs/databases.md
"""

    LOOK = r"""
options: {}
seealso:
  - name: Looking at backups
    description: All backups at a glance, what is wrong with them, and metrics of them.
    link: https://github.com/microbosh/director/blob/main/docs/look.md
"""

    NOTIFICATIONS = r"""
options: {}
seealso:
  - name: Being told
    description: Messages, pings and commands about a run, one a run and not one a director.
    link: https://github.com/microbosh/director/blob/main/docs/notifications.md
"""

    OFFSITE = r"""
options: {}
seealso:
  - name: Copies elsewhere
    description: Copies of backups in a repository of restic, and a director that comes back from there.
    link: https://github.com/microbosh/director/blob/main/docs/offsite.md
"""

    RECOVERY = r"""
options: {}
seealso:
  - name: Recovery
    description: From the disaster to the command that mends it.
    link: https://github.com/microbosh/director/blob/main/docs/recovery.md
"""

    SCHEDULE = r"""
options: {}
seealso:
  - name: A schedule
    description: What runs when, as whom, in which sandbox, and how a run is stopped.
    link: https://github.com/microbosh/director/blob/main/docs/schedule.md
"""

    SECURITY = r"""
options: {}
seealso:
  - name: Security
    description: What the backup key can do, who could attack, and what stops them.
    link: https://github.com/microbosh/director/blob/main/docs/security.md
"""

    SETTINGS = r"""
options: {}
seealso:
  - name: Settings
    description: Every setting, in one line each.
    link: https://github.com/microbosh/director/blob/main/docs/settings.md
"""

    SETUP = r"""
options: {}
seealso:
  - name: Installing and setting up
    description: What setup does, and what it leaves on a director.
    link: https://github.com/microbosh/director/blob/main/docs/setup.md
"""

    STOLEN_KEY = r"""
options: {}
seealso:
  - name: My key was stolen
    description: What to do then, in order.
    link: https://github.com/microbosh/director/blob/main/docs/security-stolen-key.md
"""

    VERIFY = r"""
options: {}
seealso:
  - name: Verifying and rehearsing
    description: Whether backups are still good, and whether their dumps load.
    link: https://github.com/microbosh/director/blob/main/docs/verify.md
"""

    WATCH = r"""
options: {}
seealso:
  - name: A run to watch
    description: A line for each director, while a run goes on.
    link: https://github.com/microbosh/director/blob/main/docs/watch.md
"""
