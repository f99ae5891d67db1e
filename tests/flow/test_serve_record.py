"""What passes the proxy is recorded where that is asked for, and learning reads it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.flow.serving import Got, proxy, put_release, response, streamed, upstream

from preceptor.coach.messages import turns_of
from preceptor.core.clock import system_clock
from preceptor.learn.logs import read_logs
from preceptor.library.conversation_state import state_text
from preceptor.serve.record import Recorder, RecordSettings
from preceptor.serve.redact import by_patterns


def recorder(folder: Path) -> Recorder:
    return Recorder(RecordSettings(folder=folder), by_patterns, system_clock, print)


def chunk(text: str) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}).encode() + b"\r\n\r\n"


async def test_calls_are_recorded_without_advice_and_learning_reads_each_reply_once(tmp_path: Path) -> None:
    put_release(tmp_path)
    messages = [
        {"role": "system", "content": "policy"},
        {"role": "user", "content": "I want a refund, ann@x.example"},
    ]
    async with (
        upstream() as behind,
        proxy(tmp_path, behind.url, recorder=recorder(tmp_path / "records")) as front,
    ):
        await front.post(json={"messages": messages})
        messages += [{"role": "assistant", "content": "Hi"}, {"role": "user", "content": "So, the refund?"}]
        behind.reply = streamed(chunk("It "), b": ping\n\n", chunk("comes."), b"data: [DONE]\n\n")
        await front.post(json={"messages": messages, "stream": True})
        await front.post(json={"messages": messages}, headers={"x-preceptor-record": "off"})
        await front.post(json={"messages": messages}, headers={"x-preceptor-coach": "off"})
        behind.reply = _refuse
        await front.post(json={"messages": messages})
        async with front.http.get(front.url + "/metrics") as found:
            assert "# TYPE preceptor_recorded_total counter" in await found.text()
    assert "<advice>" in behind.got[0].json["messages"][1]["content"]
    (path,) = (tmp_path / "records").iterdir()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [len(line["messages"]) for line in lines] == [2, 4, 4]
    assert lines[0]["messages"][0]["content"] == "I want a refund, [email]"
    assert [line["strategies"] for line in lines] == [["strategy-0"], ["strategy-0"], []]
    assert [line["messages"][-1]["content"] for line in lines] == ["Hi", "It comes.", "It comes."]

    reading = read_logs(path)
    scenarios = list(reading)
    assert [len(s.turns) for s in scenarios] == [1, 3, 3]
    assert {s.reference for s in scenarios} == {""}
    assert reading.report.scenarios == 3


async def test_what_is_learned_from_a_record_is_the_state_that_advice_was_chosen_for(tmp_path: Path) -> None:
    """The same call gives the same state in production and in learning: names and arguments of tools as well."""
    put_release(tmp_path)
    call = {"id": "1", "type": "function", "function": {"name": "find_bag", "arguments": '{"colour": "blue"}'}}
    messages: list[dict[str, object]] = [
        {"role": "system", "content": "policy"},
        {"role": "user", "content": "My bag is gone."},
        {"role": "user", "content": "It is blue,\nand small."},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "seen in\nRome"},
    ]
    made = recorder(tmp_path / "records")
    async with upstream() as behind, proxy(tmp_path, behind.url, recorder=made) as front:
        await front.post(json={"messages": messages})
    (path,) = (tmp_path / "records").iterdir()
    (scenario,) = read_logs(path)
    state = state_text(turns_of(messages))
    assert state_text(scenario.turns) == state
    assert state.splitlines()[-1] == 'action[find_bag]: find_bag({"colour": "blue"}) -> seen in Rome'


async def _refuse(writer: asyncio.StreamWriter, got: Got) -> None:
    writer.write(response(b'{"error":{}}', "500 Oops"))
