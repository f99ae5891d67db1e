"""Every seat, every fault, every phase of learning, evaluating, proving and checking the judge: all end rightly."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.flow.loop import opened, run_loop, seats_over
from tests.servers import chat_server as faults
from tests.servers.chat_server import ChatServer, Fault

from preceptor.coach import Coach, CoachSettings
from preceptor.core.errors import ModelDownError, RunError
from preceptor.core.events import Event, ItemFailed, PhaseStarted
from preceptor.core.records import Strategy
from preceptor.core.settings import EvaluateConfig, ProveConfig, SeatsConfig
from preceptor.evaluate.arms import Ground
from preceptor.evaluate.judge_check import Bench, check_judge
from preceptor.evaluate.prove import Ground as Proving
from preceptor.evaluate.prove import prove
from preceptor.evaluate.result import Evaluation
from preceptor.evaluate.run import evaluate
from preceptor.llm import ChatMessage
from preceptor.practice import shipped_world
from preceptor.prompts import load_prompts

LEARN = {
    "teacher_share": (0.5,),
    "dialogues": 2,
    "scenarios": 2,
    "max_turns": 2,
    "attempts": 2,
    "general_support": 2,
    "thrifty": False,
    "primer": True,
    "primer_issues": 1,
    "primer_strategies": 1,
}
EVALUATE = EvaluateConfig(profiles=2, arms=("student", "teacher"), max_turns=1, aa=2, pairwise=True)
MODELS = {"student": "student-small", "teacher": "teacher", "customer": "customer", "judge": "judge"}
PROVE = ProveConfig(dialogues=2, max_turns=1, calls=40)
STRATEGIES = [
    Strategy(id=f"strategy-{n}", when=when, do=do, why="It calms the customer.")
    for n, (when, do) in enumerate(
        (
            ("The customer asks for a refund.", "Say you are sorry and name the next step."),
            ("The customer is upset about a bag or a booking.", "Repeat what is asked in your own words."),
        )
    )
]
IN_LEARNING = frozenset({"primer", "generate", "probe", "teach", "consolidate", "screen"})
PATIENCE = 0.5
"""Seconds that a seat waits for an answer."""


def saying(text: str, finish: str = "stop") -> Fault:
    """An answer with these words, instead of the model's."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return Fault(status=200, body=json.dumps({"choices": [choice]}))


PASSING = {
    "429": faults.rate_limited(),
    "429 with Retry-After": faults.rate_limited(3.0),
    "408": Fault(status=408),
    "500": faults.failing(500),
    "502 as a web page": faults.web_page(502),
    "503": faults.failing(503),
    "cut mid-body": faults.cut(),
    "broken JSON": faults.broken_json(),
    "too slow": faults.slow(4 * PATIENCE),
}
"""Tried again: the run is as if nothing had been."""
ITEM = {
    "no choices": faults.no_choices(),
    "too long": faults.too_long(),
    "rejected": faults.bad_request(),
    "nothing": saying(""),
    "half an answer": saying('{"strategies": [{"when": "the cust', "length"),
    "a refusal": Fault(
        status=200,
        body='{"choices": [{"message": {"content": "I cannot help."}, "finish_reason": "content_filter"}]}',
    ),
    "a loop": saying("and so on " * 100),
    "a web page as answer": saying("<!DOCTYPE html><html><title>x</title></html>"),
}
"""Concern one item: it is asked again or lost with its reason, the run goes on."""
FINAL = {
    "401": faults.refused_key(),
    "403": Fault(status=403),
    "402": Fault(status=402),
    "404": faults.no_model(),
    "quota": faults.quota(),
    "redirect": faults.moved(),
    "web page": faults.web_page(),
}
"""No call can work: the run ends at once, saved, with its reason."""
WHERE = (
    ("teacher", "primer"),
    ("customer", "generate"),
    ("student", "generate"),
    ("teacher", "generate"),
    ("student", "probe"),
    ("teacher", "probe"),
    ("student", "teach"),
    ("teacher", "teach"),
    ("teacher", "consolidate"),
    ("teacher", "screen"),
    ("customer", "evaluate"),
    ("student", "evaluate"),
    ("teacher", "evaluate"),
    ("judge", "evaluate"),
    ("customer", "again"),
    ("student", "again"),
    ("judge", "again"),
    ("judge", "pairs"),
    ("customer", "prove: dialogues"),
    ("student", "prove: dialogues"),
    ("student", "prove"),
    ("judge", "prove"),
    ("judge", "judge"),
)
"""Every phase in which a seat is asked."""
places = pytest.mark.parametrize(("seat", "phase"), WHERE, ids=lambda v: v)


def job(phase: str) -> str:
    """In which job a phase is."""
    if phase in IN_LEARNING:
        return "learn"
    return "prove" if phase.startswith("prove") else "check" if phase == "judge" else "evaluate"


def practice(body: dict[str, Any]) -> str:
    messages = [ChatMessage(m["role"], m["content"]) for m in body["messages"]]
    return opened(body["model"]).answer(messages, body["seed"])


class Trouble(ChatServer):
    """Meets the calls of one seat in one phase with faults: one after the other, or the last one for ever."""

    def __init__(self, seat: str, phase: str, *faults: Fault, always: bool = False) -> None:
        super().__init__(practice, models=tuple(MODELS.values()))
        self._seat, self._where, self._faults_there, self._every = MODELS[seat], phase, faults, always
        self.met = 0
        self.phase = ""
        self.seen: set[tuple[str, str]] = set()
        self.failures: list[ItemFailed] = []

    def listen(self, event: Event) -> None:
        """The run tells which phase it is in, and what it lost."""
        if isinstance(event, PhaseStarted):
            self.phase = event.name
        elif isinstance(event, ItemFailed):
            self.failures.append(event)

    def fault_for(self, body: dict[str, Any]) -> Fault:
        self.seen.add((body["model"], self.phase))
        if (body["model"], self.phase) != (self._seat, self._where):
            return faults.ok()
        self.met += 1
        if self.met <= len(self._faults_there):
            return self._faults_there[self.met - 1]
        return self._faults_there[-1] if self._every else faults.ok()


def seats(url: str) -> SeatsConfig:
    return SeatsConfig.model_validate(
        {
            seat: {"model": f"{url}#{name}", "retries": len(PASSING), "timeout": PATIENCE}
            for seat, name in MODELS.items()
        }
    )


async def rated() -> Evaluation:
    """An evaluation whose judge is checked."""
    async with seats_over(lambda _, model: model, lambda _: None) as ready:
        ground = Ground(
            domain=shipped_world("airline").domain(), seats=ready, coach=Coach(()), prompts=load_prompts()
        )
        return await evaluate(ground, settings=EVALUATE, concurrency=8, emit=lambda _: None)


async def outcome(server: Trouble, folder: Path, phase: str) -> str:
    """What is left of a run: the library's digest (learning), the ratings (evaluation) or the replays (proving)."""
    if job(phase) == "learn":
        ran = await run_loop(
            folder, changes=LEARN, seats_config=seats(server.url), concurrency=1, listen=server.listen
        )
        return ran.digest
    domain = shipped_world("airline").domain()
    async with seats_over(lambda _, model: model, server.listen, seats(server.url)) as opened_seats:
        if job(phase) == "prove":
            proof = await prove(
                Proving(
                    domain=domain,
                    seats=opened_seats,
                    coach=Coach(STRATEGIES, settings=CoachSettings(floor=0)),
                    strategies=STRATEGIES,
                    prompts=load_prompts(),
                    settings=PROVE,
                    concurrency=1,
                    emit=server.listen,
                )
            )
            assert all((r.value is None) == bool(r.failure) for r in proof.replays)
            return str([r.value for r in proof.replays])
        if job(phase) == "check":
            bench = Bench(
                domain=domain,
                judge=opened_seats.judge,
                prompts=load_prompts(),
                concurrency=1,
                emit=server.listen,
            )
            check = await check_judge(bench, await rated(), dialogues=3, seed=1)
            return str(replace(check, judge=""))
        found = await evaluate(
            Ground(
                domain=domain,
                seats=opened_seats,
                coach=Coach(()),
                prompts=load_prompts(),
            ),
            settings=EVALUATE,
            concurrency=1,
            emit=server.listen,
        )
    assert all((item.rating is None) == bool(item.failure) for item in found.items)
    return str([item.rating for item in found.items])


@pytest.fixture(scope="module")
def clean() -> dict[str, str]:
    """Outcomes of runs that met no fault, by job."""
    return {}


@places
async def test_what_passes_changes_nothing(seat: str, phase: str, tmp_path: Path, clean: dict[str, str]) -> None:
    if job(phase) not in clean:
        (tmp_path / "clean").mkdir()
        async with Trouble(seat, phase, faults.ok()) as server:
            clean[job(phase)] = await outcome(server, tmp_path / "clean", phase)
        names = {model: seat for seat, model in MODELS.items()}
        asked = {(names[model], where) for model, where in server.seen}
        assert asked == {place for place in WHERE if job(place[1]) == job(phase)}, "no place is left out"
    async with Trouble(seat, phase, *PASSING.values()) as server:
        found = await outcome(server, tmp_path, phase)
    assert server.met > len(PASSING), "every fault was met"
    assert server.failures == []
    assert found == clean[job(phase)]


@pytest.mark.parametrize("name", ITEM)
@places
async def test_what_concerns_one_item_spoils_no_other(seat: str, phase: str, name: str, tmp_path: Path) -> None:
    async with Trouble(seat, phase, ITEM[name]) as server:
        await outcome(server, tmp_path, phase)
    assert server.met >= 1
    assert len(server.failures) <= 1
    assert all(f.failure and f.reason for f in server.failures)
    if name == "too long":
        assert [f.failure for f in server.failures] == ["context-length"], "asking again cannot mend it"


@places
async def test_nonsense_for_ever_loses_items_and_is_told_and_the_run_ends_as_ever(
    seat: str, phase: str, tmp_path: Path
) -> None:
    async with Trouble(seat, phase, saying("{" + " \n" * 300, "length"), always=True) as server:
        said = {
            "evaluate": "could be rated",
            "prove": "could be judged" if seat == "student" else "",
            "prove: dialogues": "no scenario calls up",
            "judge": "had a usable answer",
        }
        with pytest.raises(RunError, match=said[phase]) if said.get(phase) else nullcontext():
            await outcome(server, tmp_path, phase)
    assert server.failures
    assert {f.failure for f in server.failures} <= {"truncated", "empty"}
    assert all(f.reason.startswith(seat) for f in server.failures)


@pytest.mark.parametrize("name", FINAL)
@places
async def test_what_no_call_can_pass_ends_the_run_with_its_reason(
    seat: str, phase: str, name: str, tmp_path: Path
) -> None:
    async with Trouble(seat, phase, FINAL[name], always=True) as server:
        with pytest.raises(ModelDownError) as caught:
            await outcome(server, tmp_path, phase)
    assert 1 <= server.met <= 4
    assert str(caught.value).startswith(f"{seat}: ")
    assert caught.value.hint
    assert "\n" not in str(caught.value)
