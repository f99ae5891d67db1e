"""What the screens show, and that nothing in a model's text steers them."""

from __future__ import annotations

import io
import re
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple, cast

import pytest
from rich.console import Console, Group, RenderableType

from preceptor.cli.out import console, table
from preceptor.cli.screens import bar, chart, chosen, closing, strategy_line, where
from preceptor.cli.story import render_story
from preceptor.core.records import Attempt, Comparison, Finding, Lesson, Scenario, Strategy, Turn
from preceptor.evaluate.result import Evaluation
from preceptor.evaluate.statistics import Estimate
from preceptor.library.changes import Provenance
from preceptor.library.entry import Entry, Flagged, Measured
from preceptor.library.law import Law
from preceptor.library.paging import Terms
from preceptor.project.story import Story

TERMS = Terms(law=Law(), now="2026-03-01T12:00:00+00:00")
HOSTILE = "[bold red]x[/] \x1b[2J\x1b]8;;http://evil\x07link\x07 \u202eesrever :smile: [link=http://evil]y[/link]"


def shown(what: RenderableType, width: int = 120) -> str:
    out = io.StringIO()
    Console(file=out, width=width, markup=False, emoji=False).print(what)
    return out.getvalue()


def test_what_can_be_pasted_stays_in_one_line() -> None:
    rows = [("release-111a44420bb41e88", "for a pilot of many weeks", "mara")]
    broken = shown(table(["release", "why", "by"], rows), 40)
    assert rows[0][0] not in broken
    kept = shown(table(["release", "why", "by"], rows, whole=["release"]), 40)
    assert rows[0][0] in kept
    assert max(map(len, kept.splitlines())) <= 40


class Mean(NamedTuple):
    estimate: Estimate


class Arm(NamedTuple):
    arm: str
    mean: Mean


ARMS = (("student", 2.88), ("teacher", 4.6))


def around(value: float) -> Estimate:
    return Estimate(value=value, low=value - 0.2, high=value + 0.2, n=9, clusters=9, method="t")


def test_the_chart_keeps_its_figures_on_a_narrow_screen() -> None:
    two = {arm: Arm(arm, Mean(around(value))) for arm, value in ARMS}
    found = cast("Evaluation", SimpleNamespace(arms=tuple(two.values()), mean=lambda name: two[name].mean))
    for width in (40, 50, 60, 80, 200):
        first, second = shown(chart(found), width).splitlines()
        assert max(len(first), len(second)) <= width
        assert re.fullmatch(r"student +2\.88 +[·├─●┤]{9,41} +2\.68 to 3\.08 *", first)
        assert "4.40 to 4.80" in second


def strategy(number: int, scenarios: int = 1, *, general: bool = False) -> Strategy:
    ids = tuple(f"scenario-{n}" for n in range(scenarios))
    return Strategy(
        id=f"strategy-{number}", when="w", do="d", scope="domain" if general else "scenario", scenarios=ids
    )


def story() -> Story:
    comparison = Comparison(verdict="worse", axes=(("accuracy", -1.0),), reason=HOSTILE, orders=1)
    rule = Strategy(
        id="strategy-1", when=HOSTILE, do=HOSTILE, avoid=HOSTILE, why=HOSTILE, scenarios=("scenario-1",)
    )
    attempts = (
        Attempt(number=0, strategies=(), reply="the reply before", comparison=comparison),
        Attempt(number=1, strategies=(rule,), reply="the reply after", comparison=comparison),
    )
    turns = (Turn(speaker="customer", text=HOSTILE), Turn(speaker="action", text=HOSTILE, by=HOSTILE))
    lesson = Lesson(
        id="lesson-1",
        scenario=Scenario(id="scenario-1", turns=turns, profile="p", stage=0),
        teacher_reply="the teacher's reply",
        attempts=attempts,
        kept=1,
        outcome="improved",
    )
    entry = Entry(
        strategy=rule,
        version=1,
        status="proposed",
        provenance=(
            Provenance(
                run="learn-001",
                stage=2,
                scenarios=("scenario-1",),
                models=(("student", "practice:student-small"),),
                tainted=True,
            ),
            Provenance(run="learn-000", models=(("teacher", "practice:teacher"),)),
        ),
        lesson_id="lesson-1",
        evidence=Measured(verdict="helpful", lift=0.4, interval=(0.1, 0.7), n=20, run="r"),
        findings=(Finding(check="code", severity="blocking", field="do", quote=HOSTILE, reason=HOSTILE),),
        flags=(Flagged(others=("strategy-2",), note=HOSTILE),),
        first_seq=1,
        changed_seq=1,
        changed_at="2026-01-01T00:00:00+00:00",
        changed_by="me",
    )
    return Story(entry=entry, lessons=(lesson,), further=2, history=())


def test_a_story_tells_everything():
    text = shown(render_story(story(), TERMS))
    for words in (
        "strategy-1",
        "helpful (+0.40, 95% +0.10 to +0.70, 20 pairs)",
        "student before  the reply before",
        "teacher  the teacher's reply",
        "student after  the reply after",
        "attempt 1",
        "kept",
        "contradicts strategy-2",
        "derived from customers' own text",
        "practice:student-small",
        "learn-001, stage 3",
        "learn-000, from the domain alone",
        "lesson 1 of 3",
    ):
        assert words in text


def test_hostile_text_steers_nothing():
    text = (
        shown(render_story(story(), TERMS))
        + shown(strategy_line(story().entry.strategy))
        + shown(table(["a"], [(HOSTILE,)]))
    )
    assert not set(text) & {"\x1b", "\x07", "\u202e"}
    assert "[bold red]x[/]" in text
    assert ":smile:" in text


def estimate(value: float, low: float | None = None, high: float | None = None) -> Estimate:
    return Estimate(value=value, low=low, high=high, n=10, clusters=10, method="none")


def test_bars_stand_on_one_scale():
    assert bar(estimate(3.0, 2.0, 4.0), "green").plain == "·" * 10 + "├" + "─" * 9 + "●" + "─" * 9 + "┤" + "·" * 10
    assert bar(estimate(1.0), "green").plain == "●" + "·" * 40
    assert bar(estimate(5.0, 4.9, 5.4), "green").plain.endswith("●")


def test_both_kinds_of_strategies_are_shown_widest_first():
    general = [strategy(n, 9, general=True) for n in range(3)]
    bound = [strategy(10 + n, n + 1) for n in range(5)]
    assert [s.id for s in chosen(general, bound)] == ["strategy-0", "strategy-1", "strategy-14", "strategy-13"]
    assert len(chosen([], bound[:1])) == 1


def test_the_folder_is_named_where_it_is_another(tmp_path):
    assert where(type(tmp_path)()) == ""
    assert where(tmp_path) == f" -C {tmp_path}"


@pytest.mark.parametrize("width", [20, 80])
def test_a_command_to_paste_stands_on_one_line_whatever_the_width(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    command = f"preceptor library list -C '{'a long name ' * 12}'"
    console().print(Group("words " * 30, *closing(Path("folder " * 20), command)))
    *_, files, following = capsys.readouterr().out.splitlines()
    assert files == f"files: {'folder ' * 20}".rstrip()
    assert following == f"next: {command}"
