"""The seam between arms and the evaluation that runs them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from preceptor.coach import Coach
from preceptor.core.records import Domain, Turn
from preceptor.dialogue import Agent, Coaching, Speak, no_coaching
from preceptor.llm import Seat, Seats
from preceptor.prompts import PromptSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all arms stand on."""

    domain: Domain
    seats: Seats
    coach: Coach | None
    """None: nothing was learned yet, so no arm that needs strategies can be opened."""
    prompts: PromptSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One way to answer customers."""

    name: str
    speaker: Callable[[str], Speak]
    """Dialogue id to who speaks in it as the agent. Called once a dialogue; keeps no state between dialogues."""
    advised: Callable[[Sequence[Turn]], tuple[str, ...]] | None = None
    """The strategies that are given for the reply after these turns, by id; None where the arm has no coach."""


OpenArm = Callable[[Ground], Awaitable[Arm]]
"""Opens an arm. It may ask a model once to prepare (a guide, say), under the arm's own phase."""


def phase_of(arm: str) -> str:
    """The name under which ledger and journal keep all of an arm's calls, customer and judge included."""
    return f"evaluate:{arm}"


def seat_arm(name: str, seat: Seat, ground: Ground, coaching: Coaching = no_coaching) -> Arm:
    """An arm in which ``seat`` speaks, with ``coaching`` put into what it reads."""
    agent = Agent(seat, ground.domain, ground.prompts, coaching=coaching)

    def speaker(item: str) -> Speak:
        async def speak(turns: Sequence[Turn], seed: int) -> Turn:
            text = await agent.reply(turns, seed=seed, phase=phase_of(name), item=item)
            return Turn(speaker="agent", text=text, by=agent.name)

        return speak

    return Arm(name=name, speaker=speaker)
