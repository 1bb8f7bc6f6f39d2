# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluates the rsync filter rules of a backup, and writes those that the director holds the key to."""

from __future__ import annotations

import re

RULE = re.compile(r"^([+-]) +(\S.*)$")
WILD = re.compile(r"[*?\[]")


class RuleError(ValueError):
    """A rule that is not one of rsync's plain include and exclude rules."""


def parse(rules: list[str]) -> list[tuple[str, str]]:
    """Given rules such as ``+ store/**``, return (sign, pattern) pairs; raise RuleError with the way out."""
    if not rules:
        raise RuleError("microbosh_filter is empty: name at least one path to back up, such as '+ store/**'")
    parsed = []
    for rule in rules:
        match = RULE.match(rule)
        if not match or "\n" in rule or "\0" in rule:
            raise RuleError(f"microbosh_filter has the rule {rule!r}: a rule is '+ pattern' or '- pattern'")
        if ".." in match.group(2).split("/"):
            raise RuleError(f"microbosh_filter has the rule {rule!r}: a pattern may not lead out of /var/vcap")
        parsed.append((match.group(1), match.group(2)))
    if not any(sign == "+" for sign, dummy in parsed):
        raise RuleError("microbosh_filter includes nothing: it needs a rule such as '+ store/**'")
    return parsed


def guard(rules: list[str]) -> list[str]:
    """Given the filter of a backup, return the rules that the director applies before those of the key's holder.

    They let through the trees (``+ store/**``) and the single paths (``+ bosh/settings.json``) that the
    filter names, with the directories that lead there, and nothing else of /var/vcap. Inside a tree
    they decide nothing, so that a run may leave out more.
    """
    trees, leaves, parents = _named(rules)
    reachable = sorted(trees | leaves | parents)
    inside = [parent for parent in sorted(parents) if not _within(parent, trees)]
    return [f"+ /{path}" for path in reachable] + [f"- /{parent}/*" for parent in inside] + ["- /*"]


def visible(rules: list[str], sealed=()) -> dict[str, list[str]]:
    """Given the filter of a backup, return the paths that have to be shown to apply it, and the directories above them.

    A path with a wildcard needs the directory that holds it; one with a wildcard at its top needs everything: nothing
    less can be shown then, and the answer is empty. A sealed path is never shown by itself.
    """
    trees, leaves, dummy = _named(rules)
    wanted = {_before_wildcard(path) for path in trees | leaves}
    if "" in wanted:
        return {"shown": [], "parents": []}
    shown = {path for path in wanted if not _within(path, wanted - {path})}
    above = {parent for path in shown for parent in _parents(path)}
    return {"shown": sorted(shown - set(sealed)), "parents": sorted(above)}


def sealing(sealed: list[str]) -> list[str]:
    """Given paths that only root reads, return the rules that keep them from the key, before all others.

    The same holds for the files that a restore put aside: the same ones are among them.
    """
    return [f"- /{path}" for path in sorted(sealed)] + ["- /store/microbosh-restore", "- .microbosh-restore"]


def identity_paths(rules: list[str]) -> dict[str, list[str]]:
    """Given the filter of a backup, return the single paths that it names, and what else it reaches but for the store.

    A single path may turn out to be a directory: then the filter reaches what is in it.
    """
    trees, leaves, dummy = _named(rules)
    named = sorted(path for path in leaves if not WILD.search(path))
    reached = sorted(path for path in trees | leaves if not _within(path, {"store"}))
    return {"named": named, "reached": reached}


def lets_through(rules: list[str], path: str) -> bool:
    """Return whether rsync would copy a file, by the first rule that matches it and each directory above it."""
    only_files = [(sign, pattern) for sign, pattern in parse(rules) if not pattern.endswith("/")]
    decided = next((sign for sign, pattern in only_files if _matches(pattern, path)), "+")
    parent = path.rpartition("/")[0]
    return decided == "+" and (not parent or copies(rules, parent))


def _named(rules):
    """Return what the rules include: trees, single paths, and the directories that lead to both."""
    included = [pattern.strip("/") for sign, pattern in parse(rules) if sign == "+"]
    trees = {re.sub(r"/\*{2,3}$", "", pattern) for pattern in included if re.search(r"/\*{2,3}$", pattern)}
    paths = {pattern for pattern in included if not pattern.endswith("**") and pattern not in trees}
    for pattern in included:
        tree = re.sub(r"/\*{2,3}$", "", pattern)
        if pattern.endswith("**") and (tree == pattern or WILD.search(tree)):
            raise RuleError(f"microbosh_filter includes '{pattern}': name a tree without wildcards, as in 'store/**'")
    parents = {parent for path in trees | paths for parent in _parents(path)}
    return trees, paths - parents, parents


def _before_wildcard(path):
    parts = path.split("/")
    safe = next((depth for depth, part in enumerate(parts) if WILD.search(part)), len(parts))
    return "/".join(parts[:safe])


def _parents(path):
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


def _within(path, trees):
    return any(path == tree or path.startswith(tree + "/") for tree in trees)


def copies(rules: list[str], path: str) -> bool:
    """Return whether rsync would copy a directory, by the first rule that matches it and each above it."""
    parsed = parse(rules)
    above = [*_parents(path), path]
    return all(next((sign for sign, pattern in parsed if _matches(pattern, part)), "+") == "+" for part in above)


def _matches(pattern, path):
    """Return whether a pattern of rsync matches a directory: anchored by a slash in front, else anywhere at the end."""
    inner = pattern.strip("/")
    whole = "/" in inner or "**" in inner
    tokens = re.split(r"(/\*\*\*$|\*\*\*?|\*|\?|\[[^\]]*\])", inner)
    meaning = {"/***": "(/.*)?", "***": ".*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    regex = "".join(meaning.get(token, token if WILD.match(token) else re.escape(token)) for token in tokens)
    if pattern.startswith("/"):
        return re.fullmatch(regex, path) is not None
    return re.fullmatch(f"(?:.*/)?{regex}" if whole else regex, path if whole else path.rpartition("/")[2]) is not None
