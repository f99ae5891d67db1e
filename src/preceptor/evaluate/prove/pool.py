"""The scenarios that are replayed, and which strategies fit each."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from preceptor.core.events import ItemDone, ItemFailed, PhaseStarted
from preceptor.core.ids import derive_seed, short_id
from preceptor.core.pool import run_all
from preceptor.core.records import Dialogue, Profile, Scenario, Strategy, Turn
from preceptor.dialogue import Agent, Customer, play
from preceptor.evaluate.prove.ground import PHASE, Ground
from preceptor.library.index import IndexSettings, StrategyIndex

ELSEWHERE = 0.5
"""What a scenario with another issue than a strategy was learned in is worth, beside one with the same."""
SCENARIOS = 16
"""Scenarios in which a strategy is tried at most."""
TALK = 0.25
"""Share of a given budget that fresh dialogues take at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A scenario with the strategies that fit it."""

    scenario: Scenario
    strategies: tuple[Strategy, ...]
    """In the order in which the student would read them."""
    fits: Mapping[str, float]
    """Strategy id to how well it fits here, as a share of how well it fits where it fits best: 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """What can be replayed, and what it took to get."""

    situations: tuple[Situation, ...]
    dialogues: int
    calls: int
    """Answered calls that the fresh dialogues took, each turn counted once."""


async def fill_pool(ground: Ground) -> Pool:
    """Fresh dialogues of the training profiles with the coached student, and the library's scenarios.

    Held-out profiles are left to evaluation: who picks strategies on them could not measure on them any more.

    Raises:
        PreceptorError: what ends a run.
    """
    dialogues = await _talk(ground)
    fresh = [s for d in dialogues for s in prefixes(d)]
    known = list(ground.scenarios.values())
    seen: dict[str, Scenario] = {s.id: s for s in (*fresh, *known)}
    scenarios = list(seen.values())
    # An embedder may be another machine: asked from a thread, as the coach asks it.
    found = (
        situations(ground, scenarios)
        if ground.embedder is None
        else await asyncio.to_thread(situations, ground, scenarios)
    )
    return Pool(
        situations=found,
        dialogues=len(dialogues),
        calls=sum(1 for d in dialogues for t in d.turns if t.speaker != "action"),
    )


def situations(
    ground: Ground, scenarios: Sequence[Scenario], most: int = SCENARIOS, *, elsewhere: float = ELSEWHERE
) -> tuple[Situation, ...]:
    """Scenarios with at least one strategy to try, each strategy only on dialogues that it was not learned from.

    A strategy is tried in the ``most`` whose states are most like those that it was learned for, whatever
    else would be advised there: where it does not fit, a student ignores it, and a replay shows only chance. So
    scenarios with the issue that it was learned in come first, where its scenarios tell an issue.

    Args:
        elsewhere: what fits in a scenario with another issue is multiplied by this.
    """
    strategies = ground.strategies
    index = StrategyIndex(
        strategies,
        scenarios=ground.scenarios,
        embedder=ground.embedder,
        settings=IndexSettings(neighbours=0, fitting=False),
    )
    issue = {p.id: p.issue for p in ground.domain.profiles}
    known = {name: issue.get(s.profile, "") for name, s in ground.scenarios.items()}
    issues = {s.id: {known.get(i, "") for i in s.scenarios} - {""} for s in strategies if s.scope != "domain"}
    own = {s.id: {_dialogue(ground.scenarios[i]) for i in s.scenarios if i in ground.scenarios} for s in strategies}
    fitting: dict[str, list[tuple[float, int]]] = {s.id: [] for s in strategies}
    for number, scenario in enumerate(scenarios):
        here, matter = _dialogue(scenario), issue.get(scenario.profile, "")
        for hit in index.search(scenario.turns, limit=len(strategies)):
            if scenario.id not in hit.strategy.scenarios and here not in own[hit.strategy.id]:
                here_too = matter in issues.get(hit.strategy.id, ()) or not issues.get(hit.strategy.id)
                fitting[hit.strategy.id].append((-hit.score * (1.0 if here_too else elsewhere), number))
    tried: list[dict[str, float]] = [{} for _ in scenarios]
    for name, found in fitting.items():
        ranked = sorted(found)[:most]
        for score, number in ranked:
            tried[number][name] = score / ranked[0][0]
    order = sorted(strategies, key=lambda s: s.scope == "domain")
    return tuple(
        Situation(scenario=scenario, strategies=tuple(s for s in order if s.id in fits), fits=fits)
        for scenario, fits in zip(scenarios, tried, strict=True)
        if fits
    )


def prefixes(dialogue: Dialogue) -> list[Scenario]:
    """Every prefix of a dialogue in which the agent answered."""
    found: list[Scenario] = []
    for end, turn in enumerate(dialogue.turns):
        if turn.speaker == "agent" and end:
            turns = dialogue.turns[:end]
            id = short_id("scenario", [[t.speaker, t.text] for t in turns])
            found.append(Scenario(id=id, turns=turns, profile=dialogue.profile, stage=0))
    return found


async def _talk(ground: Ground) -> list[Dialogue]:
    settings = ground.settings
    training = [p for p in ground.domain.profiles if not p.heldout]
    random.Random(derive_seed(settings.seed, PHASE, "profiles")).shuffle(training)
    most = settings.dialogues
    if settings.calls is not None:  # replays need most of them; a turn takes two
        most = min(most, max(2, int(TALK * settings.calls / (2 * settings.max_turns))))
    chosen = [training[n % len(training)] for n in range(most)] if training else []
    student = Agent(
        ground.seats.student, ground.domain, ground.prompts, coaching=ground.coach.prepare, waits=ground.coach.waits
    )
    if chosen:
        ground.emit(PhaseStarted(name="prove: dialogues", stage=0, total=len(chosen), kind="dialogue"))

    async def one(task: tuple[int, Profile]) -> Dialogue:
        number, profile = task
        id = short_id("dialogue", [PHASE, settings.seed, number, profile.id])

        async def speak(turns: Sequence[Turn], seed: int) -> Turn:
            text = await student.reply(turns, seed=seed, phase=PHASE, item=id)
            return Turn(speaker="agent", text=text, by=student.name)

        dialogue = await play(
            id=id,
            profile=profile,
            customer=Customer(ground.seats.customer, ground.domain, profile, ground.prompts),
            agent=speak,
            max_turns=settings.max_turns,
            seed=derive_seed(settings.seed, PHASE, "dialogue", number),
            phase=PHASE,
        )
        if dialogue.end == "failed":
            kind, _, reason = dialogue.failure.partition(": ")
            ground.emit(ItemFailed(kind="dialogue", id=id, failure=kind, reason=reason))
        else:
            ground.emit(ItemDone(kind="dialogue", id=id, detail=dialogue.end))
        return dialogue

    return await run_all(list(enumerate(chosen)), one, concurrency=ground.concurrency)


def _dialogue(scenario: Scenario) -> str:
    """The same for all prefixes of one dialogue."""
    opening = next((t.text for t in scenario.turns if t.speaker == "customer"), "")
    return f"{scenario.profile}\n{opening}"
