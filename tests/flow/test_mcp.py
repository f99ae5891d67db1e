"""The MCP server with the official client, over both transports."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from preceptor import Project
from preceptor.cli import boundary
from preceptor.core.records import Strategy
from preceptor.library.changes import Approve, Propose, Provenance
from preceptor.project.releasing import open_releases, recipe
from preceptor.serve.keys import key_line, new_key

LOST = [{"role": "user", "content": "My suitcase did not arrive and nobody helps me."}]
ROOT = Path(__file__).resolve().parents[2]


def propose(n: int, do: str) -> Propose:
    strategy = Strategy(id=f"strategy-{n}", when="a suitcase did not arrive", do=do)
    return Propose(strategy=strategy, provenance=Provenance(run=""))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two strategies, one of them approved, in a published release."""
    made = Project.create(tmp_path / "p", environ={})
    changes = [propose(1, "ask for the report\x1b[31m number"), propose(2, "call the desk at once")]
    with made.library(create=True) as library:
        library.apply([*changes, Approve(strategy_id="strategy-1")], author="ann", reason="test")
    publish(made)
    return made


def publish(project: Project) -> str:
    with open_releases(project) as releases:
        made = releases.create(recipe(project, trial=False), author="ann", reason="test")
        releases.publish(made.release.id, author="ann", reason="test")
        return made.release.id


def command(*arguments: object) -> list[str]:
    return ["-m", "preceptor.cli", "mcp", *map(str, arguments)]


@asynccontextmanager
async def over_http(*arguments: object) -> AsyncGenerator[str]:
    """The command with ``--http`` on a free port; its URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command("--http", "--port", 0, *arguments), stderr=asyncio.subprocess.PIPE
    )
    try:
        assert process.stderr is not None
        line = (await asyncio.wait_for(process.stderr.readline(), 60)).decode()
        found = re.search(r"http://\S+", line)
        assert found, line
        yield found.group()
    finally:
        process.terminate()
        await process.wait()


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    found = await client.call_tool(tool, arguments)
    assert not found.is_error, found.content
    return found.structured_content


async def read(client: Client, uri: str) -> Any:
    found = await client.read_resource(uri)
    return json.loads(found.contents[0].text)  # type: ignore[union-attr]


async def check(client: Client, project: Project) -> None:
    """What holds over every transport."""
    assert {t.name for t in (await client.list_tools()).tools} == {"advise", "search_library"}
    advised = await call(client, "advise", messages=LOST)
    assert [s["id"] for s in advised["strategies"]] == ["strategy-1"]
    assert "ask for the report number" in advised["text"]
    assert advised["reviewed"] is True
    asked = {"id": "1", "type": "function", "function": {"name": "find_bag", "arguments": "{}"}}
    tools: list[dict[str, Any]] = [
        {"role": "user", "content": [{"type": "text", "text": LOST[0]["content"]}]},
        {"role": "assistant", "content": None, "tool_calls": [asked]},
        {"role": "tool", "tool_call_id": "1", "content": "not found"},
    ]
    assert (await call(client, "advise", messages=tools))["strategies"]
    nothing = await call(client, "advise", messages=[])
    assert (nothing["text"], nothing["strategies"]) == ("", [])
    found = await call(client, "search_library", query="suitcase")
    assert [s["id"] for s in found["strategies"]] == ["strategy-1"]
    assert "\x1b" not in found["strategies"][0]["do"]
    both = await call(client, "search_library", query="suitcase", status="any")
    assert {s["id"] for s in both["strategies"]} == {"strategy-1", "strategy-2"}

    resources = {str(r.uri) for r in (await client.list_resources()).resources}
    assert resources == {"preceptor://strategies", "preceptor://releases"}
    templates = (await client.list_resource_templates()).resource_templates
    assert {t.uri_template for t in templates} == {"preceptor://strategies/{id}", "preceptor://releases/{id}"}
    assert [s["id"] for s in (await read(client, "preceptor://strategies"))["strategies"]] == ["strategy-1"]
    assert (await read(client, "preceptor://strategies/strategy-2"))["status"] == "proposed"
    (row,) = (await read(client, "preceptor://releases"))["releases"]
    assert (row["id"], row["current"]) == (advised["source"], True)
    inside = await read(client, f"preceptor://releases/{row['id']}")
    assert [s["id"] for s in inside["strategy_list"]] == ["strategy-1"]
    await check_errors(client)

    with project.library() as library:
        library.apply([Approve(strategy_id="strategy-2")], author="ann", reason="test")
    newer = publish(project)
    again = await call(client, "advise", messages=LOST)
    assert again["source"] == newer != advised["source"]
    assert len((await read(client, f"preceptor://releases/{newer}"))["strategy_list"]) == 2


async def check_errors(client: Client) -> None:
    for arguments in ({"messages": "x"}, {"messages": [{"role": "robot"}]}, {}):
        assert (await client.call_tool("advise", arguments)).is_error
    for arguments in ({"query": ""}, {"query": "x", "limit": 0}, {"query": "x", "status": "odd"}):
        assert (await client.call_tool("search_library", arguments)).is_error
    for uri in ("preceptor://strategies/none", "preceptor://releases/none", "preceptor://other"):
        with pytest.raises(Exception, match=r"(?i)there is no|unknown|not found"):
            await client.read_resource(uri)


async def test_over_the_standard_streams(project: Project):
    server = StdioServerParameters(
        command=sys.executable, args=command("-C", project.folder), env={"PYTHONPATH": str(ROOT / "src")}
    )
    async with Client(stdio_client(server)) as client:
        await check(client, project)


async def test_over_http(project: Project):
    async with over_http("-C", project.folder) as url, Client(streamable_http_client(url)) as client:
        await check(client, project)


async def test_who_may_call_over_http(project: Project, tmp_path: Path):
    key = new_key()
    (tmp_path / "keys.txt").write_text(key_line("desk", key) + "\n")
    async with over_http("-C", project.folder, "--keys", tmp_path / "keys.txt") as url:
        async with httpx2.AsyncClient() as nobody:
            assert (await nobody.post(url, json={})).status_code == 401
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}) as known,
            Client(streamable_http_client(url, http_client=known)) as client,
        ):
            assert (await call(client, "advise", messages=LOST))["text"]


async def test_a_web_page_elsewhere_cannot_reach_it(project: Project):
    async with over_http("-C", project.folder) as url, httpx2.AsyncClient() as browser:
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
            assert (await browser.post(url, json={}, headers=headers)).status_code in (403, 421)


async def test_nothing_published_says_so(tmp_path: Path):
    made = Project.create(tmp_path / "p", environ={})
    with made.library(create=True) as library:
        library.apply([propose(1, "wait")], author="ann", reason="test")
    async with over_http("-C", made.folder) as url, Client(streamable_http_client(url)) as client:
        found = await client.call_tool("advise", {"messages": LOST})
        assert found.is_error
        assert "no release is published" in found.content[0].text  # type: ignore[union-attr]
    async with over_http("-C", made.folder, "--trial") as url, Client(streamable_http_client(url)) as client:
        advised = await call(client, "advise", messages=LOST)
        assert (advised["source"], advised["reviewed"], len(advised["strategies"])) == ("library", False, 1)


def test_an_open_port_wants_keys(project: Project, capsys: pytest.CaptureFixture[str]):
    assert boundary.run(["mcp", "--http", "--host", "0.0.0.0", "-C", str(project.folder)]) == 1
    assert "--keys" in capsys.readouterr().err
