"""How the practice models compare with published runs: ``python -m bench calibrate [--profiles N] [--seed S ...]``.

The plain procedure of arXiv 2408.07238 over the practice models and the built-in prompts, without Preceptor's
loop, library or retrieval: for each scenario the teacher answers, the student answers, and while the student's
reply is worse the teacher writes strategies, at most 5 times. The published figures stand beside ours.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from preceptor.core.ids import derive_seed
from preceptor.core.records import Domain, Profile, Strategy, Turn
from preceptor.core.untrusted import fence, one_line
from preceptor.llm.model import ChatMessage, ChatModel, ChatRequest
from preceptor.practice import World, open_practice, shipped_world, shipped_worlds
from preceptor.practice.mind import Mind
from preceptor.practice.physics import satisfaction
from preceptor.prompts import load_prompts
from preceptor.prompts.transcript import conversation, numbered

PROMPTS = load_prompts()
ATTEMPTS = 5
FRESH = (1001, 2002, 3003)
NEAREST = 3
"""Lessons whose strategies a coached student is given: those of the same issue whose conversations are likest."""
MOST = 8
"""Strategies given at most."""
PUBLISHED = {
    "student-small": ("Llama-2-7B", 3.66, 0.45, 2.84, 3.44),
    "student-medium": ("GPT-3.5", 2.39, 0.84, 4.03, 4.75),
}


@dataclass(frozen=True)
class Bench:
    world: World
    domain: Domain
    models: dict[str, ChatModel]
    seed: int

    async def ask(self, seat: str, messages: Sequence[ChatMessage], *about: object) -> str:
        seed = derive_seed(self.seed, *about)
        return (
            await self.models[seat].complete(ChatRequest(messages=tuple(messages), seed=seed, max_tokens=800))
        ).text

    async def reply(self, seat: str, turns: Sequence[Turn], strategies: Sequence[Strategy], *about: object) -> str:
        system = PROMPTS["agent"].render(brief=self.domain.brief, policy=self.domain.policy)
        messages = [ChatMessage("system", system)]
        messages += [ChatMessage("user" if t.speaker == "customer" else "assistant", t.text) for t in turns]
        if strategies:
            block = PROMPTS["advice"].render(strategies=numbered(strategies))
            messages[-1] = ChatMessage("user", f"{messages[-1].content}\n\n{block}")
        return await self.ask(seat, messages, seat, *about)

    async def customer(self, profile: Profile, turns: Sequence[Turn], *about: object) -> str:
        issue = self.domain.issue(profile.issue)
        system = PROMPTS["customer"].render(
            firm=self.domain.name,
            style=profile.style,
            emotion=profile.emotion,
            demanding="yes" if profile.demanding else "no",
            issue=issue.story,
            goal=issue.goal,
            known=profile.known,
            unknown=profile.unknown,
        )
        messages = [ChatMessage("system", system), ChatMessage("user", "(You are connected to the agent.)")]
        messages += [ChatMessage("assistant" if t.speaker == "customer" else "user", t.text) for t in turns]
        return await self.ask("customer", messages, "customer", *about)

    async def play(self, profile: Profile, seat: str, advise=None, max_turns: int = 6) -> list[Turn]:
        turns: list[Turn] = []
        for number in range(max_turns):
            said = await self.customer(profile, turns, profile.id, number)
            turns.append(Turn(speaker="customer", text=said.replace("[END]", "").strip()))
            if "[END]" in said:
                break
            strategies = advise(turns) if advise else ()
            turns.append(Turn(speaker="agent", text=await self.reply(seat, turns, strategies, profile.id, number)))
        return turns

    async def worse(self, turns: Sequence[Turn], reply: str, reference: str, *about: object) -> tuple[bool, str]:
        """Asked in both orders; worse where the orders agree on it or one says so and the other "same"."""
        values: list[int] = []
        why = ""
        for order, pair in enumerate(((reply, reference), (reference, reply))):
            text = PROMPTS["compare"].render(
                policy=self.domain.policy,
                conversation=conversation(turns),
                first=fence("first", pair[0]),
                second=fence("second", pair[1]),
            )
            answer = json.loads(await self.ask("teacher", [ChatMessage("user", text)], "compare", order, *about))
            ours = ("first", "second")[order]
            values.append(0 if answer["better"] == "same" else 1 if answer["better"] == ours else -1)
            why = why or (f"{answer['reason']} {answer['lacks']}" if values[-1] < 0 else "")
        return sum(values) < 0, why

    async def write(self, lesson: Lesson, number: int) -> list[Strategy]:
        text = PROMPTS["teach"].render(
            policy=self.domain.policy,
            conversation=conversation(lesson.turns),
            reply_now=fence("reply_now", lesson.reply),
            reply_wanted=fence("reply_wanted", lesson.reference),
            assessment=fence("assessment", lesson.why),
            existing="",
            trail=fence("trail", "\n".join(lesson.trail)) if lesson.trail else "",
            most="3",
        )
        answer = json.loads(await self.ask("teacher", [ChatMessage("user", text)], "teach", lesson.key, number))
        return [Strategy(id=str(i), **s) for i, s in enumerate(answer["strategies"])]


@dataclass
class Lesson:
    key: str
    issue: str
    turns: Sequence[Turn]
    reference: str
    reply: str
    why: str
    trail: list[str]
    strategies: list[Strategy]


async def teach(bench: Bench, student: str, profile: Profile, turns: Sequence[Turn]) -> tuple[int, Lesson]:
    """Attempts until the student's reply is as good (0: from the start, 6: never), and the lesson."""
    key = f"{profile.id}/{len(turns) - 1}"
    reference = await bench.reply("teacher", turns, (), key)
    reply = await bench.reply(student, turns, (), key, 0)
    worse, why = await bench.worse(turns, reply, reference, key, 0)
    lesson = Lesson(key, profile.issue, turns, reference, reply, why, [], [])
    if not worse:
        return 0, lesson
    for number in range(1, ATTEMPTS + 1):
        lesson.strategies = await bench.write(lesson, number)
        lesson.reply = await bench.reply(student, turns, lesson.strategies, key, number)
        worse, lesson.why = await bench.worse(turns, lesson.reply, reference, key, number)
        if not worse:
            return number, lesson
        lesson.trail += [f"Try {number}:", numbered(lesson.strategies), f"Reply: {one_line(lesson.reply)}"]
    return ATTEMPTS + 1, lesson


async def calibrate(bench: Bench, student: str, profiles: int) -> dict[str, float]:
    mind = Mind(bench.world)
    training = [p for p in bench.domain.profiles if not p.heldout]
    heldout = [p for p in bench.domain.profiles if p.heldout]
    step = max(1, len(training) // profiles)
    counts: list[int] = []
    lessons: list[Lesson] = []
    for n, profile in enumerate(training[::step]):
        turns = await bench.play(profile, "teacher" if n % 2 else student)
        ends = [i for i, t in enumerate(turns) if t.speaker == "customer" and i + 1 < len(turns)]
        for i in ends[n % 2 :: 2]:
            count, lesson = await teach(bench, student, profile, turns[: i + 1])
            counts.append(count)
            if 0 < count <= ATTEMPTS:
                lessons.append(lesson)
    taught = [min(c, ATTEMPTS) for c in counts if c]

    def nearest(turns: Sequence[Turn], issue: str) -> list[Strategy]:
        said = " ".join(t.text for t in turns)
        known = [x for x in lessons if x.issue == issue]
        known.sort(key=lambda x: -mind.likeness(said, " ".join(t.text for t in x.turns)))
        return [s for lesson in known[:NEAREST] for s in lesson.strategies][:MOST]

    def advice_for(profile: Profile):
        return lambda turns: nearest(turns, profile.issue)

    async def mean(seat: str, *, coached: bool = False) -> float:
        chosen = heldout[:: max(1, len(heldout) // profiles)]
        played = [(p, await bench.play(p, seat, advice_for(p) if coached else None)) for p in chosen]
        return statistics.mean(satisfaction(mind, turns, p) for p, turns in played)

    return {
        "scenarios": len(counts),
        "good": sum(c == 0 for c in counts) / len(counts),
        "attempts": statistics.mean(taught),
        "reached": sum(0 < c <= ATTEMPTS for c in counts) / max(1, len(taught)),
        "base": await mean(student),
        "coached": await mean(student, coached=True),
        "teacher": await mean("teacher"),
    }


async def run(worlds: Sequence[str], profiles: int, seeds: Sequence[int]) -> None:
    print("| world | student | scenarios | good untaught | attempts | reached in 5 | base | coached | teacher |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in worlds:
        world = shipped_world(name)
        models: dict[str, ChatModel] = {n: open_practice(n) for n in (*PUBLISHED, "teacher", "customer")}
        for student in PUBLISHED:
            rows = [await calibrate(Bench(world, world.domain(), models, s), student, profiles) for s in seeds]
            r = {key: statistics.mean(row[key] for row in rows) for key in rows[0]}
            print(
                f"| {name} | {student} | {r['scenarios'] * len(rows):.0f} | {r['good']:.0%} | {r['attempts']:.2f} "
                f"| {r['reached']:.0%} | {r['base']:.2f} | {r['coached']:.2f} | {r['teacher']:.2f} |"
            )
    for student, (model, attempts, reached, base, coached) in PUBLISHED.items():
        print(f"| published | {model} ({student}) | | | {attempts} | {reached:.0%} | {base} | {coached} | near 5 |")


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--world", action="append", choices=shipped_worlds(), help="default: all shipped worlds")
    parser.add_argument("--profiles", type=int, default=48, help="profiles per half (training, held out)")
    parser.add_argument("--seed", type=int, action="append", help=f"default: {FRESH}, which no number was tuned on")
    args = parser.parse_args(argv)
    asyncio.run(run(args.world or shipped_worlds(), args.profiles, args.seed or FRESH))


if __name__ == "__main__":
    main(sys.argv[1:])
