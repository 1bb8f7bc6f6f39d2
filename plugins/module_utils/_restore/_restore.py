# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads one database out of a dump: under another name first, so that the one that is there survives a failure."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import hashlib
import time

from ansible_collections.microbosh.director.plugins.module_utils._core._clock import seconds_since, uptime
from ansible_collections.microbosh.director.plugins.module_utils._core._text import encoded, native
from ansible_collections.microbosh.director.plugins.module_utils._dump._database_properties import (
    Properties,
    Traits,
    create_statement,
    properties_of,
    superusers_setting,
)
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_file import (
    DumpFileError,
    dumped_from,
)
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_statements import Fit
from ansible_collections.microbosh.director.plugins.module_utils._dump._iaas_ids import resolve
from ansible_collections.microbosh.director.plugins.module_utils._dump._loading import (
    LOADER,
    DirectLoading,
    GuardedLoading,
    stale_query,
    superusers_query,
)
from ansible_collections.microbosh.director.plugins.module_utils._dump._superuser_statements import (
    powers_needed,
    setting_needed,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import (
    PostgresError,
    ask_server,
    find_clients,
    matching_client,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._psql import (
    Psql,
    count_rows,
    hexadecimal,
    identifier,
    literal,
    select,
)

NEW = "microbosh_restore_"
OLD = "microbosh_replaced_"
KEPT = "microbosh_kept_"
ABSENT = "microbosh_absent_"
# A session of a service that was just stopped may outlive it for a moment, most of all on a server that is far.
PATIENCE = 10
# Nobody is asked on the other side: its slot belongs to the subscription of the same name in the new database.
_END_OF_SUBSCRIPTION = (
    "ALTER SUBSCRIPTION %s DISABLE", "ALTER SUBSCRIPTION %s SET (slot_name = NONE)", "DROP SUBSCRIPTION %s",
)
NOT_TO_REPLACE = ("template0", "template1")


def working_names(target):
    """Return what a database is called until it gets its name, when it lost it, and while it may have to come back.

    The last is that of an empty one, which says that there was none before. An operator recognises the names, and they
    fit into the 63 bytes a name may have.
    """
    mark = hashlib.sha256(encoded(target)).hexdigest()[:16]
    return NEW + mark, OLD + mark, KEPT + mark, ABSENT + mark


def require_alone(server, database, patience=0):
    """Raise DumpFileError if anything is connected to a database still when the patience, in seconds, is over."""
    began = uptime()
    others = server.connections(database)
    while others and seconds_since(began) < patience:
        time.sleep(0.5)
        others = server.connections(database)
    if others:
        raise DumpFileError(
            "The database %s is in use, so it is not replaced: %s. Stop what is connected (on a director: every "
            "service but postgres) and run again." % (database, "; ".join(others)),
            connections=others,
        )


class DatabaseServer(object):
    """The server that a database is loaded into."""

    def __init__(self, version, databases, psql):
        self.version = version
        self.databases = databases
        self._psql = psql
        self._maintenance = "postgres" if "postgres" in databases else "template1"

    @classmethod
    def find(cls, endpoint, packages, run_command):
        """Return the running server; raise PostgresError if it does not answer, or if there is no client for it."""
        clients, rejected = find_clients(packages, run_command)
        found = ask_server(endpoint, clients, rejected, run_command)
        client = matching_client(found.version, clients, rejected).at(endpoint)
        return cls(found.version, [database.name for database in found.databases], Psql(client, endpoint, run_command))

    def ask(self, query):
        return self._psql.ask(self._maintenance, query)

    def stay_out_of(self, database):
        """Ask by way of another database from now on than one that is to be replaced."""
        if database == self._maintenance:
            self._maintenance = "template1"

    def require_restricting(self):
        """Raise PostgresError if psql could be made to run programs where it runs."""
        self._psql.require_restricting()

    def greet(self, loading):
        """Ask something as the role of a load: the server may not let it in."""
        loading.greet(self._maintenance)

    def load(self, database, pieces):
        self._psql.load(database, pieces)

    def roles(self):
        return set(row[0] for row in self.ask(select([hexadecimal("rolname")], "pg_catalog.pg_roles")))

    def properties(self, database):
        """Return the Properties of a database, or None if there is none of that name."""
        return properties_of(self.ask, self.version, database)

    def give(self, statements):
        """Give a database what hangs on it itself: all of it, or nothing; return what a plain role may not give."""
        if self.superuser:
            self.ask(" ".join(["BEGIN;"] + statements + ["COMMIT;"]))
            return []
        refused = []
        for statement in statements:
            try:
                self.ask(statement)
            except PostgresError as error:
                refused.append("Not done: %s (%s)." % (statement.rstrip(";"), error))
        return refused

    def psql_as(self, role, password):
        return self._psql.as_role(role, password)

    def superusers(self):
        """Return the roles that may do what no dump is to do, or may give themselves the right to."""
        return set(row[0] for row in self.ask(superusers_query(self.version)))

    def drop_stale_loaders(self):
        """Remove what loads left that were killed: their roles, and the databases that these own."""
        for row in self.ask(stale_query()):
            self.drop(NEW + row[0][len(LOADER):])
            self.drop_loader(row[0])

    def drop_loader(self, role):
        """Remove the role of a load, with what it may do in tablespaces."""
        self.ask("DROP OWNED BY %s" % identifier(role))
        self.ask("DROP ROLE IF EXISTS %s" % identifier(role))

    def tablespaces(self):
        """Return the names of the tablespaces that somebody made."""
        rows = self.ask(select([hexadecimal("spcname")], "pg_catalog.pg_tablespace WHERE spcname !~ '^pg_'"))
        return set(row[0] for row in rows)

    def make_roles(self, pieces):
        self.load_beside(pieces)

    def load_beside(self, pieces):
        """Say something from another database than one that is restored."""
        self._psql.load(self._maintenance, pieces)

    def _subscriptions(self, database):
        if self.version.major < (10,):
            return []
        source = ("pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid WHERE datname ="
                  + literal(database))
        return [row[0] for row in self.ask(select([hexadecimal("subname")], source))]

    def connections(self, database):
        """Return who else is connected to a database, as texts."""
        # These functions are in every release; the columns of pg_stat_activity have had several names.
        columns = ("pg_stat_get_backend_pid(s.id)", "pg_get_userbyid(pg_stat_get_backend_userid(s.id))",
                   "coalesce(host(pg_stat_get_backend_client_addr(s.id)), 'the socket')")
        source = (
            "(SELECT pg_stat_get_backend_idset() AS id) s, pg_catalog.pg_database d"
            " WHERE d.oid = pg_stat_get_backend_dbid(s.id) AND d.datname =" + literal(database) +
            # The server's own workers have no client, and make room. Of another role's session one that is nobody
            # does not see the client.
            " AND (pg_stat_get_backend_client_port(s.id) IS NOT NULL OR CASE pg_stat_get_backend_userid(s.id)"
            " WHEN 0 THEN false ELSE NOT pg_has_role(pg_stat_get_backend_userid(s.id), 'USAGE') END)"
            " AND pg_stat_get_backend_pid(s.id) <> pg_backend_pid()"
        )
        rows = self.ask(select([hexadecimal(column) for column in columns], source))
        return ["process %s, role %s, from %s" % tuple(row) for row in rows]

    def create(self, name, traits):
        self.ask(create_statement(name, traits, self.version))

    def drop(self, name):
        """Drop a database if there is one of that name, with what keeps PostgreSQL from doing so."""
        for subscription in self._subscriptions(name):
            for action in _END_OF_SUBSCRIPTION:
                self._psql.ask(name, action % identifier(subscription))
        there = self.properties(name)
        if there is not None and there.template:
            self.ask("ALTER DATABASE %s IS_TEMPLATE false" % identifier(name))
        self.ask("DROP DATABASE IF EXISTS %s" % identifier(name))

    def rename(self, *pairs):
        """Rename databases, all or none of them."""
        self.ask("BEGIN; %s COMMIT" % " ".join(
            "ALTER DATABASE %s RENAME TO %s;" % (identifier(old), identifier(new)) for old, new in pairs))

    def count(self, database, expected):
        """Given the rows by table as they should be, return them as the server counts them."""
        return count_rows(self._psql, database, expected)

    def count_large_objects(self, database):
        return int(self._psql.ask(database, "SELECT count(*) FROM pg_catalog.pg_largeobject_metadata")[0][0])

    def fit(self):
        """Return what of a dump this server takes."""
        names = [set(row[0] for row in self.ask(select([hexadecimal(column)], "pg_catalog." + table)))
                 for column, table in (("lower(name)", "pg_settings"), ("spcname", "pg_tablespace"))]
        return Fit(self.version, *names, superuser=self.superuser)

    def has(self, database):
        return bool(self.ask(select(["1"], "pg_catalog.pg_database WHERE datname =" + literal(database))))

    def lacking(self, database, owner):
        """Return the rights that a role needs to exchange a database for a new one, and has not got, as texts."""
        if self.superuser:
            return []
        mine = self.ask(select(["1"], "pg_catalog.pg_roles WHERE rolcreatedb AND rolname = current_user"))
        others = "pg_catalog.pg_database WHERE NOT pg_has_role(datdba, 'USAGE') AND datname =" + literal(database)
        owners = self.ask(select([hexadecimal("pg_get_userbyid(datdba)")], others))
        strange = "pg_catalog.pg_roles WHERE NOT pg_has_role(oid, 'MEMBER') AND rolname =" + literal(owner or "")
        return (
            ["make and rename databases (CREATEDB)"] * (not mine)
            + ["rename the database %s, which is the role %s's" % (database, row[0]) for row in owners]
            + ["make a database of the role %s, to which it does not belong" % row[0]
               for row in self.ask(select([hexadecimal("rolname")], strange))]
        )

    @property
    def user(self):
        return self.ask(select([hexadecimal("current_user")], "pg_catalog.pg_roles LIMIT 1"))[0][0]

    @property
    def superuser(self):
        return self.ask("SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user")[0][0] == "t"


class DatabaseRestore(object):
    """One database on its way from a dump into a server."""

    def __init__(self, source, server, wanted):
        """``wanted`` has the parameters of the module; of those that are left out, the defaults hold."""
        self._source = source
        self._server = server
        self._target = wanted.get("target") or source.contents.name or wanted.get("database")
        self._database = source.contents.name or wanted.get("database") or self._target
        self._wanted = wanted
        if not self._target:
            raise DumpFileError("The dump %s does not say what its database is called: name the target." % source.path)
        self._new, self._old, self._kept, self._absent = working_names(self._target)
        self.warnings = []
        self.found = {}
        server.stay_out_of(self._target)
        there = server.properties(self._target)
        self.exists = there is not None
        self._properties = self._choose_properties(there)
        self._choose_roles()

    def _choose_properties(self, there):
        """Return what is to hang on the database: as at the dump, or else as on the one that is replaced."""
        beside = self._source.properties
        found = beside or there or self._server.properties(self._database) or Properties(Traits(), [])
        if beside is None:
            found = found._replace(statements=found.statements + self._said.statements)
        if not found.traits.encoding:
            found = found._replace(traits=found.traits._replace(encoding=self._source.contents.encoding))
        return found

    @property
    def _said(self):
        """What the backup itself says of the database."""
        said = [native(statement) for statement in self._source.contents.properties]
        return self._source.properties or Properties(Traits(), said)

    def _choose_roles(self):
        """Find out which roles are not there, and which of these the dump of the roles makes."""
        self._roles_there = self._server.roles()
        missing = (set(self._source.contents.statements_by_role) | self._properties.roles()) - self._roles_there
        self.made_roles = missing & self._roles_file.made if self._roles_file else set()
        self.missing_roles = missing - self.made_roles

    @property
    def _roles_file(self):
        return self._wanted.get("roles_file")

    @property
    def lost_roles(self):
        """The names of roles that somebody could still make, and that are not there.

        A number is what pg_dump writes for a role that was gone by then; pg_... belongs to a version of PostgreSQL.
        """
        return sorted(role for role in self.missing_roles if not role.isdigit() and not role.startswith("pg_"))

    def require_roles(self):
        """Raise DumpFileError if objects or rights would be lost with their roles, and that is not allowed."""
        lost = self.lost_roles
        if lost and self._wanted.get("missing_roles") == "refuse":
            raise DumpFileError(
                "The dump %s gives objects or rights to the roles %s, which are neither on this server nor in the "
                "backup's dump of the roles. Make them (CREATE ROLE), or allow that they are left out (missing_roles: "
                "leave_out; of the playbook microbosh_restore_missing_roles=leave_out): what they own then belongs to "
                "the role that restores."
                % (self._source.path, ", ".join(lost))
            )

    def check(self):
        """Raise DumpFileError unless the database could be loaded now."""
        dumped = self._source.contents.dump.server_version
        if dumped and dumped_from(dumped).major > self._server.version.major:
            raise DumpFileError(
                "The dump %s is of PostgreSQL %s, and the server has %s: an older server does not understand it. "
                "Restore it into a server that is not older." % (self._source.path, dumped, self._server.version)
            )
        if self._target in NOT_TO_REPLACE or self._target.startswith((NEW, OLD, KEPT, ABSENT)):
            raise DumpFileError("The database %s belongs to the server and is not replaced." % self._target)
        if self.exists and not self._wanted.get("replace"):
            raise DumpFileError(
                "There is a database %s already, and nothing was said about replacing it. Nothing was changed. Give "
                "another target, such as %s-backup, or allow it to be replaced." % (self._target, self._target)
            )
        self.require_roles()
        self.require_harmless()
        if self._keeps:
            self._require_rights()

    @property
    def _keeps(self):
        """Whether what is replaced stays, so that it can come back."""
        return bool(self._wanted.get("keep_replaced"))

    def _require_rights(self):
        lacking = self._server.lacking(self._target, self._properties.traits.owner)
        if lacking:
            raise DumpFileError(
                "The database %s cannot be replaced, and is as it was: the role that restores may not %s. Give it "
                "that right, or bring the database back by other means and restore the rest without it (of the "
                "playbook microbosh_restore_elsewhere=left)." % (self._target, ", nor ".join(lacking))
            )

    def require_way_in(self):
        """Raise PostgresError unless the server lets in the role that is made for a load."""
        if self.guarded and self._wanted.get("way_in"):
            with self._loading() as loading:
                self._server.greet(loading)

    def require_none_kept(self):
        """Raise DumpFileError if an earlier restore keeps one still: only that restore knows what it is good for."""
        left = [name for name in (self._kept, self._absent) if self._keeps and self._server.has(name)]
        if left:
            raise DumpFileError(
                "The database that an earlier restore replaced is still there as %s. Nothing was touched. End that "
                "restore (of the playbook microbosh_restore_unfinished=resume, or rollback); if none is under way, "
                "drop that database, which is %s as it was before%s."
                % (left[0], self._target, ": there was none" if left == [self._absent] else "")
            )

    def require_alone(self):
        if self.exists:
            require_alone(self._server, self._target, PATIENCE if self._keeps else 0)

    def load(self, mapping, expected):
        """Load, compare, and give the database its name."""
        self._server.drop(self._new)
        if self._keeps and not self.exists and not self._server.has(self._absent):
            self._server.create(self._absent, Traits())
        self._make_roles()
        with self._loading() as loading:
            self._create(loading.role)
            try:
                self._load_by(loading, mapping, expected)
                self.warnings.extend(self._server.give(self._given(loading)))
                self._swap()
            except BaseException:
                self._discard(self._new)
                raise
        self.warnings.extend([loading.left_over] if loading.left_over else [])
        self._discard(self._old)

    @property
    def guarded(self):
        """Whether a role is made for this load: the one that restores may do too much, and was not told to."""
        return self._server.superuser and not self._wanted.get("as_superuser")

    def _loading(self):
        if not self.guarded:
            return DirectLoading(self._server)
        contents = self._source.contents
        return GuardedLoading(self._server, self._new[len(NEW):], contents.extensions, contents.encoding)

    def _load_by(self, loading, mapping, expected):
        """Load into the new database, and compare."""
        loading.prepare(self._new, self._source.contents)
        fit = loading.fit()
        loading.load(self._new, self._source.pieces(mapping, self.missing_roles, expected, fit))
        self.warnings.extend("Left out: %s (%d times)." % item for item in sorted(fit.left_out.items()))
        self._compare(loading)
        loading.finish(self._new, self._heir or self._server.user)

    @property
    def _owners(self):
        """The roles that own something of the dump's, or its database, as far as they are there."""
        contents = self._source.contents
        found = sorted(contents.owners - self.missing_roles)
        found += [self._wanted["heir"]] if self._wanted.get("heir") else []
        return ([self._properties.traits.owner] if self._properties.traits.owner in self._roles_there else []) + found

    @property
    def _heir(self):
        """Who is to own what the dump says nothing about: one who is no superuser, if there is any."""
        superusers = self._server.superusers()
        return next((role for role in self._owners if role not in superusers), None)

    def _given(self, loading):
        """Return what is to be said of the new database itself."""
        statements = self._properties.renamed(self._new, self.missing_roles)
        owner = self._properties.traits.owner
        if loading.role and owner in self._roles_there | self.made_roles:
            statements.insert(0, "ALTER DATABASE %s OWNER TO %s;" % (identifier(self._new), identifier(owner)))
        return statements

    def _powers(self):
        """Return what it takes to load the dump that no role of a service has, or None."""
        superusers = self._server.superusers()
        why = powers_needed(self._source.contents, self._owners, superusers) or self._said.powers_needed(superusers)
        if why:
            return why
        role = self._roles_file.said().powerful(self.made_roles, superusers) if self.made_roles else None
        if role:
            return "needs a role that may more than own what it is given: %s" % role
        return setting_needed(superusers_setting(self._server.ask, self._properties.settings()))

    def require_harmless(self):
        """Raise DumpFileError if the dump needs a superuser, or would leave code behind that one runs."""
        if not self.guarded:
            return
        why = self._powers()
        if why:
            raise DumpFileError(
                "The dump %s is not loaded: it %s. Nothing was changed. If you know what it does, allow it for this "
                "run (as_superuser: true; of the playbooks microbosh_dump_as_superuser=true)."
                % (self._source.path, why)
            )

    def _make_roles(self):
        if not self.made_roles:
            return
        try:
            self._server.make_roles(self._roles_file.pieces(self.made_roles, self._roles_there))
        except PostgresError as error:
            raise DumpFileError(
                "The roles %s, which the dump %s needs, could not be made: %s. Make them, or restore as one that may."
                % (", ".join(sorted(self.made_roles)), self._source.path, error)
            )
        self.warnings.append("The roles %s were not on this server and were made as they were at the backup."
                             % ", ".join(sorted(self.made_roles)))

    def _create(self, loader):
        """Make the new database, the loader's if there is one, with the old one's locale if this host has that."""
        traits = self._properties.traits
        if loader or traits.owner not in self._roles_there | self.made_roles:
            traits = traits._replace(owner=loader)
        try:
            self._server.create(self._new, traits)
        except PostgresError as error:
            there = self._server.properties(self._target) or Properties(Traits(), [])
            plain = there.traits._replace(owner=traits.owner, encoding=there.traits.encoding or traits.encoding)
            if plain == traits:
                raise
            self._server.create(self._new, plain)
            instead = "the one before" if self.exists else "the server"
            self.warnings.append(
                "The database %s could not be made with the locale %s that it had (%s); it has that of %s."
                % (self._target, traits.locale or traits.collate, error, instead)
            )

    def _discard(self, name):
        """Drop what is of no use any more. If that fails, the next restore of this database does it."""
        try:
            self._server.drop(name)
        except PostgresError as error:
            self.warnings.append("The database %s is left over and could not be dropped: %s." % (name, error))

    def _compare(self, loading):
        expected = self._source.contents.rows
        found = self.found = loading.count(self._new, expected)
        wrong = ["%s has %d rows instead of %d" % (table, found[table], count) if table in found
                 else "%s is no table" % table
                 for table, count in sorted(expected.items()) if found.get(table) != count]
        large = loading.count_large_objects(self._new)
        if large != self._source.contents.large_objects:
            wrong.append("there are %d large objects instead of %d" % (large, self._source.contents.large_objects))
        if wrong:
            raise DumpFileError("The dump %s was loaded, but %s." % (self._source.path, "; ".join(wrong)))

    def _swap(self):
        if not self.exists:
            self._server.rename((self._new, self._target))
            return
        self._server.drop(self._old)
        self.require_alone()
        # One that is kept already is what was there before: what is replaced now came with a load whose end was lost.
        known = any(self._server.has(name) for name in (self._kept, self._absent))
        aside = self._kept if self._keeps and not known else self._old
        self._server.rename((self._target, aside), (self._new, self._target))

    def warn_of_roles(self):
        for role in sorted(self.missing_roles):
            self.warnings.append(
                "The role %s of the dump is not on this server: %d statements that make it an owner or give it rights "
                "were left out, its objects belong to the role that restores." % (role, self._count(role))
            )

    def _count(self, role):
        """Return the number of statements that need a role."""
        return self._source.contents.statements_by_role.get(role, 0) + self._properties.count(role)

    def facts(self):
        contents = self._source.contents
        return {
            "database": self._database,
            "target": self._target,
            "replaced": self.exists,
            "rows": contents.rows,
            "missing_roles": dict((role, self._count(role)) for role in sorted(self.missing_roles)),
            "made_roles": sorted(self.made_roles),
            "properties": self._properties.statements,
            "server_version": str(self._server.version),
            "dump_version": contents.dump.server_version,
            "sha256": self._source.sha256,
        }


def _would_rewrite(mapping, ids):
    """Return how many ids a load would replace, by column."""
    counts = {}
    for kind, pairs in mapping.items():
        for old in pairs:
            for column, count in ids[kind][old].items():
                counts[column] = counts.get(column, 0) + count
    return counts


def examine(source, rewrite):
    """Return what a dump would have replaced; raise RewriteError if the map does not fit it."""
    began = uptime()
    mapping = resolve(rewrite, source.contents.ids)
    return {
        "changed": False,
        "mapping": mapping,
        "rewritten": _would_rewrite(mapping, source.contents.ids),
        "dump_version": source.contents.dump.server_version,
        "sha256": source.sha256,
        "seconds": seconds_since(began),
    }


def restore_database(source, server, params, pretend=False):
    """Load a database as the module's parameters say; return what was, or would be, done.

    With ``asked`` in them nobody loads it: whoever is connected then may go until somebody does.
    """
    began = uptime()
    restore = DatabaseRestore(source, server, params)
    mapping = resolve(params["rewrite"], source.contents.ids)
    counts = _would_rewrite(mapping, source.contents.ids)
    restore.warn_of_roles()
    try:
        restore.check()
        if params.get("asked"):
            restore.require_none_kept()
            restore.require_way_in()
        else:
            restore.require_alone()
        if not pretend:
            with source.locked():
                restore.load(mapping, counts)
    except PostgresError as error:
        raise DumpFileError(
            "The dump %s could not be loaded: %s. The databases are as they were." % (source.path, error),
            **restore.facts()
        )
    facts = dict(restore.facts(), rewritten=counts, mapping=mapping, warnings=restore.warnings,
                 told=list(restore.warnings))
    return dict(facts, changed=not params.get("asked"), seconds=seconds_since(began))
