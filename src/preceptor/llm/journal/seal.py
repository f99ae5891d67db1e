"""Answers as bytes: packed, checked and, where a passphrase is given, encrypted (AES-256-GCM, key by scrypt).

Encryption needs the extra ``journal``. Each row's ciphertext is bound to its key, so that rows cannot be swapped.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any, Protocol, cast

from preceptor.core.errors import ConfigError, RunError, install
from preceptor.core.ids import plain
from preceptor.llm.model import ChatReply, Usage

SALT_BYTES = 16
_NONCE = 12
_MARK = b"\x01"
"""First byte of an encrypted answer; a plain one begins with a brace."""
_PROOF = b"preceptor journal"
_REPLY = ("text", "finish", "usage", "model")


class Seal(Protocol):
    """How answers are put away. ``open`` takes what any seal with the same passphrase closed, and plain answers."""

    def close(self, key: str, reply: bytes) -> bytes: ...

    def open(self, key: str, kept: bytes) -> bytes: ...


class Plain:
    """No encryption."""

    def close(self, key: str, reply: bytes) -> bytes:
        """As it is."""
        del key
        return reply

    def open(self, key: str, kept: bytes) -> bytes:
        """As it is. RunError where it is encrypted."""
        del key
        if kept.startswith(_MARK):
            raise RunError(
                "the journal's answers are encrypted",
                hint="set journal.key_env to the environment variable that holds the passphrase",
            )
        return kept


class Encrypted:
    """AES-256-GCM under a passphrase.

    Raises:
        ConfigError: the extra is not installed.
    """

    def __init__(self, passphrase: str, salt: bytes) -> None:
        try:
            from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - an extra
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
        except ImportError as error:
            raise ConfigError(
                "encrypting a journal needs a package that is not installed",
                hint=install("journal"),
            ) from error
        # scrypt at its authors' interactive setting: some 50 ms, 16 MB.
        key = hashlib.scrypt(passphrase.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32)
        self._cipher = AESGCM(key)
        self._refused: type[Exception] = InvalidTag

    def close(self, key: str, reply: bytes) -> bytes:
        """Encrypted, bound to ``key``."""
        nonce = secrets.token_bytes(_NONCE)
        return _MARK + nonce + self._cipher.encrypt(nonce, reply, key.encode())

    def open(self, key: str, kept: bytes) -> bytes:
        """Decrypted. RunError where the passphrase is another, or the bytes were changed."""
        if not kept.startswith(_MARK):
            return kept
        nonce, text = kept[1 : 1 + _NONCE], kept[1 + _NONCE :]
        try:
            return self._cipher.decrypt(nonce, text, key.encode())
        except self._refused as error:
            raise RunError(
                "the journal's answers cannot be decrypted: the passphrase is another one, or the file was changed",
                hint="set the variable that journal.key_env names to the passphrase that the run began with",
            ) from error

    def proof(self) -> bytes:
        """Something that only this passphrase opens."""
        return self.close("proof", _PROOF)

    def require(self, proof: bytes) -> None:
        """RunError where ``proof`` was made under another passphrase."""
        self.open("proof", proof)


def is_encrypted(kept: bytes) -> bool:
    """Whether kept bytes are an encrypted answer."""
    return kept.startswith(_MARK)


def pack(reply: ChatReply) -> bytes:
    """A reply as bytes. Half a surrogate pair is let through: a model may answer with one."""
    value = plain(reply)
    kept = {name: value[name] for name in _REPLY}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def unpack(packed: bytes) -> ChatReply:
    """The reply in what :func:`pack` gave, now or in an earlier version."""
    value = cast("dict[str, Any]", json.loads(packed.decode("utf-8", "surrogatepass")))
    return ChatReply(
        text=value["text"], finish=value["finish"], usage=Usage(**value["usage"]), model=value["model"]
    )


def checksum(fields: tuple[object, ...], kept: bytes | None) -> bytes:
    """16 bytes over a row: tells a page that was changed behind the database's back."""
    head = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(head + b"\0" + (kept or b""), digest_size=16).digest()
