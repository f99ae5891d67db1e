"""A run's size planned to what may be spent, so that it ends by itself with all its stages in the library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from preceptor.core.settings import LearnConfig

FEWEST = 8
"""Dialogues that a stage should have: below, fewer stages learn more than smaller ones."""
_STEPS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What of ``[learn]`` a run's size depends on."""

    teacher_share: tuple[float, ...]
    dialogues: int
    scenarios: int
    primer: bool = False
    primer_issues: int = 0

    def of(self, settings: LearnConfig) -> LearnConfig:
        """The settings with this size."""
        size = {
            "teacher_share": self.teacher_share,
            "dialogues": self.dialogues,
            "scenarios": self.scenarios,
            "primer": self.primer,
            "primer_issues": self.primer_issues,
        }
        return settings.model_copy(update=size)

    def text(self) -> str:
        """In words."""
        count = len(self.teacher_share)
        stages = "1 stage" if count == 1 else f"{count} stages"
        text = f"{stages} of {self.dialogues} dialogues and {self.scenarios} scenarios taught at most"
        return f"{text}, a primer for the whole domain alone" if self.primer and not self.primer_issues else text


def size_of(settings: LearnConfig) -> Size:
    """The size that the settings name."""
    return Size(
        teacher_share=settings.teacher_share,
        dialogues=settings.dialogues,
        scenarios=settings.scenarios,
        primer=settings.primer,
        primer_issues=settings.primer_issues,
    )


def fitted(settings: LearnConfig, fits: Callable[[LearnConfig], bool]) -> Size | None:
    """The largest size, at most that of ``settings``, of which ``fits`` is true; None where not even the smallest
    fits.

    Dialogues and scenarios shrink together. Stages of fewer than :data:`FEWEST` dialogues become fewer stages:
    the first and the last are kept longest, since scenarios move from the teacher's paths to the student's own.
    Where even the smallest run has no room beside the primer, that shrinks to its one call about the whole domain,
    then goes.

    Args:
        fits: whether a run of that size stays within what may be spent; monotonous in the size.
    """
    for primer in _primers(settings):
        for shares in _stages(settings.teacher_share):
            found = _largest(primer, shares, fits)
            if found is not None and (len(shares) == 1 or found.dialogues >= min(FEWEST, settings.dialogues)):
                return found
    return None


def _primers(settings: LearnConfig) -> list[LearnConfig]:
    """The settings with ever less of a primer."""
    changes: list[dict[str, object]] = [{}]
    if settings.primer and settings.primer_issues:
        changes.append({"primer_issues": 0})
    if settings.primer:
        changes.append({"primer": False})
    return [settings.model_copy(update=change) for change in changes]


def _largest(settings: LearnConfig, shares: tuple[float, ...], fits: Callable[[LearnConfig], bool]) -> Size | None:
    best: Size | None = None
    low, high = 0, _STEPS
    while low <= high:
        step = (low + high) // 2
        share = step / _STEPS
        size = Size(
            teacher_share=shares,
            dialogues=max(1, round(settings.dialogues * share)),
            scenarios=max(1, round(settings.scenarios * share)),
            primer=settings.primer,
            primer_issues=settings.primer_issues,
        )
        if fits(size.of(settings)):
            best, low = size, step + 1
        else:
            high = step - 1
    return best


def _stages(shares: tuple[float, ...]) -> list[tuple[float, ...]]:
    """Ever fewer stages: those in the middle go first, then the first one."""
    found = [shares]
    while len(found[-1]) > 2:
        last = found[-1]
        middle = len(last) // 2
        found.append((*last[:middle], *last[middle + 1 :]))
    if len(shares) > 1:
        found.append(shares[-1:])
    return found
