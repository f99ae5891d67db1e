"""Whether a run may go on with the settings of today."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, cast

from preceptor.core.ids import canonical_json

_ABSENT = object()

_JOBS = ("learn", "evaluate", "prove", "transfer", "release")
"""Sections of settings that belong to one job."""
_READS = frozenset({("transfer", "evaluate"), ("transfer", "prove")})
"""Jobs that read another one's section."""

_FREE = (
    "budget.*",
    "run.*",
    "journal.*",
    "library.*",
    "domain.folder",
    "prompts.folder",
    "seats.*.timeout",
    "seats.*.retries",
    "seats.*.concurrency",
    "seats.*.per_minute",
    "seats.*.api_key_env",
    "seats.*.price_*",
    "seats.*.budget_*",
    "seats.*.outage",
    "seats.*.hedge",
)
"""Settings that change neither what is asked nor what comes out. Prompts are compared by their hashes."""


def may_differ(job: str) -> tuple[str, ...]:
    """Patterns of settings that a resumed run of this job may change."""
    return (*_FREE, *(f"{other}.*" for other in _JOBS if other != job and (job, other) not in _READS))


def first_difference(
    before: Mapping[str, Any], now: Mapping[str, Any], ignored: Sequence[str] = ()
) -> tuple[str, str, str] | None:
    """The first key (dotted, sorted) that differs, with both values as JSON; None where all are the same."""
    for key, one, other in _differences(before, now, ignored):
        return key, _shown(one), _shown(other)
    return None


def changed(before: Mapping[str, Any], now: Mapping[str, Any], ignored: Sequence[str] = ()) -> dict[str, Any]:
    """What was set before and is set otherwise now, by dotted key, with its value of before."""
    found = _differences(before, now, ignored)
    return {key: one for key, one, other in found if _ABSENT not in (one, other)}


def _differences(
    before: Mapping[str, Any], now: Mapping[str, Any], ignored: Sequence[str]
) -> Iterator[tuple[str, Any, Any]]:
    old, new = dict(_flat(_json(before))), dict(_flat(_json(now)))
    for key in sorted(old.keys() | new.keys()):
        if any(fnmatchcase(key, pattern) for pattern in ignored):
            continue
        one, other = old.get(key, _ABSENT), new.get(key, _ABSENT)
        if one != other:
            yield key, one, other


def _json(value: Mapping[str, Any]) -> Any:
    return json.loads(canonical_json(value))


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in cast("dict[str, Any]", value).items():
            yield from _flat(inner, f"{prefix}.{key}" if prefix else key)
    else:
        yield prefix, value


def _shown(value: Any) -> str:
    if value is _ABSENT:
        return "not set"
    text = canonical_json(value)
    return text if len(text) <= 60 else text[:59] + "…"
