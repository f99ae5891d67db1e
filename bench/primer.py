"""What the primer brings and takes: learning with it and without it, at the same cap on calls, in both worlds.

``python -m bench.primer``: per world, cap and seed two runs of ``preceptor learn --fit``, ``learn.primer`` true and
false, each measured on the same held-out customers. ``calls``: all that learning made, the primer's among them;
``a scenario``: calls of student and teacher in the primer, in probing and teaching, per scenario looked at, as in
:mod:`bench.economy`. Cap 0: none, the size as it comes. One JSON file a run: what is there is not run again.
Practice models: simulated.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from preceptor import Project
from preceptor.core.errors import PreceptorError
from preceptor.evaluate.statistics.distributions import t_quantile
from preceptor.runs.run import Run

WAYS = {"with": True, "without": False}
PHASES = ("primer", "probe", "teach")
SEATS = ("student", "teacher")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.primer", description=__doc__)
    parser.add_argument("--worlds", nargs="+", default=["airline", "retailer"])
    parser.add_argument("--calls", nargs="+", type=int, default=[300, 900], help="caps; 0: none")
    parser.add_argument("--seeds", type=int, default=5, help="at least 2")
    parser.add_argument("--profiles", type=int, default=96, help="held-out customers")
    parser.add_argument("--out", type=Path, default=Path("bench-results/primer"), help="one JSON a run")
    parser.add_argument("--table", action="store_true", help="of what was run before alone")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    tasks = [(w, c, s) for s in range(1, asked.seeds + 1) for c in asked.calls for w in asked.worlds]
    found: dict[tuple[str, int, str], dict[int, dict[str, Any]]] = {}
    for world, cap, seed in tasks:
        base = asked.out / f"{world}-base-{seed}.json"
        if not base.exists() and not asked.table:
            base.write_text(json.dumps(untaught(world, seed, asked.profiles)), encoding="utf-8")
        for way, primer in WAYS.items():
            place = asked.out / f"{world}-{cap}-{way}-{seed}.json"
            if not place.exists() and not asked.table:
                place.write_text(json.dumps(one(world, cap, seed, primer, asked.profiles)), encoding="utf-8")
                print(place.name, place.read_text(encoding="utf-8"), file=sys.stderr, flush=True)
            if place.exists() and base.exists():
                read = json.loads(place.read_text(encoding="utf-8"))
                read["gain"] = read["coached"] - json.loads(base.read_text(encoding="utf-8"))
                found.setdefault((world, cap, way), {})[seed] = read
    print("student-small; simulated models")
    print(
        "| world | cap | seeds | with | without | difference | calls with | without | a scenario with | without |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for world in asked.worlds:
        for cap in asked.calls:
            row(world, cap, [found.get((world, cap, way), {}) for way in WAYS])
    return 0


def untaught(world: str, seed: int, profiles: int) -> float:
    """Mean satisfaction with the student as it comes."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {**measure(seed, profiles), "evaluate.arms": ("student",)}
        return _mean(Project.create(Path(folder) / "p", world, settings=settings, environ={}), "student")


def measure(seed: int, profiles: int) -> dict[str, Any]:
    """The same customers whatever was learned."""
    return {
        "evaluate.seed": seed,
        "evaluate.profiles": profiles,
        "evaluate.measures": (),
        "evaluate.aa": 0,
    }


def one(world: str, cap: int, seed: int, primer: bool, profiles: int) -> dict[str, Any]:
    """One run: mean satisfaction of the coached student, all its calls, and calls a scenario."""
    settings = {"learn.primer": primer, "learn.seed": seed, "learn.fit": bool(cap), "budget.calls": cap or None}
    with tempfile.TemporaryDirectory() as folder:
        project = Project.create(Path(folder) / "p", world, settings=settings, environ={})
        try:
            project.learn()
        except PreceptorError as error:
            print(f"{world}, {cap}, {seed}: {error.message}; what is in the library counts", file=sys.stderr)
        run = project.runs().open("last")
        freed = {**measure(seed, profiles), "evaluate.arms": ("coached",), "budget.calls": None}
        free = Project.open(project.folder, settings=freed, environ={})
        return {"coached": _mean(free, "coached"), "strategies": len(project.strategies()), **_spent(run)}


def _mean(project: Project, arm: str) -> float:
    return project.evaluate().evaluation.mean(arm).estimate.value  # type: ignore[union-attr]


def _spent(run: Run) -> dict[str, float]:
    spend = run.info.spend
    stages = run.info.results.get("stages", [])
    scenarios = sum(sum(stage["outcomes"].values()) for stage in stages)
    teaching = sum(r["calls"] for r in spend if r["phase"] in PHASES and r["seat"] in SEATS)
    return {
        "calls": sum(r["calls"] for r in spend),
        "primer": sum(r["calls"] for r in spend if r["phase"] == "primer"),
        "a_scenario": teaching / scenarios if scenarios else float("nan"),
    }


def row(world: str, cap: int, ways: list[dict[int, dict[str, Any]]]) -> None:
    """With and without, over the seeds that both have."""
    seeds = sorted(ways[0].keys() & ways[1].keys())
    if len(seeds) < 2:
        return
    gains = [[way[s]["gain"] for s in seeds] for way in ways]
    differences = [a - b for a, b in zip(*gains, strict=True)]
    half = t_quantile(0.975, len(seeds) - 1) * stdev(differences) / sqrt(len(seeds))
    cells = [f"{mean(g):+.2f}" for g in gains]
    cells.append(f"{mean(differences):+.2f} ({mean(differences) - half:+.2f} to {mean(differences) + half:+.2f})")
    cells += [f"{mean(way[s]['calls'] for s in seeds):.0f}" for way in ways]
    for way in ways:
        known = [way[s]["a_scenario"] for s in seeds if way[s]["a_scenario"] == way[s]["a_scenario"]]
        cells.append(f"{mean(known):.1f}" if known else "")
    print(f"| {world} | {cap or 'none'} | {len(seeds)} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
