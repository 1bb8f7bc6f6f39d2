# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where copies of backups go, as the setting says it; what is wrong with it, in words that show no secret."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote

SETTING = "microbosh_offsite"
KEYS = ("repository", "password_file", "environment", "options", "copy", "keep", "reread_runs", "seconds")
KEEP = ("last", "daily", "weekly", "monthly", "yearly")
DEFAULT_KEEP = {"last": 7, "daily": 7, "weekly": 4, "monthly": 12}
BACKUP, ARCHIVE = "backup", "archive"
REREAD_RUNS, MOST_REREAD_RUNS = 30, 256  # restic knows no smaller share
SECONDS = 6 * 3600
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What is set here by the other keys, or would have somebody else say what is done.
OURS = (
    "RESTIC_REPOSITORY",
    "RESTIC_REPOSITORY_FILE",
    "RESTIC_PASSWORD",
    "RESTIC_PASSWORD_FILE",
    "RESTIC_PASSWORD_COMMAND",
)
ADDRESS = re.compile(r"^([^/]*?)://(.*)@")
SHORTEST_SECRET = 4
# Variables whose values are no secret, and often a part of an address.
KNOWN_TO_ALL = ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE", "OS_REGION_NAME")


class OffsiteError(ValueError):
    """Copies cannot be made or had back: by a setting, a program, or a repository. It says which, and the way out."""


@dataclass(frozen=True)
class Offsite:
    """A repository of restic, and what is done with it."""

    repository: str
    password_file: Path
    environment: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    of: str = BACKUP
    keep: dict[str, int] = field(default_factory=lambda: dict(DEFAULT_KEEP))
    reread_runs: int = REREAD_RUNS
    seconds: float = SECONDS

    @property
    def shown(self) -> str:
        """Where the repository is, without what only its owner is to know."""
        found = ADDRESS.match(self.repository)
        if not found:
            return self.repository
        user = found.group(2).split(":")[0] + ":" if ":" in found.group(2) else ""
        return f"{found.group(1)}://{user}***@{self.repository[found.end() :]}"

    def hide(self, text: str) -> str:
        """Return a text without what nobody is to see."""
        text = text.replace(self.repository, self.shown)
        for secret in sorted(self._secrets(), key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def _secrets(self):
        """Return what is hidden wherever it stands, also one line of it, or written as in an address."""
        found = ADDRESS.match(self.repository)
        inner = found.group(2) if found and self.shown != self.repository else ""
        options = [option.partition("=")[2] for option in self.options]
        values = [value for name, value in self.environment.items() if name not in KNOWN_TO_ALL]
        texts = [*values, *options, inner, inner.partition(":")[2]]
        lines = {
            line.strip()
            for text in texts
            for line in [text, unquote(text), quote(text), quote(text, safe=""), *text.splitlines()]
        }
        return [line for line in lines if len(line) >= SHORTEST_SECRET]


def offsite_of(given: object) -> Offsite | None:
    """Given the setting, return what it means, None for no copies. Raise OffsiteError if it makes no sense."""
    if not given:
        return None
    if not isinstance(given, dict):
        raise OffsiteError(f"{SETTING} is no mapping. Expected repository, password_file, and more.")
    unknown = sorted(str(name) for name in given if name not in KEYS)
    if unknown:
        raise OffsiteError(f"{SETTING} has no {unknown[0]}. It may have {', '.join(KEYS)}.")
    lacking = [name for name in KEYS[:2] if not str(given.get(name) or "").strip()]
    if lacking:
        raise OffsiteError(f"{SETTING} lacks {' and '.join(lacking)}. Empty it for no copies elsewhere.")
    return Offsite(
        repository=_repository(str(given["repository"]).strip()),
        password_file=_file(str(given["password_file"])),
        environment=_environment(given.get("environment")),
        options=_options(given.get("options")),
        of=_choice(given.get("copy") or BACKUP),
        keep=_keep(given.get("keep")),
        reread_runs=_number("reread_runs", given.get("reread_runs"), REREAD_RUNS, 1, MOST_REREAD_RUNS),
        seconds=_number("seconds", given.get("seconds"), SECONDS, 1, 7 * 24 * 3600),
    )


def _repository(text):
    """Return where the repository is: an address, or an absolute path, as commands run in more than one directory."""
    if not text.isprintable():
        raise OffsiteError(f"{SETTING}.repository has a character that no address has, such as the end of a line.")
    local = text.removeprefix("local:")
    if local == text and ":" in text.split("/")[0]:
        return text
    path = os.path.expandvars(os.path.expanduser(local))
    if not os.path.isabs(path):
        raise OffsiteError(
            f"{SETTING}.repository is {text!r}, no address such as sftp:user@host:/path, and no absolute path."
        )
    return path


def _file(text):
    path = os.path.expandvars(os.path.expanduser(text))
    if not (os.path.isabs(path) and path.isprintable()):
        # It may be the password itself, so it is not said again.
        raise OffsiteError(f"{SETTING}.password_file is no absolute path of a file that has the password in it.")
    return Path(path)


def _environment(given):
    found = given or {}
    if not isinstance(found, Mapping) or not all(_is_variable(*pair) for pair in found.items()):
        raise OffsiteError(f"{SETTING}.environment is no mapping of names to values, such as AWS_ACCESS_KEY_ID.")
    taken = sorted(set(found).intersection(OURS))
    if taken:
        raise OffsiteError(f"{SETTING}.environment has {taken[0]}. Use repository and password_file instead.")
    return {str(name): str(value) for name, value in found.items()}


def _is_variable(name, value):
    return NAME.fullmatch(str(name)) and "\0" not in str(value)


def _options(given):
    found = [given] if isinstance(given, str) else given or []
    if not isinstance(found, (list, tuple)) or not all("=" in str(one) for one in found):
        raise OffsiteError(f"{SETTING}.options is no list of options of restic, such as sftp.command=...")
    return tuple(str(one) for one in found)


def _choice(given):
    if given not in (BACKUP, ARCHIVE):
        raise OffsiteError(f"{SETTING}.copy is {given!r}. Expected {BACKUP} or {ARCHIVE}.")
    return given


def _keep(given):
    if given is None:
        return dict(DEFAULT_KEEP)
    if not isinstance(given, dict) or not set(given) <= set(KEEP):
        raise OffsiteError(f"{SETTING}.keep is no mapping of {', '.join(KEEP)} to numbers.")
    found = {name: _number(f"keep.{name}", number, 0, 0, 100_000) for name, number in given.items()}
    kept = {name: number for name, number in found.items() if number}
    if given and not kept:
        raise OffsiteError(f"{SETTING}.keep would keep no copy at all. Leave it empty (keep: {{}}) to remove none.")
    return kept


def _number(name, given, default, least, most):
    try:
        number = default if given is None else int(str(given))
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise OffsiteError(f"{SETTING}.{name} is {given!r}. Expected a number from {least} to {most}.")
    return number
