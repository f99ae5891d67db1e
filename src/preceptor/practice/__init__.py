"""Practice: the embedded world. Offline chat models for all four seats; a flight simulator, not language models.

Names are loaded when first used, since NumPy and pydantic stand behind them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from preceptor.practice.load import load_world, shipped_world, shipped_worlds
    from preceptor.practice.models import NAMES, PracticeModel, open_practice
    from preceptor.practice.physics import true_satisfaction
    from preceptor.practice.templates import template_world
    from preceptor.practice.world import World

__all__ = [
    "NAMES",
    "PracticeModel",
    "World",
    "load_world",
    "open_practice",
    "shipped_world",
    "shipped_worlds",
    "template_world",
    "true_satisfaction",
]

_HOME = {
    "NAMES": "models",
    "PracticeModel": "models",
    "World": "world",
    "load_world": "load",
    "open_practice": "models",
    "shipped_world": "load",
    "shipped_worlds": "load",
    "template_world": "templates",
    "true_satisfaction": "physics",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'preceptor.practice' has no attribute '{name}'")
    return getattr(import_module(f"preceptor.practice.{_HOME[name]}"), name)
