"""What the processes of a run share beside its items: spans of calls, what works with a model, vectors.

A worker begins with what is known, and tells what it found with each item; who drives the run keeps it, as if it
had found it itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from preceptor.library.embedder import Embedder, Floats
from preceptor.library.remembered import Asked, Remembering
from preceptor.llm.modes import ModeFound, ModeMemory
from preceptor.llm.seats import Beside
from preceptor.llm.trace import CallLog, CallTold, NoTrace

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a worker need not find out again."""

    modes: Mapping[str, object] = field(default_factory=dict[str, object])
    vectors: Mapping[str, Floats] = field(default_factory=dict[str, Floats])


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All that a worker found since it told last."""

    calls: tuple[CallTold, ...] = ()
    modes: tuple[ModeFound, ...] = ()
    vectors: tuple[Asked, ...] = ()


class Notes:
    """A worker's side."""

    def __init__(self, *, traces: bool) -> None:
        self._modes: deque[ModeFound] = deque()
        self._vectors: deque[Asked] = deque()
        self._calls = CallLog()
        self._embedder: Remembering | None = None
        self.beside = Beside(modes=ModeMemory(tell=self._modes.append), trace=self._calls if traces else NoTrace())

    def remembering(self, embedder: Embedder | None) -> Remembering | None:
        """The worker's embedder, with a memory that tells; None stays None."""
        self._embedder = None if embedder is None else Remembering(embedder, tell=self._vectors.append)
        return self._embedder

    def begin_with(self, known: Known) -> None:
        """What the others know by now."""
        self.beside.modes.begin_with(known.modes)
        if self._embedder is not None:
            self._embedder.begin_with(known.vectors)

    def found(self) -> Found:
        """What was found since this was asked last."""
        return Found(calls=self._calls.taken(), modes=_emptied(self._modes), vectors=_emptied(self._vectors))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The side of who drives the run."""

    beside: Beside
    embedder: Remembering | None

    def known(self) -> Known:
        """What a worker begins with."""
        modes = self.beside.modes.known()
        return Known(modes=modes) if self.embedder is None else Known(modes=modes, vectors=self.embedder.known())

    def hear(self, found: Found) -> None:
        """What a worker found. RunError where it cannot be written."""
        for call in found.calls:
            self.beside.trace.told(call)
        for mode in found.modes:
            self.beside.modes.hear(mode)
        if self.embedder is not None:
            for asked in found.vectors:
                self.embedder.hear(asked)


def _emptied(told: deque[T]) -> tuple[T, ...]:
    return tuple(told.popleft() for _ in range(len(told)))
