"""What passes the proxy is recorded where that is asked for, and learning reads it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.flow.serving import Got, proxy, put_release, response, streamed, upstream

from preceptor.core.clock import system_clock
from preceptor.learn.logs import read_logs
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


async def _refuse(writer: asyncio.StreamWriter, got: Got) -> None:
    writer.write(response(b'{"error":{}}', "500 Oops"))
