"""The whole loop against a server that misbehaves: bounded tries, clear ends, nothing lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.flow.loop import opened, run_loop
from tests.servers import chat_server as faults
from tests.servers.chat_server import ChatServer, Fault

from preceptor.core.errors import ModelDownError
from preceptor.core.settings import SeatsConfig
from preceptor.llm import ChatMessage

TINY = {"teacher_share": (0.5,), "dialogues": 2, "scenarios": 2, "max_turns": 2}
NAMES = ("student-small", "teacher", "customer", "judge")
PASSING = {
    "429 with Retry-After": faults.rate_limited(7.0),
    "500": faults.failing(500),
    "503": faults.failing(503),
    "cut mid-body": faults.cut(),
    "broken JSON": faults.broken_json(),
    "no choices": faults.no_choices(),
}


def practice(body: dict[str, Any]) -> str:
    """What the practice model of that name answers."""
    messages = [ChatMessage(m["role"], m["content"]) for m in body["messages"]]
    return opened(body["model"]).answer(messages, body["seed"])


def seats(url: str) -> SeatsConfig:
    names = {"student": "student-small", "teacher": "teacher", "customer": "customer", "judge": "judge"}
    return SeatsConfig.model_validate({seat: f"{url}#{name}" for seat, name in names.items()})


def mkdir(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def learned(server: ChatServer, folder: Path):
    return await run_loop(folder, changes=TINY, seats_config=seats(server.url), concurrency=1)


@pytest.mark.parametrize("name", PASSING)
async def test_a_fault_that_passes_is_tried_again_and_changes_nothing(name: str, tmp_path: Path):
    async with ChatServer(practice, models=NAMES) as server:
        clean = await learned(server, mkdir(tmp_path / "clean"))
        needed = server.asked
        fault = PASSING[name]
        server.next(*(f for _ in range(needed) for f in (faults.ok(), fault, faults.ok())))
        spoiled = await learned(server, mkdir(tmp_path / "spoiled"))
    assert server.asked - needed > needed, "the faults were met"
    assert spoiled.failures == []
    if name != "no choices":  # an answer without content is asked for anew, with another seed
        assert spoiled.digest == clean.digest


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (faults.refused_key(), "key"),
        (faults.no_model(), "model"),
        (faults.moved(), "redirected"),
        (faults.web_page(), "html"),
    ],
    ids=["401", "404", "redirect", "web page"],
)
async def test_a_fault_that_stays_ends_the_run_with_its_reason(fault: Fault, said: str, tmp_path: Path):
    async with ChatServer(practice, models=NAMES) as server:
        server.always = fault
        with pytest.raises(ModelDownError) as caught:
            await learned(server, tmp_path)
        assert server.asked <= 4
    assert said in str(caught.value).lower()
    assert caught.value.hint


def test_a_dead_server_is_one_clear_message_and_no_traceback(tmp_path: Path):
    folder = str(tmp_path / "p")
    dead = ["--set", "seats.customer.model=http://127.0.0.1:9/v1#tiny", "--set", "seats.customer.retries=0"]
    assert preceptor("init", folder).returncode == 0
    ended = preceptor("learn", "-C", folder, *dead)
    assert ended.returncode == 1
    assert "error: " in ended.stderr
    assert "http://127.0.0.1:9/v1" in ended.stderr
    assert "running" in ended.stderr
    assert "next: " in ended.stderr
    assert "Traceback" not in ended.stderr + ended.stdout


def preceptor(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "preceptor.cli", *words], capture_output=True, text=True, check=False
    )
