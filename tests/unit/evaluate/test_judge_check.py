"""Checking the judge: what each part says of judges with a known fault."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from preceptor.core.errors import BadAnswerError, InputError
from preceptor.core.events import ignore
from preceptor.core.settings import EvaluateConfig
from preceptor.evaluate.arms import Ground
from preceptor.evaluate.judge_check import PADDING, Bench, Given, JudgeCheck, check_judge, people, sentences
from preceptor.evaluate.judge_votes import Side, Vote
from preceptor.evaluate.result import Evaluation
from preceptor.evaluate.run import evaluate
from preceptor.llm import ChatRequest, ScriptedModel, Seat
from preceptor.practice import shipped_world, shipped_worlds
from preceptor.practice.mind import Mind
from preceptor.project.judging import read_ratings
from preceptor.prompts import load_prompts

from .small_world import Script, Scripts, coach, domain, judge


async def measured() -> Evaluation:
    ground = Ground(domain=domain(), seats=Scripts().seats(), coach=coach(), prompts=load_prompts())
    settings = EvaluateConfig(aa=0, measures=(), profiles=8)
    return await evaluate(ground, settings=settings, concurrency=8, emit=ignore)


async def checked(script: Script = judge, *, dialogues: int = 12, given: tuple[Given, ...] = ()) -> JudgeCheck:
    seat = Seat.plain(ScriptedModel(script, spec="scripted:judge"), name="judge")
    bench = Bench(domain=domain(), judge=seat, prompts=load_prompts(), concurrency=4, emit=ignore)
    return await check_judge(bench, await measured(), dialogues=dialogues, seed=1, given=given)


async def test_a_steady_judge_without_faults_is_found_so() -> None:
    found = await checked()
    assert (found.dialogues, found.failed) == (12, 0)
    assert found.retest is not None
    assert found.retest.kappa is not None
    assert found.retest.kappa.value == pytest.approx(1)
    assert found.same == 1
    assert (found.first_shown, found.contradicted) == (0.5, 0)
    assert found.padded_wins is not None
    assert found.padded_wins.value == 0.5
    assert found.people is None
    assert "nobody has rated" in " ".join(sentences(found))


async def test_votes_of_people_stand_beside_the_judges_preferences() -> None:
    def vote(unit: str, first: str, second: str, better: Side, by: str = "ann") -> Vote:
        return Vote(unit=unit, first=first, second=second, by=by, better=better)

    found = await measured()
    units = sorted({i.unit for i in found.items})[:3]
    votes = (
        vote(units[0], "coached", "student", "first"),
        vote(units[0], "student", "coached", "second", by="bo"),
        vote(units[1], "coached", "student", "second"),
        vote(units[2], "coached", "student", "same"),
        vote("nobody/0", "coached", "student", "first"),
    )
    seat = Seat.plain(
        ScriptedModel(judge, spec="scripted:judge"), name="judge"
    )  # likes who says sorry: the coached
    bench = Bench(domain=domain(), judge=seat, prompts=load_prompts(), concurrency=4, emit=ignore)
    told = (await check_judge(bench, found, dialogues=2, seed=1, votes=votes)).votes
    assert told is not None
    assert (told.votes, told.people, told.pairs, told.unknown) == (4, 2, 3, 1)
    assert told.same.value == pytest.approx(0.5)
    assert told.opposed == pytest.approx(0.25)
    assert told.between is not None
    assert told.between.value == 1


async def test_a_judge_who_likes_length_and_the_first_place_is_found_out() -> None:
    def biased(request: ChatRequest) -> str | Exception:
        text = request.messages[-1].content
        if '"preferred"' in text:
            longer = "whole of what" in text
            front = text.index("<first>") < text.find("whole of what") < text.index("<second>")
            side = ("first" if front else "second") if longer else "first"
            return json.dumps({"reason": "", "preferred": side})
        rated = json.loads(str(judge(request)))
        rated["satisfaction"] = min(5, 2 + 0.5 * ("whole of what" in text))
        return json.dumps(rated)

    found = await checked(biased)
    assert found.padded is not None
    assert found.padded.value == pytest.approx(0.5)
    assert found.padded_wins is not None
    assert found.padded_wins.value == 1
    assert (found.first_shown, found.contradicted) == (1, 1)


async def test_answers_that_fail_are_counted_and_left_out() -> None:
    def sometimes(request: ChatRequest) -> str | Exception:
        text = request.messages[-1].content
        return BadAnswerError("no", kind="empty") if re.search("Gladly", text) else judge(request)

    found = await checked(sometimes, dialogues=24)
    assert found.failed > 0
    assert found.dialogues + found.failed >= 24
    assert "could not be had" in sentences(found)[0]


async def test_people_are_set_beside_the_judge_by_arm_and_beside_each_other() -> None:
    measured_once = await measured()
    rated = {(i.unit, i.arm): i.rating.satisfaction for i in measured_once.items if i.rating}
    given = tuple(
        Given(unit=u, arm=a, by=by, score=max(1.0, s - (1.0 if a == "teacher" else 0.0)))
        for (u, a), s in rated.items()
        for by in ("ann", "ben")
    )
    found = people(measured_once, (*given, Given(unit="nobody/0", arm="student", by="ann", score=3)), seed=1)
    assert found is not None
    assert (found.ratings, found.raters, found.unknown) == (48, 2, 1)
    assert found.arms["student"].bias.value == 0
    assert found.arms["teacher"].bias.value == pytest.approx(1)
    assert set(found.leaning) == {"coached", "teacher"}
    assert found.leaning["coached"].value == pytest.approx(0)
    assert found.leaning["teacher"].value == pytest.approx(1)
    assert found.between is not None
    assert found.between.kappa is not None
    assert found.between.kappa.value == 1
    whole = " ".join(sentences(await checked(given=given)))
    assert "people, arm teacher: " in whole
    assert "bias +1.00" in whole
    assert "beside the baseline the judge gives teacher +1.00" in whole


async def test_a_lean_to_an_arm_is_told_only_beside_a_rated_baseline() -> None:
    measured_once = await measured()
    rated = [i for i in measured_once.items if i.rating and i.arm == "coached"]
    found = people(measured_once, [Given(unit=i.unit, arm=i.arm, by="ann", score=3) for i in rated], seed=1)
    assert found is not None
    assert (set(found.arms), found.leaning) == ({"coached"}, {})


@pytest.mark.parametrize("name", list(shipped_worlds()))
def test_the_padding_does_nothing_for_anybody(name: str) -> None:
    assert Mind(shipped_world(name)).made(PADDING) == ()


def test_ratings_of_other_runs_are_told(tmp_path: Path) -> None:
    path = tmp_path / "ratings.jsonl"
    row = {"run": "evaluate-002", "unit": "h00/0", "arm": "student", "by": "ann", "score": 4}
    pair = {"run": "evaluate-001", "unit": "h00/0", "arm": "a", "other": "b", "by": "ann", "better": "first"}
    path.write_text("\n".join(json.dumps(r) for r in (row, pair)))
    given = (Given(unit="h00/0", arm="student", by="ann", score=4),)
    votes = (Vote(unit="h00/0", first="a", second="b", by="ann", better="first"),)
    assert read_ratings(path, "evaluate-002") == (given, ())
    assert read_ratings(path, "evaluate-001") == ((), votes)
    with pytest.raises(InputError, match="no rating of evaluate-009"):
        read_ratings(path, "evaluate-009")
    path.write_text("nonsense")
    with pytest.raises(InputError, match="line 1"):
        read_ratings(path, "evaluate-002")
    with pytest.raises(InputError, match="nowhere"):
        read_ratings(tmp_path / "nowhere", "evaluate-002")
