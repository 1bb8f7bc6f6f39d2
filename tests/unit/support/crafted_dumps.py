# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps as one would write them who has a director and wants the host that loads its backup."""

from __future__ import annotations

import json
import re

HEAD = """--
-- PostgreSQL database dump
--

-- Dumped from database version 15.18
-- Dumped by pg_dump version 15.18

SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET row_security = off;

"""
TAIL = "\n--\n-- PostgreSQL database dump complete\n--\n\n"
GLOBALS = """--
-- PostgreSQL database cluster dump
--

SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;

CREATE ROLE vcap;
ALTER ROLE vcap WITH SUPERUSER INHERIT CREATEROLE CREATEDB LOGIN REPLICATION BYPASSRLS;
CREATE ROLE app;
ALTER ROLE app WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS;
{more}
--
-- PostgreSQL database cluster dump complete
--

"""
ROWS = "COPY public.t (a) FROM stdin;\n1\n\\.\n"
TABLE = "CREATE TABLE public.t (\n    a integer\n);\nALTER TABLE public.t OWNER TO app;\n"
STRONG = TABLE.replace("TO app", "TO vcap")  # an index is made as the owner of its table

# {host} is a place that everybody may write to.
RUN = "EXECUTE 'COPY (SELECT 1) TO PROGRAM ''touch {host}/ran''';"


def attempt(sql, declarations="", volatility="VOLATILE"):
    """A function that does something, and an immutable one that calls it. The error it ends with says how it went."""
    body = (
        f"DECLARE said text; {declarations} BEGIN BEGIN {sql} EXCEPTION WHEN OTHERS THEN\n"
        "RAISE EXCEPTION 'STOPPED %', SQLERRM; END; RAISE EXCEPTION 'REACHED %', coalesce(said, ''); END"
    )
    return (f"CREATE FUNCTION public.evil() RETURNS integer\n    LANGUAGE plpgsql {volatility}\n"
        f"    AS $_$ {body} $_$;\n"
            "CREATE FUNCTION public.pure(integer) RETURNS integer\n    LANGUAGE plpgsql IMMUTABLE\n"
            "    AS $_$ BEGIN RETURN public.evil(); END $_$;\n"
            "ALTER FUNCTION public.evil() OWNER TO app;\n"
        "ALTER FUNCTION public.pure(integer) OWNER TO app;\n")  # fmt: skip


# How code of a dump is run while it is loaded.
VEHICLES = {
    "check": "CREATE TABLE public.t (\n    a integer,\n    CONSTRAINT c CHECK ((public.evil() > 0))\n);\n" + ROWS,
    "default": "CREATE TABLE public.t (\n    a integer,\n    b integer DEFAULT public.evil()\n);\n" + ROWS,
    "domain": "CREATE DOMAIN public.d AS integer CONSTRAINT c CHECK ((public.evil() > 0));\n"
    "CREATE TABLE public.t (\n    a public.d\n);\n" + ROWS,
    "index": STRONG + ROWS + "CREATE INDEX i ON public.t USING btree (public.pure(a));\n",
    "predicate": STRONG + ROWS + "CREATE INDEX i ON public.t USING btree (a) WHERE (public.pure(a) > 0);\n",
    "generated column": "CREATE TABLE public.t (\n    a integer,\n    b integer GENERATED ALWAYS AS (public.pure(a)) "
    "STORED\n"
    ");\n" + ROWS,
    "materialized view": TABLE
    + ROWS
    + "CREATE MATERIALIZED VIEW public.m AS\n SELECT public.evil() AS e\n  WITH NO DATA;\n"
    "REFRESH MATERIALIZED VIEW public.m;\n",
    "trigger": TABLE + "CREATE FUNCTION public.fire() RETURNS trigger\n    LANGUAGE plpgsql\n"
    "    AS $_$ BEGIN PERFORM public.evil(); RETURN NEW; END $_$;\n"
    "CREATE TRIGGER g BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.fire();\n" + ROWS,
    "cast": "CREATE TYPE public.p AS (\n    x integer\n);\nCREATE FUNCTION public.casting(integer) RETURNS public.p\n"
    "    LANGUAGE plpgsql IMMUTABLE\n    AS $_$ BEGIN PERFORM public.evil(); RETURN NULL; END $_$;\n"
    "CREATE CAST (integer AS public.p) WITH FUNCTION public.casting(integer) AS IMPLICIT;\n"
    "CREATE TABLE public.t (\n    a integer,\n    CONSTRAINT c CHECK (((a)::public.p IS NULL))\n);\n" + ROWS,
    "constraint that is validated": TABLE
    + ROWS
    + "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT c CHECK ((public.evil() > 0));\n",
}

# What is counted as a table when all is loaded.
COUNTED = (
    TABLE.replace("CREATE TABLE public.t", "CREATE TABLE public.real").replace("public.t OWNER", "public.real OWNER")
    + "CREATE VIEW public.t AS\n SELECT a FROM public.real WHERE (public.evil() > 0);\n"
    "CREATE FUNCTION public.fire() RETURNS trigger\n    LANGUAGE plpgsql\n    AS $_$ BEGIN RETURN NEW; END $_$;\n"
    "CREATE TRIGGER g INSTEAD OF INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.fire();\n"
    + ROWS
    + "COPY public.real (a) FROM stdin;\n1\n\\.\n"
)


def make_backup(directory, bodies, roles=""):
    """A backup with a dump for each of these bodies, by the name of its database."""
    dbs = directory / "backup" / "dbs"
    dbs.mkdir(parents=True)
    for name, body in bodies.items():
        (dbs / f"{name}.sql").write_text(HEAD + body + TAIL, encoding="utf-8")
    (dbs / "globals.sql").write_text(GLOBALS.format(more=roles), encoding="utf-8")
    (directory / "backup" / "backup.json").write_text(json.dumps({"dumps": []}), encoding="utf-8")
    return str(directory / "backup")


def outcome(result, name="bosh"):
    """Return the result of a dump: REACHED, STOPPED and why, refused and why, or loaded."""
    said = " ".join(problem for problem in result["problems"] if f"/{name}.sql" in problem)
    found = re.search(r"(?:REACHED|STOPPED) [^/]*", said)
    return found.group().strip() if found else said or "loaded"
