"""Does it help, by how much, and would noise alone have looked the same?

Arms meet the same held-out customers; dialogues are rated; differences are paired and clustered by profile.
Names load on first use: the statistics need numpy only, and no chat model.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from preceptor.evaluate.arms import ARMS, Arm, Ground
    from preceptor.evaluate.markdown import markdown
    from preceptor.evaluate.result import Evaluation, from_json
    from preceptor.evaluate.run import evaluate
    from preceptor.evaluate.spend import Spend, SpendTally
    from preceptor.evaluate.statistics import Analysis, Estimate, Score, analyse
    from preceptor.evaluate.summary import headline
    from preceptor.evaluate.table import analyse_table, read_table

__all__ = [
    "ARMS",
    "Analysis",
    "Arm",
    "Estimate",
    "Evaluation",
    "Ground",
    "Score",
    "Spend",
    "SpendTally",
    "analyse",
    "analyse_table",
    "evaluate",
    "from_json",
    "headline",
    "markdown",
    "read_table",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_home(name)}"), name)


def _home(name: str) -> str:
    homes = {
        "ARMS": "arms",
        "Arm": "arms",
        "Evaluation": "result",
        "Ground": "arms",
        "Spend": "spend",
        "SpendTally": "spend",
        "analyse_table": "table",
        "evaluate": "run",
        "from_json": "result",
        "headline": "summary",
        "markdown": "markdown",
        "read_table": "table",
    }
    return homes.get(name, "statistics")
