# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables that may move during an online copy without harm, with the reason for each. This is the only place.

What is published is the second dump, which has each of these tables whole and as of one moment. So a table is harmless
if nothing outside of its own database goes by its rows: no blob, no file of the director, no other database. Whatever
is not named here counts, and so does everything in a database of another name: if in doubt, the attempt is made again.

Not harmless, though it may look so:

- UAA's C(users): each login by password or by an identity provider writes C(last_logon_success_time) into the row that
  also has the password, and from outside one is not to be told from the other. So a login in those seconds costs an
  attempt. A token that a client gets for its own secret (the health monitor, a pipeline) writes no such row.
- The director's C(tasks): a task is what the whole copy must be free of. C(delayed_jobs) alone are only the queue.
- Its C(deployment_problems), C(errand_runs), C(link_...), C(local_dns_...): they are written by tasks.
"""

from __future__ import annotations

SCHEMA = "public"

DIRECTOR = {
    "agent_dns_versions": "which DNS records each agent has confirmed; one that seems to be behind gets them again",
    "delayed_jobs": "the queue of the workers; what a job is about is a row in tasks, which counts",
    "events": "the record of who did what; nothing reads it but people",
    "locks": "locks that are held for seconds and renewed while a task runs; they expire by themselves",
}
UAA = {
    "expiring_code_store": "codes that are valid for minutes, as for a password that was forgotten",
    "oauth_code": "codes of a login that is under way, valid for minutes",
    "revocable_tokens": "tokens that were handed out; whoever has none that is valid logs in again",
    "sec_audit": "the record of logins; nothing reads it but people",
    "spring_session": "sessions of browsers; whoever has none logs in again",
    "spring_session_attributes": "what such a session remembers",
}
# Since 2.0 credhub writes these to files of its own.
CREDHUB = {
    "auth_failure_audit_record": "the record of refused requests; nothing reads it but people",
    "event_audit_record": "the record of what was done; nothing reads it but people",
    "operation_audit_record": "the same, of earlier versions",
    "request_audit_record": "the record of requests; nothing reads it but people",
}
BY_DATABASE = {"uaa": UAA, "credhub": CREDHUB}


def harmless_tables(database: str, director_database: str) -> dict[str, str]:
    """Given a database and which one is the director's own, return the reasons by table, as public.locks."""
    tables = DIRECTOR if database == director_database else BY_DATABASE.get(database, {})
    return {f"{SCHEMA}.{table}": reason for table, reason in tables.items()}


def harmless_sequences(database: str, director_database: str) -> dict[str, str]:
    """Return the same for the sequences that number the rows of these tables, as public.events_id_seq."""
    return {f"{table}_id_seq": reason for table, reason in harmless_tables(database, director_database).items()}
