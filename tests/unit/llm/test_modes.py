"""How a model is asked for structured answers: by what its server takes, and by what works with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from tests.servers.chat_server import ChatServer, bad_request

from preceptor.core.errors import BadAnswerError, ModelError
from preceptor.core.events import Event, TryFailed
from preceptor.core.settings import SeatConfig, SeatsConfig
from preceptor.llm import ChatMessage, Journal, Ledger, NullJournal, open_seats
from preceptor.llm.modes import FORM_FAILURES, MODES, Mode, ModeMemory
from preceptor.llm.seats import Beside

HELLO = (ChatMessage("user", "How is the customer? Answer in JSON: mood."),)
GOOD = '{"mood": "calm"}'
BLANK = "{" + " \n" * 200


class Mood(BaseModel):
    mood: str


def mode_of(body: dict[str, Any]) -> Mode:
    if "tools" in body:
        return "tool"
    kind = body.get("response_format", {}).get("type", "")
    return {"json_schema": "native", "json_object": "object"}.get(kind, "prompt")  # type: ignore[return-value]


def answering(*works: Mode):
    """A model that gives usable answers in these modes only; in others it writes white space without end."""

    def answer(body: dict[str, Any]) -> Any:
        mode = mode_of(body)
        text = GOOD if mode in works else BLANK
        if mode == "tool":
            call = {"id": "c", "type": "function", "function": {"name": "Mood", "arguments": text}}
            return {"message": {"content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}
        return text

    return answer


async def asked(
    server: ChatServer, memory: ModeMemory, times: int, *, first: int = 0, journal: Any = None
) -> tuple[int, list[TryFailed]]:
    """How many of so many items came out, and what was told of the tries."""
    told: list[TryFailed] = []

    def emit(event: Event) -> None:
        if isinstance(event, TryFailed):
            told.append(event)

    one = SeatConfig(model=server.spec, retries=0)
    done = 0
    async with open_seats(
        SeatsConfig(student=one, teacher=one, customer=one, judge=one),
        environ={},
        factories={},
        journal=journal or NullJournal(),
        ledger=Ledger(),
        emit=emit,
        beside=Beside(modes=memory),
    ) as seats:
        for number in range(first, first + times):
            try:
                done += (
                    await seats.judge.fill(HELLO, Mood, seed=number, phase="rate", item=f"item-{number}")
                ).mood == "calm"
            except BadAnswerError:
                continue
    return done, told


@pytest.mark.parametrize("works", MODES)
async def test_a_mode_in_which_answers_are_unusable_gives_way_to_the_one_that_works(works: Mode) -> None:
    memory = ModeMemory()
    async with ChatServer(answering(works)) as server:
        done, told = await asked(server, memory, 8)
    assert memory.of(server.spec) == works
    assert done >= 8 - MODES.index(works), "each mode costs one item at most"
    last = [mode_of(body) for body in server.bodies[-4:]]
    assert set(last) == {works}
    assert {(t.seat, t.phase, t.failure) for t in told} <= {("judge", "rate", "empty")}
    assert [t.mode for t in told] == [m for m in MODES[: MODES.index(works)] for _ in range(2)]
    assert all(t.call for t in told)


async def test_the_first_item_need_not_be_lost() -> None:
    async with ChatServer(answering("tool")) as server:
        done, told = await asked(server, ModeMemory(), 1)
    assert (done, len(told)) == (1, 2)
    assert [mode_of(body) for body in server.bodies] == ["native", "native", "tool"]


async def test_what_worked_is_remembered_over_runs_and_beside_other_models(tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    async with ChatServer(answering("object", "prompt")) as server:
        await asked(server, ModeMemory(path), 4)
        kept = json.loads(path.read_text())
        assert kept[server.spec]["mode"] == "object"
        other = ModeMemory(path)
        ModeMemory(path).worked("http://another/v1#model", "prompt", ["native", "tool", "object"])
        del server.bodies[:]
        done, told = await asked(server, other, 3, first=10)
    assert (done, told) == (3, [])
    assert {mode_of(body) for body in server.bodies} == {"object"}
    assert ModeMemory(path).of("http://another/v1#model") == "prompt", "the other process's memory is still there"
    shown = ModeMemory(path).tell(server.spec)
    assert shown is not None
    assert shown.answers == (("native", 0, 2), ("tool", 0, 2), ("object", 6, 0))


async def test_a_mode_that_mostly_works_is_kept_whatever_single_answers_do() -> None:
    memory = ModeMemory()
    bad = iter([True, False, False, True, False, False, True, False, False, True] + [False] * 99)
    async with ChatServer(lambda body: BLANK if next(bad) else GOOD) as server:
        done, _ = await asked(server, memory, 8)
    assert done == 8
    assert {mode_of(body) for body in server.bodies} == {"native"}


async def test_a_mode_that_the_server_refuses_is_not_tried_again_though_others_fail() -> None:
    memory = ModeMemory()
    async with ChatServer(answering("prompt"), takes_schema=False) as server:
        done, _ = await asked(server, memory, 6)
    assert done >= 5
    assert [mode_of(body) for body in server.bodies].count("native") == 1
    assert memory.of(server.spec) == "prompt"


async def test_a_request_that_no_form_mends_says_nothing_about_forms() -> None:
    memory = ModeMemory()
    async with ChatServer(GOOD) as server:
        server.always = bad_request()
        with pytest.raises(ModelError, match=r"judge: .*messages must alternate"):
            await asked(server, memory, 1)
    assert memory.tell(server.spec) is None


async def test_what_is_replayed_is_neither_told_nor_counted_again(tmp_path: Path) -> None:
    async with ChatServer(answering()) as server:
        memory = ModeMemory()
        with Journal.open(tmp_path / "journal.db") as journal:
            done, told = await asked(server, memory, 2, journal=journal)
        assert (done, len(told)) == (0, 6)
        made, before = server.asked, memory.tell(server.spec)
        with Journal.open(tmp_path / "journal.db") as journal:
            done, told = await asked(server, memory, 2, journal=journal)
        assert (done, told, server.asked) == (0, [], made)
        assert memory.tell(server.spec) == before


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"x": "magic"}', '{"x": {"mode": "native", "refused": 1, "answers": {}}}',
     '{"x": {"mode": "native", "refused": [], "answers": {"native": [1]}}}',
     '{"x": {"mode": "native", "refused": [], "answers": {"native": [-1, 2]}}}'],
)  # fmt: skip
def test_a_damaged_memory_is_an_empty_one(text: str, tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    path.write_text(text)
    assert ModeMemory(path).tell("x") is None


def test_a_memory_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    path.write_text('{"x": "object"}')
    memory = ModeMemory(path)
    assert memory.of("x") == "object"
    assert memory.after("x", ["object"]) == "prompt", "what was refused then stays refused"


def test_only_what_the_model_is_said_to_take_is_tried() -> None:
    memory = ModeMemory()
    memory.offer("x", ("tool", "prompt"))
    assert memory.of("x") == "tool"
    memory.worked("x", "tool")
    for _ in range(2):
        memory.told("x", "tool", usable=False)
    assert memory.of("x") == "prompt"
    for _ in range(9):
        memory.told("x", "prompt", usable=False)
    assert memory.of("x") == "tool"


@given(st.lists(st.tuples(st.sampled_from(MODES), st.booleans()), max_size=200))
def test_the_mode_is_always_one_of_the_offered_and_never_refused(told: list[tuple[Mode, bool]]) -> None:
    memory = ModeMemory()
    memory.worked("x", "tool", ["native"])
    for mode, usable in told:
        memory.told("x", mode, usable=usable)
        assert memory.of("x") in ("tool", "object", "prompt")
    shown = memory.tell("x")
    assert shown is not None
    assert all(good + bad <= 64 for _, good, bad in shown.answers)


def test_refusals_and_long_answers_say_nothing_about_the_form() -> None:
    assert FORM_FAILURES.isdisjoint({"refusal", "too-long", "context-length", "garbled", "markup", "bad-envelope"})
