"""Bodies with a content encoding."""

from __future__ import annotations

import zlib

from preceptor.serve.insert import NoPlaceError


def unpacked(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its content encoding, never more than ``limit`` bytes of it.

    Raises:
        NoPlaceError: the encoding is none of ours, the body is broken or larger.
    """
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise NoPlaceError("content-encoding")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise NoPlaceError("bad-gzip") from error
    if len(plain) > limit:
        raise NoPlaceError("too-large-unpacked")
    if not unpacker.eof or unpacker.unused_data:
        raise NoPlaceError("bad-gzip")
    return plain


def packed(body: bytes, encoding: str) -> bytes:
    """The body in that encoding again."""
    if encoding in ("", "identity"):
        return body
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()
