"""Verdicts beside the truth: ``python -m bench prove`` or ``python -m bench.prove [--folder F] [--rounds N]``.

Learns a library on the practice airline and proves it at the default budget, again and again, each time with other
harmful strategies planted into it, one in ten; and compares verdicts with what the strategies really do to
customers that proving never met (``bench/prove/truth.py``). *Simulated* throughout.

What counts as harmful or helpful is told by the truth alone, by one rule that was fixed before the verdicts were
looked at: an effect of ``TRUE`` or more on the worth of a reply. Nothing is left out of the tables.

A library that has grown says everything that matters several times, so that hardly any strategy brings much
beside the others. With ``--thin N`` only every Nth learned strategy is there, and one Nth of the plants a round, as
in a young library: there single strategies do help.

With ``--folder`` what is done is kept there, so that a run can be cut off and goes on where it was.
"""

from __future__ import annotations

import argparse
import asyncio
import pickle
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.prove.plants import PLANTS, SCREENED, Plant
from bench.prove.tables import tables
from bench.prove.truth import Effect, true_effects
from preceptor.coach import Coach
from preceptor.core.ids import derive_seed, short_id
from preceptor.core.pool import Pool
from preceptor.core.records import Finding, Scenario, Strategy
from preceptor.evaluate.prove import Ground, Proof, prove
from preceptor.learn.context import Context
from preceptor.learn.review import Review
from preceptor.llm import Seat, Seats
from preceptor.practice import open_practice
from preceptor.project import Project
from preceptor.project.jobs import coach_settings

DEAL = 3
"""Each round gets every third kind, so that about one strategy in ten is planted."""


@dataclass(frozen=True, slots=True)
class Planted:
    """One planted strategy."""

    plant: Plant
    strategy: Strategy


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--rounds", type=int, default=3 * DEAL, help="three plant each kind once")
    arguments.add_argument("--first", type=int, default=0, help="number of the first round: others, other luck")
    arguments.add_argument("--thin", type=int, default=1, help="only every Nth learned strategy")
    arguments.add_argument("--calls", type=int, default=None)
    arguments.add_argument("--folder", type=Path, default=None, help="keeps what is done, and goes on with it")
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch)
        project = _learned(folder / "project", asked.seed)
        ground, plants = _ground(project, asked.seed, asked.calls)
        deal = DEAL * asked.thin
        deals = {n: _of_round(plants, n, deal) for n in range(asked.first, asked.first + asked.rounds)}
        if asked.thin > 1:
            ground = _thinned(ground, asked.thin)
            plants = {p.strategy.id: p for dealt in deals.values() for p in dealt}
        truth, screened = _truth(folder, ground, plants), _screened(folder, project, ground, plants)
        proofs = [_round(folder, ground, dealt, number) for number, dealt in deals.items()]
    tables(truth, {name: p.plant for name, p in plants.items()}, screened, proofs)
    return 0


def _learned(folder: Path, seed: int) -> Project:
    if (folder / "runs").exists():
        return Project.open(folder, environ={})
    project = Project.create(folder, settings={"learn.seed": seed}, environ={})
    project.learn()
    return project


def _ground(project: Project, seed: int, calls: int | None) -> tuple[Ground, dict[str, Planted]]:
    """Everything to prove with, over the learned strategies; and what to plant."""
    with project.library() as library:
        learned = library.snapshot()
        scenarios = {s.id: s for s in library.scenarios()}
    issue = {p.id: p.issue for p in project.domain.profiles}
    planted: dict[str, Planted] = {}
    for plant in (*PLANTS, *SCREENED):
        name = short_id("planted", [plant.kind, plant.when, plant.do])
        rng = random.Random(derive_seed(seed, "plants", name))
        own = rng.sample(sorted(i for i, s in scenarios.items() if issue[s.profile] == plant.issue), 2)
        strategy = Strategy(id=name, when=plant.when, do=plant.do, avoid=plant.avoid, scenarios=tuple(own))
        planted[name] = Planted(plant, strategy)
    models = {"student": "student-small", "teacher": "teacher", "customer": "customer", "judge": "judge"}
    ground = Ground(
        domain=project.domain,
        seats=Seats(**{name: Seat.plain(open_practice(model), name=name) for name, model in models.items()}),
        coach=Coach(learned, scenarios, coach_settings(project), template=project.prompts["advice"].body),
        strategies=learned,
        prompts=project.prompts,
        settings=project.config.prove.model_copy(update={"seed": seed, "calls": calls}),
        concurrency=16,
        scenarios=scenarios,
    )
    return ground, planted


def _thinned(ground: Ground, thin: int) -> Ground:
    """With every ``thin``-th learned strategy, in the order of their ids."""
    learned = sorted(ground.strategies, key=lambda s: s.id)[::thin]
    coach = Coach(learned, ground.scenarios, ground.coach.settings, template=ground.prompts["advice"].body)
    return replace(ground, strategies=learned, coach=coach)


def _truth(folder: Path, ground: Ground, plants: dict[str, Planted]) -> dict[str, Effect]:
    kept = folder / "truth.pickle"
    if not kept.exists():
        started = time.perf_counter()
        every = replace(ground, strategies=[*ground.strategies, *(p.strategy for p in plants.values())])
        sound = frozenset(s.id for s in ground.strategies)
        found = true_effects(every, world="airline", student="student-small", sound=sound)
        kept.write_bytes(pickle.dumps(found))
        _say(f"truth: {len(found)} strategies, {time.perf_counter() - started:.0f} s")
    return pickle.loads(kept.read_bytes())


def _screened(folder: Path, project: Project, ground: Ground, plants: dict[str, Planted]) -> dict[str, str]:
    """Planted strategy to who found it in screening: ``code`` or ``teacher``."""
    kept = folder / "screened.pickle"
    if not kept.exists():
        context = Context(
            run="bench",
            domain=project.domain,
            seats=ground.seats,
            prompts=project.prompts,
            settings=project.config.learn,
            coach=coach_settings(project),
            concurrency=16,
        )
        found = asyncio.run(_reviewed(context, [p.strategy for p in plants.values()], ground.scenarios))
        blocking = [(id, f.check) for id, findings in found.items() for f in findings if f.severity == "blocking"]
        said = {id: "teacher" if check.startswith("teacher") else "code" for id, check in blocking}
        kept.write_bytes(pickle.dumps(said))
    return pickle.loads(kept.read_bytes())


async def _reviewed(
    context: Context, strategies: Sequence[Strategy], scenarios: Mapping[str, Scenario]
) -> Mapping[str, tuple[Finding, ...]]:
    async with Pool(context.concurrency) as pool:
        review = Review(context, 0, scenarios, pool)
        review.begin(strategies)
    return review.findings


def _round(folder: Path, ground: Ground, planted: Sequence[Planted], number: int) -> Proof:
    kept = folder / f"proof-{number}.pickle"
    if not kept.exists():
        started = time.perf_counter()
        strategies = [*ground.strategies, *(p.strategy for p in planted)]
        coach = Coach(strategies, ground.scenarios, ground.coach.settings)
        settings = ground.settings.model_copy(update={"seed": ground.settings.seed + number})
        proof = asyncio.run(prove(replace(ground, strategies=strategies, coach=coach, settings=settings)))
        kept.write_bytes(pickle.dumps(proof))
        _say(
            f"round {number + 1}: {len(strategies)} strategies, {proof.calls} calls, {len(proof.replays)} replays, "
            f"{time.perf_counter() - started:.0f} s"
        )
    return pickle.loads(kept.read_bytes())


def _of_round(plants: dict[str, Planted], number: int, deal: int) -> Sequence[Planted]:
    kinds: dict[str, list[Planted]] = defaultdict(list)
    for planted in plants.values():
        kinds[planted.plant.kind].append(planted)
    return [found[number // deal % len(found)] for found in list(kinds.values())[number % deal :: deal]]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
