# SPDX-License-Identifier: GPL-3.0-or-later
"""The site of our guides, and of the pages that antsibull-docs makes of plugins and roles; script/docs builds it."""

from __future__ import annotations

import sys
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).parent))

ANSIBLE = "https://docs.ansible.com/projects/ansible/latest/"


def reached(inventory):
    """Whether the inventory of another site can be had from here; a build without the internet does without it."""
    try:
        return requests.head(inventory, timeout=5).ok
    except requests.RequestException:
        return False


project = title = html_title = html_short_title = "microbosh.director"
author = copyright = "microbosh.director contributors"
extensions = ["sphinx.ext.intersphinx", "sphinx_antsibull_ext", "myst_parser", "guides"]

nitpicky = True
# Variables of Ansible's own callback, whose options ours has: no page defines them.
nitpick_ignore_regex = [("std:envvar", "ANSIBLE_.*")]
if reached(ANSIBLE + "objects.inv"):
    intersphinx_mapping = {"ansible": (ANSIBLE, None)}
else:
    # Ansible's own labels, which every page of a plugin has, and other collections.
    nitpick_ignore_regex += [
        ("std:ref", "action_plugins|callback_plugins|ansible_configuration_settings|common_return_values"),
        ("std:ref", r"ansible_collections\.(?!microbosh\.).*"),
    ]

highlight_language = "text"
myst_heading_anchors = 4

html_theme = "furo"
html_copy_source = False
html_show_sphinx = False
html_use_index = False
html_static_path = ["static"]
html_css_files = ["site.css"]
html_theme_options = {
    "source_repository": "https://github.com/microbosh/director/",
    "source_branch": "main",
    "source_directory": "",
}
antsibull_ext_color_scheme = "default-autodark"
