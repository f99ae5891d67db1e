"""What the student reads of a strategy."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from preceptor.core.records import Strategy
from preceptor.core.untrusted import one_line

_KEPT = 16_384
"""Strategies whose words are kept ready: some five megabytes."""


class Worded(NamedTuple):
    """A strategy as the student reads it, and how many words that is."""

    line: str
    words: int


@lru_cache(_KEPT)
def worded(strategy: Strategy) -> Worded:
    """One line that can neither close the block nor open another."""
    line = one_line(strategy.text()).replace("<", "‹").replace(">", "›")
    return Worded(line, len(line.split()))
