# pyright: reportUnknownMemberType=false
"""A library, releases, runs and an evaluation in which every text is hostile."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.browser.payloads import PAYLOADS
from tests.review_app import open_desk, waiting
from tests.review_data import DOMAIN, evidence, make_lesson, make_run

from preceptor.core.clock import system_clock
from preceptor.core.events import Event, ItemFailed, PhaseStarted, RunStarted
from preceptor.core.ids import short_id
from preceptor.core.records import Scenario, Strategy, Turn
from preceptor.library.changes import Edit, Flag, Propose, Provenance, RecordLesson, SetLaw
from preceptor.library.law import Law
from preceptor.library.screening import screen
from preceptor.review.desk import Desk
from preceptor.review.ratings import PersonRating
from preceptor.runs.run import Run
from preceptor.runs.store import RunStore

UNTIL = (system_clock() + timedelta(days=30)).date().isoformat()


def hostile(text: str, number: int) -> Strategy:
    """The strategy of this payload, as it was proposed."""
    return Strategy(
        id=short_id("strategy", ["hostile", number]), when=f"when {text}", do=text, avoid=f"{text}!", why=text,
        scenarios=(f"scenario-hostile-{number}",),
    )  # fmt: skip


def make_house(folder: Path, small: Path, project: Path) -> None:
    """In ``folder``, from the small library and a project that was evaluated."""
    shutil.copytree(small, folder)
    shutil.copytree(project / "runs" / "evaluate-001", folder / "runs" / "evaluate-001")
    found = folder / "runs" / "evaluate-001" / "results" / "evaluation.json"
    told = json.loads(found.read_text())
    for n, item in enumerate(told["items"]):
        for turn in item["dialogue"]["turns"]:
            turn["text"] = PAYLOADS[n % len(PAYLOADS)]
    found.write_text(json.dumps(told))
    with open_desk(folder, 0) as desk:
        _decide(desk)
        for n, text in enumerate(PAYLOADS):
            _propose(desk, text, n)
        ids = [hostile(t, n).id for n, t in enumerate(PAYLOADS)]
        flag = Flag(strategy_ids=(ids[0], ids[1]), note=PAYLOADS[1])
        desk.library.apply([flag], author=PAYLOADS[1], reason=PAYLOADS[0])
    runs = RunStore(folder / "runs", clock=system_clock)
    make_run(runs)
    for status in ("failed", "running"):
        run = runs.create("learn", config={}, seed=1, prompts={}, models={"student": PAYLOADS[0], PAYLOADS[1]: "x"})
        happen(run)
        if status == "failed":
            run.finish("failed", message=PAYLOADS[2])


def happen(run: Run) -> None:
    """What a run tells of whose phases, items and failures nothing good is meant."""
    events: list[Event] = [RunStarted(run=run.id, job="learn", resumed=False)]
    for text in PAYLOADS:
        events.append(PhaseStarted(name=text, stage=0, total=3))
        events.append(ItemFailed(kind="lesson", id=text, failure=text, reason=text))
    with run.locked():
        for event in events:
            run.record(event)


def rate(desk: Desk) -> None:
    """A rating by each payload, with it as note: ratings stand in no folder."""
    items = desk.rater.evaluation("evaluate-001").items
    given = [
        PersonRating(run="evaluate-001", unit=i.unit, arm=i.arm, score=n % 5 + 1, by=text[:64], note=text)
        for n, (text, i) in enumerate(zip(PAYLOADS, (*items, *items, *items), strict=False))
    ]
    desk.ratings.put(given)


def _decide(desk: Desk) -> None:
    """Approvals that end, releases and laws, each by and because of a payload."""
    entries = waiting(desk)[-len(PAYLOADS) :]
    assert len(entries) == len(PAYLOADS)
    for n, (text, entry) in enumerate(zip(PAYLOADS, entries, strict=True)):
        desk.decisions.approve(text, entry.strategy.id, expect=entry.changed_seq, reason=text, until=UNTIL)
        desk.library.apply([SetLaw(law=Law(valid_days=400 + n))], author=text, reason=text)
    made = desk.releases.create(desk.recipe(), author=PAYLOADS[1], reason=PAYLOADS[0])
    for n, text in enumerate(PAYLOADS[:-1]):
        if n % 2:
            desk.releases.rollback(author=text, reason=text)
        else:
            desk.releases.publish(made.release.id, author=text, reason=text)


def _propose(desk: Desk, text: str, n: int) -> None:
    base = make_lesson(n, random.Random(n))
    scenario = Scenario(
        id=f"scenario-hostile-{n}", turns=(Turn(speaker="customer", text=text, by=text),), profile=text, stage=0
    )
    strategy = hostile(text, n)
    attempts = tuple(
        replace(a, reply=text, strategies=(strategy,), comparison=replace(a.comparison, reason=text))
        for a in base.attempts
    )
    lesson = replace(base, id=f"lesson-hostile-{n}", scenario=scenario, teacher_reply=text, attempts=attempts)
    provenance = Provenance(run="learn-001", lessons=(lesson.id,), models=(("student", text),), tainted=True)
    findings = screen(strategy, turns=scenario.turns, domain=DOMAIN)
    desk.library.apply(
        [
            RecordLesson(lesson=lesson, run="learn-001", stage=0),
            Propose(strategy=strategy, provenance=provenance, findings=findings, lesson_id=lesson.id),
            evidence(strategy.id, random.Random(n)),
            Edit(strategy_id=strategy.id, when=strategy.when, do=f"{text} more", avoid=text, why=text),
        ],
        author=text,
        reason=text,
    )
