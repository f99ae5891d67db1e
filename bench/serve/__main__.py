"""``python -m bench.serve``: direct, pass-throughs, ours, and LiteLLM where ``.venv-litellm`` is there.

The row by words and vectors asks a loopback server for each question's vector, which it makes at once: what is
measured is what dense search costs the proxy, not what a model costs. One run, all side by side, round after round,
so that what else the machine does meets all alike.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.serve.data import release, requests
from bench.serve.load import Times, run
from preceptor.llm.embeddings import HttpEmbedder

ROOT = Path(__file__).resolve().parents[2]
LITELLM = ROOT / ".venv-litellm" / "bin" / "litellm"
BARE, FRAMEWORK, OURS = "uvicorn + aiohttp", "Starlette + uvicorn + aiohttp", "ours, with advice"
SEVERAL = "ours, with advice, two processes"
DENSE = "ours, with advice by words and vectors"
KEY = "sk-" + secrets.token_hex(16)
"""LiteLLM does not start without a key; it lives as long as the benchmark."""
_PORT = re.compile(rb"(?:127\.0\.0\.1:)?(\d{4,5})")


@dataclass(frozen=True, slots=True)
class Server:
    """One of those that are compared."""

    port: int
    pid: int
    extra: bytes = b""
    """Header lines of its requests."""


HOOK = """
import sys
sys.path.insert(0, {source!r})
from litellm.integrations.custom_logger import CustomLogger
from preceptor.coach import Coach

coach = Coach.from_release({release!r})


class Advise(CustomLogger):
    async def async_pre_call_hook(self, user_api_key_dict, cache, data, call_type):
        data["messages"] = coach.apply(data["messages"])
        return data


advise = Advise()
"""


@contextmanager
def process(*command: str, stderr: bool = False, folder: Path | None = None) -> Generator[tuple[int, int]]:
    """A server under way: its port, told on its first line, and its process id."""
    environ = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryFile() as log:
        started = subprocess.Popen(
            command,
            stdout=log if stderr else subprocess.PIPE,
            stderr=subprocess.PIPE if stderr else log,
            env=environ,
            cwd=folder or ROOT,
        )
        told = started.stderr if stderr else started.stdout
        assert told is not None
        line = told.readline()
        found = _PORT.search(line)
        assert found, line
        if stderr:  # the log goes on; nobody must wait for it to be read
            subprocess.Popen(["cat"], stdin=told, stdout=log)
        try:
            yield int(found[1]), started.pid
        finally:
            started.terminate()
            started.wait(20)


def family(pid: int) -> list[int]:
    """The process and those that it keeps."""
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def memory(pid: int) -> float:
    """Resident megabytes, of all its processes."""
    texts = [Path(f"/proc/{one}/status").read_text() for one in family(pid)]
    return sum(int(text.partition("VmRSS:")[2].split()[0]) for text in texts) / 1024


def processor(pid: int) -> float:
    """Seconds of processor time that its processes have taken: what others on the machine cannot blur."""
    texts = [Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split() for one in family(pid)]
    return sum(int(fields[11]) + int(fields[12]) for fields in texts) / os.sysconf("SC_CLK_TCK")


@contextmanager
def litellm(upstream: str, path: Path, folder: Path, *, hook: bool) -> Generator[tuple[int, int]]:
    """LiteLLM's proxy, bare or with the same retrieval in its hook."""
    port = 4810 + hook
    model = {"model_name": "m", "litellm_params": {"model": "openai/m", "api_base": upstream, "api_key": "x"}}
    config: dict[str, object] = {"model_list": [model], "general_settings": {"master_key": KEY}}
    if hook:
        (folder / "advise_hook.py").write_text(HOOK.format(source=str(ROOT / "src"), release=str(path)))
        config["litellm_settings"] = {"callbacks": "advise_hook.advise"}
    (folder / f"litellm-{hook}.yaml").write_text(json.dumps(config))
    command = [str(LITELLM), "--config", f"litellm-{hook}.yaml", "--port", str(port), "--host", "127.0.0.1"]
    with (folder / f"litellm-{hook}.log").open("wb") as log:
        started = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            asyncio.run(_up(port))
            yield port, started.pid
        finally:
            started.terminate()
            started.wait(20)


async def _up(port: int) -> None:
    for _ in range(600):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.2)
        else:
            writer.close()
            return
    raise SystemExit("litellm did not start; see its log")


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m bench.serve")
    arguments.add_argument("--strategies", type=int, default=10_000)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--requests", type=int, default=200, help="per round and server, one at a time")
    arguments.add_argument("--soak", type=int, default=100_000, help="requests over which memory must stay flat")
    arguments.add_argument("--no-dense", action="store_true", help="without the row of dense search")
    arguments.add_argument("--out", type=Path, default=ROOT / "bench" / "results" / "serve.json")
    given = arguments.parse_args()
    python = sys.executable
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        folder = Path(place)
        path, known = release(folder, given.strategies)
        behind, back = stack.enter_context(process(python, "-m", "bench.serve.servers", "upstream"))
        url = f"http://127.0.0.1:{behind}/v1"
        bare = stack.enter_context(process(python, "-m", "bench.serve.servers", "bare", url))
        framework = stack.enter_context(process(python, "-m", "bench.serve.servers", "starlette", url))
        serve = (python, "-m", "preceptor.cli", "serve", "--upstream", url, "--port", "0", "--release")
        ours = stack.enter_context(process(*serve, str(path), stderr=True))
        several = stack.enter_context(process(*serve, str(path), "--processes", "2", stderr=True))
        servers = {
            "direct": Server(behind, back),
            BARE: Server(*bare),
            FRAMEWORK: Server(*framework),
            "ours, coaching off": Server(*ours, b"x-preceptor-coach: off\r\n"),
            OURS: Server(*ours),
            SEVERAL: Server(*several),
        }
        if not given.no_dense:
            vectors = stack.enter_context(process(python, "-m", "bench.serve.servers", "embeddings"))
            name = f"http://127.0.0.1:{vectors[0]}/v1#hashed"
            fused, _ = release(folder / "dense", given.strategies, embedder=HttpEmbedder(name))
            servers[DENSE] = Server(
                *stack.enter_context(process(*serve, str(fused), "--embedder", name, stderr=True))
            )
        if not LITELLM.exists():
            print("LiteLLM is left out: .venv-litellm is not there (make bench-serve makes it)", file=sys.stderr)
        else:
            for hook in (False, True):
                port, pid = stack.enter_context(litellm(url, path, folder, hook=hook))
                servers[f"LiteLLM, {'hook' if hook else 'bare'}"] = Server(
                    port, pid, f"Authorization: Bearer {KEY}\r\n".encode()
                )
        asyncio.run(_up(ours[0]))
        rows = asyncio.run(measure(servers, known, given.rounds, given.requests))
        for name, server in servers.items():
            rows[name]["memory_mb"] = round(memory(server.pid), 1)
        show(rows)
        kept: dict[str, object] = {"strategies": given.strategies, "servers": rows}
        given.out.parent.mkdir(exist_ok=True)
        given.out.write_text(json.dumps(kept, indent=1) + "\n")  # before the soak, which takes minutes
        soaked = asyncio.run(soak(servers[OURS], known, given.soak))
    given.out.write_text(json.dumps({**kept, "memory_mb": soaked}, indent=1) + "\n")
    if soaked:
        print("memory with advice: " + ", ".join(f"{mb:.1f} MB after {n} requests" for n, mb in soaked.items()))


async def measure(
    servers: dict[str, Server], known: list[str], rounds: int, count: int
) -> dict[str, dict[str, float]]:
    """Rounds over all servers: one at a time, 32 at a time, streamed."""
    plain = requests(known, count * 5, stream=False)
    stream = requests(known, max(20, count // 4), stream=True)
    for server in servers.values():  # connections, caches and code warm
        await run(server.port, plain[:100], at_once=4, extra=server.extra)
    found: dict[str, list[list[Times]]] = {name: [] for name in servers}
    spent: dict[str, list[float]] = {name: [] for name in servers}
    for number in range(1, rounds + 1):
        print(f"round {number} of {rounds}", file=sys.stderr, flush=True)
        for name, server in servers.items():
            one = await run(server.port, plain[:count], at_once=1, extra=server.extra)
            before = processor(server.pid)
            many = await run(server.port, plain, at_once=32, extra=server.extra)
            spent[name].append((processor(server.pid) - before) / len(plain) * 1000)
            found[name].append([one, many, await run(server.port, stream, at_once=1, extra=server.extra)])
    return {name: {**_row(times), "cpu_ms": round(min(spent[name]), 3)} for name, times in found.items()}


async def soak(server: Server, known: list[str], count: int) -> dict[int, float]:
    """Megabytes after so many requests."""
    plain = requests(known, 2000, stream=False, seed=3)
    found: dict[int, float] = {}
    done = 0
    while done < count:
        done += len((await run(server.port, plain, at_once=32)).last)
        if done % (count // 5 or 1) < len(plain):
            found[done] = round(memory(server.pid), 1)
    return found


def _row(rounds: list[list[Times]]) -> dict[str, float]:
    def median(values: list[float]) -> float:
        return sorted(values)[len(values) // 2]

    one = [t for r in rounds for t in r[0].last]
    first = [t for r in rounds for t in r[2].first]
    every = Times()
    return {
        "p50_ms": round(every.middle(one), 3),
        "p99_ms": round(every.middle(one, 0.99), 3),
        "rate_32": round(median([r[1].rate for r in rounds]), 1),
        "first_p50_ms": round(every.middle(first), 3),
        "first_p99_ms": round(every.middle(first, 0.99), 3),
        "advised": sum(t.advised for r in rounds for t in r) / sum(len(t.last) for r in rounds for t in r),
    }


def show(rows: dict[str, dict[str, float]]) -> None:
    direct = rows["direct"]
    print(
        "| | p50 ms | over direct | p99 ms | req/s at 32 | of bare | of Starlette | CPU ms | bare's | Starlette's "
        "| first event p50 ms | p99 | advised | MB |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    for name, row in rows.items():
        cells = [
            name,
            f"{row['p50_ms']:.2f}",
            f"{row['p50_ms'] - direct['p50_ms']:+.2f}",
            f"{row['p99_ms']:.2f}",
            f"{row['rate_32']:.0f}",
            f"{row['rate_32'] / rows[BARE]['rate_32']:.0%}",
            f"{row['rate_32'] / rows[FRAMEWORK]['rate_32']:.0%}",
            f"{row['cpu_ms']:.2f}",
            f"{rows[BARE]['cpu_ms'] / max(row['cpu_ms'], 1e-3):.0%}",
            f"{rows[FRAMEWORK]['cpu_ms'] / max(row['cpu_ms'], 1e-3):.0%}",
            f"{row['first_p50_ms']:.2f} ({row['first_p50_ms'] - direct['first_p50_ms']:+.2f})",
            f"{row['first_p99_ms']:.2f}",
            f"{row['advised']:.0%}",
            f"{row['memory_mb']:.0f}",
        ]
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
