"""``preceptor serve --processes``: several processes behind one port, kept alive, counted and ended together."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.flow.serving import Got, put_release, response, upstream

from preceptor import Project
from preceptor.core.records import Strategy
from preceptor.library.changes import Propose, Provenance
from preceptor.project.releasing import open_releases, recipe

ASKED = {"model": "m", "messages": [{"role": "user", "content": "I want a refund"}]}


@dataclass(slots=True)
class Served:
    """What was started, and what it has said so far."""

    process: Process
    url: str = ""
    events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    async def heard(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        """Reads the log until the event was told so often."""
        assert self.process.stderr is not None
        while len(found := [e for e in self.events if e["event"] == event]) < count:
            line = (await asyncio.wait_for(self.process.stderr.readline(), 30)).decode()
            assert line, f"ended before {event}: {self.events}"
            if not line.startswith("trial: "):
                self.events.append(json.loads(line))
        return found

    async def words(self) -> str:
        """All that is left to be said, to the end of the last process that speaks."""
        assert self.process.stderr is not None
        return (await asyncio.wait_for(self.process.stderr.read(), 40)).decode()

    async def rest(self) -> None:
        """Reads all that is left of the log."""
        self.events += map(json.loads, (await self.words()).splitlines())


@contextlib.asynccontextmanager
async def serving(*words: str, count: int = 2) -> AsyncGenerator[Served]:
    command = ("-m", "preceptor.cli", "serve", "--processes", str(count), *words)
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stderr=asyncio.subprocess.PIPE)
    served = Served(process)
    try:
        assert process.stderr is not None
        first = (await asyncio.wait_for(process.stderr.readline(), 60)).decode()
        found = re.fullmatch(
            rf"serving on (http://127\.0\.0\.1:\d+)/v1 in front of \S+ by {count} processes\n", first
        )
        assert found, first
        served.url = found[1]
        await served.heard("process-started", count)
        yield served
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def asked(url: str) -> int:
    """One request on a connection of its own."""
    async with aiohttp.ClientSession() as http, http.post(f"{url}/v1/chat/completions", json=ASKED) as found:
        await found.read()
        return found.status


async def counted(url: str) -> dict[str, float]:
    """Requests by process, as whichever process is asked tells them."""
    async with aiohttp.ClientSession() as http, http.get(f"{url}/metrics") as found:
        text = await found.text()
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    told = dict.fromkeys((s.labels["process"] for s in samples), 0.0)
    for sample in samples:
        if sample.name == "preceptor_requests_total":
            told[sample.labels["process"]] += sample.value
    return told


async def until(url: str, holds: Callable[[dict[str, float]], bool]) -> dict[str, float]:
    """Asks, each time anew, until the counts are as wanted."""
    async with asyncio.timeout(60):
        while not holds(told := await counted(url)):
            assert await asked(url) == 200
    return told


def trial(project: Project, number: int) -> str:
    """A trial release with one strategy more."""
    strategy = Strategy(id=f"strategy-{number}", when="a suitcase did not arrive", do=f"tell rule {number}")
    with project.library(create=True) as library:
        library.apply([Propose(strategy=strategy, provenance=Provenance(run=""))], author="ann", reason="test")
    with open_releases(project) as releases:
        return releases.create(recipe(project, trial=True), author="ann", reason="test").release.id


def following(upstream: str, folder: Path) -> tuple[str, ...]:
    return ("--upstream", upstream, "--port", "0", "--releases", str(folder))


async def ready(http: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    async with http.get(f"{url}/readyz", headers={"connection": "close"}) as found:
        return found.status, (await found.json())["status"]


async def test_all_take_part_and_whichever_is_asked_counts_for_all(tmp_path: Path) -> None:
    put_release(tmp_path)
    async with upstream() as behind, serving(*following(behind.url, tmp_path)) as it:
        told = await until(it.url, lambda by: all(count > 0 for count in by.values()))
        assert set(told) == {"0", "1"}
        assert sum(told.values()) == len(behind.got)
        assert [await counted(it.url) for _ in range(8)] == [told] * 8, "the same, whichever is asked"
        it.process.send_signal(signal.SIGTERM)
        await it.rest()
        assert await it.process.wait() == -signal.SIGTERM, "as one process alone ends"
    requests = [event for event in it.events if event["event"] == "request"]
    assert len(requests) == len(behind.got)
    assert {event["coaching"] for event in requests} == {"applied"}
    assert not [event for event in it.events if event["event"] == "process-ended"]


async def test_a_killed_one_is_started_again_and_counts_from_zero(tmp_path: Path) -> None:
    put_release(tmp_path)
    async with upstream() as behind, serving(*following(behind.url, tmp_path)) as it:
        before = await until(it.url, lambda by: all(count > 0 for count in by.values()))
        first = next(e for e in it.events if e["event"] == "process-started" and e["process"] == 0)
        os.kill(first["pid"], signal.SIGKILL)
        (ended,) = await it.heard("process-ended")
        assert (ended["process"], ended["code"]) == (0, -signal.SIGKILL)
        anew = (await it.heard("process-started", 3))[-1]
        assert anew["process"] == 0
        assert anew["pid"] != first["pid"]
        told = await counted(it.url)
        assert set(told) == {"0", "1"}
        assert told["0"] < before["0"]
        assert told["1"] >= before["1"]
        await until(it.url, lambda by: by.get("0", 0) > 0)


async def test_one_that_is_started_again_serves_the_trial_that_the_others_serve(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p", environ={})
    served = trial(project, 1)
    words = ("--trial", "--port", "0", "-C", str(project.folder))
    async with upstream() as behind, serving("--upstream", behind.url, *words) as it:
        assert trial(project, 2) != served, "a newer one, made meanwhile"
        os.kill((await it.heard("process-started"))[0]["pid"], signal.SIGKILL)
        await it.heard("process-started", 3)
        assert [e["release"] for e in it.events if e["event"] == "release-changed"] == [served] * 3


async def test_ctrl_c_lets_what_is_under_way_end(tmp_path: Path) -> None:
    go, begun = asyncio.Event(), asyncio.Event()

    async def reply(writer: asyncio.StreamWriter, got: Got) -> None:
        begun.set()
        await go.wait()
        writer.write(response())

    put_release(tmp_path)
    async with upstream(reply) as behind, serving(*following(behind.url, tmp_path), "--notice", "60") as it:
        waiting = asyncio.create_task(asked(it.url))
        await begun.wait()
        it.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(10), aiohttp.ClientSession() as http:
            for _ in range(8):  # whichever is asked
                while (await ready(http, it.url)) != (503, "draining"):
                    pass
        it.process.send_signal(signal.SIGINT)  # the second one does not wait for the notice
        go.set()
        assert await waiting == 200
        assert (await it.words()).splitlines()[-1] == "stopped"
        assert await it.process.wait() == 130


async def test_they_end_with_who_keeps_them(tmp_path: Path) -> None:
    put_release(tmp_path)
    async with upstream() as behind, serving(*following(behind.url, tmp_path)) as it:
        it.process.kill()
        await it.rest()  # to the end of what either of them writes
        with pytest.raises(aiohttp.ClientConnectorError):
            await asked(it.url)


async def told_at_start(*words: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "preceptor.cli", "serve", "--processes", "3", *words, stderr=asyncio.subprocess.PIPE
    )
    _, told = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, told.decode()


async def test_what_cannot_be_served_is_told_once(tmp_path: Path) -> None:
    code, told = await told_at_start("--upstream", "http://127.0.0.1:9/v1", "--port", "0", "-C", str(tmp_path))
    assert code == 1
    assert told.count("is no project folder") == 1
    assert told.count("\n") == 2, told
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        code, told = await told_at_start("--upstream", "http://127.0.0.1:9/v1", "--port", port, "-C", str(tmp_path))
    assert code == 1
    assert "cannot listen on" in told
