"""A practice world: its data, and the domain that a user sees of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from preceptor.core.ids import derive_seed
from preceptor.core.records import Domain, Issue, Profile

MoveKind = Literal["care", "clear", "ask", "solve", "close", "bad", "breach"]
KINDS: tuple[MoveKind, ...] = ("care", "clear", "ask", "solve", "close", "bad", "breach")
PHASES = ("open", "detail", "solve", "close")
_EITHER = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Something an agent can do in a reply."""

    key: str
    kind: MoveKind
    advice: tuple[str, ...]
    """What it is, in the words of one who tells another to do it."""
    say: tuple[str, ...]
    """Ways to say it: ``[a|b]`` is either, ``{fact}`` the fact's value or its generic words."""
    signs: tuple[str, ...] = ()
    """Short word groups that give it away."""
    why: tuple[str, ...] = ()
    heard: tuple[str, ...] = ()
    """Other ways to tell someone to do it, which no seat of this world uses itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something the customer knows and the agent must ask for. Its asking is the move ``ask_<key>``."""

    key: str
    name: str
    generic: str
    values: tuple[str, ...]
    tell: tuple[str, ...]
    pattern: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What customers reward (``do``) or resent (``avoid``) in some states; an empty condition always holds."""

    move: str
    sign: Literal[1, -1]
    weight: float
    issue: str = ""
    phase: tuple[str, ...] = ()
    style: tuple[str, ...] = ()
    emotion: tuple[str, ...] = ()
    demanding: bool | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trait:
    """A style, an emotion, being demanding, or a phase: how it is named and how it shows."""

    key: str
    words: tuple[str, ...]
    signs: tuple[str, ...]
    say: tuple[str, ...] = ()
    heard: tuple[str, ...] = ()
    """Other ways to name it in guidance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """An issue as the world knows it: what must be asked and what solves it, in order."""

    key: str
    title: str
    story: str
    goal: str
    opens: tuple[str, ...]
    pushes: tuple[str, ...]
    words: tuple[str, ...]
    signs: tuple[str, ...]
    needs: tuple[str, ...]
    solve: tuple[str, ...]
    heard: tuple[str, ...] = ()
    """Other ways to name it in guidance."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # compared as it is: it is a key to what is made of it
class World:
    """One practice world. Build it from a file (:func:`~preceptor.practice.load.load_world`) or from plain
    data (:func:`~preceptor.practice.templates.template_world`)."""

    name: str
    brief: str
    policy: str
    moves: Mapping[str, Move]
    firm: str = ""
    synonyms: tuple[tuple[str, ...], ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict[str, Fact])
    rules: tuple[Rule, ...] = ()
    issues: Mapping[str, Matter] = field(default_factory=dict[str, Matter])
    styles: Mapping[str, Trait] = field(default_factory=dict[str, Trait])
    emotions: Mapping[str, Trait] = field(default_factory=dict[str, Trait])
    demanding: Trait | None = None
    phases: Mapping[str, Trait] = field(default_factory=dict[str, Trait])
    phrases: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """What customers say in passing, by occasion: ``mood_up``, ``unknown``, ``wait``, ``bye_good``..."""
    joiners: tuple[str, ...] = ("",)
    names: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()
    """What stands around instructions and asks for no move."""

    def domain(self) -> Domain:
        """Brief, policy, issues and the grid of profiles: style x emotion x demanding x issue.

        Half of the pairs are held out, in a checkerboard, so that both halves hold every style, emotion,
        demand and issue, and no pair is in both.
        """
        issues = tuple(Issue(key=m.key, title=m.title, story=m.story, goal=m.goal) for m in self.issues.values())
        return Domain(
            name=self.firm or self.name,
            brief=self.brief,
            policy=self.policy,
            issues=issues,
            profiles=tuple(self._profiles()),
        )

    def _profiles(self) -> list[Profile]:
        profiles: list[Profile] = []
        for i, matter in enumerate(self.issues.values()):
            for s, style in enumerate(self.styles):
                for e, emotion in enumerate(self.emotions):
                    for d, demanding in enumerate((False, True)):
                        key = f"{matter.key}-{style}-{emotion}" + ("-demanding" if demanding else "")
                        known, unknown = self._facts_of(matter, key)
                        profiles.append(
                            Profile(
                                id=key,
                                style=style,
                                emotion=emotion,
                                demanding=demanding,
                                issue=matter.key,
                                known=known,
                                unknown=unknown,
                                heldout=(i + s + e + d) % 2 == 1,
                            )
                        )
        return profiles

    def _facts_of(self, matter: Matter, profile: str) -> tuple[str, str]:
        seed = derive_seed(0, self.name, profile)
        parts = [f"name: {self.names[seed % len(self.names)]}"] if self.names else []
        for n, key in enumerate(matter.needs):
            fact = self.facts[key]
            parts.append(f"{fact.name}: {fact.values[(seed >> (3 + 2 * n)) % len(fact.values)]}")
        others = [f.name for k, f in self.facts.items() if k not in matter.needs]
        return "; ".join(parts), "; ".join(others[:2])


def spoken(text: str, draw: float, values: Mapping[str, str] | None = None) -> str:
    """One reading of a phrasing: every ``[a|b]`` decided by ``draw`` (0 to 1), every ``{name}`` filled."""
    step = 0

    def pick(found: re.Match[str]) -> str:
        nonlocal step
        options = found.group(1).split("|")
        step += 1
        return options[int(draw * 997 * step) % len(options)]

    text = _EITHER.sub(pick, text)
    for name, value in (values or {}).items():
        text = text.replace("{" + name + "}", value)
    return " ".join(text.split())


def readings(text: str) -> list[str]:
    """The first and the last reading of a phrasing, for recognising it."""
    first = _EITHER.sub(lambda m: m.group(1).split("|")[0], text)
    last = _EITHER.sub(lambda m: m.group(1).split("|")[-1], text)
    return [first] if first == last else [first, last]
