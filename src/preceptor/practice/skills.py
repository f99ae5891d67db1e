"""How good each practice model is: the one table to turn when calibrating (``python -m bench calibrate``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from preceptor.core.ids import derive_seed
from preceptor.practice.world import PHASES, World

BARELY = 0.05
"""How well a model does what it is clumsy at."""


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
    """Share of moves and situations in which it fails even when told: which ones is fixed for a model."""
    discern: float
    """Chance of seeing that guidance is for another situation."""
    span: float
    """Words of guidance at which attention has fallen to half."""

    def knows_move(self, world: World, move: str, phase: str) -> bool:
        """Whether it makes this move of its own accord in this phase: fixed for a model, like weights."""
        kind = world.moves[move].kind
        pairs = tuple(f"{m}/{p}" for m, x in world.moves.items() if x.kind == kind for p in PHASES)
        place = _places(self.name, "knows", pairs)
        at = f"{move}/{phase}" if kind in ("care", "clear", "close") else f"{move}/{PHASES[0]}"
        return place[at] < self.knows.get(kind, 0.5)

    def has_habit(self, world: World, move: str) -> bool:
        """Whether this bad move is its habit."""
        return _places(self.name, "habit", _of_kind(world, True))[move] < self.habits

    def ability(self, move: str, situation: str) -> float:
        """How well it carries out a move that it is told to make in this situation, ``BARELY`` or 1."""
        return BARELY if derive_seed(7, self.name, "clumsy", move, situation) % 1000 < 1000 * self.clumsy else 1.0


def _of_kind(world: World, bad: bool) -> tuple[str, ...]:
    return tuple(k for k, m in world.moves.items() if (m.kind in ("bad", "breach")) == bad)


@lru_cache(maxsize=256)
def _places(name: str, about: str, keys: tuple[str, ...]) -> Mapping[str, float]:
    """Each key's place, 0 to 1, in an order fixed for the model: so a share of 0.4 is 0.4 in every world."""
    ranked = sorted(keys, key=lambda k: derive_seed(7, name, about, k))
    return {k: (i + 0.5) / len(ranked) for i, k in enumerate(ranked)}


SMALL = Skill(
    name="student-small",
    knows={"care": 0.4, "clear": 0.25, "ask": 0.85, "solve": 0.58, "close": 0.42},
    sure=0.85,
    unsure=0.2,
    slips=0.08,
    habits=0.4,
    breach=0.003,
    follow=0.97,
    clumsy=0.3,
    discern=0.85,
    span=520,
)
MEDIUM = Skill(
    name="student-medium",
    knows={"care": 0.75, "clear": 0.65, "ask": 0.97, "solve": 0.86, "close": 0.8},
    sure=0.92,
    unsure=0.35,
    slips=0.03,
    habits=0.2,
    breach=0.0005,
    follow=0.95,
    clumsy=0.2,
    discern=0.94,
    span=900,
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
