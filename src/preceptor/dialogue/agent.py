"""Whoever speaks as the agent: student or teacher, coached or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from preceptor.core.records import Domain, Turn
from preceptor.dialogue.messages import Plain, as_chat, for_agent
from preceptor.llm import Seat
from preceptor.prompts import PromptSet

Coaching = Callable[[list[Plain], Sequence[Turn]], list[Plain]]
"""What is done to the messages before they are sent, given the turns: the coach's ``prepare``, for instance."""


def no_coaching(messages: list[Plain], turns: Sequence[Turn]) -> list[Plain]:
    """The messages as they are."""
    del turns
    return messages


class Agent:
    """A seat that answers customers within the domain's brief and policy.

    Args:
        waits: ``coaching`` may ask an embedder on another machine, so it is called from a thread.
    """

    def __init__(
        self,
        seat: Seat,
        domain: Domain,
        prompts: PromptSet,
        *,
        coaching: Coaching = no_coaching,
        waits: bool = False,
    ) -> None:
        self._waits = waits
        self._seat = seat
        self._coaching = coaching
        self._system = prompts["agent"].render(brief=domain.brief.strip(), policy=domain.policy.strip())

    @property
    def name(self) -> str:
        """The seat's name: who the turn is ``by``."""
        return self._seat.name

    async def reply(
        self, turns: Sequence[Turn], *, seed: int, phase: str, item: str, coaching: Coaching | None = None
    ) -> str:
        """The agent's next message after ``turns``.

        Args:
            turns: the conversation so far.
            seed: makes the answer repeatable where the model can.
            phase, item: what the call is for, in ledger and journal.
            coaching: used instead of the agent's own for this reply.

        Raises:
            ModelError: no usable answer came.
        """
        plain = for_agent(self._system, turns)
        if coaching is None and self._waits:
            messages = await asyncio.to_thread(self._coaching, plain, turns)
        else:
            messages = (coaching or self._coaching)(plain, turns)
        return await self._seat.say(as_chat(messages), seed=seed, phase=phase, item=item)
