# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx extension: leads links of our Markdown to pages of the site, and links of plugins' documentation to our guides.

The guides are written to be read in the repository: a link there leads to a file. Here a link to a guide leads to its page, one
to a plugin or a role to the page that antsibull-docs made of it, any other one to the file in the repository on the web. Names of
modules, filters, settings in backticks lead to their documentation, too. Links of plugins to a guide on the web lead to its page.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path, PurePosixPath

from docutils import nodes
from sphinx.util import logging

logger = logging.getLogger(__name__)
REPOSITORY = Path(__file__).resolve().parents[3]
WEB = "https://github.com/microbosh/director"
COLLECTION = "ansible_collections.microbosh.director"
# What is not to be changed: code, in blocks and in lines.
CODE = re.compile(r"(^ *```.*?^ *```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<=\]\()[^)\s]+(?=\))")
KINDS = {"modules": "module", "filter": "filter", "lookup": "lookup"}


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
    """A page of antsibull-docs without its own table of contents, which the theme has, and with short names in the sidebar."""
    text = re.sub(r"^\.\. contents::\n(?:   :.*\n)*", "", text, flags=re.MULTILINE)
    text = re.sub(r"^    (\w+)_module$", r"    \1 <\1_module>", text, flags=re.MULTILINE)
    return re.sub(r"^    (\w+)_(filter|lookup|role)$", r"    \1 (\2) <\1_\2>", text, flags=re.MULTILINE)


def rewrite(app, page, source):
    """When Sphinx reads a page."""
    origin = file_of(page)
    source[0] = rewritten(source[0], origin) if origin else shortened(source[0])


def link_names(app, doctree, page):
    """Names in backticks lead to their documentation, but for those that are in a heading or in a link."""
    labels, known = app.env.domains.standard_domain.anonlabels, names()
    for literal in list(doctree.findall(nodes.literal)):
        label = known.get(re.split(r"[=:\s]", literal.astext(), maxsplit=1)[0])
        above = literal.parent
        while above is not None and not isinstance(above, (nodes.title, nodes.reference)):
            above = above.parent
        if label and above is None:
            there, anchor = labels[label]
            link = nodes.reference("", "", internal=True, refuri=f"{app.builder.get_relative_uri(page, there)}#{anchor}")
            literal.replace_self(link)
            link += literal


def lead_to_guides(app, doctree, page):
    """Links to a Markdown file of the repository on the web lead to its page."""
    for link in doctree.findall(nodes.reference):
        file, hash_, anchor = link.get("refuri", "").removeprefix(f"{WEB}/blob/main/").partition("#")
        path = PurePosixPath(file)
        if link.get("refuri", "").startswith(WEB) and is_page(path):
            if page_of(path) in app.env.found_docs:
                link["refuri"] = app.builder.get_relative_uri(page, page_of(path)) + hash_ + anchor
            else:
                logger.warning("there is no guide %s", file, location=link)


def lead(app, doctree, page):
    """When the links of a page are known."""
    if file_of(page):
        link_names(app, doctree, page)
    lead_to_guides(app, doctree, page)


def setup(app):
    app.connect("source-read", rewrite)
    app.connect("doctree-resolved", lead)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
