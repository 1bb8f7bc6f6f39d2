# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fill the director of this host: blobs with the rows that name them, tasks with their logs, a redis dump.

The same seed makes the same blobs, ids and rows, with any Python from 2.7 on.
"""

from __future__ import absolute_import, division, print_function

import argparse
import binascii
import hashlib
import json
import os
import random
import subprocess

KIB = 1024
MIB = 1024 * KIB
STORE = "/var/vcap/store"
BLOBS = STORE + "/blobstore/store"
TASKS = STORE + "/director/tasks"
STAMP = "2014-12-21 01:30:12.345678"
OLD = 1419125412  # the same, for mtimes: what was filled is not new to rsync
NULL = "\\N"

# How many of a hundred blobs each table names, and its columns. None of these is filled twice with the same values.
TABLES = {
    "micro": [
        (38, "packages", "name version blobstore_id sha1 dependency_set_json release_id fingerprint"),
        (32, "compiled_packages", "blobstore_id sha1 dependency_key build package_id stemcell_id dependency_key_sha1"),
        (12, "templates", "name version blobstore_id sha1 package_names_json release_id fingerprint"),
        (14, "rendered_templates_archives", "instance_id blobstore_id sha1 content_sha1 created_at"),
        (4, "log_bundles", "blobstore_id timestamp"),
    ],
    "director": [
        (34, "packages", "name version blobstore_id sha1 dependency_set_json release_id fingerprint"),
        (
            30,
            "compiled_packages",
            "blobstore_id sha1 dependency_key build package_id stemcell_os stemcell_version dependency_key_sha1",
        ),
        (12, "templates", "name version blobstore_id sha1 package_names_json release_id fingerprint spec_json"),
        (14, "rendered_templates_archives", "instance_id blobstore_id sha1 content_sha1 created_at"),
        (6, "blobs", "blobstore_id sha1 created_at type"),
        (4, "log_bundles", "blobstore_id timestamp"),
    ],
}

# Where the bulk of a database is: closed problems then, events now. One row is about 1 KiB.
BULK = {
    "micro": """INSERT INTO deployment_problems
        (deployment_id, state, resource_id, type, data_json, created_at, last_seen_at)
        SELECT 1, 'closed', i, 'unresponsive_agent', {text}, '{stamp}', '{stamp}' FROM generate_series(1, {rows}) i;""",
    "director": """INSERT INTO events ("timestamp", "user", action, object_type, context_json)
        SELECT '{stamp}', 'admin', 'update', 'instance', {text} FROM generate_series(1, {rows}) i;""",
}

TASK_COLUMNS = "id state timestamp description result output type username"
# What only a director of today writes of a task.
MORE_TASK_COLUMNS = " deployment_name checkpoint_time started_at event_output result_output context_id"
EVENTS = '{"time":1419125412,"stage":"Updating instance","state":"started"}\n{"note":"a\\tb \\\\ \\u2603"}\n'
# Tasks of a director that has been there for years: rows whose worker died in 2022, one that was never given a
# checkpoint, one that is done and has none, one that waits.
ODD_TASKS = r"""
INSERT INTO tasks (id, state, "timestamp", checkpoint_time, started_at, type, username, deployment_name, description,
    result, event_output, result_output) VALUES
    ({0} + 1, 'processing', '2022-03-04 05:06:07', '2022-03-04 06:07:08.9', '2022-03-04 05:06:08',
        'update_deployment', 'admin', 'cf', 'create deployment', NULL, '', ''),
    ({0} + 2, 'cancelling', '2022-05-04 05:06:07', '2022-05-04 05:16:07', '2022-05-04 05:06:08',
        'run_errand', 'ci', 'cf', E'run errand \U0001F525 smoke-tests from deployment cf', NULL,
        E'{{"tab":"\t"}}\n\\.\n', NULL),
    ({0} + 3, 'processing', '2013-05-04 05:06:07', NULL, NULL,
        'update_release', NULL, NULL, E'create\trelease', NULL, NULL, NULL),
    ({0} + 4, 'done', '2013-05-05 05:06:07', NULL, NULL,
        'delete_release', 'admin', NULL, 'delete unused releases', 'ok', NULL, E'a\\b\n'),
    ({0} + 5, 'queued', '2024-05-05 05:06:07', '2024-05-05 05:06:07', NULL,
        'snapshot_self', 'scheduler', NULL, 'snapshot self', NULL, '', '');
UPDATE tasks SET output = '{1}/' || id WHERE output IS NULL;
INSERT INTO tasks_teams SELECT id, 1 FROM tasks WHERE deployment_name = 'cf';
SELECT setval('tasks_id_seq', max(id)) FROM tasks;
"""


def settings():
    """Read what the first boot wrote: generation, paths of PostgreSQL."""
    with open("/etc/testhost") as lines:
        return dict(line.strip().split("=", 1) for line in lines)


class Stream(object):
    """Random values and bytes; the one call whose results no version of Python ever changed is getrandbits."""

    def __init__(self, seed):
        self._random = random.Random(seed)

    def below(self, limit):
        return self._random.getrandbits(48) % limit

    def bytes(self, size):
        bits = self._random.getrandbits(size * 8)
        if hasattr(bits, "to_bytes"):
            return bits.to_bytes(size, "little")
        return binascii.unhexlify(("%x" % bits).zfill(int(size) * 2))[::-1]

    def hex(self, size):
        return binascii.hexlify(self.bytes(size)).decode("ascii")

    def uuid(self):
        text = self.hex(16)
        return "-".join((text[:8], text[8:12], "4" + text[13:16], "a" + text[17:20], text[20:]))

    def size(self):
        """A size in bytes: most from 64 KiB to 8 MiB, some smaller, a few up to 24 MiB."""
        kind = self.below(100)
        if kind < 6:
            return 1 + self.below(64 * KIB)
        if kind == 6:
            return 8 * MIB + self.below(16 * MIB)
        return (64 * KIB << self.below(7)) + self.below(64 * KIB)


def write_blob(identity, content):
    directory = os.path.join(BLOBS, hashlib.sha1(identity.encode("ascii")).hexdigest()[:2])
    if not os.path.isdir(directory):
        os.makedirs(directory)
    path = os.path.join(directory, identity)
    with open(path, "wb") as blob:
        blob.write(content)
    os.utime(path, (OLD, OLD))


def digest(content, generation, number):
    """The digest as a director of that generation writes it; today's knows several forms."""
    sha1 = hashlib.sha1(content).hexdigest()
    form = number % 4 if generation == "director" else 0
    if form == 0:
        return sha1
    sha256 = "sha256:" + hashlib.sha256(content).hexdigest()
    return {1: sha1 + ";" + sha256, 2: sha256, 3: "sha1:" + sha1}[form]


def row(columns, stream, identity, checksum, number):
    """One row of a table that names a blob."""
    fingerprint = stream.hex(20)
    values = {
        "blobstore_id": identity,
        "sha1": checksum,
        "name": "filled_%d" % number,
        "version": fingerprint,
        "fingerprint": fingerprint,
        "content_sha1": fingerprint,
        "dependency_set_json": '["ruby","libpq"]',
        "package_names_json": '["ruby"]',
        "spec_json": '{"description":"one\\ntwo\\ta \\"word\\""}',
        "dependency_key": '[["ruby","%s"]]' % fingerprint,
        "dependency_key_sha1": fingerprint,
        "build": str(int(fingerprint[:7], 16)),  # unique for a package and a stemcell, also after a second filling
        "release_id": str(1 + number % 3),
        "package_id": str(1 + number % 20),
        "stemcell_id": str(1 + number % 2),
        "stemcell_os": "ubuntu-jammy",
        "stemcell_version": "1.404",
        "instance_id": str(1 + number % 8),
        "created_at": STAMP,
        "timestamp": STAMP,
        "type": "dns" if number % 2 else "compiled-release",
    }
    return [values[column] for column in columns.split()]


def copy(table, columns, rows):
    """COPY with its data, in PostgreSQL's text format."""
    quoted = ", ".join('"%s"' % column for column in columns.split())
    lines = ["COPY %s (%s) FROM stdin;" % (table, quoted)]
    for values in rows:
        lines.append("\t".join(value if value == NULL else escaped(value) for value in values))
    lines.append("\\.\n")
    return "\n".join(lines)


def escaped(value):
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def fill_blobs(generation, size, seed):
    """Write blobs of that many bytes in all. Return how many, and the SQL for the rows that name them."""
    stream = Stream(seed)
    tables = TABLES[generation]
    choice = [index for index, table in enumerate(tables) for _ in range(table[0])]
    rows = [[] for _ in tables]
    left, number = size, 0
    while left:
        number += 1
        content = stream.bytes(min(stream.size(), left))
        left -= len(content)
        identity = stream.uuid()
        write_blob(identity, content)
        index = number - 1 if number <= len(tables) else choice[stream.below(100)]
        rows[index].append(row(tables[index][2], stream, identity, digest(content, generation, number), number))
    if size:
        # Packages that were only ever uploaded compiled have no blob of their own.
        rows[0].extend(row(tables[0][2], stream, NULL, NULL, number + extra) for extra in range(1, 6))
    script = [copy(table, columns, rows[index]) for index, (_, table, columns) in enumerate(tables)]
    if generation == "director":
        script.append(unwritten(stream))
        script.append(
            "INSERT INTO local_dns_blobs (blob_id, version, created_at) SELECT id, id, created_at FROM blobs "
            "WHERE type = 'dns' AND id NOT IN (SELECT blob_id FROM local_dns_blobs);"
        )
    return number, "\n".join(script)


def unwritten(stream):
    """Rows of templates that went to their agents over NATS: since 2017 no blob is written for them."""
    columns = "instance_id blobstore_id sha1 content_sha1 created_at"
    rows = [[str(instance), stream.uuid(), stream.hex(20), stream.hex(20), STAMP] for instance in range(1, 9)]
    return copy("rendered_templates_archives", columns, rows)


def fill_tasks(generation, first, count, seed):
    """Write the logs of that many tasks. Return the SQL for their rows."""
    rows = []
    for identity in range(first, first + count):
        directory = os.path.join(TASKS, str(identity))
        os.makedirs(directory)
        for name, lines in (("debug", 400), ("event", 20), ("result", 1)):
            path = os.path.join(directory, name)
            with open(path, "w") as log:
                for line in range(lines):
                    log.write(
                        "I, [2014-12-21 01:30:12 #%d] task %d, seed %d: %s %d\n"
                        % (identity, identity, seed, name, line)
                    )
            os.utime(path, (OLD, OLD))
        rows.append(task(str(identity), directory))
        if generation == "director":
            rows[-1] += ["cf", STAMP, STAMP, EVENTS, "", "context-%d" % identity]
    add_links(os.path.join(str(first), "debug"))
    last = first + count - 1
    columns = TASK_COLUMNS + (MORE_TASK_COLUMNS if generation == "director" else "")
    script = copy("tasks", columns, rows) + "SELECT setval('tasks_id_seq', %d);\n" % last
    if generation == "director" and first == 1:
        script += ODD_TASKS.format(last, TASKS)
    return script


def task(identity, directory):
    """The row of a task that is done."""
    return [identity, "done", STAMP, "create deployment", "/deployments/cf", directory, "update_deployment", "admin"]


def add_links(debug):
    """A symbolic link, a dangling one and a hard link, as found on directors that people worked on."""
    links = (("latest", os.path.dirname(debug)), ("moved-away", "/mnt/old/tasks"))
    for name, target in links:
        path = os.path.join(TASKS, name)
        if not os.path.islink(path):
            os.symlink(target, path)
    kept = os.path.join(TASKS, "kept debug log")
    if not os.path.exists(kept):
        os.link(os.path.join(TASKS, debug), kept)


def bulk(generation, size, seed):
    """The SQL for rows of about that many bytes."""
    text = "(SELECT string_agg(md5('%d ' || i || ' ' || j), '') FROM generate_series(1, 28) j)" % seed
    return BULK[generation].format(text=text, stamp=STAMP, rows=size // KIB)


def psql(configuration, script):
    """Run the script in one transaction, return what it printed."""
    command = [
        configuration["POSTGRES"] + "/bin/psql",
        "-qAtX1",
        "-v",
        "ON_ERROR_STOP=1",
        "-h",
        "127.0.0.1",
        "-d",
        "bosh",
        "-f",
        "-",
    ]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    output = process.communicate(script.encode("utf-8"))[0].decode("utf-8")
    if process.returncode:
        raise SystemExit("fill: psql failed with status %d; is postgres running?" % process.returncode)
    return output.strip()


def fill_redis(seed):
    """Give redis some keys and have it write its dump."""
    if not os.path.isdir(STORE + "/redis"):
        return
    client = ["/var/vcap/packages/redis/bin/redis-cli", "-p", "25255"]
    for number in range(20):
        subprocess.check_output(client + ["SET", "resque:job:%d:%d" % (seed, number), "seed %d" % seed])
    subprocess.check_output(client + ["SAVE"])


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blobs", type=int, default=0, metavar="MIB", help="size of all the blobs")
    parser.add_argument("--tasks", type=int, default=0, metavar="N", help="tasks, each with its logs")
    parser.add_argument("--database-mib", type=int, default=0, metavar="MIB", help="rows to add to the bosh database")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main():
    options = arguments()
    configuration = settings()
    generation = configuration["GENERATION"]
    first = 1 + int(psql(configuration, "SELECT coalesce(max(id), 0) FROM tasks;"))
    count, script = fill_blobs(generation, options.blobs * MIB, options.seed)
    if options.tasks:
        script += fill_tasks(generation, first, options.tasks, options.seed)
    if options.database_mib:
        script += bulk(generation, options.database_mib * MIB, options.seed)
    psql(configuration, script)
    fill_redis(options.seed)
    print(
        json.dumps(
            {"blobs": count, "bytes": options.blobs * MIB, "tasks": options.tasks, "seed": options.seed}, sort_keys=True
        )
    )


if __name__ == "__main__":
    main()
