"""Publishing and rolling back, seen by proxies that run as processes of their own, over both databases."""

from __future__ import annotations

import asyncio
import contextlib
import re
import statistics
import sys
import time
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import aiohttp
import pytest
from tests.flow.serving import upstream
from tests.servers.postgres import own_schema, postgres

from preceptor import Project
from preceptor.core.records import Strategy
from preceptor.library.changes import Approve, Propose, Provenance
from preceptor.project.releasing import open_releases, recipe

__all__ = ["postgres"]

ASKED = {"model": "m", "messages": [{"role": "user", "content": "My suitcase did not arrive."}]}


@pytest.fixture(params=["sqlite", "postgresql"])
def projects(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Project]]:
    """Two project folders with one library: in a database that both reach, or in the first one's file."""
    with contextlib.ExitStack() as stack:
        if request.param == "postgresql":
            place = stack.enter_context(own_schema(request.getfixturevalue("postgres")))
            yield [
                Project.create(tmp_path / name, settings={"library.path": place}, environ={})
                for name in ("one", "two")
            ]
        else:
            project = Project.create(tmp_path / "one", environ={})
            yield [project, project]


def release(project: Project, number: int) -> str:
    """A release with one strategy more; not published."""
    strategy = Strategy(id=f"strategy-{number}", when="a suitcase did not arrive", do=f"tell rule {number}")
    with project.library(create=number == 1) as library:
        library.apply([Propose(strategy=strategy, provenance=Provenance(run=""))], author="ann", reason="test")
        library.apply([Approve(strategy_id=strategy.id)], author="ann", reason="test")
    with open_releases(project) as releases:
        return releases.create(recipe(project, trial=False), author="ann", reason="test").release.id


@contextlib.asynccontextmanager
async def serving(project: Project, url: str) -> AsyncGenerator[str]:
    """``preceptor serve`` on a free port; its base URL."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "preceptor.cli", "serve", "-C", str(project.folder), "--upstream", url, "--port", "0",
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert started.stderr is not None
        line = (await asyncio.wait_for(started.stderr.readline(), 60)).decode()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line
        yield found[0]
    finally:
        started.terminate()
        await started.wait()


async def used(http: aiohttp.ClientSession, url: str) -> str:
    async with http.post(f"{url}/v1/chat/completions", json=ASKED) as found:
        assert found.status == 200
        return found.headers.get("x-preceptor-release", found.headers.get("x-preceptor-reason", ""))


async def takes(http: aiohttp.ClientSession, urls: list[str], wanted: str) -> float:
    """Seconds until every replica serves ``wanted``."""
    began = time.monotonic()
    async with asyncio.timeout(30):
        for url in urls:
            while await used(http, url) != wanted:  # noqa: ASYNC110 - asking is the look
                await asyncio.sleep(0.01)
    return time.monotonic() - began


async def test_publishing_and_rolling_back_reach_every_replica_within_a_second(projects: list[Project]) -> None:
    one, two = projects
    ids = [release(one, 1), release(one, 2)]
    seconds: list[float] = []
    async with (
        upstream() as behind,
        serving(one, behind.url) as first,
        serving(two, behind.url) as second,
        aiohttp.ClientSession() as http,
    ):
        urls = [first, second]
        await takes(http, urls, "no-release")
        with open_releases(one) as releases:
            for wanted in ids:
                releases.publish(wanted, author="ann", reason="test")
                seconds.append(await takes(http, urls, wanted))
            for wanted in (ids[0], "no-release"):
                releases.rollback(author="ann", reason="test")
                seconds.append(await takes(http, urls, wanted))
    # The middle one, so that a machine that stands still for a moment does not fail it.
    assert statistics.median(seconds) < 1, seconds
