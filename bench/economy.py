"""What a lesson costs and what it brings: our loop beside the paper's plain procedure, on the practice airline.

``python -m bench.economy``: learns twice per seed (``learn.thrifty`` true, and false with ``patience`` as long as
``attempts``), counts the calls to student and teacher in probing and teaching, and measures what each library
brings on the same held-out customers. ``a scenario``: per scenario that was looked at, whether or not it needed
teaching, as in the authors' published run, which took about 14.6 (experiment data of arXiv 2408.07238). ``a gap``:
per scenario in which the student was worse at first. Practice models: simulated.
"""

from __future__ import annotations

import argparse
import tempfile
from math import sqrt
from pathlib import Path
from statistics import mean, stdev

from preceptor import Project
from preceptor.evaluate.statistics.distributions import t_quantile

WAYS: dict[str, dict[str, object]] = {
    "preceptor": {},
    "plain procedure": {"learn.thrifty": False, "learn.patience": 5, "learn.candidates": 1.0},
}
PHASES = ("probe", "teach")
SEATS = ("student", "teacher")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.economy", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="at least 2")
    options = parser.parse_args()
    print("practice airline, student-small; simulated models")
    print(f"{'':<17} seed   calls a scenario   a gap    gain   gain per 100 calls")
    gains: list[list[float]] = []
    for way, settings in WAYS.items():
        rows = [one(settings, seed) for seed in range(1, options.seeds + 1)]
        means = tuple(mean(r[k] for r in rows) for k in range(4))
        for name, row in [*((str(n), r) for n, r in enumerate(rows, 1)), ("mean", means)]:
            print(f"{way:<17} {name:>4} {row[0]:>18.2f} {row[1]:>7.2f} {row[2]:>+7.2f} {row[3]:>20.4f}", flush=True)
        gains.append([r[2] for r in rows])
    differences = [ours - plain for ours, plain in zip(*gains, strict=True)]
    half = t_quantile(0.975, len(differences) - 1) * stdev(differences) / sqrt(len(differences))
    print(f"gain, preceptor less plain, paired by seed: {mean(differences):+.3f}, 95% t interval \u00b1 {half:.3f}")
    return 0


def one(settings: dict[str, object], seed: int) -> tuple[float, float, float, float]:
    """Calls a scenario, calls a gap, gain in satisfaction, gain per 100 calls to student and teacher."""
    with tempfile.TemporaryDirectory() as folder:
        project = Project.create(
            Path(folder) / "project",
            settings={**settings, "learn.seed": seed, "evaluate.seed": seed, "evaluate.profiles": 96},
        )
        learned = project.learn()
        scenarios = sum(sum(s.outcomes.values()) for s in learned.stages)
        gaps = scenarios - sum(s.outcomes.get("already_good", 0) for s in learned.stages)
        paid = [row for row in learned.spend if row.seat in SEATS]
        teaching = sum(row.calls for row in paid if row.phase in PHASES)
        found = project.evaluate().evaluation
        means = {name: found.mean(name) for name in ("student", "coached")}
        gain = means["coached"].estimate.value - means["student"].estimate.value  # type: ignore[union-attr]
        return teaching / scenarios, teaching / gaps, gain, 100 * gain / sum(row.calls for row in paid)


if __name__ == "__main__":
    raise SystemExit(main())
