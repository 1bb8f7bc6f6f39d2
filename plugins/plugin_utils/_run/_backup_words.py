# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup says of itself to a person."""

from __future__ import annotations

from ansible.module_utils.common.text.formatters import bytes_to_human
from ansible_collections.microbosh.director.plugins.plugin_utils._run._online import moved_but, online_said


def verdict(without: str, moved: str = "") -> str:
    """Given what is missing of the director's database, and what moved, return what a backup is called.

    It is never just whole with one of them.
    """
    but = " AND ".join(part for part in (without, moved) if part)
    return f"whole BUT {but}" if but else "whole"


def blobs_gone(blobs: dict) -> int:
    """Given what the proof says of the blobs, return how many of them the director itself has lost."""
    return len(blobs.get("lost") or []) + len(blobs.get("damaged") or [])


def blobs_proven(blobs: dict) -> int:
    """Return how many blobs are in the backup as the database names them."""
    return (blobs.get("named") or 0) - (blobs.get("made_again") or 0) - blobs_gone(blobs)


def blobs_said(blobs: dict) -> str:
    """Return in words how many of the blobs are there."""
    gone, made_again = blobs_gone(blobs), blobs.get("made_again")
    if blobs.get("external"):
        said = "all of them in an external blobstore"
    elif not gone:
        said = "all there and right"
    else:
        said = f"all there and right but for {gone} more that the director has lost"
    return said + (f", besides {made_again} rendered templates that are made again on demand" if made_again else "")


def proof_said(manifest: dict, blobs: dict) -> str:
    """Given what the manifest and the check of the blobs returned, return the proof in one line."""
    if blobs.get("skipped"):
        about = "no dump of the director to check blobs against"
    else:
        about = f"{blobs_proven(blobs)} blobs named by the database, {blobs_said(blobs)}"
    return f"Proof: {manifest['files']} files in the manifest, {manifest['read']} of them read; {about}"


def backup_said(report: dict, seconds: float, path: str, identity: str = "") -> list[str]:
    """Given the report of a published backup, the seconds that its run took, where it is, and what is to be told of
    its identity, return the lines that are told of it.
    """
    blobs, new, everything = report["proof"]["blobs"], report["new"], report["all"]
    gone = blobs_gone(blobs or {})
    but = f", but for {gone} blobs that the director has lost" if gone else ""
    moved = bytes_to_human(report["moved"]["bytes"])
    told = identity or f"as setup or a restore brought it on {report['identity']['taken']}"
    took = round(float(seconds), 1)
    return [
        f"Backup {report['id']} of {report['host']} is {verdict(report['without'], moved_but(report['online']))}{but}",
        f"  outage   {report['outage_seconds']} s of {took} s in all ({report['mode']})",
        *online_said(report["online"]),
        f"  new      {new['files']} files, {bytes_to_human(new['bytes'])}; {moved} copied",
        f"  in all   {everything['files']} files, {bytes_to_human(everything['bytes'])}",
        f"  dumps    {', '.join(_dump(dump) for dump in report['dumps']) or 'none'}",
        f"  proof    {_proof(report['dumps'], blobs)}",
        f"  identity {told}",
        f"  path     {path}",
    ]


def _dump(dump):
    """Return a dump in words: its database, its size and its rows."""
    rows = dump.get("rows")
    return f"{dump['database']} {bytes_to_human(dump['size'])}{f' with {sum(rows.values())} rows' if rows else ''}"


def _proof(dumps, blobs):
    """Return what was proven, in words."""
    if blobs is None:
        return "manifest and dumps whole" if dumps else "manifest whole"
    if blobs["external"]:
        return "manifest and dumps whole, the blobs are in an external blobstore"
    return f"manifest, dumps and {blobs_proven(blobs)} blobs whole"
