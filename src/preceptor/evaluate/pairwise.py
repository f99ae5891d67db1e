"""Preferences between dialogues of the same customer. Single ratings saturate; a preference does not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

from preceptor.core.errors import ModelError
from preceptor.core.events import ItemDone, ItemFailed, PhaseStarted
from preceptor.core.ids import derive_seed
from preceptor.core.records import Profile
from preceptor.core.untrusted import one_line
from preceptor.evaluate.arms import phase_of
from preceptor.evaluate.dialogues import Stage
from preceptor.evaluate.found import JudgedPair, Preferences, WinRate
from preceptor.evaluate.result import Item
from preceptor.evaluate.statistics.preference import Preference, bradley_terry, win_rate
from preceptor.judge import Case, prefer

PHASE = phase_of("pairs")


async def judge_pairs(
    stage: Stage, items: Sequence[Item], profiles: Sequence[Profile], baseline: str
) -> Preferences | None:
    """Every arm with the baseline, and with ``coached`` where it takes part, on every unit that both have.

    None where there is no such pair. A pair that cannot be judged is counted, and in no figure.

    Raises:
        PreceptorError: what ends a run.
    """
    pairs = _pairs(items, baseline)
    if not pairs:
        return None
    known = {p.id: p for p in profiles}
    stage.emit(PhaseStarted(name="pairs", stage=0, total=len(pairs), kind="rating"))
    met = [TwoMeetings(profile=known[one.profile], one=one, other=other) for one, other in pairs]
    judged = await stage.executor.run(Preferring(), stage, met, concurrency=stage.concurrency)
    told = [j for j in judged if j is not None]
    if not told:
        return None
    return summed(told, failed=len(pairs) - len(told), baseline=baseline, seed=stage.settings.seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoMeetings:
    """A customer with the dialogues of two arms."""

    profile: Profile
    one: Item
    other: Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferring:
    """What is done with each pair: a :class:`~preceptor.core.executor.Work`."""

    def at(self, stage: Stage) -> Callable[[TwoMeetings], Awaitable[JudgedPair | None]]:
        """The judge's preference; None where it cannot be had, which is told."""

        async def one(pair: TwoMeetings) -> JudgedPair | None:
            return await _preferred(stage, pair)

        return one


async def _preferred(stage: Stage, pair: TwoMeetings) -> JudgedPair | None:
    one, other, ground = pair.one, pair.other, stage.ground
    name = f"{one.arm}-{other.arm}:{one.unit}"
    case = Case(domain=ground.domain, profile=pair.profile, turns=one.dialogue.turns)
    seed = derive_seed(one.seed, "pair", one.arm, other.arm)
    try:
        found = await prefer(
            ground.seats.judge, ground.prompts, case, other.dialogue.turns, seed=seed, phase=PHASE, item=name
        )
    except ModelError as error:
        if error.ends_run:
            raise
        stage.emit(ItemFailed(kind="rating", id=name, failure=error.kind, reason=one_line(str(error), 400)))
        return None
    stage.emit(ItemDone(kind="rating", id=name, detail=found.winner))
    return JudgedPair(unit=one.unit, profile=one.profile, first=one.arm, second=other.arm, preferred=found)


def _pairs(items: Sequence[Item], baseline: str) -> list[tuple[Item, Item]]:
    rated: dict[str, dict[str, Item]] = {}
    for item in items:
        if item.rating is not None:
            rated.setdefault(item.unit, {})[item.arm] = item
    arms = list(dict.fromkeys(i.arm for i in items))
    wanted = [p for p in combinations(arms, 2) if baseline in p or "coached" in p]
    return [(have[a], have[b]) for have in rated.values() for a, b in wanted if a in have and b in have]


def summed(judged: Sequence[JudgedPair], *, failed: int, baseline: str, seed: int) -> Preferences:
    """Win rates of every pair of arms that was judged, Bradley-Terry scores, and how far position decided."""
    told = [
        Preference(first=j.first, second=j.second, winner=j.preferred.winner, cluster=j.profile) for j in judged
    ]
    rates: list[WinRate] = []
    for first, second in dict.fromkeys((j.first, j.second) for j in judged):
        # The arm that is asked about stands first: "coached against student" and not the other way round.
        arm, other = (second, first) if first == baseline or second == "coached" else (first, second)
        mine = [p for p in told if (p.first, p.second) == (first, second)]
        ties = sum(p.winner == "tie" for p in mine)
        wins = sum(p.winner != "tie" and (p.winner == "first") == (p.first == arm) for p in mine)
        rates.append(
            WinRate(
                arm=arm,
                other=other,
                wins=wins,
                ties=ties,
                losses=len(mine) - wins - ties,
                rate=win_rate(told, arm, other, seed=seed),
            )
        )
    named = [side for j in judged for side in j.preferred.shown if side != "same"]
    against = sum(_contradicts(j) for j in judged)
    return Preferences(
        pairs=tuple(judged),
        failed=failed,
        rates=tuple(rates),
        strengths=bradley_terry(told, anchor=_anchor(told, baseline), seed=seed),
        first_shown=sum(s == "first" for s in named) / len(named) if named else None,
        contradicted=against / len(judged),
    )


def _contradicts(judged: JudgedPair) -> bool:
    one, two = judged.preferred.shown
    return one == two != "same"


def _anchor(told: Sequence[Preference], baseline: str) -> str:
    arms = {a for p in told for a in (p.first, p.second)}
    return baseline if baseline in arms else min(arms)
