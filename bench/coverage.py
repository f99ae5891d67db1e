"""How often do the statistics claim what is not there, and how often do the intervals hold the truth?

    python bench/coverage.py [--experiments 200] [--resamples 2000] [--design TEXT] [--markdown]

Simulates experiments like ours: satisfaction on half points from 1 to 5, profiles that differ in how easy they are
and in how much coaching helps them, several dialogues per profile, dialogues that fail. A/A: the arms do not
differ, and a 5% gate should pass about 5%. With a true effect: the 95% interval should hold it about 95% of the
time. The truth is the mean difference over a very large sample from the same process, since rounding and the ends
of the scale bend the nominal one.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from preceptor.core.ids import derive_seed
from preceptor.evaluate.statistics import Score, analyse
from preceptor.evaluate.statistics.power import ALPHA


@dataclass(frozen=True)
class Design:
    """One kind of experiment."""

    name: str
    profiles: int
    repeats: int
    effect: float
    profile_sd: float = 0.6
    effect_sd: float = 0.4
    noise_sd: float = 0.6
    failing: float = 0.03
    base: float = 2.9


DESIGNS = (
    Design("A/A, 48 profiles", 48, 1, 0.0),
    Design("A/A, 24 profiles x 3", 24, 3, 0.0),
    Design("A/A, 12 profiles x 4", 12, 4, 0.0),
    Design("A/A, at the top of the scale", 48, 1, 0.0, base=4.7),
    Design("effect 0.6, 48 profiles", 48, 1, 0.6),
    Design("effect 0.6, 24 profiles x 3", 24, 3, 0.6),
    Design("effect 0.6, 12 profiles x 4", 12, 4, 0.6),
    Design("effect 0.6, 6 profiles x 4", 6, 4, 0.6),
    Design("effect 0.3, at the top of the scale", 48, 1, 0.3, base=4.5),
)


def draw(design: Design, profiles: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Scores of shape (arms student and coached, profiles, repeats)."""
    ease = rng.normal(0, design.profile_sd, size=(1, profiles, 1))
    # In an A/A nothing differs between the arms, not even for a single profile.
    gain = rng.normal(design.effect, design.effect_sd if design.effect else 0.0, size=(1, profiles, 1))
    noise = rng.normal(0, design.noise_sd, size=(2, profiles, design.repeats))
    raw = design.base + ease + np.concatenate([np.zeros_like(gain), gain]) + noise
    return np.clip(np.round(raw * 2) / 2, 1, 5)


def truth(design: Design, seed: int) -> float:
    """The mean difference that the process has in the long run."""
    scores = draw(design, 400_000, np.random.default_rng(seed))
    return float((scores[1] - scores[0]).mean())


def experiment(design: Design, seed: int, resamples: int) -> tuple[float, float, float, float]:
    """One experiment: p, low, high, value of coached minus student."""
    rng = np.random.default_rng(seed)
    table = draw(design, design.profiles, rng)
    kept = rng.random(table.shape) >= design.failing
    rows = [
        Score(arm=arm, unit=f"{p}/{r}", cluster=str(p), score=float(table[a, p, r]))
        for a, arm in enumerate(("student", "coached"))
        for p in range(design.profiles)
        for r in range(design.repeats)
        if kept[a, p, r]
    ]
    found = analyse(rows, baseline="student", seed=seed, resamples=resamples).differences[0]
    low, high = found.estimate.low, found.estimate.high
    return found.p_holm, -math.inf if low is None else low, math.inf if high is None else high, found.estimate.value


def row(design: Design, experiments: int, resamples: int) -> tuple[str, ...]:
    """One line of the table."""
    target = truth(design, derive_seed(1, "truth", design.name))
    got = np.array(
        [experiment(design, derive_seed(1, design.name, i), resamples) for i in range(experiments)], dtype=float
    )
    p, low, high, value = got.T
    passed = float(np.mean(p <= ALPHA))
    held = float(np.mean((low <= target) & (target <= high)))
    return (
        design.name,
        f"{target:+.3f}",
        f"{value.mean():+.3f}",
        f"{passed:.1%}",
        f"{held:.1%}",
        f"{np.mean(high - low):.2f}",
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=200)
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--design", default="", help="only designs whose name holds this")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    started = time.perf_counter()
    head = ("design", "truth", "mean found", "gate passes", "interval holds the truth", "width")
    mark = " | " if options.markdown else "  "
    print(mark.join(head))
    if options.markdown:
        print(mark.join("---" for _ in head))
    for design in (d for d in DESIGNS if options.design in d.name):
        print(mark.join(row(design, options.experiments, options.resamples)), flush=True)
    print(f"\n{options.experiments} experiments a row, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
