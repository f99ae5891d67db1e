"""What people read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preceptor.core.settings import EvaluateConfig
from preceptor.evaluate.arms import Ground
from preceptor.evaluate.markdown import markdown
from preceptor.evaluate.result import Evaluation
from preceptor.evaluate.run import evaluate
from preceptor.evaluate.spend import Spend
from preceptor.evaluate.statistics import Estimate, Score, analyse
from preceptor.evaluate.summary import (
    Table,
    cost,
    differences,
    headline,
    remarks,
    satisfaction,
    sentences,
    spelled,
)
from preceptor.prompts import load_prompts

from .small_world import Scripts, coach, domain


async def measured(scripts: Scripts | None = None, **settings: object) -> Evaluation:
    return await evaluate(
        Ground(domain=domain(), seats=(scripts or Scripts()).seats(), coach=coach(), prompts=load_prompts()),
        settings=EvaluateConfig.model_validate({"aa": 0, **settings}),
        concurrency=4,
        emit=lambda _: None,
        spend=lambda phase: {"student": Spend(calls=len(phase), input_tokens=5, output_tokens=2, usd=None)},
    )


async def test_the_headline_says_how_much_how_sure_and_that_it_is_simulated() -> None:
    found = await measured()
    text = headline(found)
    d, share = found.difference("coached"), found.share("coached")
    assert d is not None
    assert share is not None
    assert share.share is not None
    assert text.startswith(
        f"With coaching, the student's satisfaction rose from {d.baseline_mean:.2f} to {d.arm_mean:.2f} "
        f"({d.estimate.value:+.2f}, 95% {d.estimate.low:+.2f} to {d.estimate.high:+.2f}), "
        f"closing {share.share.value * 100:.0f}% ("
    )
    assert "of the gap to the teacher. (Simulated models" in text


async def test_real_models_are_not_called_simulated() -> None:
    found = await measured(Scripts(spec="scripted:{}"), profiles=4)
    assert "imulated" not in headline(found) + markdown(found)


async def test_no_difference_is_not_called_one_and_names_what_could_be_seen() -> None:
    found = await measured()
    d = found.difference("coached")
    assert d is not None
    unclear = replace(d, finding="unclear", smallest_detectable=0.4, further=30)
    text = headline(replace(found, analysis=replace(found.analysis, differences=(unclear,))))
    assert text.startswith("Coached: no clear difference from student")
    assert "12 pairs would find a difference of 0.40 in 80% of cases" in text
    assert "about 30 more dialogues per arm" in text


async def test_a_loss_is_called_a_loss() -> None:
    found = await measured()
    d = found.difference("coached")
    assert d is not None
    lower = replace(d, finding="lower")
    assert "satisfaction fell from" in headline(
        replace(found, analysis=replace(found.analysis, differences=(lower,)))
    )


async def test_without_the_arm_there_is_nothing_to_say() -> None:
    found = await measured(arms=("student", "teacher"), profiles=8)
    assert headline(found, "coached") == "There is no comparison of coached with student."
    assert headline(found).startswith("With teacher in its place, the student's satisfaction ")


async def test_tables_have_a_row_per_arm_and_as_many_cells_as_columns() -> None:
    found = await measured()
    for table, rows in ((satisfaction(found), 3), (cost(found), 5), (differences(found.analysis), 2)):
        assert len(table.rows) == rows
        assert all(len(row) == len(table.columns) for row in table.rows)
    assert cost(found).rows[0][-1] == "unknown"


async def test_markdown_holds_headline_tables_and_settings() -> None:
    found = await measured(profiles=4)
    text = markdown(found)
    assert headline(found) in text
    assert "**Simulated models" in text
    assert "| coached |" in text
    assert "only 4 clusters" in text
    assert "| student model | practice:student |" in text


async def test_remarks_name_what_was_dropped() -> None:
    found = await measured()
    d = found.difference("coached")
    assert d is not None
    lost = replace(found.analysis, differences=(replace(d, dropped=3),))
    assert any("3 units have one score only" in note for note in remarks(lost))
    assert len(sentences(found.analysis)) == 2


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "0.60 (0.41 to 0.78)"),
        ({"sign": True}, "+0.60 (+0.41 to +0.78)"),
        ({"percent": True}, "60% (41% to 78%)"),
    ],
)
def test_spelling(options: dict[str, bool], expected: str) -> None:
    found = Estimate(value=0.6, low=0.41, high=0.78, n=9, clusters=9, method="bca")
    assert spelled(found, **options) == expected
    assert spelled(replace(found, low=None, high=None)) == "0.60 (no interval)"
    assert spelled(replace(found, low=0.6, high=0.6)) == "0.60 (no spread)"


def test_a_narrow_interval_is_not_rounded_away() -> None:
    rows = [
        Score(arm=a, unit=str(n), cluster=str(n), score=0.4 + (a == "GPT-4") / 50 + n % 7 / 100)
        for n in range(60)
        for a in ("base", "GPT-4")
    ]
    rows = [replace(r, score=r.score + (r.arm == "base" and int(r.unit) % 3) / 1000) for r in rows]
    found = analyse(rows, baseline="base", seed=1)
    d = found.differences[0]
    assert d.estimate.half_width is not None
    assert d.estimate.half_width < 0.001
    told = sentences(found)[0]
    assert told.startswith("GPT-4: the score rose against base")
    assert f"{d.estimate.low:+.5f} to {d.estimate.high:+.5f}" in told
    assert spelled(d.estimate, sign=True) in differences(found).rows[0]


def test_markdown_cells_cannot_break_the_table() -> None:
    table = Table(title="t", columns=("a", "b"), rows=(("x|y", "1\n2"),))
    assert table.markdown().splitlines()[-1] == "| x\\|y | 1 2 |"
