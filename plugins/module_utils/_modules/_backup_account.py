# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module backup_account does."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.microbosh.director.plugins.module_utils._backup._account import end, leftovers, others
from ansible_collections.microbosh.director.plugins.module_utils._backup._authorized_keys import public_parts, retire
from ansible_collections.microbosh.director.plugins.module_utils._core._arguments import STAGING
from ansible_collections.microbosh.director.plugins.module_utils._core._host import passwd_entry
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module


def close(module):
    """Do what the options say and return the result."""
    given, dry_run = module.params, module.check_mode
    keys = public_parts("\n".join(given["keys"]))
    sshd = module.get_bin_path("sshd", opt_dirs=["/usr/sbin", "/usr/local/sbin"])
    configuration = module.run_command([sshd, "-T"])[1] if sshd else ""
    removed = retire(configuration, keys, dry_run)
    result = {"changed": bool(removed), "removed": removed, "ended": [], "leftovers": []}
    if not (removed or given["always"]):
        return result
    account = passwd_entry(given["user"])
    result["ended"] = end(account.pw_name, account.pw_uid, given["own"], module.run_command, dry_run)
    # What ran may have put the key back.
    result["removed"] += [path for path in retire(configuration, keys, dry_run) if path not in removed]
    result["leftovers"] = others(account.pw_name, account.pw_uid, given["own"], module.run_command)
    result["leftovers"] += leftovers(account.pw_name, account.pw_uid, account.pw_dir, given["staging"])
    result["changed"] = bool(result["removed"] or result["ended"])
    return result


def main():
    run_module(
        close,
        argument_spec=dict(
            STAGING,
            user={"type": "str", "required": True},
            keys={"type": "list", "elements": "str", "required": True, "no_log": False},
            own={"type": "bool", "required": True},
            always={"type": "bool", "default": False},
        ),
        trouble="The key could not be taken out of every account: %(error)s",
    )
