#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/backup_info.py does the work, on the controller."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: backup_info
short_description: Tell of all backups of directors, and what is wrong with them
description:
  - Looks at what lies in the directories of backups on the controller, for one or for all directors in one task. No
    director is connected to, and of a backup only its small files are read, so that thirty directors with thirty
    backups each take a second.
  - Where the backups of a host are, and by which rules they are judged, say the settings of that host.
  - What is half written, unreadable or of another type than it should be is named under RV(directors[].problems), and
    takes nothing from all the rest. Texts are printable and bounded; they may quote a director.
seealso:
  - module: microbosh.director.backup_verify_info
  - module: microbosh.director.run_ended
author: microbosh.director contributors (@microbosh)
version_added: 1.1.0
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.look
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    platforms: posix
options:
  hosts:
    description: Inventory names of the directors. Without it, the host of the task.
    type: list
    elements: str
  show:
    description:
      - What is shown to a person. V(table) has a line for each backup, V(problems) one for each thing that is wrong.
    type: str
    choices: [table, problems, nothing]
    default: nothing
  most:
    description: How many backups of each director RV(directors) has, the newest ones. V(0) is all of them.
    type: int
    default: 0
  json:
    description:
      - File that all of it is written to, with RV(schema), RV(at), RV(collection) and RV(directors). It is written
        beside and renamed. A new one has mode 0600, as it has ends of logs in it; one that is there keeps its mode and
        its group. Not in check mode.
    type: path
    default: ""
  metrics:
    description:
      - Whether the metrics of each director are written, to the C(microbosh_metrics_dir) of it. Not in check mode.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Look at the backups of all directors
  microbosh.director.backup_info:
    hosts: "{{ groups['microbosh'] }}"
  run_once: true
  register: found

- name: Tell which have no proven backup
  ansible.builtin.debug:
    msg: "{{ found.directors | selectattr('newest_proven', 'none') | map(attribute='name') }}"
"""

RETURN = r"""
schema:
  description: Version of this form. Keys are added, never given another meaning.
  returned: success
  type: int
  sample: 1
at:
  description: When it was looked, in UTC.
  returned: success
  type: str
  sample: "2026-11-28T06:00:00Z"
collection:
  description: Version of the collection.
  returned: success
  type: str
  sample: 1.1.0
status:
  description: The worst status of all directors, as Nagios has it. 0 is OK, 1 a warning, 2 critical, 3 not known.
  returned: success
  type: int
  sample: 0
line:
  description: All directors in the one line of a plugin of Nagios, with performance data.
  returned: success
  type: str
  sample: "MICROBOSH OK - 1 director: 1 OK | ok=1 warning=0 critical=0 unknown=0 'director1 age'=14400s;;129600"
lines:
  description: What was shown to a person.
  returned: always
  type: list
  elements: str
  sample: ["1 director: 1 OK"]
seconds:
  description: How long it took.
  returned: success
  type: float
  sample: 0.2
summary:
  description:
    - Of each director, by name, what a job hands on, in the shape of P(microbosh.director.run_artifact#filter).
  returned: success
  type: dict
  sample:
    director1:
      host: director1
      playbook: health
      outcome: succeeded
      error: ""
      status: 0
      problems: []
      state: ok
      newest_proven: 20261128T020000Z
      proven_age_seconds: 14400
      rehearsed_age_seconds: 518400
directors:
  description: What is known of each director.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The inventory name.
      type: str
      sample: director1
    directory:
      description: Where its backups are.
      type: str
      sample: /backups/director1
    state:
      description:
        - V(ok), V(running) while a backup is made, V(failed) if the last one failed or was killed, V(none) without any
          backup, V(unreadable) if the directory is not known or cannot be read.
      type: str
      sample: ok
    rules:
      description: The limits of the rules of health.
      type: dict
      sample: {"proven_hours": 36.0, "rehearsed_days": 35.0, "offsite_hours": 36.0}
    health:
      description:
        - The C(status) of this director, and the C(problems), each with C(rule), C(status) and what is C(said).
      type: dict
      sample: {"status": 0, "problems": []}
    newest:
      description: Id of the newest backup, null without any.
      type: str
      sample: 20261128T020000Z
    newest_proven:
      description: Id of the newest backup that is whole, of one moment, and not found damaged since. Null without one.
      type: str
      sample: 20261128T020000Z
    newest_rehearsed:
      description: Id of the backup whose dumps were the last to be loaded, null without one.
      type: str
      sample: 20261122T020000Z
    proven_age_seconds:
      description: Age of the newest one that is proven, null without one.
      type: int
      sample: 14400
    rehearsed_age_seconds:
      description: How long ago the last rehearsal was, null without one.
      type: int
      sample: 518400
    backups:
      description: Its backups, newest first.
      type: list
      elements: dict
      contains:
        id:
          description: Its time in UTC.
          type: str
          sample: 20261128T020000Z
        path:
          description: Its directory.
          type: str
          sample: /backups/director1/20261128T020000Z
        began:
          description: The same time.
          type: str
          sample: "2026-11-28T02:00:00Z"
        age_seconds:
          description: Its age. Null if it is dated in the future.
          type: int
          sample: 14400
        mode:
          description: V(offline) or V(online), null if its report does not say.
          type: str
          sample: offline
        proven:
          description: Whether it is whole, of one moment, and was not found damaged since.
          type: bool
          sample: true
        verdict:
          description:
            - V(proven); V(still) if it was made online and the director held still; V(lost_blobs) if all is there but
              blobs that the director itself has lost; V(moved) if its databases moved while it was copied; V(damaged)
              if a verification found that; V(not_proven); V(unreadable) if its report cannot be read.
          type: str
          sample: proven
        looked_at:
          description: Whether it was verified since it was made.
          type: bool
          sample: false
        problem:
          description: Why it is damaged or unreadable, else empty.
          type: str
          sample: ""
        without:
          description: What it lacks of the director's database, else empty.
          type: str
          sample: ""
        new:
          description: What is new in it, C(files) and C(bytes).
          type: dict
          sample: {"files": 50, "bytes": 48040000}
        all:
          description: All that is in it, C(files) and C(bytes).
          type: dict
          sample: {"files": 1648, "bytes": 284010000}
        copied:
          description: What was copied for it, C(files), C(bytes) and C(seconds).
          type: dict
          sample: {"files": 52, "bytes": 59310000, "seconds": 3.1}
        outage_seconds:
          description: How long the director was away, 0 online, null if its report does not say.
          type: float
          sample: 7.1
        outage:
          description: Where these seconds went, C(part) and C(seconds).
          type: list
          elements: dict
          sample: [{"part": "stop", "seconds": 2.8}]
        seconds:
          description: How long all phases took, null if its report does not say.
          type: float
          sample: 21.2
        phases:
          description: Each C(phase) with its C(start) and C(seconds).
          type: list
          elements: dict
          sample: [{"phase": "preflight", "start": "2026-11-28T02:00:00.120+00:00", "seconds": 4.0}]
        online_moved:
          description: What moved while it was copied online.
          type: list
          elements: str
          sample: []
        lost_blobs:
          description: How many blobs the director had lost.
          type: int
          sample: 0
        newly_lost:
          description: How many of them an earlier backup holds.
          type: int
          sample: 0
        verified:
          description:
            - The last verification, C(at), C(whole), C(files), C(seconds) and C(findings), null if there was none.
          type: dict
          sample: null
        rehearsed:
          description:
            - The last rehearsal, C(at), C(good), C(seconds) and C(problems), null if there was none. C(rto_seconds)
              is how
              long a restore onto an empty director takes, C(away_seconds) how long the director is away for it.
          type: dict
          sample: null
        pinned:
          description: Whether prune leaves it whatever the rules say.
          type: bool
          sample: false
        signed:
          description: Whether it has a signature; nobody has looked whether that is right.
          type: bool
          sample: false
        archive:
          description:
            - Its archive, C(path), C(bytes), whether it is C(encrypted), and how it was C(verified). Null without
              one.
          type: dict
          sample: null
        offsite:
          description:
            - Its copy elsewhere, as of the last contact with the repository. C(snapshot) is restic's id of it, C(of) is
              V(backup) or V(archive), C(size) its bytes, null if that is not known. Null without a copy.
          type: dict
          sample: {"snapshot": "6f1c", "of": "backup", "size": 284010000}
    runs:
      description: Its last runs, newest first.
      type: list
      elements: dict
      contains:
        id:
          description: Id of the run, which is that of its backup, too.
          type: str
          sample: 20261128T020000Z
        kind:
          description: V(backup), V(verify), V(restore) or V(checkup).
          type: str
          sample: backup
        began:
          description: When it began.
          type: str
          sample: "2026-11-28T02:00:00Z"
        ended:
          description: When it ended, null if it is running or was killed.
          type: str
          sample: "2026-11-28T02:00:21Z"
        age_seconds:
          description: How long ago it began, null if that is not known.
          type: int
          sample: 14400
        seconds:
          description: How long it took, null if it has not ended, or if that is not known.
          type: float
          sample: 21.2
        outcome:
          description: V(succeeded), V(failed), V(refused) if it did nothing, V(killed) if it never ended, V(running).
          type: str
          sample: succeeded
        reason:
          description: Why it did not succeed, in a word, as in the artifact of the job; V(killed).
          type: str
          sample: ""
        error:
          description: What failed.
          type: str
          sample: ""
        phase:
          description: The phase in which it failed.
          type: str
          sample: ""
        phases:
          description: Each C(phase) with its C(start) and C(seconds).
          type: list
          elements: dict
          sample: []
        path:
          description: The backup that was made, verified or restored.
          type: str
          sample: /backups/director1/20261128T020000Z
        free_bytes:
          description: What was free for backups at its end, null if that is not known.
          type: float
          sample: 56800000000
        lease_fired:
          description: What it was told of a lease that had started the director, null if none had.
          type: dict
          sample: null
        restore_open:
          description: Whether it left or found a restore open, null if it does not know.
          type: bool
          sample: false
        log:
          description: Its log, null without one.
          type: str
          sample: /backups/director1/logs/20261128T020000Z.log
        log_end:
          description: If it did not succeed, the last lines of its log.
          type: list
          elements: str
          sample: []
        known_by:
          description:
            - V(record). Of runs of earlier versions V(report) (a backup), V(partial) (one half made) or V(log)
              (nothing else).
          type: str
          sample: record
    last_runs:
      description: Id of the last run of each kind, null without one.
      type: dict
      sample: {"backup": "20261128T020000Z", "verify": null, "restore": null, "checkup": null}
    restore_open:
      description: Since when a restore is open, and by what that is known, null if none is.
      type: dict
      sample: null
    lease_fired:
      description: What the last run was told of a lease that had started the director, null if none had.
      type: dict
      sample: null
    volume:
      description:
        - Where backups are, C(path), C(free_bytes), C(size_bytes) and C(free_inodes), null if that is not known.
      type: dict
      sample: {"path": "/backups/director1", "free_bytes": 56800000000, "size_bytes": 100000000000, "free_inodes": 6000}
    growth_bytes_a_day:
      description: What backups had that was new, by day, in the last two weeks; null if there are too few.
      type: float
      sample: 48040000.0
    free_shrinks_bytes_a_day:
      description: By how much the free space became less from run to run, by day; null if too little is known.
      type: float
      sample: 12000000.0
    missed:
      description: Jobs of a schedule of this controller that should have begun by now and have not.
      type: list
      elements: dict
      sample: []
    problems:
      description: What lies there and is not as it should be.
      type: list
      elements: str
      sample: []
    offsite:
      description:
        - Its copies elsewhere, as of the last contact with their repository, which is not asked for this. Null where no
          copies are set up and nothing is known of any.
      type: dict
      contains:
        configured:
          description: Whether C(microbosh_offsite) of this director has a repository.
          type: bool
          sample: true
        repository:
          description: The repository that was asked, without a password. Null before the first contact.
          type: str
          sample: "sftp:backup@nas:/srv/restic/director1"
        at:
          description: When that was, null before it.
          type: str
          sample: "2026-11-28T02:03:11Z"
        newest:
          description: Id of the newest backup of which there is a copy, null without any. One of the future is none.
          type: str
          sample: 20261128T020000Z
        age_seconds:
          description: The age of that backup, null without one.
          type: int
          sample: 14400
        copies:
          description:
            - All copies, newest first. C(id) is that of the backup, C(here) whether it is still on the controller,
              C(snapshot), C(of) and C(size) as in RV(directors[].backups[].offsite).
          type: list
          elements: dict
          sample:
            - {"id": "20261128T020000Z", "snapshot": "6f1c", "of": "backup", "size": 284010000, "here": true}
        missing:
          description:
            - Ids of what should be elsewhere and is not. Proven backups that are newer than the newest copy, the newest
              one if there is no copy, and what the last contact could not copy.
          type: list
          elements: str
          sample: []
        checked:
          description:
            - The last check of the repository, C(at), whether it was C(good) and what was C(said). Null without one.
          type: dict
          sample: {"at": "2026-11-28T02:03:09Z", "good": true, "said": ""}
        unchecked_seconds:
          description:
            - For how long it was not checked, without any check since the oldest copy. Null if neither is known.
          type: int
          sample: 14220
        reread:
          description:
            - How far all of its data was read again. The part that is C(next), C(of) how many, and C(since) when all of
              it has been read, null if it was not yet.
          type: dict
          sample: {"next": 5, "of": 30, "since": null}
        failed:
          description:
            - What failed at the last contact. C(at), C(step), what was C(said), and which backups are C(missing) for
              that. Null if nothing did.
          type: dict
          sample: null
"""
