"""Seconds a reply: live calls of the seat that speaks in an arm, and nothing else."""

from __future__ import annotations

from pathlib import Path

from preceptor.core.events import Event, Spent
from preceptor.evaluate.arms import phase_of
from preceptor.evaluate.latency import latency, spell
from preceptor.project import Project


def call(arm: str, seat: str, seconds: float | None, *, replayed: bool = False) -> Event:
    return Spent(
        seat=seat,
        phase=phase_of(arm),
        input_tokens=1,
        output_tokens=1,
        usd=None,
        replayed=replayed,
        estimated=False,
        seconds=seconds,
    )


def test_each_arm_is_timed_by_the_model_that_speaks_in_it():
    events = [
        *(call("student", "student", s) for s in (1.0, 2.0, 6.0)),
        call("student", "judge", 50.0),
        call("student", "student", None, replayed=True),
        call("teacher", "teacher", 0.5),
        call("guide", "teacher", 90.0),
    ]
    found = latency(events, ["student", "guide", "teacher"])
    assert [(x.arm, x.replies, x.mean, x.median) for x in found] == [
        ("student", 3, 3.0, 2.0),
        ("teacher", 1, 0.5, 0.5),
    ]
    assert (spell(1.25), spell(0.0123)) == ("1.25 s", "12.3 ms")


def test_a_run_tells_what_its_live_calls_took_and_a_resumed_one_the_same(tmp_path: Path):
    settings = {"evaluate.profiles": 3, "evaluate.arms": ("student", "teacher"), "evaluate.measures": ()}
    project = Project.create(tmp_path / "p", settings={**settings, "evaluate.aa": 0}, environ={})
    result = project.evaluate()
    assert [x.arm for x in result.latency] == ["student", "teacher"]
    assert all(0 < x.median <= x.slow < 60 for x in result.latency)
    live = {x.arm: x.replies for x in result.latency}
    replies = {a.arm: round((a.replies or 0) * a.rated) for a in result.evaluation.arms}
    assert live == replies, "nothing was replayed: each reply was timed once"
