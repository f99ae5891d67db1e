"""What ``--dry-run`` expects is near what a run takes, in calls, in what is sent and in what comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from preceptor import Project

SIZES = {
    "airline": {"learn.dialogues": 10, "learn.scenarios": 14, "learn.primer": True},
    "retailer": {"learn.dialogues": 6, "learn.scenarios": 10, "learn.max_turns": 10},
}


@pytest.mark.parametrize("world", SIZES)
def test_an_estimate_is_within_a_quarter(world: str, tmp_path: Path):
    project = Project.create(tmp_path / "p", world, settings=SIZES[world], environ={})
    expected = project.estimate()
    taken = project.learn().spend
    sent = sum(p.input_tokens for p in expected.phases)
    got = sum(p.output_tokens for p in expected.phases)
    assert expected.calls == pytest.approx(sum(r.calls for r in taken), rel=0.25)
    assert sent == pytest.approx(sum(r.input for r in taken), rel=0.25)
    assert got == pytest.approx(sum(r.output for r in taken), rel=0.25)


def test_other_models_are_expected_to_say_more_than_practice_ones(tmp_path: Path):
    project = Project.create(tmp_path / "p", environ={})
    real = Project.open(tmp_path / "p", settings={"seats.teacher": "http://127.0.0.1:1/v1#m"}, environ={})
    assert real.estimate().tokens > project.estimate().tokens


def test_a_seats_own_price_holds_in_the_estimate(tmp_path: Path):
    prices = {"seats.teacher.price_input": 1.0, "seats.teacher.price_output": 2.0}
    project = Project.create(tmp_path / "p", settings=prices, environ={})
    seats = {s.seat: s for s in project.estimate().seats}
    teacher = seats["teacher"]
    assert teacher.usd == pytest.approx((teacher.input_tokens + 2 * teacher.output_tokens) / 1e6, abs=1e-4)
    assert seats["student"].usd == 0.0


def test_a_run_that_its_cap_ends_says_what_more_it_would_need(tmp_path: Path):
    from preceptor.core.errors import BudgetError  # noqa: PLC0415

    settings = {"learn.dialogues": 4, "learn.scenarios": 4, "budget.calls": 30}
    project = Project.create(tmp_path / "p", settings=settings, environ={})
    with pytest.raises(BudgetError, match="budget of 30 calls: 30 made") as caught:
        project.learn()
    assert "more are expected" in caught.value.hint
    command, _, cap = caught.value.hint.rpartition(" --set budget.calls=")
    assert command.endswith("preceptor learn --resume")
    assert project.runs().open("last").info.status == "over_budget"
    with project.library() as library:
        assert library.entries() == (), "nothing of a stage that was cut off"
    resumed = Project.open(tmp_path / "p", settings={"budget.calls": int(cap)}, environ={})
    assert resumed.learn(resume="").strategies


def test_a_fitted_run_ends_within_its_cap_with_all_its_stages_in_the_library(tmp_path: Path):
    settings = {"learn.fit": True, "budget.calls": 400}
    project = Project.create(tmp_path / "p", settings=settings, environ={})
    size = project.size()
    assert size.dialogues < project.config.learn.dialogues
    learned = project.learn()
    assert len(learned.stages) == len(size.teacher_share)
    assert 200 < sum(r.calls for r in learned.spend) <= 400
    assert learned.strategies


def test_a_fitted_run_goes_on_with_the_size_that_it_began_with(tmp_path: Path):
    from preceptor.core.errors import BudgetError  # noqa: PLC0415

    settings = {"learn.fit": True, "budget.calls": 400, "seats.student.budget_calls": 20}
    project = Project.create(tmp_path / "p", settings=settings, environ={})
    with pytest.raises(BudgetError):
        project.learn()
    more = {"budget.calls": 5000, "seats.student.budget_calls": 5000}
    resumed = Project.open(tmp_path / "p", settings=more, environ={}).learn(resume="")
    assert len(resumed.stages) == len(project.size().teacher_share)
    assert sum(r.calls for r in resumed.spend) < 600


def test_a_budget_below_the_smallest_run_is_told_before_a_call(tmp_path: Path):
    from preceptor.core.errors import ConfigError  # noqa: PLC0415

    settings = {"learn.fit": True, "budget.calls": 5}
    project = Project.create(tmp_path / "p", settings=settings, environ={})
    with pytest.raises(ConfigError, match="smaller than the smallest learning run"):
        project.estimate()
