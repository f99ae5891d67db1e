"""Lifts from replays whose truth is known."""

from __future__ import annotations

import random

import pytest

from preceptor.evaluate.prove.lifts import Lift, lifts, shrunk
from preceptor.evaluate.prove.replay import Replay
from preceptor.evaluate.prove.spend import worth
from preceptor.evaluate.prove.verdicts import Looks


def replays(truth: dict[str, float], count: int, seed: int = 1, customers: int = 40) -> list[Replay]:
    """Replays of all strategies at once; preferences are the sum of what each brings, and noise."""
    rng = random.Random(seed)
    made: list[Replay] = []
    for n in range(count):
        signs = {name: rng.choice((1, -1)) for name in truth}
        value = sum(truth[name] * sign for name, sign in signs.items()) + rng.gauss(0, 0.5)
        made.append(
            Replay(
                scenario=f"s{n}",
                cluster=f"c{n % customers}",
                signs=signs,
                value=max(-1.0, min(1.0, round(value * 2) / 2)),
            )
        )
    return made


def test_each_strategy_gets_its_own_lift_whatever_the_others_do() -> None:
    found = lifts(replays({"good": 0.3, "bad": -0.4, "idle": 0.0}, 400))
    assert 0.15 < found["good"].value < 0.45
    assert -0.55 < found["bad"].value < -0.25
    assert abs(found["idle"].value) < 0.12
    assert found["bad"].p < 1e-6 < 0.01 < found["idle"].p
    assert found["good"].n == 400
    assert found["good"].clusters == 40


def test_what_others_do_is_taken_out_of_the_error() -> None:
    truth = {f"s{n}": 0.3 * (-1) ** n for n in range(6)}
    many = replays(truth, 300)
    alone = [
        Replay(scenario=r.scenario, cluster=r.cluster, signs={"s0": r.signs["s0"]}, value=r.value) for r in many
    ]
    assert lifts(many)["s0"].error < 0.85 * lifts(alone)["s0"].error


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    held = 0
    for seed in range(120):
        low, high = lifts(replays({"a": 0.2, "b": -0.1}, 80, seed, customers=16))["a"].interval()
        held += low <= 0.2 <= high
    assert 106 <= held <= 120


def test_swapped_sides_leave_nothing_to_find() -> None:
    made = replays({"good": 0.5}, 300)
    rng = random.Random(7)
    assert abs(lifts(made, flips=[rng.choice((1, -1)) for _ in made])["good"].value) < 0.2


def test_spoiled_replays_do_not_count_and_nothing_gives_nothing() -> None:
    spoiled = Replay(scenario="s", cluster="c", signs={"a": 1}, value=None, failure="timeout: late")
    assert lifts([spoiled]) == {}
    assert shrunk({}) == {}
    one = Replay(scenario="s", cluster="c", signs={"a": -1}, value=1.0)
    assert lifts([spoiled, one])["a"].n == 1


def test_shrinking_draws_the_unsure_further() -> None:
    found = {n: lift(n, v, e) for n, v, e in (("sure", 0.6, 0.05), ("unsure", 0.6, 0.5), ("bad", -0.6, 0.05))}
    ranks = shrunk(found)
    assert ranks["bad"] < ranks["unsure"] < ranks["sure"] < 0.6


def lift(name: str, value: float, error: float = 0.1, p: float = 0.5, n: int = 40) -> Lift:
    return Lift(strategy=name, value=value, error=error, df=50, p=p, n=n, clusters=20)


@pytest.mark.parametrize(
    ("looks", "verdict"),
    [
        ([0.001, 0.9], "harmful"),
        ([0.9, 0.001], "harmful"),
        ([0.012, 0.012], "unproven"),  # times the number of looks
        ([0.009], "harmful"),
    ],
)
def test_the_best_look_counts_and_every_look_is_paid_for(looks: list[float], verdict: str) -> None:
    seen = Looks(planned=5, rate=0.05)
    for p in looks:
        seen.look({"s": lift("s", -0.4, p=p)})
    assert seen.verdicts() == {"s": verdict}


def test_a_lift_that_turned_round_proves_nothing() -> None:
    seen = Looks(planned=2, rate=0.05)
    seen.look({"s": lift("s", 0.4, p=0.0001)})
    seen.look({"s": lift("s", -0.1, p=0.8)})
    assert seen.verdicts() == {"s": "unproven"}


def test_among_many_a_single_small_p_is_expected() -> None:
    seen = Looks(planned=1, rate=0.05)
    seen.look({f"s{n}": lift(f"s{n}", 0.2, p=0.03 if n == 0 else 0.5) for n in range(20)})
    assert set(seen.verdicts().values()) == {"unproven"}


def test_replays_are_worth_most_where_harm_is_suspected_and_nothing_where_all_is_settled() -> None:
    found = {
        "harm": lift("harm", -0.3),
        "help": lift("help", 0.3),
        "nothing": lift("nothing", 0.01, n=400),
        "done": lift("done", 0.6),
    }
    weights = worth(found, {"done": "helpful"}, further=10)
    assert weights["harm"] > weights["help"] > weights["nothing"] > weights["done"] == 0
