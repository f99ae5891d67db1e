"""The seam between arms and the evaluation that runs them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from preceptor.coach import Coach
from preceptor.core.records import Domain, Lesson, Strategy, Turn
from preceptor.dialogue import Agent, Coaching, Speak, no_coaching
from preceptor.llm import Seat, Seats
from preceptor.prompts import PromptSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What was learned, for arms that use it in another way than the coach does."""

    strategies: tuple[Strategy, ...] = ()
    """Those that the coach chooses from."""
    lessons: tuple[Lesson, ...] = ()
    """Where replies of the teacher stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all arms stand on."""

    domain: Domain
    seats: Seats
    coach: Coach | None
    """None: nothing was learned yet, so no arm that needs strategies can be opened."""
    prompts: PromptSet
    learned: Learned = field(default_factory=Learned)
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    """Further arms: name to text."""
    release: str = ""
    """Id of the release that coaches; empty: what the library offers."""
    seed: int = 1
    window: int = 3000
    """Words of strategies that are shown at most where the whole library is."""
    guide_words: int = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One way to answer customers."""

    name: str
    speaker: Callable[[str, str], Speak]
    """Dialogue id, and the phase of its calls, to who speaks in it as the agent. Called once a dialogue;
    keeps no state between dialogues."""
    text: str = ""
    """The static text that the arm adds to the student's instructions, if it adds one: kept with the result."""
    note: str = ""
    """What a reader of the figures must know, in words."""
    advised: Callable[[Sequence[Turn]], tuple[str, ...]] | None = None
    """The strategies that are given for the reply after these turns, by id; None where the arm has no coach."""


OpenArm = Callable[[Ground], Awaitable[Arm]]
"""Opens an arm. It may ask a model once to prepare (a guide, say), under the arm's own phase."""


def phase_of(arm: str) -> str:
    """The name under which ledger and journal keep all of an arm's calls, customer and judge included."""
    return f"evaluate:{arm}"


def seat_arm(
    name: str,
    seat: Seat,
    ground: Ground,
    coaching: Coaching = no_coaching,
    *,
    waits: bool = False,
    text: str = "",
    note: str = "",
) -> Arm:
    """An arm in which ``seat`` speaks, with ``coaching`` put into what it reads; ``waits``: see :class:`Agent`."""
    agent = Agent(seat, ground.domain, ground.prompts, coaching=coaching, waits=waits)

    def speaker(item: str, phase: str) -> Speak:
        async def speak(turns: Sequence[Turn], seed: int) -> Turn:
            text = await agent.reply(turns, seed=seed, phase=phase, item=item)
            return Turn(speaker="agent", text=text, by=agent.name)

        return speak

    return Arm(name=name, speaker=speaker, text=text, note=note)
