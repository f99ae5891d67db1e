"""How close the whole loop comes to the ideal call rate, over HTTP with a model that takes a second to answer.

``python -m bench.loop_http``: all four seats behind HTTP on loopback, each call answered one second after it came,
64 calls at once at most. The ideal is 64 calls a second from first to last; the loop has barriers (a stage's
scenarios are chosen when all its dialogues are over), tails and its own work. Practice models: simulated.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from preceptor import Project
from preceptor.core.events import PhaseStarted, RunEnded, TryFailed
from preceptor.runs.eventlog import Told

CONCURRENCY = 64


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.loop_http", description=__doc__)
    parser.add_argument("--latency", type=float, default=1.0, help="seconds a call takes")
    parser.add_argument("--dialogues", type=int, default=768, help="dialogues in the one stage")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server, port = serve(options.latency)
        try:
            measure(Path(folder), port, options.latency, options.dialogues)
        finally:
            server.terminate()
            server.wait()
    return 0


def serve(latency: float) -> tuple[subprocess.Popen[str], int]:
    """The practice models behind HTTP in a process of their own, and their port."""
    command = [sys.executable, "-m", "preceptor.cli", "practice", "serve", "--port", "0", "--latency", str(latency)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert server.stdout is not None
    seen = ""
    for line in server.stdout:
        seen += line
        if "http://127.0.0.1:" in line:
            return server, int(line.split("http://127.0.0.1:")[1].split("/")[0].split()[0].strip("., "))
    raise SystemExit(f"the practice server did not start:\n{seen}")


def measure(folder: Path, port: int, latency: float, dialogues: int) -> None:
    """One learning run, and its rate."""
    seats = {"student": "student-small", "teacher": "teacher", "customer": "customer", "judge": "judge"}
    settings: dict[str, object] = {f"seats.{k}": f"http://127.0.0.1:{port}/v1#{v}" for k, v in seats.items()}
    settings |= {
        "learn.teacher_share": [0.5],
        "learn.dialogues": dialogues,
        "learn.scenarios": dialogues,
        "run.concurrency": CONCURRENCY,
    }
    project = Project.create(folder / "project", settings=settings)
    started = time.perf_counter()
    result = project.learn()
    took = time.perf_counter() - started
    calls = sum(row.calls for row in result.spend)
    ideal = CONCURRENCY / latency
    figures: dict[str, object] = {
        "calls": calls,
        "seconds": round(took, 1),
        "calls_per_second": round(calls / took, 1),
        "ideal_per_second": ideal,
        "share_of_ideal": round(calls / took / ideal, 3),
        "strategies": len(result.strategies),
    }
    told = project.runs().open(result.run).events()
    figures["phases"] = phases(told)
    # A server on loopback refuses nothing: what fails here is ours.
    figures["failed_tries"] = dict(Counter(t.event.failure for t in told if isinstance(t.event, TryFailed)))
    print("whole loop over HTTP on loopback, simulated models:")
    print(json.dumps(figures, indent=2))


def phases(events: Sequence[Told]) -> dict[str, float]:
    """Seconds of each phase: where the rate is lost. What is screened while groups of alike strategies are still
    asked about counts to ``consolidate``."""
    starts: list[tuple[str, datetime]] = []
    for told in events:
        if isinstance(told.event, PhaseStarted):
            starts.append((told.event.name, datetime.fromisoformat(told.at)))
        elif isinstance(told.event, RunEnded):
            starts.append(("end", datetime.fromisoformat(told.at)))
    return {name: round((after - began).total_seconds(), 1) for (name, began), (_, after) in pairwise(starts)}


if __name__ == "__main__":
    raise SystemExit(main())
