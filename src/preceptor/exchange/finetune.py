"""Supervised fine-tuning examples: what the coached student said, without the advice that made it say so.

Prompt distillation (Askell and others, arXiv 2112.00861, call it context distillation): the student is trained
on the conversation as it stands in use, and on the reply that it gave with the advice before its eyes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from preceptor.core.records import Attempt, Lesson, Scenario
from preceptor.core.untrusted import clean
from preceptor.dialogue.messages import for_agent
from preceptor.exchange.contents import Taught

Form = Literal["messages", "prompt-completion"]
"""``messages``: ``{"messages": [...]}`` as OpenAI's fine-tuning reads it, earlier replies with ``"weight": 0``.
``prompt-completion``: ``{"prompt": [...], "completion": [...]}`` as TRL's ``SFTTrainer`` reads it, which trains on
the completion of such a line, and of ``messages`` on every word, whatever the weights."""
_UNTRAINED: Mapping[str, object] = {"weight": 0}
ACCEPTED = ("as_good", "better")
"""Verdicts of a reply that is taken: at least as good as the teacher's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """The examples and what became of the lessons that gave none."""

    lines: tuple[str, ...]
    """JSON lines of one form."""
    left_out: Mapping[str, int]
    """Why to how many: ``not-accepted``, ``uncoached``, ``not-approved``, ``same``."""
    logged: int
    """Examples whose conversation comes from real logs."""


def examples(
    lessons: Iterable[Taught],
    system: str,
    allowed: Callable[[str], bool],
    logged: Callable[[Scenario], bool],
    *,
    form: Form = "messages",
) -> Examples:
    """One example a lesson whose reply was accepted and was given with allowed strategies only.

    The student is trained on that reply alone: what the agent said before it was not compared with anything.

    Args:
        system: the agent's system prompt, as the student has it in use.
        allowed: whether the strategy of this id may be taught.
        logged: whether a scenario comes from real logs.
        form: how each line says what is trained on.
    """
    left_out: dict[str, int] = {}
    lines: dict[str, bool] = {}
    for taught in lessons:
        lesson = taught.lesson
        attempt = next((a for a in lesson.attempts if a.number == lesson.kept), None)
        why = _why_not(lesson, attempt, allowed)
        line = "" if why or attempt is None else _line(lesson, attempt, system, form)
        if not why and line in lines:
            why = "same"
        if why:
            left_out[why] = left_out.get(why, 0) + 1
        else:
            lines[line] = logged(lesson.scenario)
    return Examples(lines=tuple(lines), left_out=left_out, logged=sum(lines.values()))


def _why_not(lesson: Lesson, attempt: Attempt | None, allowed: Callable[[str], bool]) -> str:
    if attempt is None or attempt.comparison.verdict not in ACCEPTED or not clean(attempt.reply):
        return "not-accepted"
    given = [*lesson.advice, *(s.id for s in attempt.strategies)]
    if not given:
        return "uncoached"
    return "" if all(map(allowed, given)) else "not-approved"


def _line(lesson: Lesson, attempt: Attempt, system: str, form: Form) -> str:
    before: list[dict[str, object]] = [
        {"role": m["role"], "content": clean(m["content"])} for m in for_agent(system, lesson.scenario.turns)
    ]
    reply: dict[str, object] = {"role": "assistant", "content": clean(attempt.reply)}
    if form == "prompt-completion":
        value = {"prompt": before, "completion": [reply]}
    else:
        value = {"messages": [*({**m, **_UNTRAINED} if m["role"] == "assistant" else m for m in before), reply]}
    # ASCII, since some readers split lines at U+2028 too.
    return json.dumps(value, ensure_ascii=True)
