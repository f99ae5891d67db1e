"""The practice models: chat models that are a function of their messages and the seed, and of nothing else."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from preceptor.core.errors import BadAnswerError, ConfigError
from preceptor.core.ids import derive_seed, digest
from preceptor.llm.model import ChatMessage, ChatReply, ChatRequest, Usage
from preceptor.practice import agent, customer, guide, judge, judging, priming, teacher
from preceptor.practice.load import load_world, shipped_world, shipped_worlds
from preceptor.practice.mind import Mind, mind_of
from preceptor.practice.reading import untagged
from preceptor.practice.skills import SKILLS
from preceptor.practice.world import World

NAMES = ("student-small", "student-medium", "teacher", "customer", "judge")
"""Every practice model there is."""

_TASKS = (
    ("rate", ('"satisfaction"',)),
    ("service", ('"reliability"', '"empathy"')),
    ("breaches", ('"breaches"',)),
    ("prefer", ('"preferred"',)),
    ("compare", ('"better"',)),
    ("merge", ('"relation"',)),
    ("screen", ('"problems"',)),
    ("generalise", ('"strategies"', '"from"')),
    ("teach", ('"strategies"',)),
)
"""Tasks by the JSON keys that are asked for, in the order in which they are looked for."""
_JUDGING = ("rate", "compare", "service", "breaches", "prefer")
_WRITING = re.compile(
    r"\b(?:write|rewrite|improve|propose|draft|revise|reflect on|come up with)\b[^.\n]{0,80}"
    r"\b(?:instructions?|prompts?|guides?|guidance|guidelines?|rules|lessons?|playbook|feedback|insights?)\b",
    re.IGNORECASE,
)


class PracticeModel:
    """One practice model over one or more worlds; which of them is spoken of, it reads from the text."""

    def __init__(self, name: str, worlds: Sequence[World], *, spec: str = "", latency: float = 0.0) -> None:
        if name not in NAMES:
            raise ConfigError(f"there is no practice model '{name}'", hint=f"practice models: {', '.join(NAMES)}")
        self._name = name
        self._spec = spec or f"practice:{name}"
        self._minds = tuple(mind_of(w) for w in worlds)
        self._latency = latency

    @property
    def spec(self) -> str:
        """The seat string that opens this model."""
        return self._spec

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer; where ``latency`` is set, that many seconds after being asked, own work included."""
        loop = asyncio.get_running_loop()
        due = loop.time() + self._latency
        if self._latency:
            # Whoever asks at the same moment is heard before the first is worked on, and waits no longer for that.
            await asyncio.sleep(0)
        text = self.answer(request.messages, request.seed)
        limit = request.max_tokens * 4
        finish = "stop" if len(text) <= limit else "length"
        sent = sum(len(m.content) for m in request.messages)
        usage = Usage(input=(sent + 3) // 4, output=(min(len(text), limit) + 3) // 4, estimated=True)
        if self._latency:
            await asyncio.sleep(max(0.0, due - loop.time()))
        return ChatReply(text=text[:limit], finish=finish, usage=usage, model=f"practice-{self._name}")

    async def aclose(self) -> None:
        """Nothing to close."""

    def answer(self, messages: Sequence[ChatMessage], seed: int) -> str:
        """The answer's text: depends on the model, ``messages`` and ``seed`` only."""
        if not messages:
            raise BadAnswerError("no messages were sent", kind="empty-request")
        whole = "\n\n".join(m.content for m in messages)
        mind = self._mind(whole)
        rng = random.Random(
            derive_seed(seed, self._name, digest("messages", [[m.role, m.content] for m in messages]))
        )
        if self._name == "customer":
            return customer.speak(mind, messages, rng)
        task = task_of(messages)
        if self._name == "judge" and task not in _JUDGING:
            task = "rate"
        if task == "agent" or self._name in ("student-small", "student-medium"):
            return agent.reply(mind, SKILLS[self._name], messages, rng)
        return self._other(task, mind, whole, rng)

    def _other(self, task: str, mind: Mind, prompt: str, rng: random.Random) -> str:
        ear = judge.JUDGE if self._name == "judge" else judge.TEACHER_EAR
        tasks: dict[str, Callable[[], str]] = {
            "rate": lambda: judge.rate(mind, prompt, ear, rng),
            "service": lambda: judging.service(mind, prompt, ear, rng),
            "breaches": lambda: judging.breaches(mind, prompt, rng),
            "prefer": lambda: judging.prefer(mind, prompt, ear, rng),
            "compare": lambda: judge.compare(mind, prompt, ear, rng),
            "teach": lambda: (priming.first_strategies if priming.nothing_said(prompt) else teacher.teach)(
                mind, prompt, rng
            ),
            "merge": lambda: teacher.merge(mind, prompt, rng),
            "generalise": lambda: teacher.generalise(mind, prompt, rng),
            "screen": lambda: teacher.screen(mind, prompt, rng),
            "write": lambda: guide.advise(mind, prompt, rng),
        }
        return tasks[task]()

    def _mind(self, text: str) -> Mind:
        if len(self._minds) == 1:
            return self._minds[0]
        known = [mind.landmarks(text) for mind in self._minds]
        if max(known) and known.count(max(known)) == 1:
            return self._minds[known.index(max(known))]
        return max(self._minds, key=lambda m: m.familiar(text))


def task_of(messages: Sequence[ChatMessage]) -> str:
    """What is asked, by the JSON keys that are asked for, else by whether a conversation is to be continued."""
    last = untagged(messages[-1].content)
    whole = untagged("\n\n".join(m.content for m in messages if m.role != "assistant"))
    for text in (last, whole):
        for name, keys in _TASKS:
            if all(key in text for key in keys):
                return name
    if _WRITING.search(last) and len(messages) <= 2:
        return "write"
    return "agent"


def open_practice(name: str, *, latency: float = 0.0) -> PracticeModel:
    """A practice model by name, over the shipped worlds, or ``NAME@/path/to/world.yaml`` over a user's.

    Args:
        name: one of :data:`NAMES`, with or without ``@`` and a path.
        latency: seconds from the request to the answer, for load tests.

    Raises:
        ConfigError: there is no such model.
        WorldError: the world's file is wrong; names file and line.
    """
    model, _, path = name.partition("@")
    if model not in NAMES:
        raise ConfigError(f"there is no practice model '{model}'", hint=f"practice models: {', '.join(NAMES)}")
    worlds = [load_world(Path(path))] if path else [shipped_world(w) for w in shipped_worlds()]
    return PracticeModel(model, worlds, spec=f"practice:{name}", latency=latency)
