"""The teacher's tasks: writing strategies, merging, generalising, screening. Good, not perfect."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from preceptor.core.records import Turn
from preceptor.practice.guidance import split, understand, unlisted
from preceptor.practice.judge import TEACHER_EAR
from preceptor.practice.mind import Mind
from preceptor.practice.physics import quality, resented, wanted
from preceptor.practice.reading import blocks, parse_transcript
from preceptor.practice.state import Guide, State
from preceptor.practice.words import sentences
from preceptor.practice.writing import Draft, draft_for, draft_of_guides, draft_of_line

ONE = 0.55
"""Chance of writing one new strategy, rather than more."""
TWO = 0.9
"""Chance of writing at most two."""
NOTES = 0.8
"""Chance of saying, beside what to do, which fault of the reply to avoid."""
MISSES = 0.15
"""Chance of overlooking the weightiest missing move."""
SPECIFIC = 0.07
"""Chance of writing a name, number or quote of this customer into a strategy."""
SETTING = 0.06
"""Chance of speaking of "the good agent" and the like."""
WRONG = 0.03
"""Chance that a strategy asks for something bad or against the policy."""
REPEATS = 0.25
"""Chance of saying once more what an existing strategy says already."""
SENSES = 0.88
"""Chance of seeing a fault in a strategy when screening."""
MISREADS = 0.04
"""Chance of misjudging how two strategies relate."""

_NUMBER = re.compile(r"^\s*(\d+)[.)]\s+(.*)$")
_FIELD = re.compile(r"^\s*(?:when|do|avoid|why)\s*:\s*", re.IGNORECASE)
_CONDITION = re.compile(r"^\s*when\s*:", re.IGNORECASE)
"""A field that says when a strategy applies asks for nothing: "the customer wants a refund" promises none."""
_MOST = re.compile(r"at most (\d+)", re.IGNORECASE)
_LEAST = re.compile(r"at least (\d+)", re.IGNORECASE)
_SETTING = re.compile(
    r"\b(?:teacher|student|sample|scenario|prompt"
    r"|(?:good|better|best|weaker|reference) (?:agent|reply|response|answer))\b",
    re.IGNORECASE,
)
_PRIVATE = re.compile(r"\b(?:[A-Z][a-z]+ [A-Z][a-z]+|[A-Z]*\d[\w-]*|[A-Z\d]*\d[A-Z\d]+)\b|\"[^\"]{6,}\"")
_ORDER = re.compile(
    r"\b(?:ignore|disregard|forget|override) (?:all|any|your|the|previous|these|those)\b[^.]{0,40}", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    turns: tuple[Turn, ...]
    student: str
    better: str
    existing: list[Guide]
    last: list[str]
    """Strategies of the last try, as lines; empty at the first."""


def teach(mind: Mind, prompt: str, rng: random.Random) -> str:
    """Strategies for one scenario: JSON of ``teach.md``."""
    case = _case(mind, prompt)
    state = mind.state(case.turns)
    most = int(found.group(1)) if (found := _MOST.search(prompt)) else 3
    kept, tried = _worked(mind, case)
    draw = rng.random()
    count = max(1, min(most - len(kept), 1 if draw < ONE else 2 if draw < TWO else 3))
    drafts: list[Draft] = list(kept)
    targets = _targets(mind, state, case, rng)
    faults = [m for m, sign in targets if sign < 0]
    for move, sign in targets[:count]:
        fault = faults.pop(0) if sign > 0 and faults and rng.random() < NOTES else ""
        draft = draft_for(mind, state, move, sign, rng, plainer=move in tried, fault=fault)
        drafts.append(blemished(mind, draft, state, case.turns, rng))
    if not drafts:
        best = next(iter(wanted(mind, state)), "")
        drafts = [draft_for(mind, state, best, 1, rng)] if best else []
    return json.dumps({"strategies": [d.as_dict() for d in drafts[-most:]]}, ensure_ascii=False)


def _worked(mind: Mind, case: _Case) -> tuple[list[Draft], set[str]]:
    """Of the last try: the strategies that the reply followed, and all moves that were asked for."""
    made = set(mind.made(case.student))
    kept: list[Draft] = []
    tried: set[str] = set()
    for line in case.last:
        guide = joined_guide(understand(mind, line))
        tried |= {*guide.do, *guide.avoid}
        followed = bool(set(guide.do) & made) if guide.do else not set(guide.avoid) & made
        if followed and (guide.do or guide.avoid):
            kept.append(draft_of_line(line))
    return kept, tried


_NOW = ("now", "today", "student", "junior", "weak", "candidate")
_WANTED = ("wanted", "better", "teacher", "reference", "strong", "target")


def _case(mind: Mind, prompt: str) -> _Case:
    student = better = existing = trail = ""
    turns: tuple[Turn, ...] = ()
    for tag, text in blocks(prompt):
        if any(w in tag for w in ("conversation", "transcript", "dialogue")):
            turns = turns or parse_transcript(text)
        elif "exist" in tag or "library" in tag:
            existing += "\n" + text
        elif any(w in tag for w in ("trail", "attempt", "tried")):
            trail += "\n" + text
        elif any(w in tag for w in _NOW):
            student = student or text
        elif any(w in tag for w in _WANTED):
            better = better or text
    last = re.split(r"^Try \d+:\s*$", trail, flags=re.MULTILINE)[-1]
    return _Case(
        turns=turns,
        student=student,
        better=better,
        existing=understand(mind, existing),
        last=[m.group(2) for line in last.splitlines() if (m := _NUMBER.match(line))],
    )


def _targets(mind: Mind, state: State, case: _Case, rng: random.Random) -> list[tuple[str, int]]:
    made = mind.made(case.student)
    seen = quality(mind, state, made)
    better = set(mind.made(case.better))
    want = wanted(mind, state)
    misses = sorted(seen.misses, key=lambda m: -(want[m] + (1.0 if m in better else 0.0)))
    targets = [(m, 1) for m in misses] + [
        (m, -1) for m in sorted(seen.resented, key=lambda m: -resented(mind, state).get(m, 0))
    ]
    if seen.resented and seen.score < 1 - TEACHER_EAR.same:
        targets.sort(key=lambda t: (t[1] > 0) if mind.world.moves[t[0]].kind == "breach" else 0.5)
    covered = {m for g in case.existing if g.fit(state) > 0.5 for m in (*g.do, *g.avoid)}
    fresh = [t for t in targets if t[0] not in covered]
    stale = [t for t in targets if t[0] in covered]
    if len(fresh) > 1 and rng.random() < MISSES:
        fresh = fresh[1:]
    if stale and (not fresh or rng.random() < REPEATS):
        return [*fresh[:1], *stale[:1], *fresh[1:]]
    return fresh


def blemished(mind: Mind, draft: Draft, state: State, turns: Sequence[Turn], rng: random.Random) -> Draft:
    """The draft with one of the teacher's slips, now and then."""
    draw = rng.random()
    if draw < WRONG:
        bad = [k for k, m in mind.world.moves.items() if m.kind == "breach"]
        if bad:
            return draft_for(mind, state, rng.choice(bad), 1, rng)
    if draw < WRONG + SPECIFIC:
        said = " ".join(t.text for t in turns if t.speaker == "customer")
        private = _PRIVATE.findall(said)
        if private:
            return draft.with_detail(rng.choice(private))
    elif draw < WRONG + SPECIFIC + SETTING:
        return draft.with_setting(rng)
    return draft


def merge(mind: Mind, prompt: str, rng: random.Random) -> str:
    """How strategies relate: JSON of ``merge.md``."""
    listed = _numbered(prompt)
    guides = [joined_guide(understand(mind, text)) for _, text in listed]
    relation = _relation(mind, guides, [t for _, t in listed])
    if rng.random() < MISREADS:
        relation = rng.choice(("same", "different"))
    reasons = {
        "same": "They ask for the same in the same situations.",
        "different": "They ask for different things or speak of different situations.",
        "contradict": "One asks for what the other forbids in the same situation.",
    }
    merged = None
    if relation == "same" and guides:
        merged = draft_of_guides(mind, guides, listed[0][1] if listed else "", rng).as_dict()
    return json.dumps({"relation": relation, "reason": reasons[relation], "merged": merged}, ensure_ascii=False)


def joined_guide(guides: Sequence[Guide]) -> Guide:
    """The instructions of one strategy as one."""
    first = guides[0]
    return Guide(
        do={m: v for g in guides for m, v in g.do.items()},
        avoid={m: v for g in guides for m, v in g.avoid.items()},
        issue=next((g.issue for g in guides if g.issue), ""),
        styles=frozenset({k for g in guides for k in g.styles}),
        emotions=frozenset({k for g in guides for k in g.emotions}),
        phases=frozenset({k for g in guides for k in g.phases}),
        demanding=any(g.demanding for g in guides),
        conditional=any(g.conditional for g in guides),
        words=first.words,
    )


def _main(guide: Guide) -> str:
    pool = guide.do or guide.avoid
    return max(sorted(pool), key=lambda m: pool[m]) if pool else ""


def _relation(mind: Mind, guides: Sequence[Guide], texts: Sequence[str]) -> str:
    if len(guides) < 2:
        return "different"
    one = guides[0]
    for other in guides[1:]:
        overlap = not (one.issue and other.issue and one.issue != other.issue)
        if overlap and (set(one.do) & set(other.avoid) or set(one.avoid) & set(other.do)):
            return "contradict"
    for other, text in zip(guides[1:], texts[1:], strict=True):
        if not _main(one) or not _main(other):
            if mind.likeness(texts[0], text) < 0.8:
                return "different"
        elif (_main(one), bool(one.do), one.issue, one.emotions, one.styles, one.demanding) != (
            _main(other), bool(other.do), other.issue, other.emotions, other.styles, other.demanding
        ):  # fmt: skip
            return "different"
    return "same"


def _numbered(prompt: str) -> list[tuple[int, str]]:
    inside = "\n".join(t for tag, t in blocks(prompt) if tag not in ("policy", "conversation"))
    return [(int(m.group(1)), m.group(2)) for line in inside.splitlines() if (m := _NUMBER.match(line))]


def generalise(mind: Mind, prompt: str, rng: random.Random) -> str:
    """Rules that recur: JSON of ``generalise.md``."""
    least = int(m.group(1)) if (m := _LEAST.search(prompt)) else 3
    most = int(m.group(1)) if (m := _MOST.search(prompt)) else 6
    groups: dict[tuple[str, bool], list[tuple[int, Guide]]] = {}
    for number, text in _numbered(prompt):
        guide = joined_guide(understand(mind, text))
        if main := _main(guide):
            groups.setdefault((main, bool(guide.do)), []).append((number, guide))
    ranked = sorted((g for g in groups.items() if len(g[1]) >= least), key=lambda g: (-len(g[1]), g[0]))
    found: list[dict[str, object]] = []
    for _, members in ranked[:most]:
        draft = draft_of_guides(mind, [g for _, g in members], "", rng)
        found.append({**draft.as_dict(), "from": [n for n, _ in members]})
    return json.dumps({"strategies": found}, ensure_ascii=False)


def screen(mind: Mind, prompt: str, rng: random.Random) -> str:
    """Problems of one strategy: JSON of ``screen.md``."""
    tagged = blocks(prompt)
    strategy = next((t for tag, t in tagged if "strateg" in tag), "")
    talk = next((t for tag, t in tagged if "conversation" in tag), "")
    problems: list[dict[str, str]] = []

    def report(kind: str, quote: str, reason: str) -> None:
        if quote and rng.random() < SENSES:
            problems.append({"kind": kind, "quote": quote, "reason": reason})

    told = "\n".join(line for line in strategy.splitlines() if not _CONDITION.match(line))
    guides = understand(mind, told)
    for guide, piece in zip(guides, _pieces(told), strict=True):
        if any(mind.world.moves[m].kind == "breach" for m in guide.do):
            report("policy", piece, "The policy does not give this.")
    for found in _PRIVATE.finditer(strategy):
        if found.group(0).strip('"') in talk:
            report("private", found.group(0).strip('"'), "It belongs to this one customer.")
    if setting := _SETTING.search(strategy):
        report("setting", setting.group(0), "It speaks of the setting in which it was written.")
    if order := _ORDER.search(strategy):
        report("injection", order.group(0), "It tells the agent to drop its instructions.")
    if not any(g.do or g.avoid for g in guides) and rng.random() < 0.6:
        report("vague", strategy.strip()[:80], "Nothing in it can be checked.")
    return json.dumps({"problems": problems}, ensure_ascii=False)


def _pieces(text: str) -> list[str]:
    """What each instruction of a strategy tells to do, in the strategy's own words, without its field's label."""
    found = [sentence for line in text.splitlines() for sentence in sentences(unlisted(line))]
    return [split(_FIELD.sub("", sentence))[1].strip().rstrip(".") for sentence in found]
