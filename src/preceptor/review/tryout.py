"""Trying it: which strategies fire for a conversation, and what the student says without and with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Literal, cast

from preceptor.coach import Coach, CoachSettings, with_block
from preceptor.core.decode import decode
from preceptor.core.errors import ConfigError, InputError, ModelTimeoutError, PreceptorError
from preceptor.core.ids import derive_seed
from preceptor.core.records import Advice, Chosen, Strategy, Turn
from preceptor.core.settings import SeatConfig
from preceptor.core.untrusted import clean
from preceptor.dialogue.messages import as_chat, for_agent
from preceptor.library.publishing import Recipe, Releases
from preceptor.library.store import Library
from preceptor.llm.model import ChatModel, ChatRequest
from preceptor.llm.streaming import streamed

Source = Literal["current", "next", "all"]
SOURCES: Mapping[Source, str] = {
    "current": "what is served now",
    "next": "what is approved",
    "all": "all that a run may use",
}
Side = Literal["student", "coached"]
_WIDE = CoachSettings(strategies=14, general=14, words=100_000, floor=0.0, variety=0.0)
_LEAST = 0.005
"""Score below which a strategy has nothing to do with a conversation."""
_MOST_REPLY = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Student:
    """The model that is coached, and its part."""

    open: Callable[[], ChatModel]
    config: SeatConfig
    system: str
    """The agent's system prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A strategy that came into question."""

    chosen: Chosen
    fired: bool
    why_not: str
    """Empty for one that fired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """What the coach makes of a conversation."""

    advice: Advice
    candidates: tuple[Candidate, ...]
    """What fired first, then the others, best first."""
    floor: float
    strategies: int
    """How many the coach could choose from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Some more of one side's reply."""

    side: Side
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """One side's reply is whole, or failed."""

    side: Side
    problem: str = ""


Queue = asyncio.Queue[Said | Ended]


class Tryout:
    """Keeps the last coach of each source. Safe to share between threads."""

    def __init__(
        self,
        library: Library,
        releases: Releases,
        recipe: Callable[[], Recipe],
        student: Student | None,
    ) -> None:
        self._library = library
        self._releases = releases
        self._recipe = recipe
        self._student = student
        self._lock = Lock()
        self._coaches: dict[Source, tuple[object, Coach]] = {}

    @property
    def model(self) -> str:
        """The student's seat string; empty where none is known."""
        return self._student.config.model if self._student else ""

    def fire(self, turns: Sequence[Turn], source: Source) -> Fired:
        """Which strategies fire, and which others came near.

        Raises:
            InputError: nothing is published, for ``current``.
        """
        coach = self._coach(source)
        advice = coach.advise(turns)
        fired = {c.strategy.id for c in advice.chosen}
        wide = coach.with_settings(_WIDE).advise(turns).chosen
        others = [c for c in wide if c.strategy.id not in fired and c.score >= _LEAST]
        others.sort(key=lambda c: (-c.score, c.strategy.id))
        floor = coach.settings.floor
        near = (
            Candidate(
                chosen=c,
                fired=False,
                why_not="below the floor"
                if c.score < floor
                else "passed over: like another one, or beyond the limits",
            )
            for c in others
        )
        first = (Candidate(chosen=c, fired=True, why_not="") for c in advice.chosen)
        return Fired(advice=advice, candidates=(*first, *near), floor=floor, strategies=len(coach))

    async def replies(self, turns: Sequence[Turn], advice: Advice) -> AsyncGenerator[Said | Ended]:
        """Both replies as they come, each in parts; the coached one only where something fired.

        Raises:
            ConfigError: there is no student, or its seat cannot be opened.
        """
        if self._student is None:
            raise ConfigError("no student is known here", hint="set seats.student in preceptor.toml")
        coached: tuple[Side, ...] = ("coached",) if advice.text else ()
        model = self._student.open()
        queue: Queue = asyncio.Queue()
        tasks = [
            asyncio.create_task(self._say(model, side, turns, advice, queue)) for side in ("student", *coached)
        ]
        try:
            left = len(tasks)
            while left:
                event = await queue.get()
                left -= isinstance(event, Ended)
                yield event
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await model.aclose()

    async def _say(
        self,
        model: ChatModel,
        side: Side,
        turns: Sequence[Turn],
        advice: Advice,
        queue: asyncio.Queue[Said | Ended],
    ) -> None:
        assert self._student is not None
        config, messages = self._student.config, for_agent(self._student.system, turns)
        if side == "coached":
            messages = with_block(messages, advice.text)
        request = ChatRequest(
            messages=as_chat(messages),
            seed=derive_seed(1, "try", *(t.text for t in turns)),
            max_tokens=config.max_tokens,
            temperature=config.temperature,
        )
        length, problem = 0, ""
        try:
            async with asyncio.timeout(config.timeout):
                async for part in streamed(model, request):
                    length += len(part)
                    if length > _MOST_REPLY:
                        raise InputError("the reply does not end", hint="look at the model")
                    await queue.put(Said(side=side, text=_shown(part)))
            problem = "" if length else "the model said nothing"
        except TimeoutError:
            problem = ModelTimeoutError(f"no answer within {config.timeout:g} s").message
        except PreceptorError as error:
            problem = f"{error.message} {error.hint}".strip()
        finally:
            queue.put_nowait(Ended(side=side, problem=problem))

    def _coach(self, source: Source) -> Coach:
        key = self._releases.pointed().digest if source == "current" else self._library.head()
        with self._lock:
            known = self._coaches.get(source)
            if known is None or known[0] != key:
                known = self._coaches[source] = (key, self._made(source, str(key)))
            return known[1]

    def _releasable(self) -> list[Strategy]:
        """What a release made now would hold."""
        ids = list(self._library.approved().versions)
        return [e.strategy for e in self._library.named(ids).values()]

    def _made(self, source: Source, digest: str) -> Coach:
        if source == "current":
            if not digest:
                raise InputError("no release is published", hint="try what is approved, or publish one")
            return Coach.from_release(self._releases.read(digest))
        recipe = self._recipe()
        strategies = self._library.snapshot() if source == "all" else self._releasable()
        ids = {i for s in strategies for i in s.scenarios}
        scenarios = {s.id: s for s in self._library.scenarios(ids)}
        return Coach(strategies, scenarios, decode(CoachSettings, dict(recipe.coach)), template=recipe.template)


def _shown(part: str) -> str:
    """Cleaned, with the blanks at its ends kept: it is a part of a text."""
    inner = clean(part)
    if not inner:
        return part if part.isspace() else ""
    lead, tail = part[: len(part) - len(part.lstrip())], part[len(part.rstrip()) :]
    return f"{lead}{inner}{tail}".replace("\r", "")


def with_source(text: str) -> Source:
    """The source of that name; what is approved where there is none."""
    return cast("Source", text) if text in SOURCES else "next"
