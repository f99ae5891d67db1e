"""``python -m bench.star.small``: what the size of a library does to the scores, on STAR.

Libraries learned from 1, 2, 5, 10 and 30 dialogues of one trade, drawn four times a fold. Each is asked the turns
of held-out dialogues of its own trade and of other trades; told is the likeness of the nearest situation, which
the floor (0.15) is laid on, with and without ordinary talk.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bench.star.data import Example, folds, load
from preceptor.coach import CoachSettings
from preceptor.library.conversation_state import StateWeights, state_terms
from preceptor.library.ordinary import ORDINARY
from preceptor.library.sparse import SparseIndex

SIZES, DRAWS, ASKED = (1, 2, 5, 10, 30), 4, 150
DATA = Path(__file__).parents[2].parent / "shared" / "data" / "star"
Terms = dict[str, float]


def libraries(examples: Sequence[Example], size: int) -> Iterator[tuple[list[Terms], list[Terms], list[Terms]]]:
    """States of a small library, of turns of its trade, and of turns of others."""
    terms = {id(e): state_terms(e.turns, StateWeights()) for e in examples}
    trades = sorted({e.flow for e in examples if "+" not in e.flow})
    for fold, (training, test) in enumerate(folds(examples, 5)):
        for draw in range(DRAWS):
            rng = random.Random(100 * fold + draw)
            trade = rng.choice(trades)
            known = sorted({e.dialogue for e in training if e.flow == trade})
            taken = set(rng.sample(known, min(size, len(known))))
            own = [e for e in test if e.flow == trade]
            other = [e for e in test if e.flow in trades and e.flow != trade]
            yield (
                [terms[id(e)] for e in training if e.dialogue in taken],
                [terms[id(e)] for e in rng.sample(own, min(ASKED, len(own)))],
                [terms[id(e)] for e in rng.sample(other, min(ASKED, len(other)))],
            )


def apart(own: Sequence[float], other: Sequence[float]) -> float:
    """How often a turn of the trade scores above one of another: the area under the curve."""
    rank = np.argsort(np.argsort(np.array([*own, *other]), kind="stable"))[: len(own)]
    return float((rank.sum() - len(own) * (len(own) - 1) / 2) / (len(own) * len(other)))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.star.small", description=__doc__)
    parser.add_argument("--ordinary", type=float, nargs="+", default=[0.0, ORDINARY])
    options = parser.parse_args()
    if not DATA.is_dir():
        print(f"skipped, there is no {DATA}")
        return 0
    examples = load(DATA / "conversations.jsonl.gz").examples
    floor = CoachSettings().floor
    print(
        "| dialogues learned from | ordinary talk | own trade, median | other trades, median | 9 in 10 below",
        end="",
    )
    print(" | own above floor | others above floor | told apart |\n|---|---|---|---|---|---|---|---|")
    for size in SIZES:
        for ordinary in options.ordinary:
            own: list[float] = []
            other: list[float] = []
            for known, near, far in libraries(examples, size):
                index = SparseIndex(known, ordinary=ordinary)
                own += [float(index.scores(t).max()) for t in near]
                other += [float(index.scores(t).max()) for t in far]
            a, b = np.array(own), np.array(other)
            shares = f"{(a >= floor).mean():.2f} | {(b >= floor).mean():.2f} | {apart(own, other):.3f}"
            told = f"{np.median(a):.2f} | {np.median(b):.2f} | {np.quantile(b, 0.9):.2f} | {shares}"
            print(f"| {size} | {ordinary:g} | {told} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
