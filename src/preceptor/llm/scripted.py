"""A chat model whose answers you write: for tests of anything that talks to a seat."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from preceptor.llm.model import ChatReply, ChatRequest
from preceptor.llm.tokens import estimated_usage

Answer = str | ChatReply | Exception
"""Text, a whole reply, or an error to raise."""


class ScriptedModel:
    """Answers from a function of the request, or from a list in order of the calls.

    Every request is kept in ``requests``. A list that is used up raises ``IndexError``: the test asked more
    than it said it would.
    """

    def __init__(
        self, answers: Callable[[ChatRequest], Answer] | Iterable[Answer], *, spec: str = "scripted:test"
    ) -> None:
        self._script = answers if callable(answers) else _in_order(iter(answers))
        self._spec = spec
        self.requests: list[ChatRequest] = []
        self.closed = False

    @property
    def spec(self) -> str:
        """``scripted:test`` unless told otherwise."""
        return self._spec

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The next answer; an ``Exception`` in the script is raised."""
        self.requests.append(request)
        answer = self._script(request)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, ChatReply):
            return answer
        return ChatReply(text=answer, finish="stop", usage=estimated_usage(request, answer), model=self._spec)

    async def aclose(self) -> None:
        """Notes that it was closed."""
        self.closed = True


def _in_order(answers: Iterator[Answer]) -> Callable[[ChatRequest], Answer]:
    def following(request: ChatRequest) -> Answer:
        del request
        for answer in answers:
            return answer
        raise IndexError("the script has no answer left")

    return following
