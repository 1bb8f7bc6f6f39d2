# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads YAML as Ruby writes it, and JSON: tags are ignored, and every scalar stays text.

An id is a text. Read as a number, a date or minutes and seconds, it would be another id.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import binascii
import json

from ansible.module_utils.common.text.converters import to_text
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError

try:
    from yaml import SafeLoader, YAMLError
    from yaml.nodes import ScalarNode, SequenceNode
except ImportError:
    HAS_YAML = False
    SafeLoader = object
    YAMLError = ValueError
else:
    HAS_YAML = True

NULL = "tag:yaml.org,2002:null"
MERGE = "tag:yaml.org,2002:merge"
BINARY = ("!binary", "tag:yaml.org,2002:binary", "tag:ruby.yaml.org,2002:binary")
SYMBOL = ("!ruby/sym", "!ruby/symbol", "tag:ruby.yaml.org,2002:sym", "tag:ruby.yaml.org,2002:symbol")
# Where Ruby keeps the value itself of an object that has variables beside it.
WRAPPED = {"string": "str", "hash-with-ivars": "elements", "array": "internal", "object:OpenStruct": "table"}


class RubyError(DirectorError):
    """A file is not one that Ruby, or anybody, wrote as YAML."""


class RubyLoader(SafeLoader):
    """Makes dicts, lists, texts and None of a document, and never anything else."""

    def construct_any(self, node):
        """Make what a node holds, whatever its tag says that it is."""
        if isinstance(node, ScalarNode):
            return self._text(node)
        if isinstance(node, SequenceNode):
            return self.construct_sequence(node, deep=True)
        return self._unwrapped(node)

    def _text(self, node):
        if node.tag == NULL:
            return None
        if node.tag in BINARY:
            try:
                return to_text(binascii.a2b_base64(node.value.encode("ascii")), errors="surrogate_or_replace")
            except (ValueError, binascii.Error) as error:
                raise RubyError("%s holds no base64: %s" % (node.tag, error))
        text = self.construct_scalar(node)
        return text[1:] if node.tag in SYMBOL and text.startswith(":") else text

    def _unwrapped(self, node):
        made = self.construct_mapping(node, deep=True)
        kind = node.tag.split("ruby/" if "ruby/" in node.tag else "2002:", 1)[-1]
        inner = WRAPPED.get(kind) or WRAPPED.get(kind.split(":")[0])
        return made.get(inner, made)


if HAS_YAML:
    # Only these two still follow from how a scalar looks; all the rest is the text that stands there.
    RubyLoader.yaml_implicit_resolvers = dict(
        (first, [(tag, pattern) for tag, pattern in resolvers if tag in (NULL, MERGE)])
        for first, resolvers in SafeLoader.yaml_implicit_resolvers.items()
    )
    RubyLoader.yaml_constructors = {None: RubyLoader.construct_any}


def plain(value):
    """Return a document with the names of Ruby's symbols as keys: ``:uuid`` is ``uuid``."""
    if isinstance(value, dict):
        return dict((_key(key), plain(item)) for key, item in value.items())
    if isinstance(value, list):
        return [plain(item) for item in value]
    return {True: u"true", False: u"false"}[value] if isinstance(value, bool) else value


def _key(key):
    return to_text(key, nonstring="simplerepr").lstrip(":")


def read_document(raw):
    """Given the bytes of a file, return its one document. Raise RubyError if it is neither YAML nor JSON."""
    if raw.lstrip()[:1] in (b"{", b"["):
        try:
            return plain(json.loads(raw.decode("utf-8"), parse_int=to_text, parse_float=to_text))
        except (ValueError, RuntimeError):
            pass  # YAML may begin like that, too; it is not JSON where that is indented with tabs
    try:
        loader = RubyLoader(raw)
        try:
            return plain(loader.get_single_data())
        finally:
            loader.dispose()
    except (YAMLError, RuntimeError, ValueError, TypeError) as error:
        raise RubyError("It is neither YAML nor JSON: %s" % error)
