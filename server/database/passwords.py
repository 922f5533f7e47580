"""Seals passwords on their way to the database, so that no log of statements has a password in clear.

``inventory.password_key()`` gives out the keys and says the form. ``inventory.opened_password`` opens a password.
"""

from __future__ import annotations

import secrets

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

KEY = "select id, encode(key, 'hex') from inventory.password_key()"


def seal(password: str, key_id: str, key: str) -> str:
    """Returns the sealed password; ``key_id`` and ``key`` are the columns of KEY."""
    vector = secrets.token_bytes(16)
    padder = PKCS7(128).padder()
    text = padder.update(password.encode()) + padder.finalize()
    encryptor = Cipher(algorithms.AES256(bytes.fromhex(key)), modes.CBC(vector)).encryptor()
    return f"sealed:{key_id}:{vector.hex()}{(encryptor.update(text) + encryptor.finalize()).hex()}"
