"""What to rate next, blind, and how the judge stands to the people who rated."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from threading import Lock
from typing import Literal

from preceptor.core.errors import InputError, LibraryError
from preceptor.core.ids import derive_seed
from preceptor.core.records import Dialogue
from preceptor.evaluate.result import Evaluation, from_json
from preceptor.evaluate.statistics.agreement import Agreement, Rated, agreement
from preceptor.review.ratings import Better, PersonRating, Ratings
from preceptor.runs.store import RunStore

Mode = Literal["single", "pair"]
BETTER: Mapping[str, Better] = {"left": "first", "right": "second", "same": "same"}
"""What a rater of a pair says, and what it means for the arms as they were shown."""
_MOST_READ = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One dialogue, or two of the same customer, in the order in which they are shown."""

    run: str
    unit: str
    arms: tuple[str, ...]
    dialogues: tuple[Dialogue, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """How often people found the first arm better than the second."""

    first: str
    second: str
    better: int
    same: int
    worse: int


class Rater:
    """Over the evaluations of a project. Safe to share between threads."""

    def __init__(self, runs: RunStore, ratings: Ratings) -> None:
        self._runs = runs
        self._ratings = ratings
        self._lock = Lock()
        self._read: OrderedDict[str, Evaluation] = OrderedDict()

    def evaluations(self) -> tuple[str, ...]:
        """Ids of those that have a result, newest first."""
        runs = (r for r in reversed(self._runs.list()) if r.info.job == "evaluate")
        return tuple(r.id for r in runs if "evaluation" in r.results())

    def evaluation(self, run: str) -> Evaluation:
        """A result. LibraryError where there is none of that name."""
        if run not in self.evaluations():
            raise LibraryError("there is no such evaluation", hint="see: preceptor runs list")
        with self._lock:
            found = self._read.get(run)
        if found is None:
            path = self._runs.open(run).folder / "results" / "evaluation.json"
            found = from_json(path.read_bytes())
        with self._lock:
            self._read[run] = found
            self._read.move_to_end(run)
            while len(self._read) > _MOST_READ:
                self._read.popitem(last=False)
        return found

    def next(self, run: str, mode: Mode, by: str) -> tuple[Task | None, int, int]:
        """What ``by`` has not rated yet, in an order of their own; how many are done, and how many there are."""
        tasks = self._tasks(self.evaluation(run), run, mode)
        done = {_key(r) for r in self._ratings.all(run=run, by=by)}
        left = [t for t in tasks if (t.unit, tuple(sorted(t.arms))) not in done]
        if not left:
            return None, len(tasks), len(tasks)
        first = min(left, key=lambda t: derive_seed(1, by, run, t.unit, *t.arms))
        # Sides are turned by a rule that the rater cannot see, else the first arm would always stand left.
        if derive_seed(2, by, run, first.unit, *first.arms) % 2:
            first = Task(run=run, unit=first.unit, arms=first.arms[::-1], dialogues=first.dialogues[::-1])
        return first, len(tasks) - len(left), len(tasks)

    def blind(self, run: str, unit: str, mode: Mode, by: str) -> Task:
        """What :meth:`next` told last: its sides are found again, nobody has to name them.

        Raises:
            InputError: that is not what stands next for ``by``.
        """
        task, _, _ = self.next(run, mode, by)
        if task is None or task.unit != unit:
            raise InputError("this is not what stands next to be rated", hint="ask for the next one again")
        return task

    def agreement(self, run: str) -> tuple[Agreement | None, int]:
        """The judge of a run beside all people who rated its dialogues, and how many ratings there are."""
        items = {(i.unit, i.arm): i for i in self.evaluation(run).items}
        rows: list[Rated] = []
        for rating in self._ratings.all(run=run):
            item = items.get((rating.unit, rating.arm))
            if rating.score is None or item is None or item.rating is None:
                continue
            name = f"{rating.unit} {rating.arm} {rating.by}"
            judged = item.rating.satisfaction
            rows.append(Rated(item=name, cluster=item.profile, judge=judged, person=rating.score))
        return (agreement(rows, seed=1) if rows else None), len(rows)

    def preferences(self, run: str) -> tuple[Preference, ...]:
        """Pairs of arms and what people found."""
        counts: dict[tuple[str, str], dict[str, int]] = {}
        for rating in self._ratings.all(run=run):
            if rating.other:
                told = counts.setdefault((rating.arm, rating.other), {"first": 0, "same": 0, "second": 0})
                told[rating.better] += 1
        return tuple(
            Preference(first=a, second=b, better=n["first"], same=n["same"], worse=n["second"])
            for (a, b), n in sorted(counts.items())
        )

    def check(self, ratings: Sequence[PersonRating]) -> None:
        """InputError for a rating of what the evaluation does not hold, and for a pair of one arm with itself."""
        known: dict[str, Mapping[tuple[str, str], object]] = {}
        for rating in ratings:
            if rating.run not in known:
                known[rating.run] = {(i.unit, i.arm): i for i in self.evaluation(rating.run).items}
            for arm in (rating.arm, *filter(None, [rating.other])):
                if (rating.unit, arm) not in known[rating.run]:
                    missing = f"{rating.run} has no dialogue {rating.unit} of arm {arm}"
                    raise InputError(missing[:200], hint="see its evaluation.json")
            if rating.other == rating.arm:
                raise InputError(f"{rating.unit}: {rating.arm} beside itself", hint="a pair needs two arms")

    def _tasks(self, found: Evaluation, run: str, mode: Mode) -> list[Task]:
        by_unit: dict[str, dict[str, Dialogue]] = {}
        for item in found.items:
            if item.dialogue.turns and not item.failure:
                by_unit.setdefault(item.unit, {})[item.arm] = item.dialogue
        size = 2 if mode == "pair" else 1
        return [
            Task(run=run, unit=unit, arms=arms, dialogues=tuple(dialogues[a] for a in arms))
            for unit, dialogues in by_unit.items()
            for arms in combinations(sorted(dialogues), size)
        ]


def _key(rating: PersonRating) -> tuple[str, tuple[str, ...]]:
    return rating.unit, tuple(sorted(filter(None, (rating.arm, rating.other))))
