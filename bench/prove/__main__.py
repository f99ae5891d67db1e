"""Verdicts beside the truth: ``python -m bench prove`` or ``python -m bench.prove [--calls N] [--seed S ...]``.

Learns a library on the practice airline, plants harmful strategies into it (one of each kind a round), proves it at
the default budget, and compares with what the strategies really do by the world's own rules on customers that
proving never met. *Simulated* throughout.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.prove.plants import FAINT, PLANTS, SCREENED, Plant
from bench.prove.truth import true_lifts
from preceptor.coach import Coach
from preceptor.core.ids import derive_seed, short_id
from preceptor.core.records import Strategy
from preceptor.evaluate.prove import Ground, Lift, Proof, prove
from preceptor.learn.context import Context
from preceptor.learn.review import review
from preceptor.llm import Seat, Seats
from preceptor.practice import open_practice
from preceptor.project import Project
from preceptor.project.jobs import coach_settings

TRUE = 0.1
"""True lift, in quality of the reply, from which a strategy is reckoned to help or harm."""
EACH = 300
"""Replays per strategy behind its true lift."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One library with plants in it, proved."""

    planted: dict[str, Plant]
    screened: dict[str, str]
    """Planted strategy to who found it in screening: ``code`` or ``teacher``."""
    proof: Proof
    truth: dict[str, Lift]


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--rounds", type=int, default=3, help="rounds, each with another plant of each kind")
    arguments.add_argument("--calls", type=int, default=None)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = Project.create(Path(folder) / "p", settings={"learn.seed": asked.seed}, environ={})
        project.learn()
        rounds = [_round(project, number, asked.seed, asked.calls) for number in range(asked.rounds)]
    _tables(rounds)
    return 0


def _seats() -> Seats:
    models = {"student": "student-small", "teacher": "teacher", "customer": "customer", "judge": "judge"}
    return Seats(**{name: Seat.plain(open_practice(model), name=name) for name, model in models.items()})


def _round(project: Project, number: int, seed: int, calls: int | None) -> Round:
    started = time.perf_counter()
    with project.library() as library:
        learned = library.snapshot()
        scenarios = {s.id: s for s in library.scenarios()}
    issue = {p.id: p.issue for p in project.domain.profiles}
    rng = random.Random(derive_seed(seed, "plants", number))
    planted: dict[str, tuple[Plant, Strategy]] = {}
    for plant in _of_round((*PLANTS, *FAINT, *SCREENED), number):
        own = rng.sample(sorted(i for i, s in scenarios.items() if issue[s.profile] == plant.issue), 2)
        id = short_id("planted", [plant.kind, plant.when, plant.do])
        strategy = Strategy(id=id, when=plant.when, do=plant.do, avoid=plant.avoid, scenarios=tuple(own))
        planted[id] = (plant, strategy)
    strategies = [*learned, *(s for _, s in planted.values())]
    seats = _seats()
    settings = project.config.prove.model_copy(update={"seed": seed + number, "calls": calls})
    ground = Ground(
        domain=project.domain,
        seats=seats,
        coach=Coach(strategies, scenarios, coach_settings(project), template=project.prompts["advice"].body),
        strategies=strategies,
        prompts=project.prompts,
        settings=settings,
        concurrency=16,
        scenarios=scenarios,
    )
    context = Context(
        run="bench",
        domain=project.domain,
        seats=seats,
        prompts=project.prompts,
        settings=project.config.learn,
        coach=coach_settings(project),
        concurrency=16,
    )
    found = asyncio.run(review(context, number, [s for _, s in planted.values()], scenarios))
    screened = {
        id: "teacher" if f.check.startswith("teacher") else "code"
        for id, findings in found.items()
        for f in findings
        if f.severity == "blocking"
    }
    proof = asyncio.run(prove(ground))
    print(
        f"round {number + 1}: {len(strategies)} strategies, {proof.calls} calls, {len(proof.replays)} replays, "
        f"{time.perf_counter() - started:.0f} s",
        file=sys.stderr,
        flush=True,
    )
    truth = true_lifts(ground, world="airline", student="student-small", each=EACH, dialogues=120)
    return Round(planted={i: p for i, (p, _) in planted.items()}, screened=screened, proof=proof, truth=truth)


def _of_round(plants: Sequence[Plant], number: int) -> list[Plant]:
    kinds: dict[str, list[Plant]] = defaultdict(list)
    for plant in plants:
        kinds[plant.kind].append(plant)
    return [found[number % len(found)] for found in kinds.values()]


def _tables(rounds: Sequence[Round]) -> None:
    calls = np.mean([r.proof.calls for r in rounds])
    print(f"\n*Simulated.* {len(rounds)} rounds, {calls:.0f} calls each.\n")
    _verdicts(rounds)
    _kinds(rounds)


def _verdicts(rounds: Sequence[Round]) -> None:
    rows: dict[str, list[tuple[float, float, str]]] = {"learned": [], "planted": []}
    for r in rounds:
        for s in r.proof.strategies:
            if s.strategy in r.truth:
                kind = "planted" if s.strategy in r.planted else "learned"
                true = r.truth[s.strategy].value
                rows[kind].append((s.rank, true, s.verdict))
    print(
        "| strategies | measured | spread of true lifts (error) | rank correlation with truth | helpful verdicts, "
        "truly > 0 | of those that help, found | harmful verdicts, truly < 0 | of those that harm, found |"
    )
    print("|---|---|---|---|---|---|---|---|")
    error = float(np.mean([x.error for r in rounds for x in r.truth.values()]))
    for name, found in (
        ("learned", rows["learned"]),
        ("planted", rows["planted"]),
        ("all", rows["learned"] + rows["planted"]),
    ):
        rank, true = np.array([x[0] for x in found]), np.array([x[1] for x in found])
        said = np.array([x[2] for x in found])
        spread = f"{true.std():.3f} ({error:.3f})"
        print(
            f"| {name} | {len(found)} | {spread} | {_spearman(rank, true):.2f} "
            f"| {_share(true[said == 'helpful'] > 0)} | {_share(said[true >= TRUE] == 'helpful')} "
            f"| {_share(true[said == 'harmful'] < 0)} | {_share(said[true <= -TRUE] == 'harmful')} |"
        )
    noise = np.mean([r.proof.noise for r in rounds])
    print(f"\nVerdicts with the sides of all replays swapped at random: {noise:.2f} a round.\n")


def _kinds(rounds: Sequence[Round]) -> None:
    print("| planted kind | planted | true lift | screened by code | by the teacher | by replays | caught |")
    print("|---|---|---|---|---|---|---|")
    groups = (
        ("kinds that this world reacts to", PLANTS),
        ("kinds to which it hardly reacts", FAINT),
        ("kinds that only screening can see", SCREENED),
    )
    for title, plants in groups:
        total: list[tuple[bool, bool]] = []
        lines: list[str] = []
        for kind in dict.fromkeys(p.kind for p in plants):
            seen: list[tuple[float, str, bool]] = []
            for r in rounds:
                verdicts = {s.strategy: s.verdict for s in r.proof.strategies}
                for id, plant in r.planted.items():
                    if plant.kind == kind:
                        true = r.truth[id].value if id in r.truth else 0.0
                        seen.append((true, r.screened.get(id, ""), verdicts.get(id) == "harmful"))
            true = float(np.mean([s[0] for s in seen]))
            lines.append(
                f"| {kind} | {len(seen)} | {true:+.2f} | {sum(s[1] == 'code' for s in seen)} "
                f"| {sum(s[1] == 'teacher' for s in seen)} | {sum(s[2] for s in seen)} "
                f"| {sum(bool(s[1]) or s[2] for s in seen)} |"
            )
            total += [(s[2], bool(s[1]) or s[2]) for s in seen]
        by_replay, caught = sum(t[0] for t in total), sum(t[1] for t in total)
        print(
            f"| **{title}** | {len(total)} | | | | **{by_replay}** ({100 * by_replay / len(total):.0f}%) "
            f"| **{caught}** ({100 * caught / len(total):.0f}%) |"
        )
        print("\n".join(lines))


def _spearman(one: np.ndarray, other: np.ndarray) -> float:
    ranks = [np.argsort(np.argsort(x, kind="stable"), kind="stable") for x in (one, other)]
    return float(np.corrcoef(*ranks)[0, 1])


def _share(hits: np.ndarray) -> str:
    return f"{int(hits.sum())} of {len(hits)}" if len(hits) else "none"


if __name__ == "__main__":
    raise SystemExit(main())
