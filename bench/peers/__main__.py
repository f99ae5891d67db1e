"""Preceptor beside other ways to a better prompt, at the same budget: ``make bench-peers``.

Same student, teacher, customers and cap on calls for all, over HTTP with a meter in front
(:mod:`bench.peers.meter`). What each method (:mod:`bench.peers.methods`) makes is then scored on fresh held-out
customers by the same evaluator. One JSON file a seed and method: what is there is not run again. *Simulated.*
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.peers.meter import World
from bench.peers.methods import MADE, Method, methods
from preceptor.core.ids import derive_seed
from preceptor.evaluate.statistics.distributions import t_quantile
from preceptor.practice import shipped_world
from preceptor.project import Project

_ONE = "says nothing: one call"
Trial = Mapping[str, Any]
"""One method with one seed: its gain, calls and tokens."""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=900, help="the cap that each method has")
    parser.add_argument("--profiles", type=int, default=48, help="held-out customers of the scoring")
    parser.add_argument("--methods", nargs="*", default=[], help="these alone")
    parser.add_argument("--python", default=".venv-peers/bin/python", help="a Python that has gepa and dspy")
    parser.add_argument("--out", type=Path, default=Path("bench-results/peers"), help="one JSON a seed and method")
    asked = parser.parse_args()
    chosen = methods(asked.python, asked.methods)
    asked.out.mkdir(parents=True, exist_ok=True)
    for seed in range(1, asked.seeds + 1):
        for name, method in chosen.items():
            place = asked.out / f"{asked.calls}-{asked.profiles}-{name}-{seed}.json"
            if not place.exists():
                found = trial(name, method, seed, asked.calls, asked.profiles)
                place.write_text(json.dumps(found, indent=1), encoding="utf-8")
                print(f"seed {seed}: {name} {found['gain']:+.2f}, {found['calls']} calls", file=sys.stderr)
    places = sorted(asked.out.glob(f"{asked.calls}-{asked.profiles}-*.json"))
    table([json.loads(p.read_text("utf-8")) for p in places], asked.calls)
    return 0


def trial(name: str, method: Method, seed: int, cap: int, profiles: int) -> Trial:
    """The method learns behind the meter; what it made is scored beside the student without it."""
    with tempfile.TemporaryDirectory() as place, World(shipped_world("airline").domain()) as world:
        folder = Path(place) / "p"
        Project.create(folder, environ={})
        world.meter.reset(cap)
        method(world, folder, seed)
        calls, tokens = dict(world.meter.calls), dict(world.meter.tokens)
        made = folder / MADE
        arm = "made" if made.exists() else "coached"
        settings = {
            "evaluate.arms": ("student",) if made.exists() else ("student", "coached"),
            "evaluate.arm_files": (f"made={made}",) if made.exists() else (),
            "evaluate.seed": derive_seed(seed, "score"),
            "evaluate.profiles": profiles,
            "evaluate.measures": (),
            "evaluate.aa": 0,
        }
        found = Project.open(folder, settings=settings, environ={}).evaluate().evaluation
        difference = found.difference(arm)
        return {
            "method": name,
            "seed": seed,
            "gain": difference.estimate.value if difference else float("nan"),
            "calls": sum(calls.values()),
            "tokens": sum(tokens.values()),
            "calls_by_seat": calls,
            "tokens_by_seat": tokens,
            "made": made.read_text("utf-8") if made.exists() else "",
        }


def table(rows: Sequence[Trial], cap: int) -> None:
    names = {str(r["method"]): [t for t in rows if t["method"] == r["method"]] for r in rows}
    seeds = max(len(found) for found in names.values())
    print(f"\n*Simulated.* Cap {cap} calls; {seeds} seeds; 95% intervals over seeds.\n")
    print("| method | gain in satisfaction | calls used | gain per 100 calls | gain per 1,000 tokens |")
    print("|---|---|---|---|---|")
    for name, found in sorted(names.items(), key=lambda x: -float(np.mean([t["gain"] for t in x[1]]))):
        calls = float(np.mean([t["calls"] for t in found]))
        a_call = _interval([100 * t["gain"] / max(1, t["calls"]) for t in found], 3) if calls > 10 else _ONE
        a_token = _interval([1000 * t["gain"] / max(1, t["tokens"]) for t in found], 4) if calls > 10 else _ONE
        print(f"| {name} | {_interval([t['gain'] for t in found])} | {calls:.0f} | {a_call} | {a_token} |")


def _interval(values: list[float], digits: int = 2) -> str:
    mean, n = float(np.mean(values)), len(values)
    if n < 2:
        return f"{mean:+.{digits}f}"
    reach = t_quantile(0.975, n - 1) * float(np.std(values, ddof=1)) / n**0.5
    return f"{mean:+.{digits}f} ({mean - reach:+.{digits}f} to {mean + reach:+.{digits}f})"


if __name__ == "__main__":
    raise SystemExit(main())
