"""Lifts from replays whose truth is known."""

from __future__ import annotations

import random

import pytest

from preceptor.core.records import Scenario, Strategy, Turn
from preceptor.evaluate.prove.lifts import Lift, beliefs, lifts
from preceptor.evaluate.prove.pool import Situation
from preceptor.evaluate.prove.replay import Replay
from preceptor.evaluate.prove.spend import HARM, ROUNDS, Plan, worth
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
    assert beliefs({}) == {}
    one = Replay(scenario="s", cluster="c", signs={"a": -1}, value=1.0)
    assert lifts([spoiled, one])["a"].n == 1


def test_a_few_replays_that_agree_prove_nothing() -> None:
    made = [
        Replay(scenario=f"s{n}", cluster=f"c{n % 9}", signs={f"s{n % 60}": 1}, value=float(-1 if n % 3 else 1))
        for n in range(90)
    ]
    found = lifts(made)
    assert all(x.p > 0.02 and x.error > 0.3 for x in found.values())
    seen = Looks(planned=2, rate=0.05)
    seen.look(found)
    assert set(seen.verdicts().values()) == {"unproven"}


def test_shrinking_draws_the_unsure_further() -> None:
    found = {n: lift(n, v, e) for n, v, e in (("sure", 0.6, 0.05), ("unsure", 0.6, 0.5), ("bad", -0.6, 0.05))}
    believed = beliefs(found)
    assert believed["bad"].mean < believed["unsure"].mean < believed["sure"].mean < 0.6
    assert believed["sure"].sd < believed["unsure"].sd < 0.5
    assert believed["bad"].below(HARM) > 0.99 > 0.01 > believed["sure"].below(HARM)


def test_lifts_that_look_alike_are_still_not_believed_to_be_the_same() -> None:
    believed = beliefs({f"s{n}": lift(f"s{n}", 0.1, 0.2) for n in range(9)})
    assert all(b.mean == pytest.approx(0.1) and b.sd > 0.04 for b in believed.values())


def lift(name: str, value: float, error: float = 0.1, p: float = 0.5, n: int = 40) -> Lift:
    return Lift(strategy=name, value=value, error=error, df=50, p=p, n=n, clusters=20)


@pytest.mark.parametrize(
    ("looks", "verdict"),
    [
        ([0.9, 0.9, 0.9, 0.9, 0.02], "harmful"),  # the last look has half of the rate
        ([0.9, 0.9, 0.9, 0.9, 0.03], "unproven"),
        ([0.02], "unproven"),  # each before it an even share of the other half
        ([0.006], "harmful"),
        ([0.006, 0.9, 0.9, 0.9, 0.9], "harmful"),
    ],
)
def test_every_look_has_its_share_of_the_rate_and_what_is_settled_stays_so(
    looks: list[float], verdict: str
) -> None:
    seen = Looks(planned=5, rate=0.05)
    for p in looks:
        seen.look({"s": lift("s", -0.4, p=p)})
    assert seen.verdicts() == {"s": verdict}
    assert seen.settled == ({"s"} if verdict == "harmful" else set())


def test_among_many_a_single_small_p_is_expected() -> None:
    seen = Looks(planned=2, rate=0.05)
    for _ in range(2):
        seen.look({f"s{n}": lift(f"s{n}", 0.2, p=0.003 if n == 0 else 0.5) for n in range(20)})
    assert set(seen.verdicts().values()) == {"unproven"}


def test_replays_are_worth_most_where_harm_is_likely_and_nothing_where_all_is_settled() -> None:
    found = {
        "harm": lift("harm", -0.3),
        "help": lift("help", 0.3),
        "nothing": lift("nothing", 0.01, error=0.03),
        "done": lift("done", -0.6),
    }
    weights = worth(found, {"done"})
    assert weights["harm"] > 2 * weights["help"] > 10 * weights["nothing"] > weights["done"] == 0


def trial(seed: int) -> tuple[dict[str, float], dict[str, str], dict[str, Lift]]:
    """A whole proving of made-up strategies whose lifts are known, as ``prove`` plans it."""
    rng = random.Random(seed)
    truth = dict.fromkeys((f"idle{n}" for n in range(20)), 0.0) | {f"harm{n}": -0.5 for n in range(2)}
    rules = {name: Strategy(id=name, when="always", do=name) for name in truth}
    pool = [
        Situation(
            scenario=Scenario(id=f"s{n}", turns=(Turn(speaker="customer", text="Hi"),), profile=f"c{n}", stage=0),
            strategies=tuple(rules.values()),
            fits={name: rng.uniform(0.8, 1) for name in truth},
        )
        for n in range(30)
    ]
    plan, looks, made = Plan(pool, most=6), Looks(planned=ROUNDS, rate=0.05), list[Replay]()
    for _ in range(ROUNDS):
        for task in plan.pick(worth(looks.last, looks.settled), looks.settled, 30):
            signs = {s.id: rng.choice((1, -1)) for s in task.strategies}
            value = sum(truth[name] * sign for name, sign in signs.items()) + rng.gauss(0, 0.7)
            kept = max(-1.0, min(1.0, float(round(value))))
            scenario = task.situation.scenario
            made.append(Replay(scenario=scenario.id, cluster=scenario.profile, signs=signs, value=kept))
        looks.look(lifts(made))
    return truth, dict(looks.verdicts()), looks.last


def test_looking_early_and_spending_by_it_makes_no_verdicts_out_of_luck() -> None:
    wrong = right = covered = 0
    for seed in range(20):
        truth, said, found = trial(seed)
        wrong += sum(v != "unproven" for name, v in said.items() if truth[name] == 0)
        right += sum(v == "harmful" for name, v in said.items() if truth[name] < 0)
        covered += sum(low <= 0 <= high for name, (low, high) in _intervals(found).items() if truth[name] == 0)
    assert right >= 38
    assert wrong <= 6  # of about 46 verdicts
    assert 0.92 <= covered / 400 <= 0.99


def _intervals(found: dict[str, Lift]) -> dict[str, tuple[float, float]]:
    return {name: lift.interval() for name, lift in found.items()}
