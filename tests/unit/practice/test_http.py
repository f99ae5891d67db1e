"""A seat behind HTTP gives the same text as in process: condition 1 and 7 of the practice world."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from functools import cache

import aiohttp
import pytest
import uvicorn
from starlette.applications import Starlette
from tests.unit.practice.ground import LATER, advice, agent_messages, customer_messages, model, profile, rate_prompt

from preceptor.core.settings import SeatConfig
from preceptor.llm.model import ChatModel, ChatRequest
from preceptor.llm.opening import open_model
from preceptor.practice import NAMES
from preceptor.practice.http import practice_app


@cache
def app() -> Starlette:
    return practice_app()


@pytest.fixture
async def base() -> AsyncIterator[str]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app(), log_config=None, lifespan="off", ws="none"))
        running = asyncio.create_task(server.serve(sockets=[listening]))
        async with asyncio.timeout(5):
            while not server.started:  # noqa: ASYNC110 - what is waited for happens elsewhere
                await asyncio.sleep(0.005)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        server.should_exit = True
        await running


@pytest.mark.parametrize("name", NAMES)
async def test_the_text_is_the_same_as_in_process(base: str, name: str) -> None:
    messages = agent_messages(LATER, advice("When luggage is missing: start the trace."))
    if name == "customer":
        messages = customer_messages(profile(), LATER)
    if name == "judge":
        messages = [*messages[:1], type(messages[0])("user", rate_prompt(profile(), LATER))]
    request = ChatRequest(messages=tuple(messages), seed=11, max_tokens=800)
    over: ChatModel = open_model("student", SeatConfig(model=f"{base}#{name}"), environ={}, factories={}).model
    try:
        got = await over.complete(request)
    finally:
        await over.aclose()
    here = await model(name).complete(request)
    assert got.text == here.text
    assert (got.usage.input, got.usage.output, got.finish) == (here.usage.input, here.usage.output, here.finish)


async def test_models_are_listed_and_streams_hold_the_same_text(base: str) -> None:
    body = {
        "model": "practice:teacher",
        "messages": [
            {"role": m.role, "content": [{"type": "text", "text": m.content}]} for m in agent_messages(LATER)
        ],
        "seed": 3,
    }
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{base}/models") as answer:
            assert [m["id"] for m in (await answer.json())["data"]] == list(NAMES)
        async with http.post(f"{base}/chat/completions", json=body) as answer:
            whole = (await answer.json())["choices"][0]["message"]["content"]
        async with http.post(f"{base}/chat/completions", json={**body, "stream": True}) as answer:
            lines = [line for line in (await answer.text()).split("\n\n") if line]
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    assert lines[-1] == "data: [DONE]"
    assert "".join(c["choices"][0]["delta"].get("content", "") for c in chunks) == whole
    assert whole == model("teacher").answer(agent_messages(LATER), 3)


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"{", 400, "JSON"),
        (b'{"model": "teacher", "messages": []}', 400, "messages"),
        (b'{"model": "gpt", "messages": [{"role": "user", "content": "x"}]}', 404, "gpt"),
        (b'{"model": "teacher", "messages": [{"role": "tool", "content": "x"}]}', 400, "no messages"),
    ],
)
async def test_wrong_requests_are_told_in_one_shape(base: str, body: bytes, status: int, says: str) -> None:
    async with aiohttp.ClientSession() as http, http.post(f"{base}/chat/completions", data=body) as answer:
        assert answer.status == status
        error = (await answer.json())["error"]
    assert says in error["message"]
    assert error["code"] == status
