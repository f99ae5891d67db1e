"""The coach: chooses the few strategies that fit a conversation and words the block that the student reads."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

from preceptor.coach.choose import choose
from preceptor.coach.from_release import index_of, opened
from preceptor.coach.messages import turns_of, with_block
from preceptor.coach.wording import worded
from preceptor.core.decode import decode
from preceptor.core.errors import ConfigError, PreceptorError
from preceptor.core.records import Advice, Scenario, Strategy, Turn
from preceptor.library.embedder import Embedder
from preceptor.library.index import Hits, StrategyIndex
from preceptor.library.release import Release
from preceptor.prompts.files import load_prompts

NO_ADVICE = Advice(chosen=(), text="")
_PLACE = re.compile(r"\{\{ *strategies *\}\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CoachSettings:
    """How advice is chosen; field by field as in ``[coach]`` of ``preceptor.toml``."""

    strategies: int = 4
    """Strategies in one advice at most."""
    general: int = 2
    """Of which domain-wide ones at most."""
    words: int = 220
    """Words in one advice at most, the frame of the block not counted."""
    floor: float = 0.15
    """Score, 0 to 1, below which a strategy does not fit."""
    variety: float = 0.3
    """0: best scores only; 1: as different from each other as can be."""


class Coach:
    """Immutable once built; safe to use from several threads.

    Args:
        strategies: what may be advised.
        scenarios: id to scenario, or to its state text (``preceptor.library.conversation_state.state_text``):
            the situations that the strategies were learned in.
        template: body of the ``advice`` prompt with ``{{ strategies }}`` in it; None: the built-in one.

    Raises:
        ConfigError: the template has no place for the strategies.
    """

    def __init__(
        self,
        strategies: Sequence[Strategy],
        scenarios: Mapping[str, Scenario] | Mapping[str, str] | None = None,
        settings: CoachSettings | None = None,
        *,
        embedder: Embedder | None = None,
        template: str | None = None,
    ) -> None:
        index = StrategyIndex(strategies, scenarios=scenarios or {}, embedder=embedder)
        self._set(
            index, settings or CoachSettings(), load_prompts()["advice"].body if template is None else template
        )

    @classmethod
    def from_release(
        cls,
        release: Release | str | Path,
        settings: CoachSettings | None = None,
        *,
        embedder: Embedder | None = None,
        student: str = "",
    ) -> Self:
        """The coach of a release file: no database, web or LLM package is needed.

        Args:
            release: path of the file, or the release already read.
            settings: instead of those that the release was made with.
            embedder: the one that the release was made with; None: found by words alone.
            student: seat string of the student that is advised: what was measured to harm this one is held back.

        Raises:
            InputError: the file is no release, was cut short or altered.
            ConfigError: another embedder.
        """
        found = opened(release)
        manifest = found.manifest
        made = cls.__new__(cls)
        own = settings or decode(CoachSettings, dict(manifest.coach))
        made._set(index_of(found, embedder), own, manifest.template)
        if student:
            each = enumerate(found.strategies().all())
            made._held = frozenset(n for n, r in each if student in r.withheld_from)
        return made

    def with_settings(self, settings: CoachSettings) -> Self:
        """The same coach with other limits; costs nothing."""
        made = copy(self)
        made.settings = settings
        return made

    def _set(self, index: StrategyIndex, settings: CoachSettings, template: str) -> None:
        self.settings = settings
        self._held: frozenset[int] = frozenset()
        self._around = _PLACE.split(template.strip())
        if len(self._around) < 2:
            raise ConfigError(
                "the advice template has no {{ strategies }}", hint="put it where the strategies should stand"
            )
        self._index = index
        index.ready()

    def __len__(self) -> int:
        return len(self._index) - len(self._held)

    @property
    def waits(self) -> bool:
        """Whether advice asks an embedder, which may be another machine: then call it from a thread."""
        return self._index.dense

    @property
    def compiled(self) -> bool:
        """Whether search by words is the compiled one: the same advice, sooner."""
        return self._index.compiled

    def advise(self, conversation: Sequence[Turn] | Sequence[Mapping[str, Any]]) -> Advice:
        """The strategies that fit the end of ``conversation`` (turns, or OpenAI message dicts), and the block of
        text that carries them; empty when nothing reaches the floor or there is no conversation yet. Where the
        embedder fails they are found by words alone, and ``fallback`` says why."""
        turns = _turns(conversation)
        if not any(turn.speaker == "customer" for turn in turns):
            return NO_ADVICE
        hits, fallback = self._found(turns)
        given = [hit for hit in hits if hit.position not in self._held] if self._held else hits
        chosen = choose(hits, given, self.settings)
        return Advice(chosen=chosen, text=self.block([c.strategy for c in chosen]), fallback=fallback)

    async def advise_async(self, conversation: Sequence[Turn] | Sequence[Mapping[str, Any]]) -> Advice:
        """:meth:`advise` for an event loop, which does not stand still while an embedder is asked."""
        return await asyncio.to_thread(self.advise, conversation) if self.waits else self.advise(conversation)

    def _found(self, turns: Sequence[Turn]) -> tuple[Hits, str]:
        """By words alone where the embedder fails: worse advice, but advice."""
        floor = self.settings.floor
        try:
            return self._index.search(turns, floor=floor), ""
        except PreceptorError as error:
            return self._index.search(turns, floor=floor, lexical=True), str(error)

    def block(self, strategies: Sequence[Strategy]) -> str:
        """The text that carries ``strategies`` to the student, in their order; empty for none."""
        lines = [f"{n}. {worded(s).line}" for n, s in enumerate(strategies, 1)]
        return "\n".join(lines).join(self._around) if lines else ""

    def prepare(self, messages: Sequence[Mapping[str, Any]], turns: Sequence[Turn]) -> list[dict[str, Any]]:
        """:meth:`apply` for callers who have the conversation as turns as well: these tell the state."""
        return with_block(messages, self.advise(turns).text)

    def apply(self, messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """OpenAI messages with the advice at the end of the last user message. The messages before it are equal to
        those given, so that a server's prompt cache still works; the given messages are not changed."""
        return with_block(messages, self.advise(messages).text)


def _turns(conversation: Sequence[Turn] | Sequence[Mapping[str, Any]]) -> Sequence[Turn]:
    if conversation and isinstance(conversation[0], Turn):
        return cast("Sequence[Turn]", conversation)
    turns = turns_of(cast("Sequence[Mapping[str, Any]]", conversation))
    while turns and turns[-1].speaker == "agent":
        turns = turns[:-1]  # the beginning of an answer, for the model to go on with
    return turns
