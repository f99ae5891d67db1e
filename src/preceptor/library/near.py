"""Which strategies of a library say about the same, or the opposite: an index kept current by the log.

What they are compared by stands in a table of its own (:meth:`Forms.packed`), so that nothing else of a strategy
is read, and after a change only what it touched. The comparisons are those of ``screening_alike``, for all
strategies at once.
"""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from preceptor.core.records import Status, Strategy
from preceptor.library.log import FormRow
from preceptor.library.screening_alike import RULE, SAME, SITUATION, WITHIN, Forms, Side, Words
from preceptor.library.store import Library

MOST_EACH = 3
"""Twins, and opponents, that are named."""
_DONE = 2.0
"""Weight of what is done beside the situation in which it is."""

_ALIVE: tuple[Status, ...] = ("proposed", "approved")

Counts = NDArray[np.int64]
Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Alike:
    """A strategy's id and how much it shares, 0 to 1 (cosine of words weighted by rarity, field by field)."""

    id: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """Approved strategies that a strategy repeats or contradicts, oldest first, three of each at most."""

    same: tuple[str, ...] = ()
    opposed: tuple[tuple[str, Side], ...] = ()
    """With the field of the strategy that tells the opposite."""

    @property
    def ids(self) -> tuple[str, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys((*self.same, *(i for i, _ in self.opposed))))


class _Field:
    """One field of all strategies, by number: who holds which stem, how many stems, and whether it says no."""

    def __init__(self) -> None:
        self.holding: defaultdict[str, array[int]] = defaultdict(lambda: array("i"))
        self.sizes = array("i")
        self.negated = array("b")

    def put(self, number: int, words: Words, was: Words | None) -> None:
        """Adds the strategy, or its new words."""
        for stem in was.stems if was else ():
            self.holding[stem].remove(number)
            if not self.holding[stem]:
                del self.holding[stem]
        for stem in words.stems:
            self.holding[stem].append(number)
        if was is None:
            self.sizes.append(0)
            self.negated.append(0)
        self.sizes[number], self.negated[number] = len(words.stems), int(words.negated)

    def held(self, stems: Collection[str]) -> Iterator[tuple[str, NDArray[np.int32]]]:
        """Each stem that somebody holds, with the numbers of those who do."""
        for stem in stems:
            if stem in self.holding:
                yield stem, np.frombuffer(self.holding[stem], dtype=np.int32)

    def shared(self, words: Words) -> Counts:
        """How many of these stems each strategy holds."""
        found = [numbers for _, numbers in self.held(words.stems)]
        return np.bincount(np.concatenate(found) if found else [], minlength=len(self.sizes)).astype(np.int64)

    def dice(self, words: Words) -> Numbers:
        """Dice's coefficient with each strategy; 0 where both are empty."""
        size = np.asarray(self.sizes, dtype=np.int64) + len(words.stems)
        return np.where(size > 0, 2 * self.shared(words) / np.maximum(size, 1), 0.0)

    def no(self) -> Mask:
        """Which say no."""
        return np.asarray(self.negated, dtype=np.bool_)

    def rarity(self, stem: str) -> float:
        """How much a stem tells: more, the fewer hold it."""
        return 0.3 + math.log((1 + len(self.sizes)) / (1 + len(self.holding.get(stem, ()))))

    def squares(self) -> Numbers:
        """Sum of the squares of what each strategy's stems tell."""
        found = np.zeros(len(self.sizes))
        for stem, numbers in self.held(tuple(self.holding)):
            found[numbers] += self.rarity(stem) ** 2
        return found


@dataclass(slots=True)
class _Rows:
    """What is known of each strategy, by number."""

    ids: list[str] = field(default_factory=list[str])
    packed: list[str] = field(default_factory=list[str])
    numbers: dict[str, int] = field(default_factory=dict[str, int])
    first_seq: array[int] = field(default_factory=lambda: array("q"))
    approved: array[int] = field(default_factory=lambda: array("b"))
    alive: array[int] = field(default_factory=lambda: array("b"))
    """Whether it is proposed or approved."""


class Near:
    """Reads every strategy's words once, at the first question. Safe to share between threads."""

    def __init__(self, library: Library, *, status: Status | None = None) -> None:
        """``status``: only these are known of, for one who asks once and no more."""
        self._library = library
        self._status: Status | None = status
        self._lock = Lock()
        self._seq = 0
        self._rows = _Rows()
        self._when, self._do, self._avoid = _Field(), _Field(), _Field()
        self._lengths: Numbers | None = None

    def seq(self) -> int:
        """Number of the last change that it knows of, which is the library's last one. What is asked of it does not
        change while this does not."""
        with self._lock:
            self._follow()
            return self._seq

    def against(self, strategy: Strategy, *, without: Collection[str] = (), at: int = 0) -> Against:
        """What of the approved ones says the same, or the opposite, in about the same situation; never itself,
        and none of ``without``. ``at``: number of a change that is new enough, where :meth:`seq` has just told it;
        else the log is asked for news."""
        mine = Forms.of(strategy)
        with self._lock:
            self._follow(at)
            if not self._rows.ids:
                return Against()
            open_to = np.asarray(self._rows.approved, dtype=np.bool_) & (self._when.dice(mine.when) >= SITUATION)
            for name in (strategy.id, *without):
                if name in self._rows.numbers:
                    open_to[self._rows.numbers[name]] = False
            if not open_to.any():
                return Against()
            doing = self._do.dice(mine.do)
            same = open_to & (self._do.no() == mine.do.negated) & (doing >= SAME)
            open_to &= self._when.no() == mine.when.negated
            in_do, in_avoid = self._opposing(mine, doing)
            found: list[int] = np.flatnonzero(open_to & (in_do | in_avoid)).tolist()
            told: dict[int, Side] = {n: "do" if in_do[n] else "avoid" for n in found}
            return Against(
                same=tuple(self._rows.ids[n] for n in self._first(np.flatnonzero(same).tolist())),
                opposed=tuple((self._rows.ids[n], told[n]) for n in self._first(list(told))),
            )

    def like(
        self, strategy: Strategy, *, least: float = 0.45, limit: int = 40, alive: bool = False, at: int = 0
    ) -> tuple[Alike, ...]:
        """The strategies that say about the same, closest first, of equals the older; never itself. ``alive``: only
        what is proposed or approved; ``at`` as in :meth:`against`."""
        mine = Forms.of(strategy)
        with self._lock:
            self._follow(at)
            dots, own = np.zeros(len(self._rows.ids)), 0.0
            for where, words, weight in ((self._when, mine.when, 1.0), (self._do, mine.do, _DONE)):
                told = {stem: (weight * where.rarity(stem)) ** 2 for stem in words.stems}
                own += sum(told.values())
                for stem, numbers in where.held(words.stems):
                    dots[numbers] += told[stem]
            lengths = self._follow_lengths() * math.sqrt(own)
            scores = np.where(lengths > 0, dots / np.maximum(lengths, 1e-9), 0.0)
            if strategy.id in self._rows.numbers:
                scores[self._rows.numbers[strategy.id]] = 0.0
            if alive:
                scores[np.asarray(self._rows.alive, dtype=np.bool_) == 0] = 0.0
            found = np.flatnonzero(scores >= max(least, 1e-9))
            best: list[int] = found[np.argsort(-scores[found], kind="stable")][:limit].tolist()
            return tuple(Alike(self._rows.ids[n], min(1.0, float(scores[n]))) for n in best)

    def _opposing(self, mine: Forms, doing: Numbers) -> tuple[Mask, Mask]:
        """Which strategies our ``do``, and our ``avoid``, are the opposite of."""
        theirs_no = self._do.no()
        in_do = (theirs_no != mine.do.negated) & (doing >= RULE)
        if not mine.do.negated:
            sizes = np.asarray(self._avoid.sizes, dtype=np.int64)
            in_do |= (sizes > 1) & (self._avoid.shared(mine.do) / np.maximum(sizes, 1) >= WITHIN)
        many = len(mine.avoid.stems)
        in_avoid = ~theirs_no & (self._do.shared(mine.avoid) / max(many, 1) >= WITHIN) & (many > 1)
        return in_do, in_avoid

    def _first(self, numbers: list[int]) -> list[int]:
        return sorted(numbers, key=lambda n: self._rows.first_seq[n])[:MOST_EACH]

    def _follow(self, at: int = 0) -> None:
        if at and self._seq >= at:
            return
        seq, rows = self._library.forms(since=self._seq, status=None if self._seq else self._status)
        for row in rows:
            self._put(row)
        self._seq = max(self._seq, seq)  # one who looks at an earlier moment takes nothing back

    def _follow_lengths(self) -> Numbers:
        """Of each strategy's weighted words. What a stem tells moves a little with every strategy that comes."""
        if self._lengths is None:
            self._lengths = np.sqrt(self._when.squares() + _DONE**2 * self._do.squares())
        return self._lengths

    def _put(self, row: FormRow) -> None:
        rows, number = self._rows, self._rows.numbers.get(row.id)
        approved, alive = int(row.status == "approved"), int(row.status in _ALIVE)
        if number is not None and rows.packed[number] == row.forms:
            rows.approved[number], rows.alive[number] = approved, alive
            return
        self._lengths = None
        was = None
        if number is None:
            number = rows.numbers[row.id] = len(rows.ids)
            rows.ids.append(row.id)
            rows.packed.append("")
            rows.first_seq.append(row.first_seq)
            rows.approved.append(0)
            rows.alive.append(0)
        else:
            was = Forms.unpacked(rows.packed[number])
        forms = Forms.unpacked(row.forms)
        rows.packed[number], rows.approved[number], rows.alive[number] = row.forms, approved, alive
        self._when.put(number, forms.when, was.when if was else None)
        self._do.put(number, forms.do, was.do if was else None)
        self._avoid.put(number, forms.avoid, was.avoid if was else None)
