# SPDX-License-Identifier: GPL-3.0-or-later
"""Where links of our Markdown lead in the site.

The guides are written to be read in the repository: a link there leads to a file. In the site a link to a guide leads
to its page, one to a plugin or a role to the page that antsibull-docs made of it, any other one to the file on the web.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path, PurePosixPath

REPOSITORY = Path(__file__).resolve().parents[3]
WEB = "https://github.com/microbosh/director"
COLLECTION = "ansible_collections.microbosh.director"
# What is not to be changed: code, in blocks and in lines.
CODE = re.compile(r"(^ *```.*?^ *```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<=\]\()[^)\s]+(?=\))")
KINDS = {"modules": "module", "filter": "filter", "lookup": "lookup", "callback": "callback"}


def label_of(path):
    """The label of the page about the plugin or the role that is in this file, or None."""
    if len(path.parts) == 3 and path.parts[0] == "plugins" and path.parts[1] in KINDS:
        return f"{COLLECTION}.{path.stem}_{KINDS[path.parts[1]]}"
    if path.parts[0] == "roles" and path.parts[2:] in ((), ("meta", "argument_specs.yml")):
        return f"{COLLECTION}.{path.parts[1]}_role"
    return None


def is_page(path):
    return path.suffix == ".md" and path.parent.as_posix() in (".", "docs")


def page_of(path):
    """The page that a Markdown file of the repository is on."""
    return "index" if path == PurePosixPath("README.md") else path.with_suffix("").as_posix()


def file_of(page):
    """The file of the repository that a page was made of, or None for pages that antsibull-docs made."""
    path = PurePosixPath("README.md" if page == "index" else page + ".md")
    return path if is_page(path) and (REPOSITORY / path).is_file() else None


def led(target, origin):
    """Where a link of the file `origin` leads in the site."""
    name, hash_, anchor = target.partition("#")
    if not name or "://" in target or target.startswith("mailto:"):
        return target
    there = (REPOSITORY / origin.parent / name).resolve()
    path = PurePosixPath(there.relative_to(REPOSITORY).as_posix())
    if is_page(path):
        return f"/{page_of(path)}.md{hash_}{anchor}"
    label = label_of(path)
    if label:
        return f"#{label}"
    return f"{WEB}/{'tree' if there.is_dir() else 'blob'}/main/{path}{hash_}{anchor}"


def rewritten(text, origin):
    """The Markdown of a file with its links led to the site."""
    parts = CODE.split(text)
    parts[::2] = [LINK.sub(lambda link: led(link.group(), origin), part) for part in parts[::2]]
    return "".join(parts)


@functools.cache
def names():
    """What a guide may name in backticks, with the label of its documentation."""
    found = {}
    for kind in KINDS:
        for path in (REPOSITORY / "plugins" / kind).glob("[a-z]*.py"):
            label = label_of(PurePosixPath("plugins", kind, path.name))
            found[path.stem] = found[f"microbosh.director.{path.stem}"] = label
    settings = (REPOSITORY / "roles/microbosh/defaults/main.yml").read_text()
    for setting in re.findall(r"^(microbosh_\w+):", settings, re.MULTILINE):
        found[setting] = f"{COLLECTION}.microbosh_role__parameter-main__{setting}"
    return found


def shortened(text):
    """A page of antsibull-docs without the table of contents, which the theme has, with short names in the sidebar.

    Filters are for our own playbooks: the index lists them, the sidebar, which is made for each page, does not.
    """
    text = re.sub(r"^\.\. contents::\n(?:   :.*\n)*", "", text, flags=re.MULTILINE)
    text = re.sub(r"^    (\w+)_module$", r"    \1 <\1_module>", text, flags=re.MULTILINE)
    text = re.sub(r"^    \w+_filter\n", "", text, flags=re.MULTILINE)
    return re.sub(r"^    (\w+)_(callback|lookup|role)$", r"    \1 (\2) <\1_\2>", text, flags=re.MULTILINE)
