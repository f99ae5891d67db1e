from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.review_app import Browser, Hands, waiting

from preceptor.evaluate.result import Evaluation, from_json
from preceptor.project import Project
from preceptor.review.desk import Desk
from preceptor.review.rater import Rater
from preceptor.review.ratings import Ratings
from preceptor.review.usage import UsageBook, counted
from preceptor.runs.store import RunStore

SMALL = {
    "learn.teacher_share": [1.0],
    "learn.dialogues": 8,
    "learn.scenarios": 8,
    "learn.max_turns": 3,
    "coach.floor": 0.0,  # so that something fires, whatever is learned
    "evaluate.profiles": 4,
    "evaluate.max_turns": 3,
    "evaluate.arms": ["student", "coached"],
}


@pytest.fixture(scope="session")
def coached(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a project that learned, and was evaluated with what it learned."""
    folder = Project.create(tmp_path_factory.mktemp("usage") / "p").folder
    project = Project.open(folder, settings=SMALL)
    project.learn()
    project.evaluate()
    return folder


@pytest.fixture
def evaluation(coached: Path) -> Evaluation:
    return from_json((coached / "runs" / "evaluate-001" / "results" / "evaluation.json").read_bytes())


def line(*strategies: str, **more: object) -> str:
    told = {"at": "2026-03-01T12:00:00.000+00:00", "event": "request", "status": 200, "end": "done"}
    told |= {"strategies": list(strategies), "scores": [0.5] * len(strategies), **more}
    return json.dumps(told, separators=(",", ":")) + "\n"


@pytest.fixture
def rater(tmp_path: Path, clock: Hands) -> Rater:
    return Rater(RunStore(tmp_path / "runs", clock=clock), Ratings(":memory:", clock=clock))


def test_an_evaluation_knows_what_was_given(evaluation: Evaluation):
    for item in evaluation.items:
        replies = sum(t.speaker == "agent" for t in item.dialogue.turns)
        assert len(item.advised) == (replies if item.arm == "coached" else 0)
    assert any(ids for item in evaluation.items for ids in item.advised)


def test_an_evaluation_of_an_earlier_version_is_still_read(evaluation: Evaluation):
    told = json.loads(evaluation.to_json())
    for item in told["items"]:
        del item["advised"]
    assert counted("r", from_json(json.dumps(told))) == {}


def test_outcomes_are_of_the_same_customers(evaluation: Evaluation):
    found = counted("evaluate-001", evaluation)
    strategy_id, row = next(iter(found.items()))
    items = [i for i in evaluation.items if any(strategy_id in ids for ids in i.advised)]
    assert (row.dialogues, row.of) == (len(items), 4)
    assert row.replies == sum(ids.count(strategy_id) for i in items for ids in i.advised)
    units = {i.unit for i in items if i.rating}
    alone = [i.rating.satisfaction for i in evaluation.items if i.arm == "student" and i.unit in units and i.rating]
    assert row.alone == pytest.approx(sum(alone) / len(alone))
    assert row.simulated
    unrated = replace(evaluation, items=tuple(replace(i, rating=None) for i in evaluation.items))
    assert counted("x", unrated)[strategy_id].satisfaction is None


def test_a_log_is_read_on_as_it_grows(tmp_path: Path, rater: Rater):
    log = tmp_path / "proxy.log"
    log.write_text(
        line("a", "b") + line("a", status=502, end="upstream") + line("b", at="2026-03-02T00:00:00+00:00")
    )
    book = UsageBook(rater, [log, tmp_path / "gone.log"])
    told = book.of("a").served
    assert told is not None
    assert (told.requests, told.of, told.failed, told.score) == (2, 3, 1, 0.5)
    assert book.of("c").served is None
    whole = line("a", end="client-left")
    with log.open("a") as file:
        file.write(whole[:40])
        file.flush()
        assert book.of("a").served == told
        file.write(whole[40:])
    assert (book.of("a").served or told).requests == 3
    assert (book.of("b").served or told).last == "2026-03-02T00:00:00+00:00"
    log.write_text(line("a"))
    assert (book.of("a").served or told).requests == 1


@pytest.mark.parametrize(
    "bad",
    [
        '{"strategies":["a"',
        '[{"strategies":["a"]}]',
        '{"event":"request","strategies":["a"],"scores":"x","status":null}',
        '{"event":"request","strategies":[1,{}]}',
        "\x00\xff" + '"strategies":[',
    ],
)
def test_lines_that_are_none_do_no_harm(tmp_path: Path, rater: Rater, bad: str):
    log = tmp_path / "proxy.log"
    log.write_text(f"{bad}\n{line('a')}")
    told = UsageBook(rater, [log]).of("a").served
    assert told is not None
    assert told.requests in (1, 2)


def test_the_page_and_the_api_tell_it(desk: Desk, mara: Browser, coached: Path, tmp_path: Path):
    entry = waiting(desk)[0]
    assert "Not given in an evaluation yet" in mara.get(f"/strategies/{entry.strategy.id}").text
    log = tmp_path / "proxy.log"
    log.write_text(line(entry.strategy.id, at="<script>"))
    runs = tmp_path / "house" / "runs"
    shutil.copytree(coached / "runs" / "evaluate-001", runs / "evaluate-001")
    told = runs / "evaluate-001" / "results" / "evaluation.json"
    text = told.read_text()
    known = next(i for item in json.loads(text)["items"] for ids in item["advised"] for i in ids)
    told.write_text(text.replace(known, entry.strategy.id))
    desk.usage = UsageBook(desk.rater, [log])
    page = mara.get(f"/strategies/{entry.strategy.id}").text
    assert "coached dialogues of" in page
    assert "simulated" in page
    assert "of 1 coached requests" in page
    token = desk.people.add("program", "viewer", "long enough a password") and desk.people.token("program")
    headers = {"authorization": f"Bearer {token}"}
    answer = mara.client.get(f"/api/strategies/{entry.strategy.id}/usage", headers=headers).json()["data"]
    assert answer["served"]["requests"] == 1
    assert answer["evaluated"][0]["of"] == 4
