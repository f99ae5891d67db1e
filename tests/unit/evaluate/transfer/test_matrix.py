"""The matrix of students and domains on scripted seats."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.evaluate.small_world import Scripts, coach, domain, student

from preceptor.coach import Coach
from preceptor.core.errors import ConfigError
from preceptor.core.events import ignore
from preceptor.core.records import Domain, Issue, Strategy
from preceptor.core.settings import EvaluateConfig
from preceptor.evaluate.prove import Proof, evidence
from preceptor.evaluate.prove.result import Proved
from preceptor.evaluate.statistics import Estimate
from preceptor.evaluate.transfer import Cell, Place, Transfer, holding_back, transfer, versatility
from preceptor.evaluate.transfer.matrix import corrected
from preceptor.library.changes import EvidenceVerdict
from preceptor.library.release import Released, parse_release
from preceptor.library.release_make import Contents, make_release
from preceptor.llm import ChatRequest
from preceptor.prompts import load_prompts


def home() -> Domain:
    """Twelve held-out profiles, four of them with an issue that is never practised."""
    made = domain(heldout=12, training=2)
    new = Issue(key="bag", title="Bag", story="My bag is lost.", goal="Find it.")
    profiles = tuple(replace(p, issue="bag") if n < 4 else p for n, p in enumerate(made.profiles))
    return replace(made, issues=(*made.issues, new), profiles=profiles)


def stubborn(request: ChatRequest) -> str:
    return f"No, and that is it, {request.seed % 3}."


async def run(**changes: object) -> Transfer:
    place = Place(
        home=home(),
        domains=[home(), replace(domain(heldout=12), name="shop")],
        seats={"good": Scripts(student=student).seats(), "deaf": Scripts(student=stubborn).seats()},
        coaches={"good": coach(), "deaf": coach()},
        prompts=load_prompts(),
        settings=EvaluateConfig(max_turns=2),
        concurrency=8,
        emit=ignore,
        own="good",
    )
    return await transfer(replace(place, **changes), {})  # type: ignore[arg-type]


async def test_every_student_in_every_domain_fills_a_cell() -> None:
    found = await run()
    assert [(c.domain, c.student, c.home) for c in found.cells] == [
        ("air", "good", True),
        ("air", "deaf", True),
        ("shop", "good", False),
        ("shop", "deaf", False),
    ]
    good, deaf = found.cells[:2]
    assert good.gain.value > 1 > abs(deaf.gain.value)
    assert good.p_holm < 0.05 < deaf.p_holm
    assert good.advised == 1.0
    assert [c.says for c in found.cells[:2]] == ["helps", "no gain shown"]
    assert [c.student for c in found.without_gain] == ["deaf"]
    assert good.coached.value - good.base.value == pytest.approx(good.gain.value)


async def test_new_issues_are_told_apart_from_new_customers() -> None:
    found = await run()
    at_home, away = found.cells[0], found.cells[2]
    assert at_home.unseen_issues is not None
    assert at_home.unseen_profiles is not None
    assert (at_home.unseen_profiles.n, at_home.unseen_issues.n) == (8, 4)
    assert away.unseen_profiles is None
    assert away.unseen_issues is not None
    assert away.unseen_issues.n == 12


def gain(value: float) -> Estimate:
    return Estimate(value=value, low=value - 0.1, high=value + 0.1, n=40, clusters=40, method="bca")


def cell(student: str, *, known: tuple[float, float] | None, new: tuple[float, float] | None) -> Cell:
    """At home, with gain and p of practised and of new issues."""
    return Cell(
        domain="air",
        student=student,
        home=True,
        base=gain(3),
        coached=gain(3),
        gain=gain(0),
        p_holm=0.5,
        unseen_profiles=known and gain(known[0]),
        unseen_issues=new and gain(new[0]),
        p_known=known and known[1],
        p_new=new and new[1],
        advised=1.0,
    )


async def test_only_practised_issues_tell_for_whom_the_strategies_are_held_back() -> None:
    cells = (
        cell("own", known=(0.0, 0.9), new=None),
        cell("gains where it was practised", known=(0.3, 0.001), new=(-0.4, 0.001)),
        cell("gains nothing", known=(0.1, 0.4), new=(0.4, 0.001)),
        cell("is harmed", known=(-0.3, 0.001), new=None),
        cell("met no practised issue", known=None, new=(0.0, 0.9)),
    )
    found = replace(await run(), cells=cells, learned_with="own")
    assert [c.student for c in found.without_gain] == ["gains nothing", "is harmed"]
    assert [(c.says_known, c.says_new) for c in cells] == [
        ("no gain shown", None),
        ("helps", "harms"),
        ("no gain shown", "helps"),
        ("harms", None),
        (None, "no gain shown"),
    ]


def test_p_values_are_corrected_over_the_cells_that_have_them() -> None:
    cells = [cell("a", known=(0.3, 0.01), new=(0.3, 0.01)), cell("b", known=(0.3, 0.02), new=None)]
    found = corrected(cells)
    assert [c.p_known for c in found] == pytest.approx([0.02, 0.02])
    assert [c.p_new for c in found] == [0.01, None]
    assert [c.p_holm for c in found] == [1.0, 1.0]


async def test_nothing_to_transfer_is_said() -> None:
    with pytest.raises(ConfigError, match="students, domains and strategies"):
        await run(coaches={"good": Coach([]), "deaf": Coach([])})
    with pytest.raises(ConfigError, match="students, domains and strategies"):
        await run(domains=[])


def proof(student: str, **verdicts: EvidenceVerdict) -> Proof:
    lift = {"helpful": 0.5, "unproven": 0.0, "harmful": -0.5}
    also: Any = {"q": 0.01, "n": 9, "clusters": 5}
    rows = [
        Proved(
            strategy=i,
            text=i,
            verdict=v,
            lift=lift[v],
            low=-1,
            high=1,
            rank=lift[v],
            risk=0.1,
            held=i == "shaky",
            **also,
        )
        for i, v in verdicts.items()
    ]
    return Proof(
        domain="air",
        simulated=True,
        student=student,
        models={},
        seed=1,
        rate=0.05,
        looks=5,
        calls=1,
        dialogues=1,
        situations=1,
        failed=0,
        noise=0,
        strategies=tuple(rows),
        untried=(),
        replays=(),
    )


def test_who_is_helped_and_who_is_harmed() -> None:
    found = versatility(
        [
            proof("small", both="helpful", one="helpful", split="helpful", idle="unproven", rare="helpful"),
            proof("large", both="helpful", one="unproven", split="harmful", idle="unproven"),
        ]
    )
    assert {v.strategy: v.kind for v in found} == {
        "both": "helps everyone",
        "one": "helps some",
        "split": "harms some",
        "idle": "unproven",
    }
    assert found[0].strategy == "both"
    assert {v.strategy: v.withheld for v in found if v.withheld} == {"split": ("large",)}
    (shaky,) = versatility([proof("small", shaky="unproven")])
    assert shaky.withheld == ("small",)
    assert versatility([]) == ()


def test_all_is_held_back_for_who_gains_nothing() -> None:
    told = holding_back(proof("deaf", good="helpful", idle="unproven"))
    found = evidence(told, "transfer-001", elsewhere=True)
    assert [(e.strategy_id, e.verdict, e.held) for e in found] == [
        ("good", "helpful", True),
        ("idle", "unproven", True),
    ]


def test_a_coach_holds_back_what_harms_its_student() -> None:
    rows = [
        Released(
            strategy=Strategy(id=f"s{n}", when="a customer asks for a refund", do=f"say number {n}"),
            version=1,
            status="approved",
            withheld_from=("deaf",) if n else (),
        )
        for n in range(2)
    ]
    settings = {"strategies": 4, "general": 2, "words": 100, "floor": 0.0, "variety": 0.0}
    data = make_release(Contents(strategies=rows, states={}, coach=settings, template="{{ strategies }}"))
    release = parse_release(data, "x")
    state = [{"role": "user", "content": "I am a customer who asks for a refund."}]
    everyone, deaf = Coach.from_release(release), Coach.from_release(release, student="deaf")
    assert {c.strategy.id for c in everyone.advise(state).chosen} == {"s0", "s1"}
    assert {c.strategy.id for c in deaf.advise(state).chosen} == {"s0"}
    assert (len(everyone), len(deaf)) == (2, 1)
