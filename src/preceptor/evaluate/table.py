"""Scores from outside: a CSV or JSONL file of arm, unit, cluster, score, and the paired analysis of it."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from preceptor.core.errors import InputError, unreadable
from preceptor.core.untrusted import one_line
from preceptor.evaluate.statistics import Analysis, Score, analyse
from preceptor.evaluate.statistics.intervals import RESAMPLES

COLUMNS = ("arm", "unit", "cluster", "score")
"""``cluster`` may be absent: every unit is then a cluster of its own."""

_MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "."})
"""How R, pandas, SPSS and spreadsheets write that there is no value, in any case."""

_BASELINES = ("student", "baseline", "base", "control")
_CEILING = "teacher"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideTable:
    """What a file holds."""

    source: str
    scores: tuple[Score, ...]
    missing: tuple[int, ...]
    """Numbers of the lines that have no score (empty, NA and the like): counted, and in no figure."""
    clustered: bool
    """False: the file names no clusters."""
    alone: int = 0
    """Rows without a cluster in a file whose other rows name one: their units are clusters of their own."""
    nested: bool = False
    """True: units are numbered anew in each cluster, so a unit here is ``cluster/unit``."""


def read_table(path: Path, columns: Mapping[str, str] | None = None) -> OutsideTable:
    """Read a table of scores.

    JSONL (one object a line) when the first character is ``{``, else CSV with a header, separated by comma,
    semicolon or tab. Other columns are ignored.

    Args:
        columns: what the file calls a column, where it differs: ``{"arm": "model", "score": "rating"}``.

    Raises:
        InputError: the file cannot be read, lacks a column, or has a line that is no score; names the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read: {unreadable(error)}", hint="give a CSV or JSONL file in UTF-8"
        ) from error
    return parse_table(text, source=str(path), columns=columns)


def parse_table(text: str, *, source: str, columns: Mapping[str, str] | None = None) -> OutsideTable:
    """:func:`read_table` on text; ``source`` names it in errors."""
    unknown = sorted(set(columns or {}) - set(COLUMNS))
    if unknown:
        raise InputError(f"there is no column '{unknown[0]}' to rename", hint=f"columns are: {', '.join(COLUMNS)}")
    if text.lstrip().startswith("["):
        raise InputError(f"{source}: is a JSON array", hint="give one object a line (JSONL), or CSV")
    names = {name: (columns or {}).get(name, name).strip().casefold() for name in COLUMNS}
    rows = _from_json(text, source) if text.lstrip().startswith("{") else _from_csv(text, source)
    scores: list[Score] = []
    missing: list[int] = []
    clustered, alone = False, 0
    labels: dict[str, str] = {}  # a label stands in many rows, and is cleaned once
    for line, row in rows:
        score = _score(row, names, (source, line), labels)
        if score is None:
            missing.append(line)
            continue
        named = names["cluster"] in row
        clustered, alone = clustered or named, alone + (not named)
        scores.append(score)
    if not scores:
        raise InputError(f"{source}: holds no scores", hint=f"give rows with {', '.join(COLUMNS)}")
    nested = len({(s.unit, s.cluster) for s in scores}) > len({s.unit for s in scores})
    if nested:
        scores = [replace(s, unit=f"{s.cluster}/{s.unit}") for s in scores]
    return OutsideTable(
        source=source,
        scores=tuple(scores),
        missing=tuple(missing),
        clustered=clustered,
        alone=alone if clustered else 0,
        nested=nested,
    )


def analyse_table(
    table: OutsideTable, *, baseline: str = "", ceiling: str = "", seed: int = 1, resamples: int = RESAMPLES
) -> Analysis:
    """The paired analysis of a table.

    ``baseline`` empty: the arm named student, baseline, base or control, else the first one in the file.
    ``ceiling`` empty: the arm named teacher, if there is one.

    Raises:
        InputError: there is one arm only, an arm that is named is not in the table, or nothing can be paired.
    """
    arms = tuple(dict.fromkeys(s.arm for s in table.scores))
    named = ", ".join(f"'{a}'" for a in arms)
    for arm in (baseline, ceiling):
        if arm and arm not in arms:
            raise InputError(f"{table.source}: has no arm '{one_line(arm, 60)}'", hint=f"its arms are: {named}")
    if len(arms) < 2:
        raise InputError(
            f"{table.source}: has one arm only, {named}; there is nothing to compare", hint="give rows of two arms"
        )
    by_case = {a.casefold(): a for a in reversed(arms)}
    baseline = baseline or next((by_case[b] for b in _BASELINES if b in by_case), arms[0])
    ceiling = ceiling or by_case.get(_CEILING, "")
    found = analyse(table.scores, baseline=baseline, ceiling=ceiling, seed=seed, resamples=resamples)
    if not found.differences:
        raise InputError(
            f"{table.source}: {found.notes[0]}",
            hint="give rows that belong together the same unit, or at least the same cluster",
        )
    return replace(found, notes=(*_notes(table), *found.notes))


def _notes(table: OutsideTable) -> list[str]:
    notes: list[str] = []
    if table.missing:
        shown = ", ".join(str(n) for n in table.missing[:5]) + (", ..." if len(table.missing) > 5 else "")
        rows = "1 row has" if len(table.missing) == 1 else f"{len(table.missing)} rows have"
        notes.append(f"{rows} no score (empty, NA or the like): in no figure (lines {shown})")
    if not table.clustered:
        notes.append("the table names no clusters: if units hang together, the intervals are too narrow")
    if table.alone:
        notes.append(f"{table.alone} rows name no cluster, others do: the unit of each counts as its own cluster")
    if table.nested:
        notes.append("units stand in several clusters: a pair is the same unit in the same cluster")
    return notes


def _from_json(text: str, source: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row: object = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{source}, line {number}: not JSON: {one_line(str(error), 120)}", hint="give one object a line"
            ) from error
        if not isinstance(row, dict):
            raise InputError(f"{source}, line {number}: not a JSON object", hint="give one object a line")
        yield number, {k.strip().casefold(): v for k, v in cast("dict[str, object]", row).items()}


def _from_csv(text: str, source: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    head = text.lstrip("\n\r").partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: Sequence[str] | None = None
    while True:
        start = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(f"{source}, line {start}: {error}", hint="mend or quote that line") from error
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = [cell.strip().casefold() for cell in cells]
            twice = sorted({h for h in header if h and header.count(h) > 1})
            if twice:
                raise InputError(f"{source}, line {start}: column '{twice[0]}' stands there twice")
            continue
        if len(cells) != len(header):
            raise InputError(
                f"{source}, line {start}: has {len(cells)} cells, the header has {len(header)}",
                hint="quote cells that contain the separator",
            )
        yield start, dict(zip(header, cells, strict=True))


def _score(
    row: Mapping[str, object], names: Mapping[str, str], place: tuple[str, int], labels: dict[str, str]
) -> Score | None:
    """The row's score; None where it has none. ``place`` is file and line, ``labels`` what was cleaned before."""
    for name in ("arm", "unit", "score"):
        if names[name] not in row:
            raise InputError(
                f"{place[0]}, line {place[1]}: has no column '{names[name]}'",
                hint=f"columns there: {', '.join(one_line(k, 40) for k in list(row)[:12])}; where one is called "
                f"otherwise: --column {name}=NAME. One row holds one score: a column for each arm is not read",
            )

    def label(name: str) -> str:
        value = row[names[name]]
        known = labels.get(value) if isinstance(value, str) else None
        if known is None:
            known = _label(value, f"{place[0]}, line {place[1]}: {names[name]}")
            if isinstance(value, str):
                labels[value] = known
        return known

    arm, unit = label("arm"), label("unit")
    cluster = label("cluster") if names["cluster"] in row else unit
    value = _number(row[names["score"]], names["score"], place)
    return None if value is None else Score(arm=arm, unit=unit, cluster=cluster, score=value)


def _label(value: object, where: str) -> str:
    text = one_line(str(value)) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""
    if not text:
        raise InputError(f"{where}: is empty or no text", hint="every row names its arm, unit and cluster")
    return text


def _number(value: object, name: str, place: tuple[str, int]) -> float | None:
    if value is None or (isinstance(value, str) and value.strip().casefold() in _MISSING):
        return None
    if isinstance(value, float) and math.isnan(value):  # JSON as pandas writes it
        return None
    try:
        number = float(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        number = None
    if number is None or not math.isfinite(number):
        raise InputError(
            f"{place[0]}, line {place[1]}: {name}: '{one_line(str(value), 40)}' is not a finite number",
            hint="write numbers with a decimal point; leave the cell empty where there is no score",
        )
    return number
