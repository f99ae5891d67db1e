"""Comparison of two replies and satisfaction with a dialogue, both asked of a model and checked."""

from preceptor.judge.compare import Pair, compare
from preceptor.judge.rate import Rating, rate

__all__ = ["Pair", "Rating", "compare", "rate"]
