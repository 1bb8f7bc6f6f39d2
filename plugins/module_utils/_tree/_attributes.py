# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access control lists and extended attributes of a backup's files, in the format of ``getfattr --dump``.

So ``setfattr --restore`` brings them back without anything of ours. Names are relative to /var/vcap.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import base64
import binascii
import re

from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._tree._mtree import escape, readable, unescape

ACCESS_LIST = b"system.posix_acl_access"
DEFAULT_LIST = b"system.posix_acl_default"
LISTS = (ACCESS_LIST, DEFAULT_LIST)
# Attributes that a backup keeps and a restore sets; labels of a security module belong to the host.
_KEPT = re.compile(b"^(?:system\\.posix_acl_(?:access|default)|security\\.capability|user\\.[!-<>-~]{1,250})$")
_NAME = re.compile(b"^# file: (\\S+)$")
_VALUE = re.compile(b"^([!-<>-~]+)=0s([A-Za-z0-9+/=]*)$")
LONGEST = 65536
MOST_BYTES = 16 * 1024 * 1024
TOP = b"."


class AttributesError(DirectorError):
    """A file with attributes that cannot be used."""


def is_kept(name):
    """Return whether an attribute of that name is kept in a backup."""
    return bool(_KEPT.match(name))


def format_attributes(files):
    """Given {path below /var/vcap: {name: value}}, all bytes, return what ``getfattr --dump`` would print."""
    return b"".join(_format_file(path, files[path]) for path in sorted(files))


def _format_file(path, attributes):
    lines = [b"# file: " + escape(path or TOP)]
    lines += [name + b"=0s" + base64.b64encode(attributes[name]) for name in sorted(attributes)]
    return b"\n".join(lines + [b"", b""])


def parse_attributes(content, most=MOST_BYTES):
    """Given what format_attributes() returned, return what it was given; raise AttributesError for anything else."""
    if most and len(content) > most:
        raise AttributesError("The backup's attributes of files are more than any backup has.")
    files, found = {}, None
    for number, line in enumerate(content.split(b"\n"), 1):
        name, value = _NAME.match(line), _VALUE.match(line)
        if name:
            found = files.setdefault(_path(unescape(name.group(1))), {})
        elif value and found is not None and is_kept(value.group(1)):
            found[value.group(1)] = _decoded(value.group(2), number)
        elif line:
            raise AttributesError("The backup's attributes of files cannot be understood at line %d." % number)
    return files


def _path(path):
    if path.startswith(b"/") or b".." in path.split(b"/") or b"\0" in path:
        raise AttributesError("The backup's attributes of files name %s, which leads elsewhere." % readable(path))
    return b"" if path == TOP else path


def _decoded(text, number):
    try:
        value = base64.b64decode(text)
    except (binascii.Error, TypeError):
        value = None
    if value is None or len(value) > LONGEST:
        raise AttributesError("The backup's attributes of files cannot be understood at line %d." % number)
    return value
