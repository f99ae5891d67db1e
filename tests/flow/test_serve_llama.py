"""A real engine behind the proxy, with a model of random weights: opt-in.

Set ``PRECEPTOR_TEST_LLAMA`` to the Python of an environment with ``llama-cpp-python[server]``; without it this file
is not collected.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from tests.flow.serving import proxy, put_release, until
from tests.tiny_gguf import write_tiny_gguf

ENGINE = os.environ.get("PRECEPTOR_TEST_LLAMA", "")  # read before a test's environment is cleaned
ASK: dict[str, Any] = {
    "model": "tiny",
    "messages": [{"role": "system", "content": "a policy"}, {"role": "user", "content": "I want a refund"}],
    "max_tokens": 6,
    "logprobs": True,
    "logit_bias": {"2": -100},  # random weights may end at once
}


@asynccontextmanager
async def engine(folder: Path) -> AsyncGenerator[str]:
    """llama.cpp's own server on loopback; its base URL."""
    model = write_tiny_gguf(folder / "tiny.gguf")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        ENGINE,
        "-m",
        "llama_cpp.server",
        "--model",
        str(model),
        "--port",
        str(port),
        "--n_ctx",
        "2048",
    ]
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    with (folder / "engine.log").open("wb") as log:
        started = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, env=environ)
        try:
            await until(lambda: started.returncode is not None or _listens(port), 60)
            assert started.returncode is None, (folder / "engine.log").read_text()
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            if started.returncode is None:
                started.terminate()
            await started.wait()


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


async def ask(http: aiohttp.ClientSession, url: str, **more: Any) -> tuple[aiohttp.ClientResponse, bytes]:
    async with http.post(f"{url}/chat/completions", json={**ASK, **more}) as found:
        return found, await found.read()


async def test_advised_calls_of_a_real_engine(tmp_path: Path) -> None:
    put_release(tmp_path)
    async with engine(tmp_path) as url, proxy(tmp_path, url) as front:
        plain = json.loads((await ask(front.http, url))[1])
        found, body = await ask(front.http, f"{front.url}/v1")
        answer = json.loads(body)
        assert found.headers["x-preceptor-coaching"] == "applied"
        assert answer["usage"]["prompt_tokens"] > plain["usage"]["prompt_tokens"] + 20
        assert answer["choices"][0]["finish_reason"] == "length"

        found, body = await ask(front.http, f"{front.url}/v1", stream=True)
        assert found.headers["content-type"].startswith("text/event-stream")
        events = [line.removeprefix("data: ") for line in body.decode().splitlines() if line.startswith("data: ")]
        assert events[-1] == "[DONE]"
        ends = [c["finish_reason"] for e in events[:-1] for c in json.loads(e)["choices"]]
        assert ends[-1] == "length"

        async with front.http.get(f"{front.url}/v1/models") as models:
            assert (await models.json())["data"]
