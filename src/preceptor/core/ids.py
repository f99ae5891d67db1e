"""Canonical JSON, content digests and derived seeds: why the same run gives the same bytes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_SIMPLE = frozenset({str, int, float, bool, type(None)})


def plain(value: Any) -> Any:
    """Dataclasses, mappings and sequences as JSON-ready dicts and lists (fields in declared order)."""
    # Made for every call, several times: what is most common is told by its very type, which is quick.
    kind = cast("type[Any]", type(value))
    if kind in _SIMPLE:
        return value
    if kind is list or kind is tuple:
        return [v if type(v) in _SIMPLE else plain(v) for v in value]
    if kind is not dict:
        if (names := _names(kind)) is not None:
            return {name: plain(getattr(value, name)) for name in names}
        if isinstance(value, (list, tuple)):
            return [plain(v) for v in cast("list[Any]", value)]
        if not isinstance(value, Mapping):
            return value
    items = cast("Mapping[Any, Any]", value)
    return {str(k): v if type(v) in _SIMPLE else plain(v) for k, v in items.items()}


@cache
def _names(kind: type[Any]) -> tuple[str, ...] | None:
    """The fields of a dataclass, None for other types."""
    return tuple(field.name for field in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else None


def canonical_json(value: Any) -> str:
    """One spelling per value: sorted keys, no spaces, no NaN, text as it is."""
    return _ENCODER.encode(plain(value))


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
