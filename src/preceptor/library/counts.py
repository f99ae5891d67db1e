"""How many strategies of each kind a list holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, select

from preceptor.library.paging import Filter, Terms, conditions_of, count_of, expired_by
from preceptor.library.schema import LABELS, STRATEGIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many strategies of each kind a filter lets through: what stands beside the choices of a list."""

    total: int
    status: Mapping[str, int]
    severity: Mapping[str, int]
    """By the worst finding; ``clean`` for none."""
    scope: Mapping[str, int]
    verdict: Mapping[str, int]
    tainted: int
    flagged: int
    expired: int
    half_approved: int
    check: Mapping[str, int]
    """By name of a check that found something; a strategy counts for each of its checks."""
    run: Mapping[str, int]


def counts_of(connection: Connection, which: Filter, terms: Terms) -> Counts:
    """The numbers beside a list."""
    conditions = conditions_of(which, terms)
    names = ("status", "severity", "scope", "verdict", "tainted", "flagged", "half_approved")
    columns = [STRATEGIES.c[name] for name in names]
    query: Select[Any] = select(*columns, func.count().label("n")).where(*conditions).group_by(*columns)
    by = {name: dict[Any, int]() for name in names}
    for row in connection.execute(query).mappings():
        for name, counted in by.items():
            counted[row[name]] = counted.get(row[name], 0) + row["n"]
    status, severity, scope, verdict, tainted, flagged, half = by.values()
    return Counts(
        total=sum(status.values()),
        status=status,
        severity={name or "clean": count for name, count in severity.items()},
        scope=scope,
        verdict=verdict,
        tainted=tainted.get(1, 0),
        flagged=flagged.get(1, 0),
        expired=count_of(connection, [*conditions, expired_by(terms)]),
        half_approved=half.get(1, 0),
        check=_labelled(connection, "check", conditions),
        run=_labelled(connection, "run", conditions),
    )


def _labelled(connection: Connection, kind: str, which: Sequence[Any]) -> dict[str, int]:
    conditions = list[Any]([LABELS.c.kind == kind])
    if which:
        conditions.append(LABELS.c.strategy.in_(select(STRATEGIES.c.id).where(*which)))
    query = select(LABELS.c.value, func.count().label("n")).where(*conditions).group_by(LABELS.c.value)
    return {row["value"]: row["n"] for row in connection.execute(query.order_by(LABELS.c.value)).mappings()}
