"""What customers make of what agents say. Pure; the judge of the practice room sees it only with noise.

This is the truth of a world: quality of one reply in a state, and the satisfaction with a dialogue.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from preceptor.core.records import Profile, Turn
from preceptor.practice.mind import Mind, mind_of
from preceptor.practice.state import State
from preceptor.practice.world import Rule, World

IDEAL_MOVES = 4
"""A reply that makes the four weightiest wanted moves is as good as can be."""
CLUTTER = 0.08
"""What each further move that nobody asked for costs."""
RESENT = 0.35
"""What one unit of resented weight costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How good a reply is in a state. ``score`` is at most 1; 0 is a reply that does nothing."""

    score: float
    hits: tuple[str, ...]
    misses: tuple[str, ...]
    """Wanted moves that are not made, weightiest first."""
    resented: tuple[str, ...]
    breach: bool
    clutter: int


def holds(rule: Rule, state: State) -> bool:
    """True where a rule's conditions fit the state."""
    return (
        rule.issue in ("", state.issue)
        and (not rule.phase or state.phase in rule.phase)
        and (not rule.style or state.style in rule.style)
        and (not rule.emotion or state.emotion in rule.emotion)
        and (rule.demanding is None or rule.demanding == state.demanding)
    )


def wanted(mind: Mind, state: State) -> dict[str, float]:
    """Moves that this customer would reward now, with weights, weightiest first."""
    found: dict[str, float] = {}
    for rule in mind.world.rules:
        if rule.sign > 0 and rule.move not in state.done and holds(rule, state):
            found[rule.move] = max(found.get(rule.move, 0.0), rule.weight)
    matter = mind.world.issues.get(state.issue)
    if matter and state.phase in ("open", "detail"):
        missing = [n for n in matter.needs if n not in state.facts]
        weights = (1.5,) if state.phase == "open" else (2.0, 1.5)
        for fact, weight in zip(missing, weights, strict=False):
            found[f"ask_{fact}"] = weight
    if matter and state.phase == "solve":
        open_moves = [m for m in matter.solve if m not in state.done]
        for move, weight in zip(open_moves, (2.5, 2.0, 1.0), strict=False):
            found[move] = max(found.get(move, 0.0), weight)
    return dict(sorted(found.items(), key=lambda x: -x[1]))


def resented(mind: Mind, state: State) -> dict[str, float]:
    """Moves that this customer would resent now, with weights. Breaches of policy always are."""
    found = {k: 2.0 for k, m in mind.world.moves.items() if m.kind == "breach"}
    for rule in mind.world.rules:
        if rule.sign < 0 and holds(rule, state):
            found[rule.move] = max(found.get(rule.move, 0.0), rule.weight)
    return found


def quality(mind: Mind, state: State, moves: Iterable[str]) -> Quality:
    """How good it is to make ``moves`` in ``state``."""
    want, bad = wanted(mind, state), resented(mind, state)
    made = list(dict.fromkeys(moves))
    hits = tuple(m for m in made if m in want and m not in bad)
    wrong = tuple(m for m in made if m in bad)
    ideal = sum(sorted(want.values(), reverse=True)[:IDEAL_MOVES])
    clutter = max(0, sum(1 for m in made if m not in want and m not in bad) - 1)
    gain = min(1.0, sum(want[m] for m in hits) / ideal) if ideal else float(bool(made) and not wrong)
    breach = any(mind.world.moves[m].kind == "breach" for m in wrong)
    loss = RESENT * sum(bad[m] for m in wrong) + CLUTTER * clutter
    return Quality(
        score=gain - min(1.5, loss),
        hits=hits,
        misses=tuple(m for m in want if m not in made),
        resented=wrong,
        breach=breach,
        clutter=clutter,
    )


def qualities(mind: Mind, turns: Sequence[Turn], profile: Profile | None = None) -> list[Quality]:
    """Quality of each agent turn, in the state in which it was said."""
    found: list[Quality] = []
    for i, turn in enumerate(turns):
        if turn.speaker == "agent":
            state = mind.state(turns[:i])
            found.append(quality(mind, as_profile(state, profile), mind.made(turn.text)))
    return found


def as_profile(state: State, profile: Profile | None) -> State:
    """``state`` with what is known of the customer in place of what was read."""
    if profile is None:
        return state
    return replace(
        state,
        issue=profile.issue or state.issue,
        style=profile.style,
        emotion=profile.emotion,
        demanding=profile.demanding,
    )


def satisfaction(mind: Mind, turns: Sequence[Turn], profile: Profile) -> float:
    """True satisfaction with a dialogue, 1 to 5: how well each reply served, how far the goal was reached.

    ``1 + 4 (0.7 q + 0.3 g)``: ``q`` is the mean quality of the agent's turns (bad ones below 0), ``g`` the share
    of what solves the issue that was done. A breach of policy gives at most 2.
    """
    rated = qualities(mind, turns, profile)
    if not rated:
        return 1.0
    q = sum(max(-0.5, r.score) for r in rated) / len(rated)
    value = 1.0 + 4.0 * (0.7 * q + 0.3 * progress(mind, turns, profile.issue))
    if any(r.breach for r in rated):
        value = min(2.0, value - 0.5)
    return max(1.0, min(5.0, value))


def progress(mind: Mind, turns: Sequence[Turn], issue: str) -> float:
    """Share of the issue's solving moves that the agent has made, 0 to 1."""
    matter = mind.world.issues.get(issue)
    if not matter:
        return 0.0
    done = mind.state(turns).done
    return sum(1 for m in matter.solve if m in done) / len(matter.solve)


def true_satisfaction(world: World, turns: Sequence[Turn], profile: Profile) -> float:
    """:func:`satisfaction` for callers without a mind."""
    return satisfaction(mind_of(world), turns, profile)
