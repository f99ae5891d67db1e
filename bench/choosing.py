"""How much choosing costs: ``python -m bench choosing`` or ``python -m bench.choosing [--seeds N]``.

Learns a library on each practice world and has every held-out customer served four times by the same student: by
itself, with what would be chosen by likeness alone, with what the coach chooses (likeness and fit), and with what a
perfect choice from the very same library would be. The perfect
choice knows what no coach can know: who the customer is, what this one would reward now, and how the student reads
each strategy. So it is about the most that better choosing could bring.

A strategy *fits* where its "when" holds, something that it asks for would be rewarded now (or what it warns of
resented), and nothing that it asks for would be. Satisfaction is the world's own, 1 to 5, without a judge.
*Simulated* throughout.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import mean, stdev

from preceptor import Project
from preceptor.coach import Coach, with_block
from preceptor.coach.choose import choose
from preceptor.coach.wording import worded
from preceptor.core.ids import derive_seed
from preceptor.core.pool import run_all
from preceptor.core.records import Profile, Strategy, Turn
from preceptor.dialogue import Agent, Coaching, Customer, no_coaching, play
from preceptor.evaluate.statistics.distributions import t_quantile
from preceptor.library.index import IndexSettings, StrategyIndex
from preceptor.llm import Seat
from preceptor.practice import open_practice, shipped_world
from preceptor.practice.guidance import understand
from preceptor.practice.mind import Mind
from preceptor.practice.physics import as_profile, resented, satisfaction, wanted
from preceptor.practice.state import State
from preceptor.project.jobs import build_coach

WORLDS = ("airline", "retailer")
HOLDS = 0.5
"""Agreement of a "when" with the true situation from which it holds."""


class Truth:
    """What a world makes of strategies, and the choice of one who knows it."""

    def __init__(self, world: str) -> None:
        self.mind = Mind(shipped_world(world))

    def state(self, turns: Sequence[Turn], profile: Profile) -> State:
        """The situation as it is, not as it reads."""
        return as_profile(self.mind.state(turns), profile)

    def fitting(self, strategy: Strategy, state: State) -> dict[str, float]:
        """The moves for which a strategy fits this situation, with what each is worth; empty: it does not fit."""
        want, bad = wanted(self.mind, state), resented(self.mind, state)
        guides = [g for g in understand(self.mind, worded(strategy).line) if g.fit(state) >= HOLDS]
        asked = {move for g in guides for move in g.do}
        if asked & bad.keys():
            return {}
        found = {move: want[move] for move in sorted(asked & want.keys())}
        warned = {move for g in guides for move in g.avoid} & bad.keys()
        return found or {f"not {move}": 0.1 * bad[move] for move in sorted(warned)}

    def perfect(self, coach: Coach, strategies: Sequence[Strategy], state: State) -> list[Strategy]:
        """Within the coach's limits: strategies that fit, each for something that none before it asks for, what is
        worth most first."""
        limits = coach.settings
        worth = {s: found for s in strategies if (found := self.fitting(s, state))}
        chosen: list[Strategy] = []
        covered: set[str] = set()
        words = 0
        while worth and len(chosen) < limits.strategies:
            gain = {s: sum(w for m, w in found.items() if m not in covered) for s, found in worth.items()}
            best = max(worth, key=lambda s: (gain[s], -len(s.text()), s.id))
            found = worth.pop(best)
            length = len(best.text().split())
            if gain[best] > 0 and words + length <= limits.words:
                chosen.append(best)
                covered |= found.keys()
                words += length
        return chosen


@dataclass(frozen=True, slots=True)
class Ground:
    """One learned library and who is served."""

    truth: Truth
    project: Project
    coach: Coach
    strategies: Sequence[Strategy]
    likeness: StrategyIndex
    """The same strategies, found by likeness alone."""
    repeats: int


@dataclass(frozen=True, slots=True)
class Row:
    """Satisfaction of the student alone, and what each choice adds; of the coach's, how many strategies a turn, and
    what share of them fits; and that share by likeness alone."""

    student: float
    likeness: float
    coached: float
    perfect: float
    advised: float
    fits: float
    likeness_fits: float


def learned(folder: Path, world: str, seed: int, repeats: int = 1) -> Ground:
    """A library learned from this seed, and the coach over it."""
    if folder.exists():
        project = Project.open(folder, environ={})
    else:
        project = Project.create(folder, world, settings={"learn.seed": seed}, environ={})
        project.learn()
    with project.library() as library:
        coach, strategies = build_coach(project, library), library.snapshot()
        scenarios = {s.id: s for s in library.scenarios()}
    likeness = StrategyIndex(strategies, scenarios=scenarios, settings=IndexSettings(fitting=False))
    return Ground(Truth(world), project, coach, strategies, likeness, repeats)


async def served(ground: Ground, coaching: Callable[[Profile], Coaching]) -> list[tuple[Profile, tuple[Turn, ...]]]:
    """Every held-out customer's dialogue, with advice as ``coaching`` gives it for this customer."""
    domain, prompts = ground.project.domain, ground.project.prompts
    student, customer = (Seat.plain(open_practice(m), name=m) for m in ("student-small", "customer"))
    held = [(p, n) for p in domain.profiles if p.heldout for n in range(ground.repeats)]

    async def one(task: tuple[Profile, int]) -> tuple[Profile, tuple[Turn, ...]]:
        profile, number = task
        agent = Agent(student, domain, prompts, coaching=coaching(profile))

        async def speak(turns: Sequence[Turn], seed: int) -> Turn:
            return Turn(speaker="agent", text=await agent.reply(turns, seed=seed, phase="bench", item=profile.id))

        dialogue = await play(
            id=profile.id,
            profile=profile,
            customer=Customer(customer, domain, profile, prompts),
            agent=speak,
            max_turns=ground.project.config.evaluate.max_turns,
            seed=derive_seed(1, "choosing", profile.id, number),
            phase="bench",
        )
        return profile, dialogue.turns

    return await run_all(held, one, concurrency=16)


def measured(ground: Ground) -> Row:
    """All four ways."""
    truth, coach = ground.truth, ground.coach

    def by_likeness(turns: Sequence[Turn], _: State) -> list[Strategy]:
        hits = ground.likeness.search(turns, floor=coach.settings.floor)
        return [c.strategy for c in choose(hits, hits, coach.settings)]

    def coached(turns: Sequence[Turn], _: State) -> list[Strategy]:
        return [c.strategy for c in coach.advise(turns).chosen]

    def perfect(_: Sequence[Turn], state: State) -> list[Strategy]:
        return truth.perfect(coach, ground.strategies, state)

    student = _satisfied(ground, lambda _: no_coaching)
    (likeness, _, likeness_fits), (chosen, advised, fits), (best, _, _) = (
        _way(ground, way) for way in (by_likeness, coached, perfect)
    )
    return Row(student, likeness - student, chosen - student, best - student, advised, fits, likeness_fits)


def _way(ground: Ground, way: Callable[[Sequence[Turn], State], list[Strategy]]) -> tuple[float, float, float]:
    """Satisfaction, strategies a turn, and the share of them that fits, when ``way`` chooses."""
    counts: list[tuple[int, int]] = []

    def served_by(profile: Profile) -> Coaching:
        def coaching(messages: list[dict[str, str]], turns: Sequence[Turn]) -> list[dict[str, str]]:
            state = ground.truth.state(turns, profile)
            told = way(turns, state)
            counts.append((len(told), sum(bool(ground.truth.fitting(s, state)) for s in told)))
            return with_block(messages, ground.coach.block(told))

        return coaching

    value = _satisfied(ground, served_by)
    advised = sum(n for n, _ in counts)
    return value, advised / len(counts), sum(fit for _, fit in counts) / max(1, advised)


def _satisfied(ground: Ground, coaching: Callable[[Profile], Coaching]) -> float:
    dialogues = asyncio.run(served(ground, coaching))
    return mean(satisfaction(ground.truth.mind, turns, profile) for profile, turns in dialogues)


def _told(name: str, row: Row) -> None:
    gains = f"{row.likeness:>+8.2f} {row.coached:>+8.2f} {row.perfect:>+8.2f}"
    shares = f"{row.advised:>7.2f} {row.fits:>6.2f} {row.likeness_fits:>8.2f}"
    print(f"{name:<17} {row.student:>7.2f} {gains} {shares}", flush=True)


def _half(values: Sequence[float]) -> float:
    return t_quantile(0.975, len(values) - 1) * stdev(values) / sqrt(len(values)) if len(values) > 1 else 0.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.choosing", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="libraries learned in each world")
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS))
    parser.add_argument("--folder", type=Path, default=None, help="keeps what is learned, and uses it again")
    options = parser.parse_args()
    print("simulated: practice worlds, student-small; satisfaction 1 to 5 by the world's own rule")
    print(f"{'world':<12} seed student likeness  coached  perfect advised   fits likeness")
    with tempfile.TemporaryDirectory() as scratch:
        for world in options.worlds:
            started = time.perf_counter()
            rows: list[Row] = []
            for seed in range(1, options.seeds + 1):
                ground = learned((options.folder or Path(scratch)) / f"{world}-{seed}", world, seed)
                rows.append(measured(ground))
                _told(f"{world:<12} {seed:>4}", rows[-1])
            _told(f"{world:<12} mean", Row(*(mean(getattr(r, k) for r in rows) for k in Row.__slots__)))
            gains = [r.coached - r.likeness for r in rows]
            told = f"{mean(gains):+.3f}, 95% t interval ± {_half(gains):.3f}"
            print(f"  coached less likeness, by seed: {told}; {time.perf_counter() - started:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
