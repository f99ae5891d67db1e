"""What a judge is shown of a dialogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from preceptor.core.records import Domain, Profile, Turn
from preceptor.prompts.transcript import conversation


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One dialogue, with who the customer was and what the firm allows."""

    domain: Domain
    profile: Profile
    turns: Sequence[Turn]

    def about(self) -> dict[str, str]:
        """Values for ``profile``, ``issue`` and ``policy`` of a judge's prompt."""
        issue = self.domain.issue(self.profile.issue)
        return {
            "profile": describe(self.profile),
            "issue": f"{issue.story}\nGoal: {issue.goal}",
            "policy": self.domain.policy.strip(),
        }

    def shown(self) -> dict[str, str]:
        """:meth:`about` and the ``conversation``."""
        return {**self.about(), "conversation": conversation(self.turns)}


def describe(profile: Profile) -> str:
    """A profile's grid cell in words."""
    demanding = "yes" if profile.demanding else "no"
    return f"Communication style: {profile.style}\nEmotion: {profile.emotion}\nDemanding: {demanding}"
