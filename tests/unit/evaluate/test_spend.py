"""The account of arms."""

from __future__ import annotations

import random

from preceptor.core.events import PhaseStarted, Spent
from preceptor.evaluate.spend import Spend, SpendTally, nothing_spent


def spent(phase: str = "evaluate:student", usd: float | None = 0.1, replayed: bool = False) -> Spent:
    return Spent(
        seat="student", phase=phase, input_tokens=10, output_tokens=3, usd=usd, replayed=replayed, estimated=False
    )


def test_calls_add_up_by_phase_and_seat_replayed_ones_too() -> None:
    tally = SpendTally()
    for event in (
        spent(),
        spent(replayed=True),
        spent(phase="evaluate:teacher"),
        PhaseStarted(name="x", stage=0, total=1),
    ):
        tally.listen(event)
    assert tally.of("evaluate:student") == {"student": Spend(calls=2, input_tokens=20, output_tokens=6, usd=0.2)}
    assert tally.of("none") == {} == nothing_spent("none")


def test_one_unknown_price_makes_the_sum_unknown() -> None:
    tally = SpendTally()
    for usd in (0.1, None, 0.1):
        tally.listen(spent(usd=usd))
    assert tally.of("evaluate:student")["student"].usd is None


def test_the_order_of_calls_does_not_show() -> None:
    prices = [0.1, 1e-7, 3.3, 0.7, 1e-9] * 20
    sums = set[float | None]()
    for seed in range(3):
        tally = SpendTally()
        for usd in random.Random(seed).sample(prices, len(prices)):
            tally.listen(spent(usd=usd))
        sums.add(tally.of("evaluate:student")["student"].usd)
    assert len(sums) == 1
