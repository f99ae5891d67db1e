"""What a learning run will ask of each seat, before anything is asked: for ``learn --dry-run``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import ceil

from preceptor.core.records import Domain
from preceptor.core.settings import CoachConfig, LearnConfig
from preceptor.learn.primer import PHASE as PRIMER
from preceptor.learn.primer import primed_issues
from preceptor.llm.tokens import estimate_tokens
from preceptor.prompts import PromptSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """Tokens of what each seat writes; defaults as chat models write."""

    customer: float = 40.0
    agent: float = 70.0
    comparison: float = 110.0
    rules: float = 150.0
    """The strategies of one answer of the teacher."""
    relation: float = 110.0
    """An answer about strategies that are alike."""
    screening: float = 30.0
    rule: float = 75.0
    """One strategy of the primer."""


PRACTICE_LENGTHS = Lengths(customer=19, agent=33, comparison=55, rules=92, relation=75, screening=5, rule=50)
"""As the practice models write; measured by ``python -m bench.estimate``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """Shares that no setting tells; measured on the practice airline by ``python -m bench.estimate``."""

    dialogue_length: float = 0.8
    """Agent turns of a dialogue, as a share of ``max_turns``."""
    dialogue_end: float = 5.0
    """Agent turns after which customers have what they came for, however many are allowed."""
    gap: float = 0.7
    """Share of probed scenarios in which the student is worse at first."""
    attempts: float = 2.3
    """Tries of the student per taught scenario, after its first."""
    kept: float = 1.2
    """Strategies kept per taught scenario."""
    alike: float = 0.12
    """Questions about alike strategies, per strategy kept."""
    lengths: Lengths = field(default_factory=Lengths)


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
    long = guess.lengths
    size = {name: estimate_tokens(prompts[name].body) for name in ("agent", "customer", "compare", "teach")}
    policy = estimate_tokens(domain.policy)
    system = size["agent"] + policy + estimate_tokens(domain.brief)
    advice = coach.strategies * 40
    rows: list[Planned] = []
    turns = min(settings.max_turns * guess.dialogue_length, guess.dialogue_end)
    # A prompt holds half of its dialogue on average, with some words around each of its turns.
    talk = turns / 2 * (long.customer + long.agent) + 4 * turns
    stages = len(settings.teacher_share)
    probed = stages * ceil(settings.scenarios * settings.candidates)
    if logged is None:
        agent_turns = settings.dialogues * turns
        spoken = agent_turns * sum(settings.teacher_share)
        customers = stages * settings.dialogues * (turns + 1)
        rows += [
            _row("customer", "generate", customers, size["customer"] + talk, long.customer),
            _row("teacher", "generate", spoken, system + talk, long.agent),
            _row("student", "generate", stages * agent_turns - spoken, system + talk + advice, long.agent),
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
    judge = size["compare"] + policy + talk + 2 * long.agent
    write = size["teach"] + policy + talk + 2 * long.agent + long.comparison + advice
    rows += [
        _row("student", "probe", probed * by_teacher, system + talk, long.agent),
        _row("teacher", "probe", probed * (1 - by_teacher), system + talk, long.agent),
        _row("teacher", "probe", probed * (2 - guess.gap), judge, long.comparison),
        _row("teacher", "teach", tries, write + tries / max(1.0, taught) / 2 * long.rules, long.rules),
        _row("student", "teach", tries, system + talk + advice, long.agent),
        _row("teacher", "teach", tries + taught * 0.6, judge, long.comparison),
        _row("teacher", "consolidate", kept * guess.alike + stages, policy + 6 * long.rules, long.relation),
    ]
    if settings.primer and logged is None:
        rows += _primer(domain, settings, prompts, long)
    if settings.screen_with_teacher:
        rows.append(_row("teacher", "screen", kept, policy + talk + 250 + long.rules, long.screening))
    return tuple(_summed(rows))


def _primer(domain: Domain, settings: LearnConfig, prompts: PromptSet, long: Lengths) -> list[Planned]:
    policy = estimate_tokens(domain.policy)
    asks = 1 + len(primed_issues(domain, settings.primer_issues))
    most = settings.primer_strategies
    told = estimate_tokens(" ".join(f"{i.title} {i.story} {i.goal}" for i in domain.issues))
    asked = estimate_tokens(prompts["primer"].body) + policy + estimate_tokens(domain.brief)
    # Every issue stands once in the call about the whole domain, and once in its own.
    rows = [_row("teacher", PRIMER, asks, asked + 2 * told / asks, most * long.rule)]
    if settings.screen_with_teacher:
        rows.append(_row("teacher", "screen", asks * most, policy + 250 + long.rule, long.screening))
    return rows


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
