from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.servers.chat_server import ChatServer, Fault, cut, failing, no_model, refused_key

from preceptor.core.errors import BadAnswerError, ModelBusyError, ModelDownError
from preceptor.core.settings import SeatConfig
from preceptor.llm import ChatMessage, ChatRequest, ScriptedModel
from preceptor.llm.opening import open_model
from preceptor.llm.streaming import Heard, parts_of, streamed

REQUEST = ChatRequest(messages=(ChatMessage("user", "Hello"),), seed=1, max_tokens=20)


def stream(*texts: str) -> Fault:
    lines = "".join(f'data: {{"choices": [{{"delta": {{"content": "{t}"}}}}]}}\n\n' for t in texts)
    return Fault(status=200, body=f": hello\n\n{lines}data: [DONE]\n\n", content_type="text/event-stream")


async def said(server: ChatServer) -> list[str]:
    model = open_model("student", SeatConfig(model=server.spec), environ={}, factories={}).model
    try:
        return [part async for part in streamed(model, REQUEST)]
    finally:
        await model.aclose()


async def test_parts_come_as_they_are_sent():
    async with ChatServer() as server:
        server.next(stream("All", " right", "."))
        assert await said(server) == ["All", " right", "."]
        assert server.bodies[0]["stream"] is True


async def test_a_server_that_does_not_stream_gives_the_whole():
    async with ChatServer() as server:
        assert await said(server) == ["All right."]


async def test_a_model_that_cannot_stream_gives_the_whole():
    model = ScriptedModel(["once"])
    assert [part async for part in streamed(model, REQUEST)] == ["once"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (refused_key(), ModelDownError),
        (no_model(), ModelDownError),
        (failing(), ModelBusyError),
        (cut(), ModelBusyError),
        (Fault(status=200, body="data: {broken\n\n", content_type="text/event-stream"), BadAnswerError),
    ],
)
async def test_what_goes_wrong_is_told(fault: Fault, error: type[Exception]):
    async with ChatServer() as server:
        server.next(fault)
        with pytest.raises(error):
            await said(server)


@pytest.mark.parametrize(
    "data", ["{}", "[]", '{"choices": []}', '{"choices": [1]}', '{"choices": [{"delta": 1}]}', "null"]
)
async def test_odd_lines_say_nothing(data: str):
    async def lines() -> AsyncIterator[bytes]:
        yield f"data: {data}\n".encode()

    assert [p async for p in parts_of(lines(), 1000)] == []


async def test_a_stream_without_end_is_cut():
    async def lines() -> AsyncIterator[bytes]:
        while True:
            yield b": x\n"

    with pytest.raises(BadAnswerError, match="more than 1000 bytes"):
        [p async for p in parts_of(lines(), 1000)]


async def heard(server: ChatServer, times: int = 1) -> tuple[list[str | None], list[str]]:
    parts: list[str | None] = []
    model = open_model("student", SeatConfig(model=server.spec), environ={}, factories={}).model
    listening = Heard(model, lambda _, part: parts.append(part))
    try:
        replies = [await listening.complete(REQUEST) for _ in range(times)]
    finally:
        await listening.aclose()
    assert listening.spec == server.spec
    assert all(reply.usage.output > 0 for reply in replies)
    return parts, [reply.text for reply in replies]


async def test_an_answer_is_heard_while_it_comes():
    async with ChatServer() as server:
        server.next(stream("All", " right", "."))
        assert await heard(server) == ([None, "All", " right", "."], ["All right."])


async def test_a_server_that_refuses_to_stream_is_asked_for_the_whole():
    async with ChatServer() as server:
        server.next(Fault(status=400, body='{"error": {"message": "stream is not supported"}}'))
        assert await heard(server, times=2) == ([None, None], ["All right.", "All right."])
        assert [body.get("stream", False) for body in server.bodies] == [True, False, False]


async def test_a_stream_that_fails_is_a_failed_try():
    async with ChatServer() as server:
        server.next(cut())
        with pytest.raises(ModelBusyError):
            await heard(server)
