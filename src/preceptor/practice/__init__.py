"""Practice: the embedded world. Offline chat models for all four seats; a flight simulator, not language models."""

from preceptor.practice.load import load_world, shipped_world, shipped_worlds
from preceptor.practice.models import NAMES, PracticeModel, open_practice
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
]
