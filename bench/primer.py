"""What the primer brings and takes: learning with it and without it, at the same cap on calls, in both worlds.

``python -m bench.primer``: per world, cap and seed two runs of ``preceptor learn --fit``, ``learn.primer`` true and
false, each measured on the same held-out customers. ``calls``: all that learning made, the primer's among them;
``a scenario``: calls of student and teacher in the primer, in probing and teaching, per scenario looked at, as in
:mod:`bench.economy`. Cap 0: none, the size as it comes. Practice models: simulated.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from preceptor import Project
from preceptor.evaluate.statistics.distributions import t_quantile

WAYS = {"with": True, "without": False}
PHASES = ("primer", "probe", "teach")
SEATS = ("student", "teacher")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.primer", description=__doc__)
    parser.add_argument("--worlds", nargs="+", default=["airline", "retailer"])
    parser.add_argument("--calls", nargs="+", type=int, default=[300, 900, 0], help="caps; 0: none")
    parser.add_argument("--seeds", type=int, default=10, help="at least 2")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--profiles", type=int, default=96, help="held-out customers")
    parser.add_argument("--out", type=Path, default=Path("bench-results/primer"), help="one JSON a run")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="further settings of both ways")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    further = dict(pair.split("=", 1) for pair in asked.set)
    label = "".join(f"-{k}={v}" for k, v in further.items())
    print("student-small; simulated models")
    print("| world | cap | with | without | difference | calls with | without | a scenario with | without |")
    print("|---|---|---|---|---|---|---|---|---|")
    for world in asked.worlds:
        for cap in asked.calls:
            found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
            for seed in range(asked.first, asked.first + asked.seeds):
                for way, primer in WAYS.items():
                    # Further settings that only the primer reads change nothing without it.
                    plain = all(k.startswith("learn.primer") for k in further) and not primer
                    place = asked.out / f"{world}-{cap}-{way}{'' if plain else label}-{seed}.json"
                    if not place.exists():
                        place.write_text(json.dumps(one(world, cap, seed, primer, further, asked.profiles)))
                    found[way].append(json.loads(place.read_text()))
            row(world, cap, found)
    return 0


def one(world: str, cap: int, seed: int, primer: bool, further: dict[str, str], profiles: int) -> dict[str, Any]:
    """One run with its gain in satisfaction, all its calls, and calls a scenario."""
    settings: dict[str, Any] = {
        **further,
        "learn.primer": primer,
        "learn.seed": seed,
        "learn.fit": bool(cap),
        "budget.calls": cap or None,
        "evaluate.seed": seed,
        "evaluate.profiles": profiles,
        "evaluate.arms": ("student", "coached"),
        "evaluate.measures": (),
        "evaluate.aa": 0,
    }
    with tempfile.TemporaryDirectory() as folder:
        project = Project.create(Path(folder) / "p", world, settings=settings, environ={})
        learned = project.learn()
        free = Project.open(Path(folder) / "p", settings={**settings, "budget.calls": None}, environ={})
        difference = free.evaluate().evaluation.difference("coached")
        scenarios = sum(sum(s.outcomes.values()) for s in learned.stages)
        teaching = sum(r.calls for r in learned.spend if r.phase in PHASES and r.seat in SEATS)
        return {
            "gain": difference.estimate.value if difference else float("nan"),
            "calls": sum(r.calls for r in learned.spend),
            "a_scenario": teaching / max(1, scenarios),
            "strategies": len(learned.strategies),
            "primer": sum(r.calls for r in learned.spend if r.phase == "primer"),
        }


def row(world: str, cap: int, found: dict[str, list[dict[str, Any]]]) -> None:
    gains = {way: [r["gain"] for r in rows] for way, rows in found.items()}
    differences = [a - b for a, b in zip(gains["with"], gains["without"], strict=True)]
    half = t_quantile(0.975, len(differences) - 1) * stdev(differences) / sqrt(len(differences))
    cells = [f"{mean(gains[way]):+.2f}" for way in WAYS]
    cells.append(f"{mean(differences):+.3f} ± {half:.3f}")
    cells += [f"{mean(r[k] for r in found[way]):.{digits}f}" for k, digits in (("calls", 0), ("a_scenario", 2))
              for way in WAYS]  # fmt: skip
    print(f"| {world} | {cap or 'none'} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
