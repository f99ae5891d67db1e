"""The simulated customer: just another agent, with a profile for a brief."""

from __future__ import annotations

import re
from collections.abc import Sequence

from preceptor.core.records import Domain, Profile, Turn
from preceptor.core.untrusted import clean
from preceptor.dialogue.messages import as_chat, for_customer
from preceptor.llm import Seat
from preceptor.prompts import PromptSet

_END = re.compile(r"\s*\[\s*END\s*\]\s*\.?\s*$", re.IGNORECASE)


class Customer:
    """A seat that plays one profile."""

    def __init__(self, seat: Seat, domain: Domain, profile: Profile, prompts: PromptSet) -> None:
        issue = domain.issue(profile.issue)
        self._seat = seat
        self._system = prompts["customer"].render(
            firm=domain.name,
            style=profile.style,
            emotion=profile.emotion,
            demanding="yes" if profile.demanding else "no",
            issue=issue.story,
            goal=issue.goal,
            known=profile.known or "nothing beyond the story above",
            unknown=profile.unknown or "nothing else",
        )

    async def speak(self, turns: Sequence[Turn], *, seed: int, phase: str, item: str) -> tuple[str, bool]:
        """The customer's next message and whether it ends the dialogue; the text may then be empty.

        Raises:
            ModelError: no usable answer came.
        """
        messages = as_chat(for_customer(self._system, turns))
        text = await self._seat.say(messages, seed=seed, phase=phase, item=item)
        said = clean(_END.sub("", text))
        return said, said != clean(text)
