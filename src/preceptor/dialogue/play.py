"""Playing one dialogue."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from preceptor.core.errors import ModelError
from preceptor.core.ids import derive_seed
from preceptor.core.records import Dialogue, Profile, Turn
from preceptor.dialogue.customer import Customer

Speak = Callable[[Sequence[Turn], int], Awaitable[Turn]]
"""Given the turns so far and a seed, the agent's next turn."""


async def play(
    *, id: str, profile: Profile, customer: Customer, agent: Speak, max_turns: int, seed: int, phase: str
) -> Dialogue:
    """One dialogue: the customer opens, the agent answers, at most ``max_turns`` times.

    The customer's seeds derive from ``seed`` and the turn alone, so that arms which share a seed meet the
    same customer. A model's failure ends this dialogue with what was said until then; errors that end the
    whole run pass through.
    """
    turns: list[Turn] = []
    try:
        for number in range(max_turns):
            text, ended = await customer.speak(
                turns, seed=derive_seed(seed, "customer", number), phase=phase, item=id
            )
            if text:
                turns.append(Turn(speaker="customer", text=text, by="customer"))
            if ended:
                return Dialogue(id=id, profile=profile.id, turns=tuple(turns), end="closed")
            turns.append(await agent(turns, derive_seed(seed, "agent", number)))
        # The last word is the customer's: whether the agent's final answer helped shows only there.
        text, ended = await customer.speak(
            turns, seed=derive_seed(seed, "customer", max_turns), phase=phase, item=id
        )
        if text:
            turns.append(Turn(speaker="customer", text=text, by="customer"))
    except ModelError as error:
        if error.ends_run:
            raise
        return Dialogue(
            id=id, profile=profile.id, turns=tuple(turns), end="failed", failure=f"{error.kind}: {error}"
        )
    return Dialogue(id=id, profile=profile.id, turns=tuple(turns), end="closed" if ended else "max_turns")
