"""What strategies really do on the practice airline: replays on held-out customers, judged by the world's rules."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

from preceptor.coach import with_block
from preceptor.core.ids import derive_seed
from preceptor.dialogue.messages import as_chat, for_agent
from preceptor.evaluate.prove import Ground, Lift, Replay, lifts
from preceptor.evaluate.prove.pool import fill_pool
from preceptor.evaluate.prove.spend import Plan
from preceptor.practice import open_practice, shipped_world
from preceptor.practice.mind import Mind
from preceptor.practice.physics import as_profile, quality


def true_lifts(ground: Ground, *, world: str, student: str, each: int, dialogues: int) -> dict[str, Lift]:
    """Lift of every strategy in quality of the reply (1 is all that could be wished), from ``each`` replays of it.

    Customers are the held-out ones, whom proving never meets; the judge is the world's own rule, without noise.
    """
    turned = tuple(replace(p, heldout=not p.heldout) for p in ground.domain.profiles)
    settings = ground.settings.model_copy(update={"dialogues": dialogues, "seed": ground.settings.seed + 5000})
    other = replace(ground, domain=replace(ground.domain, profiles=turned), settings=settings)
    pool = asyncio.run(fill_pool(other))
    fresh = [s for s in pool.situations if s.scenario.id not in ground.scenarios]
    mind, model = Mind(shipped_world(world)), open_practice(student)
    profiles = {p.id: p for p in ground.domain.profiles}
    system = ground.prompts["agent"].render(brief=ground.domain.brief.strip(), policy=ground.domain.policy.strip())
    plan = Plan(fresh, ground.settings.retrieved)
    count = each * len(ground.strategies) // ground.settings.retrieved
    made: list[Replay] = []
    for task in plan.pick({}, (), count):
        scenario = task.situation.scenario
        profile = profiles[scenario.profile]
        state = as_profile(mind.state(scenario.turns), profile)
        coins = random.Random(derive_seed(settings.seed, "truth", scenario.id, task.use))
        signs = {s.id: coins.choice((1, -1)) for s in task.strategies}
        worth: dict[int, float] = {}
        for side in (1, -1):
            told = [s for s in task.strategies if signs[s.id] == side]
            messages = with_block(for_agent(system, scenario.turns), ground.coach.block(told))
            said = model.answer(as_chat(messages), derive_seed(settings.seed, "reply", side, task.use))
            worth[side] = quality(mind, state, mind.made(said)).score
        value = worth[1] - worth[-1]
        made.append(Replay(scenario=scenario.id, cluster=profile.id, signs=signs, value=value))
    return lifts(made)
