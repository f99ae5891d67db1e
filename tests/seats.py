"""Seats over scripted answers, for tests of the rooms that talk to models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

from preceptor.llm.model import ChatMessage

Shape = TypeVar("Shape", bound=BaseModel)
Answer = Callable[[Sequence[ChatMessage], str], Any]


@dataclass
class FakeSeat:
    """A seat whose answers come from a function of (messages, phase); keeps what it was asked."""

    name: str
    answer: Answer
    spec: str = "scripted:test"
    local: bool = True
    asked: list[tuple[str, str, int]] = field(default_factory=list)

    async def say(self, messages: Sequence[ChatMessage], *, seed: int, phase: str, item: str) -> str:
        self.asked.append((phase, messages[-1].content, seed))
        return _raised(self.answer(messages, phase))

    async def fill(
        self, messages: Sequence[ChatMessage], shape: type[Shape], *, seed: int, phase: str, item: str
    ) -> Shape:
        self.asked.append((phase, messages[-1].content, seed))
        return shape.model_validate(_raised(self.answer(messages, phase)))


def _raised(answer: Any) -> Any:
    if isinstance(answer, Exception):
        raise answer
    return answer
