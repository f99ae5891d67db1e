"""The student with a text that is the same for every customer: a guide, the whole library, or any file."""

from __future__ import annotations

import re
from collections.abc import Sequence

from preceptor.coach.wording import worded
from preceptor.core.errors import ModelError, RunError
from preceptor.core.ids import derive_seed
from preceptor.core.records import Strategy, Turn
from preceptor.core.untrusted import clean, one_line
from preceptor.dialogue import Coaching
from preceptor.evaluate.arms.arm import Arm, Ground, phase_of, seat_arm
from preceptor.evaluate.arms.needs import require
from preceptor.llm.model import ChatMessage

_WHOLE = re.compile(r"\{\{ *policy *\}\}")
_BRIEF = re.compile(r"\{\{ *brief *\}\}")


async def open_guide(ground: Ground) -> Arm:
    """The student with one guide that the teacher writes once, from brief, policy and issues.

    Raises:
        RunError: the teacher gave no usable guide.
    """
    issues = "\n".join(f"- {one_line(i.story)} Goal: {one_line(i.goal)}" for i in ground.domain.issues)
    asked = ground.prompts["guide"].render(
        brief=ground.domain.brief.strip(),
        policy=ground.domain.policy.strip(),
        issues=issues,
        words=str(ground.guide_words),
    )
    try:
        text = await ground.seats.teacher.say(
            [ChatMessage("user", asked)],
            seed=derive_seed(ground.seed, "guide"),
            phase=phase_of("guide"),
            item="guide",
        )
    except ModelError as error:
        if error.ends_run:
            raise
        raise RunError(
            f"the teacher wrote no guide: {error.message}", hint="leave 'guide' out of evaluate.arms, or try again"
        ) from error
    return _static("guide", clean(text), ground)


async def open_all(ground: Ground) -> Arm:
    """The student with the whole library in its prompt: domain-wide strategies first, then those that rest on most
    scenarios, as many as ``ground.window`` words hold.

    Raises:
        ConfigError: there are no strategies.
    """
    strategies = ground.learned.strategies
    require("all", ground.coach, ground.learned)
    lines = _within(strategies, ground.window)
    note = "" if len(lines) == len(strategies) else (
        f"all: {len(lines)} of {len(strategies)} strategies fit into {ground.window} words (evaluate.window)"
    )  # fmt: skip
    return _static("all", "\n".join(lines), ground, note=note)


async def open_file(name: str, ground: Ground) -> Arm:
    """The student with the text of a file.

    A text that names ``{{ policy }}`` is the whole system prompt (``{{ brief }}`` may stand in it too): so an
    optimised prompt of another tool can be put in as it is. Any other text is added as guidance after the policy.
    """
    text = clean(ground.files[name])
    if not _WHOLE.search(text):
        return _static(name, text, ground)
    whole = _WHOLE.sub(lambda _: ground.domain.policy.strip(), text)
    whole = _BRIEF.sub(lambda _: ground.domain.brief.strip(), whole)
    return seat_arm(name, ground.seats.student, ground, _as_system(whole), text=text)


def _static(name: str, text: str, ground: Ground, *, note: str = "") -> Arm:
    block = ground.prompts["guidance"].render(text=text)
    return seat_arm(name, ground.seats.student, ground, _after_policy(block), text=text, note=note)


def _after_policy(block: str) -> Coaching:
    def coaching(messages: list[dict[str, str]], turns: Sequence[Turn]) -> list[dict[str, str]]:
        del turns
        head = messages[0]
        return [{**head, "content": f"{head['content']}\n\n{block}"}, *messages[1:]]

    return coaching


def _as_system(text: str) -> Coaching:
    def coaching(messages: list[dict[str, str]], turns: Sequence[Turn]) -> list[dict[str, str]]:
        del turns
        return [{**messages[0], "content": text}, *messages[1:]]

    return coaching


def _within(strategies: Sequence[Strategy], words: int) -> list[str]:
    ranked = sorted(strategies, key=lambda s: (s.scope != "domain", -len(s.scenarios), s.id))
    lines: list[str] = []
    for strategy in ranked:
        line = f"{len(lines) + 1}. {worded(strategy).line}"
        words -= len(line.split())
        if words < 0:
            break
        lines.append(line)
    return lines
