# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person can mend when a login or a transfer fails, by what ssh, sudo and rsync say of it."""

from __future__ import annotations

import re

# The network, or a director that is away for a while: to try again later may help.
NETWORK = re.compile(
    r"timed out|Connection refused|No route to host|Network is unreachable|Host is down|Connection reset"
    r"|Connection aborted|Connection closed|closed by remote host|Could not resolve hostname|Broken pipe"
    r"|lost connection|Connection to \S+ closed",
    re.IGNORECASE,
)
# ssh takes the brackets for a part of a name.
BRACKETS = "An IPv6 address in ansible_host has no brackets: write 2001:db8::1, or fe80::1%eth0."
# The first whose sign is found. Together they may be in a banner, so each sign is a whole phrase of its program.
CAUSES = (
    (
        r"^(?!.*(timed out|refused|No route|resolve hostname)).*"
        r"(UNKNOWN port 65535|stdio forwarding failed|[Pp]roxy[Cc]ommand)",
        "The way through the jump host does not work. Try it with  ssh  and the same -J, ProxyJump or ProxyCommand. "
        "The jump host's key, host key and agent are ssh's own business: what is given for the director does not "
        "count for it, so name its IdentityFile, with IdentitiesOnly=yes, in ssh's configuration.",
    ),
    (
        r"too long for Unix domain socket|ControlPath too long|unix_listener: |link mux listener",
        "ssh shares its connection by a socket, and cannot make it there. Set ANSIBLE_SSH_CONTROL_PATH_DIR "
        "(control_path_dir in ansible.cfg) to a short path on a file system of this machine, and leave "
        "ControlPath out of the options for ssh.",
    ),
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED",
        "The host key is not the one that was pinned. If the director was made anew, remove the old key and "
        'pin the new one (README, "Host keys"); otherwise somebody else answers there.',
    ),
    (
        r"Host key verification failed|host key is known for|Host Key checking is enabled",
        'The host key is not known. Compare its fingerprint and pin it once (README, "Host keys"): the key of '
        "each jump host, too. A run never goes to an unknown host, whatever StrictHostKeyChecking says; the "
        "file that UserKnownHostsFile names must have the key.",
    ),
    (
        r"Too many authentication failures",
        "An ssh agent has more keys than the director lets one try (MaxAuthTries). Name the one to use: "
        "microbosh_private_key for backups, ansible_ssh_private_key_file for setup and restore. Where only the "
        "agent has it, name the file of its public half.",
    ),
    (
        r"UNPROTECTED PRIVATE KEY FILE|bad permissions|error in libcrypto|: invalid format|"
        r"incorrect passphrase",
        "The file of the private key cannot be used: it must be a private key without a passphrase, with an "
        "end of line, and of mode 0600.",
    ),
    (
        r"Permission denied \([a-z]|Permission denied, please try again|"
        r"Invalid/incorrect (username/)?password|Authentication failed",
        "The director refuses the key or the password. Run the setup playbook for this host, or check "
        "microbosh_private_key. A restore that logs in as another user than microbosh_user needs that user's "
        "key, in ansible_ssh_private_key_file.",
    ),
    (
        r"No user exists for uid",
        "ssh does not work for a user without a name. In a container, its entrypoint adds one to /etc/passwd: let "
        "it be started, and let the image's /etc/passwd be writable for group 0, as ansible-builder makes it.",
    ),
    (
        r"install the sshpass program",
        "To log in with a password, Ansible needs the program sshpass on the controller, or a key instead.",
    ),
    (
        r"is your shell clean|rather than greeting|protocol version mismatch|unexpected tag \d|multiplexing overflow|"
        r"Received message too long",
        "Something prints text when this user logs in, and rsync takes it for data. Let .bashrc, .profile, "
        "/etc/bash.bashrc or sshd's ForceCommand on the director print nothing where no terminal is: begin it "
        "with  case $- in *i*) ;; *) return ;; esac",
    ),
    (
        r"you must have a tty to run sudo",
        "sudo on the director wants a terminal (requiretty). Run the setup playbook for this host: its rights "
        "for the backup user need none.",
    ),
    (
        r"a password is required|is not in the sudoers file|is not allowed to (run sudo|execute)",
        "sudo does not let this user run that. Run the setup playbook for this host again.",
    ),
    (
        r"This account is currently not available|(account|password) (has|is) expired|Your account has expired",
        "The account cannot log in: look at its shell and its expiry on the director, and run the setup "
        "playbook for this host again.",
    ),
    (
        r"rsync: (command )?not found|rsync: No such file or directory",
        "One side has no rsync program. Install the package rsync there; every stemcell has it.",
    ),
    (
        r"No closing quotation|Missing trailing-|[Bb]ad configuration option|unknown option|illegal option|"
        r"command-line:? line \d|Bad owner or perm",
        "An option for ssh is not one, or its quotes do not match: look at ansible_ssh_common_args, "
        "ansible_ssh_extra_args, ansible_ssh_args, ansible.cfg and ssh's own configuration. In YAML, a "
        "ProxyCommand is best written in a block (>-), its quotes as for a shell.",
    ),
)


def connection_hint(text: str) -> str:
    """Given what was said when a login or a transfer failed, return how it is mended, "" if it may be the network.

    What nothing is known of is no reason to try again either.
    """
    words, hint = " ".join(str(text or "").split()), transfer_hint(text)
    said = words.partition("via ssh:")[2] if "via ssh:" in words else words
    if hint or not said.strip() or NETWORK.search(words):
        return hint
    return "What is said there names the cause; it does not look like the network."


def transfer_hint(text: str) -> str:
    """Given what was said when a transfer failed, return how it is mended, "" if nothing is known of that."""
    words = " ".join(str(text or "").split())
    return next((hint for sign, hint in CAUSES if re.search(sign, words)), "")
