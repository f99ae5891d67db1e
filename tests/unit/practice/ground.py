"""What the practice tests share: messages as a real model would get them, and averages over many seeds."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from functools import cache

from preceptor.core.records import Profile, Turn
from preceptor.core.untrusted import fence
from preceptor.llm.model import ChatMessage
from preceptor.practice import PracticeModel, World, open_practice, shipped_world
from preceptor.practice.mind import Mind
from preceptor.practice.physics import as_profile, quality
from preceptor.prompts import load_prompts
from preceptor.prompts.transcript import conversation

PROMPTS = load_prompts()
OPENED = "My suitcase never showed up on the belt. This is so frustrating. I have no time, let's get this done."
"""A frustrated driver with lost luggage."""
LATER = (
    Turn(speaker="customer", text=OPENED),
    Turn(speaker="agent", text="Which report number did the airport desk give you? What does your bag look like?"),
    Turn(speaker="customer", text="The report number is TRN77120. It's a silver trolley case. So where is my bag?"),
)
"""The same once the facts are known: time for a solution."""


@cache
def world(name: str = "airline") -> World:
    return shipped_world(name)


@cache
def mind(name: str = "airline") -> Mind:
    return Mind(world(name))


@cache
def model(name: str) -> PracticeModel:
    return open_practice(name)


def advice(*lines: str) -> str:
    return PROMPTS["advice"].render(strategies="\n".join(f"{n}. {line}" for n, line in enumerate(lines, 1)))


def agent_messages(turns: Sequence[Turn], guidance: str = "", *, name: str = "airline") -> list[ChatMessage]:
    home = world(name)
    found = [ChatMessage("system", PROMPTS["agent"].render(brief=home.brief, policy=home.policy))]
    found += [ChatMessage("user" if t.speaker == "customer" else "assistant", t.text) for t in turns]
    if guidance:
        found[-1] = ChatMessage("user", f"{found[-1].content}\n\n{guidance}")
    return found


def customer_messages(profile: Profile, turns: Sequence[Turn], *, name: str = "airline") -> list[ChatMessage]:
    home = world(name)
    issue = home.domain().issue(profile.issue)
    system = PROMPTS["customer"].render(
        firm=home.firm,
        style=profile.style,
        emotion=profile.emotion,
        demanding="yes" if profile.demanding else "no",
        issue=issue.story,
        goal=issue.goal,
        known=profile.known,
        unknown=profile.unknown,
    )
    start = [ChatMessage("system", system), ChatMessage("user", "(You are connected to the agent.)")]
    return start + [ChatMessage("assistant" if t.speaker == "customer" else "user", t.text) for t in turns]


def rate_prompt(profile: Profile, turns: Sequence[Turn]) -> str:
    issue = world().domain().issue(profile.issue)
    demanding = "yes" if profile.demanding else "no"
    return PROMPTS["rate"].render(
        profile=f"Communication style: {profile.style}\nEmotion: {profile.emotion}\nDemanding: {demanding}",
        issue=f"{issue.story}\nGoal: {issue.goal}",
        policy=world().policy,
        conversation=conversation(turns),
    )


def compare_prompt(turns: Sequence[Turn], first: str, second: str) -> str:
    return PROMPTS["compare"].render(
        policy=world().policy,
        conversation=conversation(turns),
        first=fence("first", first),
        second=fence("second", second),
    )


def teach_prompt(turns: Sequence[Turn], now: str, wanted: str, trail: str = "", existing: str = "") -> str:
    return PROMPTS["teach"].render(
        policy=world().policy,
        conversation=conversation(turns),
        reply_now=fence("reply_now", now),
        reply_wanted=fence("reply_wanted", wanted),
        assessment=fence("assessment", "It does less for this customer."),
        existing=fence("existing", existing) if existing else "",
        trail=fence("trail", trail) if trail else "",
        most="3",
    )


def ask(seat: str, text: str, seed: int = 1) -> str:
    return model(seat).answer([ChatMessage("user", text)], seed)


def play(
    profile: Profile, seat: str, seed: int, guide: Callable[[Sequence[Turn]], str] | None = None
) -> list[Turn]:
    turns: list[Turn] = []
    for _ in range(6):
        said = model("customer").answer(customer_messages(profile, turns), seed)
        turns.append(Turn(speaker="customer", text=said.replace("[END]", "").strip()))
        if "[END]" in said:
            break
        told = guide(turns) if guide else ""
        turns.append(Turn(speaker="agent", text=model(seat).answer(agent_messages(turns, told), seed)))
    return turns


def share(
    move: str, turns: Sequence[Turn], guidance: str = "", *, seat: str = "student-small", n: int = 150
) -> float:
    """How often a student makes ``move``, over ``n`` seeds."""
    messages = agent_messages(turns, guidance)
    return statistics.mean(move in mind().made(model(seat).answer(messages, seed)) for seed in range(n))


def goodness(
    turns: Sequence[Turn], profile: Profile, guidance: str = "", *, seat: str = "student-small", n: int = 150
) -> float:
    """Mean true quality of a student's reply, over ``n`` seeds."""
    messages = agent_messages(turns, guidance)
    state = as_profile(mind().state(turns), profile)
    return statistics.mean(
        quality(mind(), state, mind().made(model(seat).answer(messages, seed))).score for seed in range(n)
    )


def profile(
    issue: str = "luggage", style: str = "driver", emotion: str = "frustrated", demanding: bool = False
) -> Profile:
    found = (p for p in world().domain().profiles if (p.issue, p.style, p.emotion) == (issue, style, emotion))
    return next(p for p in found if p.demanding == demanding)


def mean(values: Iterable[float]) -> float:
    return statistics.mean(values)


def solving(issue: str, name: str = "airline", cue: str = "") -> tuple[Turn, ...]:
    """A conversation about an issue whose facts are all told: time for a solution."""
    home = world(name)
    matter = home.issues[issue]
    asked = " ".join(home.moves[f"ask_{n}"].say[1] for n in matter.needs)
    told = " ".join(home.facts[n].tell[0].replace("{value}", home.facts[n].values[0]) + "." for n in matter.needs)
    return (
        Turn(speaker="customer", text=f"{matter.opens[0]} {cue}".strip()),
        Turn(speaker="agent", text=asked),
        Turn(speaker="customer", text=told),
    )
