# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the main() of every module does. It is the only place where a module ends."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError

# What root runs on a director hears nothing of the caller's: rsync would run what an alias in $HOME/.popt says.
ROOTS = {
    "LANG": "C",
    "LC_ALL": "C",
    "HOME": "/",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}

# What a module knows of its task. On the controller an action may have another one do the work in its own process.
KIND = AnsibleModule

# For commands whose output is read.
C_LOCALE = {"LANG": "C", "LC_ALL": "C"}


def run_module(perform, argument_spec, trouble=None, environment=None, **more):
    """Be a module: given the options that it takes, end with what ``perform``, given the module, returns or raises.

    Every module can tell in check mode what it would do. ``environment`` is added to that of the commands it runs.
    ``trouble`` is what is said when a file or a disk fails: a text with %(error)s, or %(reason)s and %(place)s in it,
    and with the options by their names. Without it, such an error is one of ours, and shown with where it came from.
    """
    module = KIND(argument_spec=argument_spec, supports_check_mode=True, **more)
    module.run_command_environ_update = environment or {}
    try:
        result = perform(module)
    except DirectorError as error:
        module.fail_json(msg=str(error), **error.facts)
    except EnvironmentError as error:
        if not trouble:
            raise
        module.fail_json(msg=trouble % _told(module.params, error))
    module.exit_json(**dict({"changed": False}, **result))


def _told(params, error):
    """Return what a text about an error may name."""
    return dict(params, error=error, reason=error.strerror or error, place=error.filename or "a file")
