"""How good each practice model is: the one table to turn when calibrating (``bench/calibrate.py``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from preceptor.core.ids import derive_seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """A model in the agent's seat. All shares and chances are 0 to 1."""

    name: str
    knows: Mapping[str, float]
    """Per kind of move: share of the wanted moves that it makes of its own accord."""
    sure: float
    """Chance of making a wanted move that it knows."""
    unsure: float
    """Chance of making one that it does not."""
    slips: float
    """Chance of a bad move, per bad move and reply, where it has that habit; a tenth of it elsewhere."""
    habits: float
    """Share of the bad moves that are its habit."""
    breach: float
    """Chance of each breach of policy per reply."""
    follow: float
    """Chance of doing what guidance that fits says, given full attention."""
    clumsy: float
    """Share of the moves that it carries out badly even when told."""
    discern: float
    """Chance of seeing that guidance is for another situation."""
    span: float
    """Words of guidance at which attention has fallen to half."""

    def knows_move(self, kind: str, *about: str) -> bool:
        """Whether it makes this move of its own accord: fixed for a model, like weights."""
        return self._fixed("knows", *about) < self.knows.get(kind, 0.5)

    def has_habit(self, move: str) -> bool:
        """Whether this bad move is its habit."""
        return self._fixed("habit", move) < self.habits

    def ability(self, move: str) -> float:
        """How well it carries out a move that it is told to make, 0.2 or 1."""
        return 0.2 if self._fixed("clumsy", move) < self.clumsy else 1.0

    def _fixed(self, *about: str) -> float:
        return derive_seed(7, self.name, *about) / 2**31


SMALL = Skill(
    name="student-small",
    knows={"care": 0.35, "clear": 0.15, "ask": 0.75, "solve": 0.45, "close": 0.35},
    sure=0.75,
    unsure=0.12,
    slips=0.2,
    habits=0.4,
    breach=0.004,
    follow=0.8,
    clumsy=0.3,
    discern=0.75,
    span=260,
)
MEDIUM = Skill(
    name="student-medium",
    knows={"care": 0.75, "clear": 0.5, "ask": 0.95, "solve": 0.8, "close": 0.75},
    sure=0.88,
    unsure=0.25,
    slips=0.08,
    habits=0.2,
    breach=0.001,
    follow=0.93,
    clumsy=0.06,
    discern=0.9,
    span=700,
)
TEACHER = Skill(
    name="teacher",
    knows={"care": 1.0, "clear": 0.97, "ask": 1.0, "solve": 1.0, "close": 1.0},
    sure=0.97,
    unsure=0.5,
    slips=0.01,
    habits=0.1,
    breach=0.0,
    follow=0.97,
    clumsy=0.0,
    discern=0.97,
    span=3000,
)
SKILLS: Mapping[str, Skill] = {s.name: s for s in (SMALL, MEDIUM, TEACHER)}
