"""The customer's seat: plays the profile that its system prompt describes."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from preceptor.core.records import Profile, Turn
from preceptor.llm.model import ChatMessage
from preceptor.practice.mind import Mind
from preceptor.practice.physics import as_profile, progress, quality
from preceptor.practice.reading import blocks
from preceptor.practice.state import State
from preceptor.practice.words import sentences
from preceptor.practice.world import spoken

PATIENCE = 8
"""Agent turns after which any customer leaves."""
_PAIR = re.compile(r"\s*([^:;\n]{2,60}):\s*([^;\n]+)")
_DEMANDING = re.compile(
    r"demanding\W{0,5}(?:\w+\W+)?(no|not|false|none|never)\b|\b(?:not|n't|un) ?demanding", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Who the customer is, read from text."""

    profile: Profile
    known: Mapping[str, str]
    story: str


def profile_in(mind: Mind, text: str) -> Profile:
    """The profile that a prompt describes in words; empty fields where it says nothing."""
    tagged = dict(blocks(text))
    who = tagged.get("profile", text)
    about = " ".join(tagged.get(t, "") for t in ("issue", "goal")).strip() or text
    low = who.lower()
    return Profile(
        id="",
        style=next((k for k in mind.world.styles if k.lower() in low), ""),
        emotion=next((k for k in mind.world.emotions if k.lower() in low), ""),
        demanding="demanding" in low and not _DEMANDING.search(low),
        issue=_issue(mind, about),
    )


def _issue(mind: Mind, about: str) -> str:
    for key, matter in mind.world.issues.items():
        if matter.story in about or matter.title in about:
            return key
    return mind.issue_of(about, 0.25)


def role_in(mind: Mind, text: str) -> Role:
    """The whole role that a customer's system prompt describes."""
    tagged = dict(blocks(text))
    pairs = _PAIR.findall(tagged.get("known", ""))
    return Role(
        profile=profile_in(mind, text),
        known={name.strip(" -*").lower(): value.strip() for name, value in pairs},
        story=tagged.get("issue", ""),
    )


def speak(mind: Mind, messages: Sequence[ChatMessage], rng: random.Random) -> str:
    """The customer's next message."""
    role = role_in(mind, "\n".join(m.content for m in messages if m.role == "system"))
    turns: list[Turn] = []
    for message in messages:
        if message.role == "assistant":
            turns.append(Turn(speaker="customer", text=message.content.replace("[END]", "").strip()))
        # What comes before the customer's first words is stage direction, not the agent.
        elif message.role == "user" and turns:
            turns.append(Turn(speaker="agent", text=message.content))
    if not turns:
        return _opening(mind, role, rng)
    return _answer(mind, role, turns, rng)


def _cues(mind: Mind, profile: Profile) -> list[tuple[str, ...]]:
    world = mind.world
    found = [world.emotions[profile.emotion].say] if profile.emotion else []
    found += [world.styles[profile.style].say] if profile.style else []
    found += [world.demanding.say] if profile.demanding and world.demanding else []
    return [f for f in found if f]


def _opening(mind: Mind, role: Role, rng: random.Random) -> str:
    matter = mind.world.issues.get(role.profile.issue)
    story = rng.choice(matter.opens) if matter else " ".join(sentences(role.story)[:2]) or "Hello, I need help."
    cues = [rng.choice(c) for c in _cues(mind, role.profile) if rng.random() < 0.95]
    name = role.known.get("name", "")
    greeting = [f"Hello, this is {name}."] if name and rng.random() < 0.25 else []
    if rng.random() < 0.5:
        return " ".join([*greeting, story, *cues])
    return " ".join([*greeting, *cues[:1], story, *cues[1:]])


def _answer(mind: Mind, role: Role, turns: list[Turn], rng: random.Random) -> str:
    phrases, profile = mind.world.phrases, role.profile
    if turns[-1].speaker != "agent":
        return rng.choice(phrases["wait"])
    before = as_profile(mind.state(turns[:-1]), profile)
    state = as_profile(mind.state([*turns, Turn(speaker="customer", text="")]), profile)
    made = mind.made(turns[-1].text)
    score = quality(mind, before, made).score
    done = progress(mind, turns, profile.issue) >= 1.0
    said_bye = any(mind.world.moves[m].kind == "close" for m in made)
    if done and (said_bye or before.phase == "close"):
        return _bye(phrases, "bye_good" if score > 0.3 else "bye_ok", rng)
    if state.agent_turns >= 3 and score < 0.1 and _last_score(mind, turns[:-2], profile) < 0.1:
        return _bye(phrases, "bye_bad", rng)
    if state.agent_turns >= PATIENCE:
        return _bye(phrases, "bye_ok", rng)
    parts = [_mood(phrases, score, rng), *_told(mind, role, made, rng)]
    # People come back to what they came for, also when they answer a question.
    if not done and (len(parts) == 1 or rng.random() < 0.5):
        parts.append(_push(mind, role, state, score, rng))
    if rng.random() < 0.6 and (cues := _cues(mind, profile)):
        parts.append(rng.choice(rng.choice(cues)))
    text = " ".join(p for p in parts if p)
    return text or spoken(rng.choice(phrases["wait"]), rng.random())


def _last_score(mind: Mind, turns: list[Turn], profile: Profile) -> float:
    while turns and turns[-1].speaker != "agent":
        turns = turns[:-1]
    if not turns:
        return 1.0
    return quality(mind, as_profile(mind.state(turns[:-1]), profile), mind.made(turns[-1].text)).score


def _mood(phrases: Mapping[str, tuple[str, ...]], score: float, rng: random.Random) -> str:
    if score > 0.6 and rng.random() < 0.7:
        return spoken(rng.choice(phrases["mood_up"]), rng.random())
    if score < 0.25 and rng.random() < 0.7:
        return spoken(rng.choice(phrases["mood_down"]), rng.random())
    return ""


def _told(mind: Mind, role: Role, made: Sequence[str], rng: random.Random) -> list[str]:
    told: list[str] = []
    for move in made:
        if move.startswith("ask_") and (fact := mind.world.facts.get(move.removeprefix("ask_"))):
            value = role.known.get(fact.name.lower(), "")
            if value:
                told.append(_capital(rng.choice(fact.tell).replace("{value}", value)) + ".")
            else:
                told.append(spoken(rng.choice(mind.world.phrases["unknown"]), rng.random()))
    return told


def _push(mind: Mind, role: Role, state: State, score: float, rng: random.Random) -> str:
    world = mind.world
    matter = world.issues.get(role.profile.issue)
    missing = [n for n in matter.needs if n not in state.facts] if matter else []
    if missing and state.agent_turns >= 2 and rng.random() < 0.6:
        fact = world.facts[missing[0]]
        if value := role.known.get(fact.name.lower(), ""):
            telling = rng.choice(fact.tell).replace("{value}", value)
            return rng.choice(world.phrases["volunteer"]).replace("{fact}", telling)
    if matter and (score < 0.5 or rng.random() < 0.5):
        return rng.choice(matter.pushes)
    return spoken(rng.choice(world.phrases["wait"]), rng.random())


def _bye(phrases: Mapping[str, tuple[str, ...]], kind: str, rng: random.Random) -> str:
    return spoken(rng.choice(phrases[kind]), rng.random()) + "\n[END]"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
