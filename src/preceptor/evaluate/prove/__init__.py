"""Does a single strategy help? Paired replays of scenarios with and without it, many strategies at a time.

A replay answers one scenario twice: each strategy that fits goes, by a fair coin, to the one answer or to the
other, and the judge compares the two answers blindly. So every replay says something of every strategy in it, and
what it costs does not grow with the number of pairs of strategies.
"""

from __future__ import annotations

from preceptor.evaluate.prove.ground import Ground
from preceptor.evaluate.prove.lifts import Lift, lifts
from preceptor.evaluate.prove.pool import Pool, Situation, situations
from preceptor.evaluate.prove.replay import Replay
from preceptor.evaluate.prove.result import Proof, evidence
from preceptor.evaluate.prove.run import prove, require_strategies

__all__ = [
    "Ground",
    "Lift",
    "Pool",
    "Proof",
    "Replay",
    "Situation",
    "evidence",
    "lifts",
    "prove",
    "require_strategies",
    "situations",
]
