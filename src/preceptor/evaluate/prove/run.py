"""Proving: fill the pool, replay in rounds, look after each, spend the rest where it decides most."""

from __future__ import annotations

import random
from collections.abc import Sequence, Sized

from preceptor.core.errors import RunError
from preceptor.core.events import PhaseStarted
from preceptor.core.ids import derive_seed
from preceptor.core.pool import run_all
from preceptor.evaluate.prove.ground import PHASE, Ground
from preceptor.evaluate.prove.lifts import Lift, beliefs, lifts
from preceptor.evaluate.prove.pool import Pool, fill_pool
from preceptor.evaluate.prove.replay import A_REPLAY, Replay, replay
from preceptor.evaluate.prove.result import Proof, Proved
from preceptor.evaluate.prove.spend import HARM, ROUNDS, Plan, Task, worth
from preceptor.evaluate.prove.verdicts import Looks

PER_STRATEGY = 80
"""Calls per strategy where no budget is set and replays are shared."""
SHARING = 4.0
"""Strategies that fit a scenario, on average, from which on replays count as shared."""
MOST = 1.25
"""Times ``PER_STRATEGY`` at most, where they are not."""
_SHUFFLES = 20


async def prove(ground: Ground, pool: Pool | None = None) -> Proof:
    """The lift and the verdict of every strategy of the ground, within ``prove.calls``.

    Args:
        pool: scenarios to replay; None: fresh dialogues are played first.

    Raises:
        RunError: there is nothing to prove, or nothing to prove it on.
        PreceptorError: what ends a run: budget, stop, a model that is down.
    """
    require_strategies(ground.strategies)
    pool = pool or await fill_pool(ground)
    if not pool.situations:
        raise RunError(
            "no scenario calls up any strategy that was not learned from it",
            hint="raise prove.dialogues, or lower coach.floor",
        )
    total = ground.settings.calls or pool.calls + budget(pool, len(ground.strategies), ground.settings.retrieved)
    looks = Looks(planned=ROUNDS, rate=ground.settings.false_discoveries)
    plan = Plan(pool.situations, ground.settings.retrieved)
    replays: list[Replay] = []
    for number in range(ROUNDS):
        left = total - pool.calls - sum(r.calls for r in replays)
        tasks = plan.pick(worth(looks.last, looks.settled), looks.settled, left // (ROUNDS - number) // A_REPLAY)
        replays += await _round(ground, tasks, number)
        looks.look(lifts(replays))
    if not looks.last:
        raise RunError(
            f"not one of {len(replays)} replays could be judged" if replays else "the budget allows no replay",
            hint="see the failures with: preceptor runs show" if replays else "raise prove.calls",
        )
    return _proof(ground, pool, replays, looks)


def require_strategies(strategies: Sized) -> None:
    """RunError where there is nothing to prove."""
    if not strategies:
        raise RunError("there are no strategies to prove", hint="learn some with: preceptor learn")


def budget(pool: Pool, strategies: int, places: int) -> int:
    """Calls for replays where none are set.

    A replay tells of every strategy in it at the same price. In a small library few fit the same scenario, so that
    each would get fewer replays for as many calls, and be held back for want of them: there it gets more calls.
    """
    together = sum(min(len(s.strategies), places) for s in pool.situations) / len(pool.situations)
    return round(PER_STRATEGY * min(MOST, max(1.0, SHARING / together)) * strategies)


async def _round(ground: Ground, tasks: Sequence[Task], number: int) -> list[Replay]:
    ground.emit(PhaseStarted(name=PHASE, stage=number, total=len(tasks), kind="replay"))

    async def one(task: Task) -> Replay:
        return await replay(ground, task.situation.scenario, task.use, task.strategies)

    return await run_all(tasks, one, concurrency=ground.concurrency)


def _proof(ground: Ground, pool: Pool, replays: Sequence[Replay], looks: Looks) -> Proof:
    texts = {s.id: s.text() for s in ground.strategies}
    verdicts, q, ranks = looks.verdicts(), looks.q, beliefs(looks.last)
    seats = ground.seats
    models = {s.name: s.spec for s in (seats.student, seats.customer, seats.judge)}

    def proved(name: str, lift: Lift) -> Proved:
        low, high = lift.interval()
        risk = ranks[name].below(HARM)
        return Proved(
            strategy=name,
            text=texts[name],
            verdict=verdicts[name],
            lift=lift.value,
            low=low,
            high=high,
            rank=ranks[name].mean,
            risk=risk,
            # A lift that is hardly known may be anything: its own replays must speak against it too.
            held=risk > ground.settings.risk and lift.value <= -lift.error,
            q=q[name],
            n=lift.n,
            clusters=lift.clusters,
        )

    rows = [proved(name, lift) for name, lift in looks.last.items()]
    return Proof(
        domain=ground.domain.name,
        simulated=any(spec.startswith("practice:") for spec in models.values()),
        student=seats.student.spec,
        models=models,
        seed=ground.settings.seed,
        rate=looks.rate,
        looks=looks.planned,
        calls=pool.calls + sum(r.calls for r in replays),
        dialogues=pool.dialogues,
        situations=len(pool.situations),
        failed=sum(r.value is None for r in replays),
        noise=_noise(replays, looks, ground.settings.seed),
        strategies=tuple(sorted(rows, key=lambda s: (-s.rank, s.strategy))),
        untried=tuple(sorted(texts.keys() - looks.last.keys())),
        replays=tuple(replays),
    )


def _noise(replays: Sequence[Replay], looks: Looks, seed: int) -> float:
    """Verdicts by luck, on average over random swaps of the sides of each replay."""
    count = sum(r.value is not None and bool(r.signs) for r in replays)
    rng = random.Random(derive_seed(seed, PHASE, "noise"))
    found = 0
    for _ in range(_SHUFFLES):
        luck = Looks(planned=looks.planned, rate=looks.rate)
        luck.look(lifts(replays, flips=[rng.choice((1, -1)) for _ in range(count)]))
        found += sum(v != "unproven" for v in luck.verdicts().values())
    return found / _SHUFFLES
