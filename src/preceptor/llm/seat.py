"""A seat: the one face of a chat model that the rest of the house sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel

from preceptor.core.errors import BadAnswerError
from preceptor.core.ids import derive_seed
from preceptor.core.settings import SeatConfig
from preceptor.core.untrusted import fence
from preceptor.llm.answers import free_text
from preceptor.llm.calls import Ask, Tag
from preceptor.llm.fit import fitted
from preceptor.llm.model import ChatMessage, ChatModel, ChatReply, ChatRequest

T = TypeVar("T", bound=BaseModel)
R = TypeVar("R")

Ear = Callable[[ChatReply | None, Tag, BadAnswerError | None], None]
"""Told of every answer: the reply (None where there was none to be read), whose it is, and why it cannot be used;
None where it can."""

_NOT_AGAIN = frozenset({"context-length"})
"""Kinds that asking again cannot mend."""
_CLIP = 1200


class Seat:
    """One seat of a run.

    ``name`` is student, teacher, customer or judge; ``spec`` the model's seat string, without secrets; ``local``
    tells whether the model runs on this machine or network and costs nothing; ``again`` is how often an answer
    that cannot be used is asked for once more; ``heard`` is told of every answer.
    """

    def __init__(
        self,
        *,
        name: str,
        spec: str,
        local: bool,
        config: SeatConfig,
        ask: Ask,
        again: int = 2,
        heard: Ear | None = None,
    ) -> None:
        self.name = name
        self.spec = spec
        self.local = local
        self._config = config
        self._ask = ask
        self._again = again
        self._heard = heard or _unheard

    @classmethod
    def plain(cls, model: ChatModel, *, name: str = "student", again: int = 2) -> Seat:
        """A seat straight on a model, without journal, ledger, limits or retries: for tests and small scripts."""

        async def ask(request: ChatRequest, tag: Tag) -> ChatReply:
            del tag
            return await model.complete(request)

        config = SeatConfig(model=model.spec)
        return cls(name=name, spec=model.spec, local=True, config=config, ask=ask, again=again)

    def __repr__(self) -> str:
        return f"Seat(name={self.name!r}, spec={self.spec!r})"

    async def say(self, messages: Sequence[ChatMessage], *, seed: int, phase: str, item: str) -> str:
        """Free text: cleaned, not empty, no loop, of a sane length.

        A bad answer is asked for again with a seed derived from ``seed``.

        Raises:
            BadAnswerError: no try gave a usable answer; ``kind`` is the last one's.
            ModelError, BudgetError, RunError: as the layers below.
        """
        limit = max(4000, 8 * self._config.max_tokens)
        tag = Tag(seat=self.name, phase=phase, item=item)

        def wanted(reply: ChatReply) -> str:
            return free_text(reply, limit)

        return await self._until_good(tuple(messages), wanted, seed, tag, None)

    async def fill(self, messages: Sequence[ChatMessage], shape: type[T], *, seed: int, phase: str, item: str) -> T:
        """A filled ``shape``. The messages must state the JSON that is wanted: not every model takes a schema.

        A bad answer is asked for again, with the answer and the exact complaint.

        Raises:
            BadAnswerError, ModelError, BudgetError, RunError: as :meth:`say`.
        """
        limit = max(8000, 12 * self._config.max_tokens)
        tag = Tag(seat=self.name, phase=phase, item=item)

        def wanted(reply: ChatReply) -> T:
            return fitted(reply, shape, limit)

        return await self._until_good(tuple(messages), wanted, seed, tag, shape)

    async def _until_good(
        self,
        messages: tuple[ChatMessage, ...],
        wanted: Callable[[ChatReply], R],
        seed: int,
        tag: Tag,
        shape: type[BaseModel] | None,
    ) -> R:
        schema = None if shape is None else _schema_of(shape)
        asked = messages
        for number in range(self._again + 1):
            reply: ChatReply | None = None
            try:
                reply = await self._ask(self._request(asked, seed, number, schema), tag)
                found = wanted(reply)
            except BadAnswerError as error:
                self._heard(reply, tag, error)
                if error.kind in _NOT_AGAIN or number == self._again:
                    raise self._named(error, number + 1) from error
                if shape is not None:
                    asked = (*messages, *_complaint("" if reply is None else reply.text, error))
            else:
                self._heard(reply, tag, None)
                return found
        raise AssertionError("the loop returns or raises")

    def _request(
        self, messages: tuple[ChatMessage, ...], seed: int, number: int, schema: Mapping[str, Any] | None
    ) -> ChatRequest:
        return ChatRequest(
            messages=messages,
            seed=seed if number == 0 else derive_seed(seed, "again", number),
            max_tokens=self._config.max_tokens,
            temperature=self._config.temperature,
            schema=schema,
        )

    def _named(self, error: BadAnswerError, tries: int) -> BadAnswerError:
        hint = error.hint or "a stronger model, or a larger max_tokens, answers in the wanted form more often"
        asked = "once" if tries == 1 else f"{tries} times"
        return BadAnswerError(
            f"{self.name} ({self.spec}), asked {asked}: {error.message}", hint=hint, kind=error.kind
        )


@cache
def _schema_of(shape: type[BaseModel]) -> Mapping[str, Any]:
    """Made once per shape: it takes pydantic longer than all else that a call costs."""
    return shape.model_json_schema()


def _unheard(reply: ChatReply | None, tag: Tag, error: BadAnswerError | None) -> None:
    del reply, tag, error


def _complaint(answer: str, error: BadAnswerError) -> tuple[ChatMessage, ChatMessage]:
    """The bad answer as data and what is wrong with it; as two turns, since many chat templates want turns to
    alternate."""
    shown = answer if len(answer) <= _CLIP else f"{answer[:_CLIP]} [...]"
    return (
        ChatMessage("assistant", fence("unusable_answer", shown)),
        ChatMessage(
            "user",
            f"That answer cannot be used: {error.message}.\n"
            "Answer again, as asked at first: one JSON object and nothing else, without tags or comments.",
        ),
    )
