"""Every file of examples/ runs, with the real client library, against a loopback server."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.servers.chat_server import ChatServer

from preceptor.coach import CoachSettings
from preceptor.core.ids import plain
from preceptor.core.records import Strategy
from preceptor.library.release import Released, write_release
from preceptor.library.release_make import Contents, make_release
from preceptor.prompts import load_prompts

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
RULES = {
    "a suitcase did not arrive": "ask for the report number",
    "a customer wants a refund": "name the fee",
    "a flight is late": "offer the next one",
    "a name is misspelled": "correct it at once",
}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    strategies = [
        Released(strategy=Strategy(id=f"s{n}", when=when, do=do), version=1, status="approved")
        for n, (when, do) in enumerate(RULES.items())
    ]
    contents = Contents(
        strategies=strategies, states={}, coach=plain(CoachSettings()), template=load_prompts()["advice"].body
    )
    return write_release(tmp_path_factory.mktemp("examples"), make_release(contents))


def test_there_are_the_four_that_are_promised():
    text = "\n".join(p.read_text() for p in EXAMPLES)
    for package in ("openai", "langchain_openai", "langgraph", "pydantic_ai", "agents"):
        assert f"from {package}" in text


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
async def test_it_runs_and_carries_advice(path: Path, release: Path):
    async with ChatServer(lambda body: f"Reply {len(body['messages'])}.") as server:
        # Whatever would call home finds nobody: only loopback goes without a proxy.
        away = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1", "PYTHONPATH": str(ROOT / "src")}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(path), str(release), server.url, "test-model"),
            env={**os.environ, **away},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode == 0, err.decode()
        assert out.decode().splitlines() == ["Reply 2.", "Reply 4."]
        first, second = server.bodies
        check(first["messages"], second["messages"])


def check(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> None:
    assert [m["role"] for m in second] == ["system", "user", "assistant", "user"]
    for messages in (first, second):
        assert "airline" in messages[0]["content"]
        assert "<advice" in messages[-1]["content"]
        assert "ask for the report number" in messages[-1]["content"]
    assert first[-1]["content"].startswith("My suitcase did not arrive.\n\n<advice")
    assert second[1]["content"] == "My suitcase did not arrive."
    assert second[2]["content"] == "Reply 2."
