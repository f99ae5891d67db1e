"""Is the judge any good? Against people, against itself, and against what should not matter: place and length."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TypeVar

import numpy as np

from preceptor.core.errors import InputError, ModelError, RunError
from preceptor.core.events import Emit, ItemDone, ItemFailed, PhaseStarted
from preceptor.core.ids import derive_seed
from preceptor.core.pool import run_all
from preceptor.core.records import Domain, Profile, Turn
from preceptor.core.untrusted import one_line
from preceptor.evaluate import judge_votes
from preceptor.evaluate.judge_votes import (
    Vote,
    Votes,
    count_votes,
    kappa,
    mean_of,
    pair_of,
    share_of,
    to_ask,
    winner,
)
from preceptor.evaluate.result import Evaluation, Item
from preceptor.evaluate.statistics import Estimate
from preceptor.evaluate.statistics.agreement import Agreement, Rated, agreement
from preceptor.evaluate.statistics.intervals import Floats, estimate, ratio_of_sums
from preceptor.evaluate.summary import spelled
from preceptor.judge import Case, Preferred, prefer, rate
from preceptor.llm import Seat
from preceptor.prompts import PromptSet

Found = TypeVar("Found")
PHASE = "judge-check"
PADDING = (
    "To put that in other words, this is what I have written to you in this message, and it is the whole of what "
    "this message says. These words stand here at the end of the message and are part of it."
)
"""Words that help no customer: what is added to every reply to see whether length alone is rewarded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A person's rating of one dialogue of the evaluation."""

    unit: str
    arm: str
    by: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """The judge beside people."""

    ratings: int
    raters: int
    unknown: int
    """Ratings of dialogues that the evaluation does not hold, or that its judge did not rate."""
    overall: Agreement
    arms: dict[str, Agreement]
    leaning: dict[str, Estimate]
    """Per rated arm but the baseline: the judge's bias there minus its bias with the baseline. So much of the arm's
    measured difference is the judge's own and not people's."""
    between: Agreement | None
    """Two people on the same dialogue: what agreement can be hoped for. None where nobody rated the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeCheck:
    """What was found; every part None where it could not be told."""

    judge: str
    practice: bool
    """True: the judge is a practice model, which reads its own worlds only."""
    dialogues: int
    failed: int
    people: People | None
    votes: Votes | None
    """None where nobody has voted."""
    retest: Agreement | None
    """The judge's second rating beside its first."""
    same: float | None
    """Share of second ratings that are the first one's, to the half point."""
    first_shown: float | None
    """Share of answers naming a dialogue of a pair that name the one in front: 0.5 without position bias."""
    contradicted: float | None
    """Share of pairs whose two orders name different dialogues."""
    pairs: int
    padded: Estimate | None
    """Rating of a dialogue whose replies were padded with words that help nobody, minus its rating as it was."""
    padded_wins: Estimate | None
    """How often the padded one is preferred to the other, ties counting one half; below 0.5 is sound."""
    padding: float
    """Words of a padded reply over words of the reply, mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a check stands on."""

    domain: Domain
    judge: Seat
    prompts: PromptSet
    concurrency: int
    emit: Emit


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    item: Item
    again: float
    padded: float
    preferred: Preferred


async def check_judge(
    bench: Bench,
    found: Evaluation,
    *,
    dialogues: int,
    seed: int,
    given: Sequence[Given] = (),
    votes: Sequence[Vote] = (),
) -> JudgeCheck:
    """Asks the judge again about ``dialogues`` of the evaluation's dialogues, drawn by ``seed`` over all arms.

    Per dialogue four calls: its rating once more, its rating with every reply padded, and the padded one against
    the plain one in both orders. Per drawn customer two more: the baseline's dialogue against another arm's, in
    both orders. Pairs that people voted on and that the evaluation did not compare are asked for, in both orders. A
    dialogue whose answers fail is counted and left out.

    Raises:
        InputError: the evaluation holds no rated dialogue, or a customer who is not in the domain any more.
        RunError: not one answer of the judge could be used.
        PreceptorError: what ends a run.
    """
    rated = [i for i in found.items if i.rating is not None]
    if not rated:
        raise InputError("the evaluation holds no rated dialogue", hint="check the judge on another evaluation")
    profiles = {p.id: p for p in bench.domain.profiles}
    gone = sorted({i.profile for i in rated} - profiles.keys())
    if gone:
        raise InputError(
            f"the evaluation met a customer who is not in the domain any more: {one_line(gone[0], 80)}",
            hint="check the judge on an evaluation of the domain as it is now",
        )
    drawn = sorted(rated, key=lambda i: (derive_seed(seed, PHASE, i.arm, i.unit), i.arm, i.unit))[:dialogues]
    pairs = _pairs(found, rated, drawn)
    voted = to_ask(found, votes)
    bench.emit(PhaseStarted(name="judge", stage=0, total=len(drawn) + len(pairs) + len(voted), kind="rating"))
    seen = await run_all(drawn, lambda i: _seen(bench, i, profiles, seed), concurrency=bench.concurrency)
    told = await run_all(pairs, lambda p: _swapped(bench, p, profiles, seed), concurrency=bench.concurrency)
    asked = await run_all(voted, lambda p: _swapped(bench, p, profiles, seed), concurrency=bench.concurrency)
    judged = {
        pair_of(one.unit, one.arm, other.arm): winner(told, one.arm, other.arm)
        for (one, other), told in zip(voted, asked, strict=True)
        if told is not None
    }
    kept, swapped = [s for s in seen if s is not None], [p for p in told if p is not None]
    if not kept and not swapped and not judged:
        raise RunError(
            f"not one of {len(seen) + len(told) + len(asked)} questions to the judge had a usable answer",
            hint="try the judge's seat: preceptor doctor --seat judge",
        )
    named = [side for p in swapped for side in p.shown if side != "same"]
    return JudgeCheck(
        judge=bench.judge.spec,
        practice=bench.judge.spec.startswith("practice:"),
        dialogues=len(kept),
        failed=len(seen) - len(kept) + len(told) - len(swapped),
        people=people(found, given, seed=seed) if given else None,
        votes=count_votes(found, votes, judged, seed=seed) if votes else None,
        retest=agreement([_retest(s) for s in kept], seed=seed) if kept else None,
        same=float(np.mean([s.again == _first(s.item) for s in kept])) if kept else None,
        first_shown=sum(s == "first" for s in named) / len(named) if named else None,
        contradicted=float(np.mean([p.shown[0] == p.shown[1] != "same" for p in swapped])) if swapped else None,
        pairs=len(swapped),
        padded=mean_of([(s.item.profile, s.padded - s.again) for s in kept], derive_seed(seed, "padded")),
        padded_wins=share_of([(s.item.profile, _won(s.preferred)) for s in kept], derive_seed(seed, "padded-wins")),
        padding=_padding([s.item for s in kept]),
    )


def _first(item: Item) -> float:
    return item.rating.satisfaction if item.rating is not None else 0.0


def _retest(seen: _Seen) -> Rated:
    item = seen.item
    return Rated(item=f"{item.arm} {item.unit}", cluster=item.profile, judge=seen.again, person=_first(item))


def _won(preferred: Preferred) -> float:
    return {"first": 1.0, "second": 0.0, "tie": 0.5}[preferred.winner]


def _padding(items: Sequence[Item]) -> float:
    words = [w for i in items for w in i.words if w]
    return float(np.mean([(w + len(PADDING.split())) / w for w in words])) if words else 1.0


def _pairs(found: Evaluation, rated: Sequence[Item], drawn: Sequence[Item]) -> list[tuple[Item, Item]]:
    base = {i.unit: i for i in rated if i.arm == found.analysis.baseline}
    others: dict[str, Item] = {}
    for item in drawn:
        if item.arm != found.analysis.baseline and item.unit in base:
            others.setdefault(item.unit, item)
    return [(base[unit], item) for unit, item in others.items()]


async def _seen(bench: Bench, item: Item, profiles: dict[str, Profile], seed: int) -> _Seen | None:
    name = f"{item.arm}:{item.unit}"

    async def ask() -> _Seen:
        case = Case(domain=bench.domain, profile=profiles[item.profile], turns=item.dialogue.turns)
        longer = replace(case, turns=padded(item.dialogue.turns))
        mine = derive_seed(seed, PHASE, name)
        tag = {"phase": PHASE, "item": name}
        again = await rate(bench.judge, bench.prompts, case, seed=mine, **tag)
        other = await rate(bench.judge, bench.prompts, longer, seed=derive_seed(mine, "padded"), **tag)
        preferred = await prefer(
            bench.judge, bench.prompts, longer, case.turns, seed=derive_seed(mine, "pair"), **tag
        )
        return _Seen(item=item, again=again.satisfaction, padded=other.satisfaction, preferred=preferred)

    return await _asked(bench, name, ask)


async def _swapped(
    bench: Bench, pair: tuple[Item, Item], profiles: dict[str, Profile], seed: int
) -> Preferred | None:
    one, other = pair
    name = f"{one.arm}-{other.arm}:{one.unit}"

    async def ask() -> Preferred:
        case = Case(domain=bench.domain, profile=profiles[one.profile], turns=one.dialogue.turns)
        mine = derive_seed(seed, PHASE, name)
        return await prefer(
            bench.judge, bench.prompts, case, other.dialogue.turns, seed=mine, phase=PHASE, item=name
        )

    return await _asked(bench, name, ask)


async def _asked(bench: Bench, name: str, ask: Callable[[], Awaitable[Found]]) -> Found | None:
    try:
        found = await ask()
    except ModelError as error:
        if error.ends_run:
            raise
        bench.emit(ItemFailed(kind="rating", id=name, failure=error.kind, reason=one_line(str(error), 400)))
        return None
    bench.emit(ItemDone(kind="rating", id=name))
    return found


def padded(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The dialogue with :data:`PADDING` after every reply of the agent."""
    return tuple(replace(t, text=f"{t.text} {PADDING}") if t.speaker == "agent" else t for t in turns)


def people(found: Evaluation, given: Sequence[Given], *, seed: int) -> People | None:
    """The evaluation's judge beside people's ratings of the same dialogues; None where no rating is of one."""
    items = {(i.unit, i.arm): i for i in found.items if i.rating is not None}
    mine = [(g, items[g.unit, g.arm]) for g in given if (g.unit, g.arm) in items]
    if not mine:
        return None

    def rows(arm: str = "") -> list[Rated]:
        return [
            Rated(item=f"{g.unit} {g.arm} {g.by}", cluster=i.profile, judge=_first(i), person=g.score)
            for g, i in mine
            if arm in ("", g.arm)
        ]

    together: dict[tuple[str, str], list[Given]] = {}
    for g, _ in mine:
        together.setdefault((g.unit, g.arm), []).append(g)
    between = [
        Rated(item=f"{a.unit} {a.arm}", cluster=items[a.unit, a.arm].profile, judge=a.score, person=b.score)
        for told in together.values()
        for a, b in combinations(sorted(told, key=lambda g: g.by), 2)
    ]
    baseline = found.analysis.baseline
    arms = tuple(dict.fromkeys(g.arm for g, _ in mine))
    return People(
        ratings=len(mine),
        raters=len({g.by for g, _ in mine}),
        unknown=len(given) - len(mine),
        overall=agreement(rows(), seed=seed),
        arms={arm: agreement(rows(arm), seed=seed) for arm in arms},
        leaning={
            arm: _leaning(rows(arm), rows(baseline), derive_seed(seed, "leaning", arm))
            for arm in arms
            if arm != baseline and baseline in arms
        },
        between=agreement(between, seed=seed) if between else None,
    )


def _leaning(arm: Sequence[Rated], baseline: Sequence[Rated], seed: int) -> Estimate:
    """Bias with the arm minus bias with the baseline, customers drawn with all that is theirs in both."""
    names = sorted({r.cluster for r in (*arm, *baseline)})
    place = {name: n for n, name in enumerate(names)}
    sums, sizes = np.zeros((2, len(names))), np.zeros((2, len(names)))
    for side, rows in enumerate((arm, baseline)):
        for r in rows:
            sums[side, place[r.cluster]] += r.judge - r.person
            sizes[side, place[r.cluster]] += 1
    of_arm, of_baseline = (ratio_of_sums(sums[side], sizes[side]) for side in (0, 1))

    def statistic(weights: Floats) -> Floats:
        with np.errstate(invalid="ignore"):  # a draw without either arm has no finite value: estimate tells it
            return of_arm(weights) - of_baseline(weights)

    return estimate(statistic, n=len(arm) + len(baseline), clusters=len(names), seed=seed)


def sentences(check: JudgeCheck) -> tuple[str, ...]:
    """The check in plain words, a line each."""
    found = [f"{one_line(check.judge, 80)}, {check.dialogues} dialogues" + _lost(check)]
    if check.people is not None:
        p = check.people
        found.append(f"people ({p.raters}, {p.ratings} ratings): {_agreed(p.overall)}")
        found += [f"people, arm {one_line(arm, 60)}: {_agreed(a)}" for arm, a in p.arms.items()]
        found += [
            f"beside the baseline the judge gives {one_line(arm, 60)} {spelled(e, sign=True)} more than people do: "
            "so much of its difference would be the judge's own"
            for arm, e in p.leaning.items()
        ]
        if p.between is not None:
            found.append(f"people among themselves: {kappa(p.between)}; no judge can be asked for more")
        if p.unknown:
            found.append(f"{p.unknown} ratings are of dialogues that this evaluation's judge did not rate")
    else:
        found.append("people: nobody has rated dialogues of this evaluation yet (preceptor review; --ratings)")
    if check.votes is not None:
        found += judge_votes.sentences(check.votes)
    if check.retest is not None and check.same is not None:
        found.append(f"asked again: {_agreed(check.retest)}; the same rating in {check.same * 100:.0f}%")
    if check.contradicted is not None:
        first = "no answer named one" if check.first_shown is None else f"named in {check.first_shown * 100:.0f}%"
        found.append(
            f"position, {check.pairs} pairs in both orders: the dialogue in front was {first}, "
            f"{check.contradicted * 100:.0f}% changed sides"
        )
    if check.padded is not None and check.padded_wins is not None:
        found.append(
            f"length, replies made {check.padding:.1f} times as long by words that say nothing: rating "
            f"{spelled(check.padded, sign=True)}; preferred to the plain one in "
            f"{spelled(check.padded_wins, percent=True)}"
        )
    if check.practice:
        found.append(
            "this is a practice judge (simulated): it reads its own worlds only, and a check on people's ratings "
            "of real dialogues, such as Taskmaster's reward_tm3, does not apply to it"
        )
    return tuple(found)


def _lost(check: JudgeCheck) -> str:
    return f"; {check.failed} answers could not be had" if check.failed else ""


def _agreed(found: Agreement) -> str:
    return f"{kappa(found)}, bias {spelled(found.bias, sign=True)}"
