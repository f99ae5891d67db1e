"""How often a strategy was given, and how it went: from evaluations, and from logs of the proxy."""

from __future__ import annotations

import json
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from threading import Lock
from typing import Any, cast

from preceptor.core.errors import PreceptorError
from preceptor.core.untrusted import one_line
from preceptor.evaluate.result import Evaluation, Item
from preceptor.review.rater import Rater

_MOST_RUNS = 5
_MOST_BYTES = 64_000_000
"""Of a log, the end is read: older lines are left out."""
_BASELINE = "student"
_WELL = ("done", "client-left")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """A strategy in the dialogues of one evaluation."""

    run: str
    simulated: bool
    dialogues: int
    """In how many it was given at least once."""
    of: int
    """Dialogues in which it could have been given."""
    replies: int
    """For how many replies it was given."""
    satisfaction: float | None
    """Mean in those dialogues, 1 to 5; None where none was rated."""
    alone: float | None
    """Mean of the student alone with the same customers."""
    pairs: int
    """Dialogues on which both means rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A strategy in the proxy's log."""

    requests: int
    of: int
    """Requests for which any strategy was given."""
    failed: int
    """Requests with this strategy that did not end well."""
    score: float
    """Mean score with which it was chosen."""
    last: str
    """When it was given last, ISO 8601."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Both, for one strategy."""

    evaluated: tuple[Evaluated, ...]
    served: Served | None
    """None: no log was named, or the strategy is not in it."""
    logged: bool
    """Whether a log was named."""


@dataclass(slots=True)
class _Count:
    requests: int = 0
    failed: int = 0
    score: float = 0.0
    last: str = ""


@dataclass(slots=True)
class _Tail:
    """One log, as far as it was read."""

    path: Path
    offset: int = 0
    coached: int = 0
    counts: defaultdict[str, _Count] = field(default_factory=lambda: defaultdict(_Count))

    def read_on(self) -> None:
        """Reads what was written since; from the beginning where the file is another one by now."""
        try:
            size = self.path.stat().st_size
            if size < self.offset:
                self.offset, self.coached = 0, 0
                self.counts.clear()
            with self.path.open("rb") as file:
                if not self.offset and size > _MOST_BYTES:
                    file.seek(size - _MOST_BYTES)
                    self.offset = size - _MOST_BYTES + len(file.readline())
                file.seek(self.offset)
                for line in file:
                    if not line.endswith(b"\n"):
                        break  # still being written
                    self.offset += len(line)
                    if b'"strategies":[' in line:
                        self._count(line)
        except OSError:
            return  # a log that is gone for now tells nothing new

    def _count(self, line: bytes) -> None:
        try:
            found: Any = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(found, dict):
            return
        told = cast("dict[str, Any]", found)
        given, scores = told.get("strategies"), told.get("scores")
        if told.get("event") != "request" or not isinstance(given, list):
            return
        self.coached += 1
        ids = [i for i in cast("list[object]", given) if isinstance(i, str)]
        numbers = cast("list[object]", scores) if isinstance(scores, list) else []
        for n, strategy_id in enumerate(ids):
            count = self.counts[strategy_id]
            count.requests += 1
            count.failed += not _well(told)
            score = numbers[n] if n < len(numbers) else 0.0
            count.score += score if isinstance(score, int | float) else 0.0
            count.last = max(count.last, one_line(str(told.get("at", "")), 40))


class UsageBook:
    """Keeps what it counted. Safe to share between threads."""

    def __init__(self, rater: Rater, logs: Sequence[Path] = ()) -> None:
        self._rater = rater
        self._tails = [_Tail(path) for path in logs]
        self._lock = Lock()
        self._runs: OrderedDict[str, Mapping[str, Evaluated]] = OrderedDict()

    def of(self, strategy_id: str) -> Usage:
        """What is known of a strategy, newest evaluation first."""
        found: list[Evaluated] = []
        for run in self._rater.evaluations()[:_MOST_RUNS]:
            known = self._evaluated(run).get(strategy_id)
            if known is not None:
                found.append(known)
        with self._lock:
            for tail in self._tails:
                tail.read_on()
            served = _served([t.counts[strategy_id] for t in self._tails if strategy_id in t.counts], self._tails)
        return Usage(evaluated=tuple(found), served=served, logged=bool(self._tails))

    def _evaluated(self, run: str) -> Mapping[str, Evaluated]:
        with self._lock:
            if (known := self._runs.get(run)) is not None:
                return known
        try:
            told = counted(run, self._rater.evaluation(run))
        except PreceptorError:  # a damaged result is told on its own page
            told = dict[str, Evaluated]()
        with self._lock:
            self._runs[run] = told
            while len(self._runs) > _MOST_RUNS:
                self._runs.popitem(last=False)
        return told


def counted(run: str, found: Evaluation) -> Mapping[str, Evaluated]:
    """Every strategy that an evaluation gave, by id."""
    alone = {i.unit: i.rating.satisfaction for i in found.items if i.arm == _BASELINE and i.rating}
    coached = [i for i in found.items if i.advised]
    given: defaultdict[str, list[Item]] = defaultdict(list)
    replies: Counter[str] = Counter()
    for item in coached:
        ids = [i for reply in item.advised for i in reply]
        replies.update(ids)
        for strategy_id in dict.fromkeys(ids):
            given[strategy_id].append(item)
    return {
        strategy_id: _row(run, found.simulated, items, alone, of=len(coached), replies=replies[strategy_id])
        for strategy_id, items in given.items()
    }


def _row(
    run: str, simulated: bool, items: Sequence[Item], alone: Mapping[str, float], *, of: int, replies: int
) -> Evaluated:
    pairs = [(i.rating.satisfaction, alone[i.unit]) for i in items if i.rating and i.unit in alone]
    return Evaluated(
        run=run,
        simulated=simulated,
        dialogues=len(items),
        of=of,
        replies=replies,
        satisfaction=fmean(p[0] for p in pairs) if pairs else None,
        alone=fmean(p[1] for p in pairs) if pairs else None,
        pairs=len(pairs),
    )


def _served(counts: Sequence[_Count], tails: Iterable[_Tail]) -> Served | None:
    requests = sum(c.requests for c in counts)
    if not requests:
        return None
    return Served(
        requests=requests,
        of=sum(t.coached for t in tails),
        failed=sum(c.failed for c in counts),
        score=sum(c.score for c in counts) / requests,
        last=max(c.last for c in counts),
    )


def _well(told: Mapping[str, Any]) -> bool:
    status = told.get("status")
    return isinstance(status, int) and status < 400 and told.get("end") in _WELL
