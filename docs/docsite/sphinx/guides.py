# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx extension: links of our Markdown, and those of documentation to our guides, lead to pages of the site.

Names of modules, filters and settings in backticks lead to their documentation, too.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from docutils import nodes
from links import WEB, file_of, is_page, names, page_of, rewritten, shortened
from sphinx.util import logging

logger = logging.getLogger(__name__)


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
            uri = f"{app.builder.get_relative_uri(page, there)}#{anchor}"
            link = nodes.reference("", "", internal=True, refuri=uri)
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
