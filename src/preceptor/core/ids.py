"""Canonical JSON, content digests and derived seeds: why the same run gives the same bytes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, cast


def plain(value: Any) -> Any:
    """Dataclasses, mappings and sequences as JSON-ready dicts and lists (fields in declared order)."""
    if value is None or isinstance(value, (str, int, float)):  # most of all values: the rest is slow to tell
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value)
        return {str(k): plain(v) for k, v in items.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in cast("list[Any]", value)]
    return value


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def canonical_json(value: Any) -> str:
    """One spelling per value: sorted keys, no spaces, no NaN, text as it is."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(kind: str, value: Any) -> str:
    """SHA-256 hex of ``kind`` and the canonical JSON; the tag keeps kinds from colliding."""
    text = canonical_json(value).encode("utf-8", "surrogatepass")
    return hashlib.sha256(kind.encode() + b"\0" + text).hexdigest()


def short_id(kind: str, value: Any) -> str:
    """``kind-`` and 12 hex digits of :func:`digest`: readable, stable, enough for millions of records."""
    return f"{kind}-{digest(kind, value)[:12]}"


def derive_seed(seed: int, *parts: object) -> int:
    """A 31-bit seed that depends only on ``seed`` and ``parts``, never on order of execution.

    31 bits since some servers read the ``seed`` of a request as a signed 32-bit integer.
    """
    text = canonical_json([seed, *(str(p) for p in parts)])
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:4], "big") >> 1
