# SPDX-License-Identifier: GPL-3.0-or-later
"""A repository of restic whose password is no hurdle: each of its commands takes half a second less of a processor.

restic makes a password slow to try, on purpose. Here its own key is wrapped anew, with as little work as it takes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.poly1305 import Poly1305

LEAST = {"N": 2, "r": 1, "p": 1}


def quicken(repository: Path, password: str) -> None:
    """Give a repository in a directory a key that is quick to open, in place of its own."""
    (file,) = (repository / "keys").iterdir()
    key = json.loads(file.read_text())
    master = _opened(_derived(password, key), base64.b64decode(key["data"]))
    key.update(LEAST, salt=base64.b64encode(os.urandom(64)).decode())
    key["data"] = base64.b64encode(_sealed(_derived(password, key), master)).decode()
    content = json.dumps(key).encode()
    made = file.with_name(hashlib.sha256(content).hexdigest())
    made.write_bytes(content)
    made.chmod(0o400)
    file.unlink()


def _derived(password, key):
    salt = base64.b64decode(key["salt"])
    work = {"n": key["N"], "r": key["r"], "p": key["p"], "maxmem": 2**28}
    return hashlib.scrypt(password.encode(), salt=salt, dklen=64, **work)


def _opened(key, data):
    nonce, sealed, mac = data[:16], data[16:-16], data[-16:]
    assert mac == _mac(key, nonce, sealed)
    return _counted(key, nonce, sealed)


def _sealed(key, text):
    nonce = os.urandom(16)
    sealed = _counted(key, nonce, text)
    return nonce + sealed + _mac(key, nonce, sealed)


def _counted(key, nonce, text):
    return Cipher(algorithms.AES(key[:32]), modes.CTR(nonce)).encryptor().update(text)


def _mac(key, nonce, text):
    pad = Cipher(algorithms.AES(key[32:48]), modes.ECB()).encryptor().update(nonce)
    return Poly1305.generate_tag(key[48:64] + pad, text)
