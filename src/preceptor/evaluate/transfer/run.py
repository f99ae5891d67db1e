"""Running a transfer: every student in every domain without and with the same strategies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from preceptor.coach import Coach
from preceptor.core.errors import ConfigError
from preceptor.core.events import Emit
from preceptor.core.records import Domain
from preceptor.core.settings import EvaluateConfig
from preceptor.evaluate.arms import Ground, Learned
from preceptor.evaluate.prove import Ground as ProveGround
from preceptor.evaluate.prove import Proof, prove
from preceptor.evaluate.result import Evaluation
from preceptor.evaluate.run import evaluate
from preceptor.evaluate.transfer.matrix import BASE, COACHED, Cell, Transfer, corrected, matrix_cell, versatility
from preceptor.llm import Seats
from preceptor.prompts import PromptSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What all students and domains share."""

    home: Domain
    """Where the strategies were learned: its training profiles tell which issues were practised."""
    domains: Sequence[Domain]
    """Where they are used; ``home`` may be among them."""
    seats: Mapping[str, Seats]
    """Student to the seats with it in the student's place."""
    coaches: Mapping[str, Coach]
    """Student to the coach that advises it: without what harms it."""
    prompts: PromptSet
    settings: EvaluateConfig
    concurrency: int
    emit: Emit
    release: str = ""
    own: str = ""
    """The project's own student."""


async def transfer(place: Place, proving: Mapping[str, ProveGround]) -> Transfer:
    """The matrix and, for each student in ``proving``, what single strategies do.

    All students meet the same held-out customers, with the same seeds.

    Raises:
        ConfigError: no student, no domain, or nothing to coach with.
        PreceptorError: what ends a run.
    """
    if not place.seats or not place.domains or not all(map(len, place.coaches.values())):
        raise nothing_to_transfer()
    cells = [await _cell(place, domain, student) for domain in place.domains for student in place.seats]
    proofs: list[Proof] = [await prove(ground) for ground in proving.values()]
    first = next(iter(place.seats.values()))
    models = {s.name: s.spec for s in (first.customer, first.judge)}
    specs = [*models.values(), *(s.student.spec for s in place.seats.values())]
    return Transfer(
        release=place.release,
        strategies=max(map(len, place.coaches.values())),
        learned_with=place.own,
        simulated=any(spec.startswith("practice:") for spec in specs),
        models=models,
        seed=place.settings.seed,
        cells=corrected(cells),
        proofs=tuple(proofs),
        versatile=versatility(proofs),
    )


def nothing_to_transfer() -> ConfigError:
    """The error of a transfer without students, domains or strategies."""
    return ConfigError(
        "a transfer needs students, domains and strategies",
        hint="learn first, then: preceptor transfer --students MODEL,MODEL --domains NAME,FOLDER",
    )


async def _cell(place: Place, domain: Domain, student: str) -> Cell:
    coach = place.coaches[student]
    settings = place.settings.model_copy(
        update={"arms": (BASE, COACHED), "arm_files": (), "measures": (), "pairwise": False, "aa": 0}
    )
    found = await evaluate(
        Ground(domain=domain, seats=place.seats[student], coach=coach, prompts=place.prompts, learned=Learned()),
        settings=settings,
        concurrency=place.concurrency,
        emit=place.emit,
    )
    home = domain.name == place.home.name
    practised = {p.issue for p in place.home.profiles if not p.heldout} if home else set[str]()
    return matrix_cell(found, student=student, home=home, practised=practised, advised=_advised(found, coach))


def _advised(found: Evaluation, coach: Coach) -> float:
    turns = [
        bool(coach.advise(i.dialogue.turns[:n]).chosen)
        for i in found.items
        if i.arm == COACHED
        for n, turn in enumerate(i.dialogue.turns)
        if turn.speaker == "agent"
    ]
    return sum(turns) / len(turns) if turns else 0.0
