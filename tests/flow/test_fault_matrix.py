"""Every seat, every fault, every phase: each ends in a right outcome."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.flow.loop import opened, run_loop, seats_over
from tests.servers import chat_server as faults
from tests.servers.chat_server import ChatServer, Fault

from preceptor.coach import Coach
from preceptor.core.errors import ModelDownError
from preceptor.core.events import Event, ItemFailed
from preceptor.core.settings import EvaluateConfig, SeatsConfig
from preceptor.evaluate.arms import Ground
from preceptor.evaluate.run import evaluate
from preceptor.llm import ChatMessage
from preceptor.practice import shipped_world
from preceptor.prompts import load_prompts

TINY = {"teacher_share": (0.5,), "dialogues": 2, "scenarios": 2, "max_turns": 2}
MODELS = {"student": "student-small", "teacher": "teacher", "customer": "customer", "judge": "judge"}

PASSING = {
    "429": faults.rate_limited(),
    "429 with Retry-After": faults.rate_limited(3.0),
    "408": Fault(status=408),
    "500": faults.failing(500),
    "502 as a web page": faults.web_page(502),
    "503": faults.failing(503),
    "cut mid-body": faults.cut(),
    "broken JSON": faults.broken_json(),
}
"""Tried again: the run is as if nothing had been."""
ITEM = {
    "no choices": faults.no_choices(),
    "too long": faults.too_long(),
    "rejected": faults.bad_request(),
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

PHASES: dict[str, Callable[[dict[str, Any]], bool]] = {
    "generate": lambda body: not _asks_for_json(body),
    "compare": lambda body: "accuracy" in _last(body),
    "teach": lambda body: '"strategies"' in _last(body),
    "screen": lambda body: "problems" in _last(body),
    "rate": lambda body: '"satisfaction"' in _last(body),
}
WHERE = (
    ("customer", "generate"),
    ("student", "generate"),
    ("teacher", "generate"),
    ("teacher", "compare"),
    ("teacher", "teach"),
    ("teacher", "screen"),
    ("judge", "rate"),
)
"""Who is asked what in a run."""


def _last(body: dict[str, Any]) -> str:
    return str(body["messages"][-1]["content"])


def _asks_for_json(body: dict[str, Any]) -> bool:
    return "response_format" in body or "tools" in body


def practice(body: dict[str, Any]) -> str:
    messages = [ChatMessage(m["role"], m["content"]) for m in body["messages"]]
    return opened(body["model"]).answer(messages, body["seed"])


class Trouble(ChatServer):
    """Meets the calls of one seat in one phase with a fault: the first one, or all."""

    def __init__(self, seat: str, phase: str, fault: Fault, *, always: bool) -> None:
        super().__init__(practice, models=tuple(MODELS.values()))
        self._seat, self._phase, self._fault, self._every = MODELS[seat], PHASES[phase], fault, always
        self.met = 0

    def fault_for(self, body: dict[str, Any]) -> Fault:
        if body["model"] == self._seat and self._phase(body) and (self._every or not self.met):
            self.met += 1
            return self._fault
        return faults.ok()


def seats(url: str) -> SeatsConfig:
    return SeatsConfig.model_validate({seat: f"{url}#{name}" for seat, name in MODELS.items()})


async def outcome(server: Trouble, seat: str, folder: Path) -> tuple[str, list[ItemFailed]]:
    """What is left of a run: the library's digest (learning) or the ratings (evaluation), and what failed."""
    if seat != "judge":
        ran = await run_loop(folder, changes=TINY, seats_config=seats(server.url), concurrency=1)
        return ran.digest, ran.failures
    failures: list[ItemFailed] = []

    def emit(event: Event) -> None:
        if isinstance(event, ItemFailed):
            failures.append(event)

    async with seats_over(lambda _, model: model, emit, seats(server.url)) as opened_seats:
        found = await evaluate(
            Ground(
                domain=shipped_world("airline").domain(),
                seats=opened_seats,
                coach=Coach(()),
                prompts=load_prompts(),
            ),
            settings=EvaluateConfig(profiles=2, arms=("student", "teacher"), max_turns=2),
            concurrency=1,
            emit=emit,
        )
    assert all((item.rating is None) == bool(item.failure) for item in found.items)
    return str([item.rating for item in found.items]), failures


@pytest.fixture(scope="module")
def clean() -> dict[str, str]:
    """Outcomes of runs that met no fault, by what is run."""
    return {}


@pytest.mark.parametrize("name", PASSING)
@pytest.mark.parametrize(("seat", "phase"), WHERE, ids=lambda v: v)
async def test_what_passes_changes_nothing(
    seat: str, phase: str, name: str, tmp_path: Path, clean: dict[str, str]
) -> None:
    kind = "judge" if seat == "judge" else "learn"
    if kind not in clean:
        (tmp_path / "clean").mkdir()
        async with Trouble(seat, phase, faults.ok(), always=False) as server:
            clean[kind] = (await outcome(server, seat, tmp_path / "clean"))[0]
    async with Trouble(seat, phase, PASSING[name], always=False) as server:
        found, failures = await outcome(server, seat, tmp_path)
    assert server.met == 1
    assert failures == []
    assert found == clean[kind]


@pytest.mark.parametrize("name", ITEM)
@pytest.mark.parametrize(("seat", "phase"), WHERE, ids=lambda v: v)
async def test_what_concerns_one_item_spoils_no_other(seat: str, phase: str, name: str, tmp_path: Path) -> None:
    async with Trouble(seat, phase, ITEM[name], always=False) as server:
        _, failures = await outcome(server, seat, tmp_path)
    assert server.met == 1
    assert len(failures) <= 1
    assert all(f.failure and f.reason for f in failures)
    if name == "too long":
        assert [f.failure for f in failures] == ["context-length"], "asking again cannot mend it"


@pytest.mark.parametrize("name", FINAL)
@pytest.mark.parametrize(("seat", "phase"), WHERE, ids=lambda v: v)
async def test_what_no_call_can_pass_ends_the_run_with_its_reason(
    seat: str, phase: str, name: str, tmp_path: Path
) -> None:
    async with Trouble(seat, phase, FINAL[name], always=True) as server:
        with pytest.raises(ModelDownError) as caught:
            await outcome(server, seat, tmp_path)
    assert 1 <= server.met <= 4
    assert caught.value.hint
    assert "\n" not in str(caught.value)
