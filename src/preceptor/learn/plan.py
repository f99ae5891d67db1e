"""What a learning run will ask of each seat, before anything is asked: for ``learn --dry-run``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from preceptor.core.records import Domain
from preceptor.core.settings import CoachConfig, LearnConfig
from preceptor.llm.tokens import estimate_tokens
from preceptor.prompts import PromptSet

_SAYS = 45
"""Tokens of one turn of a dialogue."""
_JUDGES = 110
"""Tokens of a comparison or a relation between strategies."""
_RULE = 75
"""Tokens of one written strategy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """Shares that no setting tells; measured on the practice airline by ``make bench`` (docs/figures.md)."""

    dialogue_length: float = 0.8
    """Agent turns of a dialogue, as a share of ``max_turns``."""
    gap: float = 0.7
    """Share of probed scenarios in which the student is worse at first."""
    attempts: float = 2.2
    """Tries of the student per taught scenario, after its first."""
    kept: float = 1.3
    """Strategies kept per taught scenario."""
    alike: float = 0.5
    """Questions about alike strategies, per strategy kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """Calls of one seat in one phase."""

    seat: str
    phase: str
    calls: int
    input_tokens: int
    output_tokens: int


def plan(
    *,
    domain: Domain,
    settings: LearnConfig,
    coach: CoachConfig,
    prompts: PromptSet,
    logged: int | None = None,
    assumptions: Assumptions | None = None,
) -> tuple[Planned, ...]:
    """The calls and tokens to expect, by seat and phase.

    Args:
        logged: scenarios in the log, where one is learned from instead of simulated dialogues.
    """
    guess = assumptions or Assumptions()
    size = {name: estimate_tokens(prompts[name].body) for name in ("agent", "customer", "compare", "teach")}
    policy = estimate_tokens(domain.policy)
    system = size["agent"] + policy + estimate_tokens(domain.brief)
    advice = coach.strategies * 40
    rows: list[Planned] = []
    turns = settings.max_turns * guess.dialogue_length
    talk = turns * _SAYS  # a prompt holds half of its dialogue on average, at two turns an exchange
    stages = len(settings.teacher_share)
    probed = stages * ceil(settings.scenarios * settings.candidates)
    if logged is None:
        agent_turns = settings.dialogues * turns
        spoken = agent_turns * sum(settings.teacher_share)
        rows += [
            _row("customer", "generate", stages * settings.dialogues * (turns + 1), size["customer"] + talk, _SAYS),
            _row("teacher", "generate", spoken, system + talk, _SAYS),
            _row("student", "generate", stages * agent_turns - spoken, system + talk + advice, _SAYS),
        ]
        probed = min(probed, round(stages * agent_turns))
        by_teacher = sum(settings.teacher_share) / stages
    else:
        probed = min(probed, logged)
        by_teacher = 1.0
    # One of the two replies is there already: the dialogue's own, or the log's.
    taught = min(probed * guess.gap, stages * settings.scenarios)
    tries = taught * min(guess.attempts, settings.attempts)
    kept = taught * min(guess.kept, settings.strategies_per_lesson)
    judge = size["compare"] + policy + talk + 2 * _SAYS
    rows += [
        _row("student", "probe", probed * by_teacher, system + talk + advice, _SAYS),
        _row("teacher", "probe", probed * (1 - by_teacher), system + talk, _SAYS),
        _row("teacher", "probe", probed * (2 - guess.gap), judge, _JUDGES),
        _row("teacher", "teach", tries, size["teach"] + policy + talk + 3 * _SAYS + advice, 2 * _RULE),
        _row("student", "teach", tries, system + talk + advice, _SAYS),
        _row("teacher", "teach", tries + taught * 0.6, judge, _JUDGES),
        _row("teacher", "consolidate", kept * guess.alike + stages, policy + 6 * _RULE, _JUDGES),
    ]
    if settings.screen_with_teacher:
        rows.append(_row("teacher", "screen", kept, policy + talk + 250 + _RULE, 30))
    return tuple(_summed(rows))


def _row(seat: str, phase: str, calls: float, input_tokens: float, output_tokens: float) -> Planned:
    return Planned(
        seat=seat,
        phase=phase,
        calls=round(calls),
        input_tokens=round(calls * input_tokens),
        output_tokens=round(calls * output_tokens),
    )


def _summed(rows: Iterable[Planned]) -> list[Planned]:
    total: dict[tuple[str, str], Planned] = {}
    for row in rows:
        key = (row.seat, row.phase)
        had = total.get(key)
        total[key] = (
            row
            if had is None
            else Planned(
                seat=row.seat,
                phase=row.phase,
                calls=had.calls + row.calls,
                input_tokens=had.input_tokens + row.input_tokens,
                output_tokens=had.output_tokens + row.output_tokens,
            )
        )
    return [row for row in total.values() if row.calls]
