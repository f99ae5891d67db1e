"""The student with replies of the teacher as examples, found by the coach's own retrieval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from preceptor.coach import Coach, CoachSettings
from preceptor.coach.messages import with_block
from preceptor.core.records import Lesson, Strategy, Turn
from preceptor.core.untrusted import one_line
from preceptor.evaluate.arms.arm import Arm, Ground, seat_arm
from preceptor.evaluate.arms.needs import require

_LONGEST = 400
"""Characters of one line that are shown."""


async def open_examples(ground: Ground) -> Arm:
    """At every turn the teacher's replies in the nearest scenarios, as many as the coach may give strategies.

    Raises:
        ConfigError: there are no lessons.
    """
    lessons = {lesson.id: lesson for lesson in ground.learned.lessons if lesson.teacher_reply.strip()}
    require("examples", ground.coach, ground.learned)
    finder = _finder(lessons, ground.coach)

    def coaching(messages: list[dict[str, str]], turns: Sequence[Turn]) -> list[dict[str, str]]:
        found = [lessons[chosen.strategy.id] for chosen in finder.advise(turns).chosen]
        if not found:
            return messages
        shown = "\n".join(_shown(number, lesson) for number, lesson in enumerate(found, 1))
        return with_block(messages, ground.prompts["examples"].render(examples=shown))

    return seat_arm("examples", ground.seats.student, ground, coaching)


def _finder(lessons: dict[str, Lesson], coach: Coach | None) -> Coach:
    """The coach's retrieval over lessons in place of strategies."""
    replies = [
        Strategy(id=lesson.id, when=_last(lesson), do=lesson.teacher_reply, scenarios=(lesson.scenario.id,))
        for lesson in lessons.values()
    ]
    settings = coach.settings if coach is not None else CoachSettings()
    scenarios = {lesson.scenario.id: lesson.scenario for lesson in lessons.values()}
    # Examples are longer than rules: their number is the limit, not their words.
    return Coach(replies, scenarios, replace(settings, words=100 * max(1, settings.strategies)))


def _last(lesson: Lesson) -> str:
    said = (t.text for t in reversed(lesson.scenario.turns) if t.speaker == "customer")
    return next(said, "")


def _shown(number: int, lesson: Lesson) -> str:
    return f"{number}. Customer: {_line(_last(lesson))}\n   Agent: {_line(lesson.teacher_reply)}"


def _line(text: str) -> str:
    """One line that can neither close the block nor open another."""
    return one_line(text, _LONGEST).replace("<", "‹").replace(">", "›")
