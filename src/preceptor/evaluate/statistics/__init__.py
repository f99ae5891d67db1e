"""Paired, clustered statistics: numbers in, numbers out. No models, no files, no printing."""

from preceptor.evaluate.statistics.cells import Score
from preceptor.evaluate.statistics.intervals import Estimate
from preceptor.evaluate.statistics.paired import (
    Analysis,
    ArmMean,
    Difference,
    GapShare,
    analyse,
)

__all__ = ["Analysis", "ArmMean", "Difference", "Estimate", "GapShare", "Score", "analyse"]
