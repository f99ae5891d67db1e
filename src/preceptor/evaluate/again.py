"""A/A: the same arm twice with the same customers. Would noise alone have looked the same?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from preceptor.core.errors import InputError
from preceptor.core.ids import derive_seed
from preceptor.evaluate.dialogues import AGAIN
from preceptor.evaluate.figures import satisfaction_of, scores
from preceptor.evaluate.found import Again
from preceptor.evaluate.result import Item
from preceptor.evaluate.statistics import Analysis
from preceptor.evaluate.statistics.cells import by_cluster, collect
from preceptor.evaluate.statistics.paired import compare
from preceptor.evaluate.statistics.permutation import sign_flip
from preceptor.evaluate.statistics.power import ALPHA

EXPERIMENTS = 400
"""A/A experiments that are drawn: the share that passes is then known to about two points."""
_FLIPS = 1000


def again(
    first: Sequence[Item], second: Sequence[Item], analysis: Analysis, *, seed: int, experiments: int = EXPERIMENTS
) -> Again | None:
    """The A/A of one arm; None where no pair of it was rated.

    The difference between the two times is tested as that of any arm. Then ``experiments`` experiments of the size
    of the evaluation (as many profiles as its largest comparison has) are drawn: profiles with replacement, the two
    times of each swapped by a coin, so that nothing but noise is in them. They tell how often the gate passes and
    what size of difference noise alone brings.
    """
    arm = second[0].arm if second else ""
    mine = [i for i in first if i.arm == arm]
    turned = [replace(i, arm=AGAIN) for i in second]
    try:
        cells = collect(scores([*mine, *turned], satisfaction_of))
        difference = compare(cells, AGAIN, arm, seed=derive_seed(seed, AGAIN))
    except (InputError, KeyError):
        return None
    shared = [u for u in cells.scores[AGAIN] if u in cells.scores[arm]]
    sums, sizes = by_cluster({u: cells.scores[AGAIN][u] - cells.scores[arm][u] for u in shared}, cells.clusters)
    size = max((d.estimate.clusters for d in analysis.differences), default=len(sums))
    passed, found = 0, np.zeros(experiments)
    for number in range(experiments):
        rng = np.random.default_rng(derive_seed(seed, AGAIN, number))
        drawn = rng.integers(0, len(sums), size=size)
        signs = rng.choice((-1.0, 1.0), size=size)
        values = signs * sums[drawn]
        found[number] = abs(float(values.sum()) / float(sizes[drawn].sum()))
        passed += sign_flip(values, seed=derive_seed(seed, AGAIN, number, "test"), flips=_FLIPS).p <= ALPHA
    return Again(
        arm=arm,
        difference=difference,
        experiments=experiments,
        passed=passed / experiments,
        noise=float(np.quantile(found, 0.95)),
        as_large=_as_large(analysis, found),
    )


def _as_large(analysis: Analysis, found: np.ndarray) -> dict[str, float]:
    seen: Mapping[str, float] = {d.arm: abs(d.estimate.value) for d in analysis.differences}
    return {arm: float(np.mean(found >= size - 1e-12)) for arm, size in seen.items()}
