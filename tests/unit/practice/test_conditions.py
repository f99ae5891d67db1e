"""The seven conditions that make the practice world an honest instrument; one section each."""

from __future__ import annotations

import json
import random
import statistics

import pytest
from tests.unit.practice.ground import (
    LATER,
    advice,
    agent_messages,
    ask,
    compare_prompt,
    customer_messages,
    goodness,
    mean,
    mind,
    model,
    play,
    profile,
    rate_prompt,
    share,
    solving,
    teach_prompt,
    world,
)

from preceptor.core.records import Turn
from preceptor.llm.model import ChatMessage, ChatRequest
from preceptor.practice import NAMES, PracticeModel, open_practice
from preceptor.practice.mind import Mind
from preceptor.practice.physics import qualities, quality, satisfaction

OWN = (
    "When luggage is missing after a flight, once the details are known: "
    "open the search for the luggage right away."
)
OTHER = (
    "When a name on a ticket is misspelled, once the details are known: correct the spelling of the name for free."
)
MISPLACED = (
    "When a name on a ticket is misspelled, once the details are known: open the search for the luggage right away."
)
WRONG = "When luggage is missing after a flight: promise that the bag arrives tomorrow."

# 1. Only text crosses.


def test_seats_are_told_apart_by_their_text_only() -> None:
    """Two models opened apart, with nothing between them, answer alike: all there is went through messages."""
    messages = agent_messages(LATER, advice(OWN))
    for name in NAMES:
        asked = messages if name.startswith("student") else [ChatMessage("user", rate_prompt(profile(), LATER))]
        if name == "customer":
            asked = customer_messages(profile(), LATER)
        warm = model(name)
        for seed in range(5):
            warm.answer([*asked[:-1], ChatMessage("user", "something else")], seed)
        assert open_practice(name).answer(asked, 3) == warm.answer(asked, 3)


def test_turn_labels_seats_and_ids_never_reach_the_truth() -> None:
    who = profile()
    plain = [Turn(speaker=t.speaker, text=t.text) for t in LATER]
    labelled = [Turn(speaker=t.speaker, text=t.text, by="teacher") for t in LATER]
    assert [q.score for q in qualities(mind(), plain, who)] == [q.score for q in qualities(mind(), labelled, who)]


async def test_schema_temperature_and_spec_are_no_back_door() -> None:
    text = teach_prompt(LATER, "I will look into that.", "I have started the trace for your luggage.")
    plain = ChatRequest(messages=(ChatMessage("user", text),), seed=4, max_tokens=900)
    other = ChatRequest(
        messages=plain.messages, seed=4, max_tokens=900, temperature=1.7, schema={"properties": {"move": {}}}
    )
    assert (await model("teacher").complete(plain)).text == (await model("teacher").complete(other)).text


def test_the_customer_acts_on_what_the_prompt_says_not_on_what_the_world_knows() -> None:
    """A value that stands in no world file is told; one that the prompt leaves out is not."""
    who = profile()
    system = customer_messages(who, ())[0].content
    known = system.split("<known>")[1].split("</known>")[0]
    asked = (LATER[0], Turn(speaker="agent", text="Which report number did the airport desk give you?"))
    told = [
        ChatMessage(m.role, m.content.replace(known, "\nreport number from the airport desk: XQ-0815\n"))
        for m in customer_messages(who, asked)
    ]
    silent = [ChatMessage(m.role, m.content.replace(known, "\nnothing\n")) for m in customer_messages(who, asked)]
    assert "XQ-0815" in model("customer").answer(told, 1)
    assert "TRN" not in model("customer").answer(silent, 1)


# 2. Guidance works by its meaning.

PARAPHRASES = (
    (
        "refund",
        "credit",
        "Whenever people cancel a cheap ticket, propose that its worth stays usable for a later trip.",
    ),
    (
        "refund",
        "taxes",
        "Someone who asks for their money back should learn that the airport charges are paid back.",
    ),
    ("luggage", "trace", "If a suitcase never turned up, get the hunt for it going worldwide."),
    ("luggage", "bag_news", "With missing bags, promise word every day even if there is none."),
    (
        "connection",
        "hotel",
        "Stuck passengers need somewhere to sleep, so tell them that we cover a room and food.",
    ),
    ("connection", "boarding_pass", "After a missed connection, have the boarding card appear on their phone."),
    (
        "name",
        "reissue",
        "After fixing a misspelled name, ask them to compare the new confirmation with the passport.",
    ),
    ("seat", "seat_back", "If they did not sit where they had paid for, give the extra charge for the seat back."),
    (
        "assist",
        "meet_point",
        "When someone needs a wheelchair, mention where the helpers wait and how early to come.",
    ),
)
"""Issue, the move that is meant, and guidance in words that stand nowhere in the world's file."""


def test_paraphrased_guidance_still_helps() -> None:
    gains: list[float] = []
    for issue, move, text in PARAPHRASES:
        assert text not in json.dumps([m.advice for m in world().moves.values()])
        turns = solving(issue)
        # Each student carries out some moves badly whatever it is told, so each paraphrase is put to both.
        gains.append(
            max(
                share(move, turns, advice(text), seat=seat, n=60) - share(move, turns, seat=seat, n=60)
                for seat in ("student-small", "student-medium")
            )
        )
    assert mean(gains) > 0.15
    assert sum(g > 0.2 for g in gains) >= 4


def test_guidance_for_another_situation_does_not_help() -> None:
    base, own, other = (goodness(LATER, profile(), g) for g in ("", advice(OWN), advice(OTHER)))
    assert own > base + 0.08
    assert other < base + 0.03
    assert share("trace", LATER, advice(OTHER)) < share("trace", LATER) + 0.06
    # The very deed that is wanted here, bound to another situation: the "when" decides, not the words of the "do".
    assert share("trace", LATER, advice(MISPLACED)) < share("trace", LATER, advice(OWN)) - 0.3


def test_much_guidance_for_other_situations_distracts() -> None:
    others = [t for issue, _, t in PARAPHRASES if issue != "luggage"] * 3
    assert goodness(LATER, profile(), advice(*others)) < goodness(LATER, profile()) - 0.05


def test_wrong_guidance_misleads_and_lowers_satisfaction() -> None:
    who = profile()
    assert share("promise_bag", LATER, advice(WRONG)) > 0.4
    seeds = range(12)
    plain = [satisfaction(mind(), play(who, "student-small", s), who) for s in seeds]
    misled = [satisfaction(mind(), play(who, "student-small", s, lambda _: advice(WRONG)), who) for s in seeds]
    assert mean(misled) < mean(plain) - 0.5


def test_the_twentieth_strategy_dilutes_the_first() -> None:
    rest = [
        f"When a {colour} parcel is weighed at the counter number {n}: write its weight on the slip and keep it."
        for n, colour in enumerate(["red", "blue", "green", "grey", "white"] * 4)
    ][:19]
    alone, among = share("trace", LATER, advice(OWN)), share("trace", LATER, advice(OWN, *rest))
    assert alone > 0.55
    assert among < alone - 0.15
    assert among > share("trace", LATER) - 0.05


def test_a_longer_span_of_attention_is_diluted_less() -> None:
    rest = [OTHER] * 19
    lost = {
        seat: share("trace", LATER, advice(OWN), seat=seat) - share("trace", LATER, advice(OWN, *rest), seat=seat)
        for seat in ("student-small", "student-medium")
    }
    assert lost["student-small"] > lost["student-medium"]


def test_vague_guidance_does_little() -> None:
    vague = advice("Be helpful and do your best.", "Always be professional with everybody.")
    assert abs(goodness(LATER, profile(), vague) - goodness(LATER, profile())) < 0.06


def test_the_avoid_part_holds_back_a_bad_habit() -> None:
    habit = max(
        (k for k, m in world().moves.items() if m.kind == "bad" and k != "filler"),
        key=lambda k: share(k, LATER, n=150),
    )
    told = advice(f"When luggage is missing: avoid {world().moves[habit].advice[0]}.")
    assert share(habit, LATER, told) < share(habit, LATER) * 0.6


@pytest.mark.parametrize("form", ["block", "system prose", "list", "other tag"])
def test_where_guidance_stands_and_how_it_is_dressed_matters_little(form: str) -> None:
    messages = agent_messages(LATER)
    if form == "block":
        messages = agent_messages(LATER, advice(OWN))
    elif form == "system prose":
        messages[0] = ChatMessage("system", f"{messages[0].content}\n\nFrom experience: follow these. {OWN}")
    elif form == "list":
        messages[0] = ChatMessage("system", f"{messages[0].content}\n\n## Playbook\n* {OWN}")
    else:
        messages[-1] = ChatMessage("user", f"{messages[-1].content}\n<playbook>{OWN}</playbook>")
    made = [mind().made(model("student-small").answer(messages, s)) for s in range(120)]
    assert mean("trace" in m for m in made) > share("trace", LATER) + 0.3


# 3. The teacher is good, not perfect.


def _lessons(n: int = 300) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    issues = list(world().issues)
    for seed in range(n):
        turns = solving(issues[seed % len(issues)], cue="This is Maria Lopez. This is so frustrating.")
        wanted = model("teacher").answer(agent_messages(turns), seed)
        found += json.loads(ask("teacher", teach_prompt(turns, "I will look into that.", wanted), seed))[
            "strategies"
        ]
    return found


def test_the_teacher_is_mostly_right_and_sometimes_wrong() -> None:
    lessons = _lessons()
    made = [set(mind().made(s["do"])) for s in lessons]
    kinds = world().moves
    wrong = mean(any(kinds[m].kind == "breach" for m in m_) for m_ in made)
    private = mean("Maria Lopez" in s["when"] or any(c.isdigit() for c in s["when"]) for s in lessons)
    setting = mean(any(w in s["do"] for w in ("good agent", "better reply", "student")) for s in lessons)
    assert 0.005 < wrong < 0.07
    assert 0.02 < private < 0.14
    assert 0.02 < setting < 0.12
    assert mean(bool(m_) for m_ in made) > 0.9


def test_what_the_teacher_writes_moves_the_student() -> None:
    gains: list[float] = []
    for n, issue in enumerate([*world().issues] * 2):
        turns, who = solving(issue, cue="Keep it short, I need results."), profile(issue, "driver", "calm")
        wanted = model("teacher").answer(agent_messages(turns), n)
        lines: list[str] = []
        for s in json.loads(ask("teacher", teach_prompt(turns, "I will look into that.", wanted), n))["strategies"]:
            lines.append(f"When {s['when']}: {s['do']}." + (f" Avoid: {s['avoid']}." if s["avoid"] else ""))
        gains.append(goodness(turns, who, advice(*lines), n=60) - goodness(turns, who, n=60))
    assert mean(gains) > 0.04


def test_the_teacher_repeats_itself_now_and_then_and_words_the_same_rule_in_several_ways() -> None:
    existing = "1. " + OWN
    now = "You can buy essentials now, and we pay them against receipts. Where should we deliver the bag?"
    wanted = now + " I have started the trace for your luggage. This is solvable today, straight to the point."
    texts = [
        s["do"]
        for seed in range(120)
        for s in json.loads(ask("teacher", teach_prompt(LATER, now, wanted, existing=existing), seed))["strategies"]
    ]
    repeated = mean("trace" in mind().made(t) for t in texts)
    assert 0.05 < repeated < 0.6
    assert len(set(texts)) > 5


def test_a_revision_keeps_what_worked_and_adds_what_is_missing() -> None:
    trail = f"Try 1:\n1. {OWN}\nReply: I have started the trace for your luggage.\nAssessment: not enough"
    wanted = "I started the trace. Please keep the receipts of what you need to buy, we cover the essentials."
    answers = [
        json.loads(
            ask("teacher", teach_prompt(LATER, "I have started the trace for your luggage.", wanted, trail), s)
        )
        for s in range(40)
    ]
    kept = mean(any("trace" in mind().made(s["do"]) for s in a["strategies"]) for a in answers)
    added = mean(any("trace" not in mind().made(s["do"]) for s in a["strategies"]) for a in answers)
    assert kept > 0.9
    assert added > 0.9


def test_comparing_has_little_noise_and_a_bias_for_position() -> None:
    good = "I have started the trace for your luggage. Please keep the receipts, we cover the essentials."
    poor = "Your request is important to us."
    right = [
        json.loads(ask("teacher", compare_prompt(LATER, good, poor), s))["better"] == "first" for s in range(60)
    ]
    assert mean(right) > 0.95
    ties = [json.loads(ask("judge", compare_prompt(LATER, good, good), s))["better"] for s in range(250)]
    assert ties.count("first") > ties.count("second") * 1.3
    assert ties.count("same") > 100


# 4. Satisfaction follows from what was said; the judge reads text, with noise and bias.


def test_truth_rises_with_the_agent() -> None:
    profiles = world().domain().profiles[::12]
    means = [
        mean(satisfaction(mind(), play(p, seat, 1), p) for p in profiles)
        for seat in ("student-small", "student-medium", "teacher")
    ]
    assert means[0] + 0.4 < means[1] < means[2] - 0.3


def test_a_breach_of_policy_gives_at_most_two() -> None:
    who = profile()
    turns = play(who, "teacher", 2)
    assert satisfaction(mind(), turns, who) > 4
    spoiled = [*turns[:-1], Turn(speaker="agent", text="I guarantee that your bag arrives tomorrow.")]
    assert satisfaction(mind(), spoiled, who) <= 2


def test_persona_decides_what_is_welcome() -> None:
    chatty = Turn(speaker="agent", text="How has your day been otherwise, any nice plans for the weekend?")
    start = (Turn(speaker="customer", text="My luggage did not arrive with my flight."),)
    hurried, easy = profile(style="driver", emotion="calm"), profile(style="amiable", emotion="calm")
    assert satisfaction(mind(), [*start, chatty], hurried) <= satisfaction(mind(), [*start, chatty], easy)
    scores = {p.style: qualities(mind(), [*start, chatty], p)[0].score for p in (hurried, easy)}
    assert scores["driver"] < scores["amiable"]


def test_the_judge_is_noisy_but_follows_the_truth() -> None:
    truths: list[float] = []
    ratings: list[float] = []
    for n, who in enumerate(world().domain().profiles[::6]):
        turns = play(who, ("student-small", "student-medium", "teacher")[n % 3], n)
        truths.append(satisfaction(mind(), turns, who))
        ratings.append(json.loads(ask("judge", rate_prompt(who, turns), n))["satisfaction"])
    errors = [r - t for r, t in zip(ratings, truths, strict=True)]
    assert 0.15 < statistics.pstdev(errors) < 0.6
    assert abs(mean(errors)) < 0.3
    assert statistics.correlation(truths, ratings) > 0.85
    assert all(r * 2 == int(r * 2) and 1 <= r <= 5 for r in ratings)


def test_the_judge_slightly_favours_long_answers() -> None:
    who = profile()
    short = [*LATER, Turn(speaker="agent", text="I have started the trace for your luggage.")]
    padding = " It is a long established practice here that matters of that sort are seen to with every care." * 6
    long = [*LATER, Turn(speaker="agent", text=f"I have started the trace for your luggage.{padding}")]
    rated = [
        mean(json.loads(ask("judge", rate_prompt(who, t), s))["satisfaction"] for s in range(150))
        for t in (short, long)
    ]
    gap = rated[1] - rated[0] - (satisfaction(mind(), long, who) - satisfaction(mind(), short, who))
    assert 0.03 < gap < 0.5


# 5. Deterministic in (seed, messages); stateless.


def test_same_seed_and_messages_same_text_whatever_came_before() -> None:
    messages = agent_messages(LATER, advice(OWN))
    fresh = PracticeModel("student-small", [world()])
    first = [fresh.answer(messages, s) for s in range(20)]
    order = list(range(20))
    random.Random(3).shuffle(order)
    again = {s: fresh.answer(messages, s) for s in order}
    assert first == [again[s] for s in range(20)]
    assert len(set(first)) > 5


# 6. Calibration has its own benchmark (bench/calibrate.py); here a coarse guard.


@pytest.mark.parametrize(
    ("seat", "low", "high"), [("student-small", 2.4, 3.2), ("student-medium", 3.5, 4.4), ("teacher", 4.6, 5.0)]
)
def test_satisfaction_without_coaching_is_near_the_published(seat: str, low: float, high: float) -> None:
    value = mean(satisfaction(mind(), play(p, seat, 1), p) for p in world().domain().profiles[1::6])
    assert low < value < high


# 7. Seats mix.


def test_a_reply_in_free_words_is_recognised() -> None:
    """As a real model or a person might write it, in no wording of the world's file."""
    free = (
        "We've kicked off a worldwide search for the suitcase. Buy whatever clothes you need tonight "
        "and hang on to the bills, we will pay you back."
    )
    state = mind().state(LATER)
    seen = quality(mind(), state, mind().made(free))
    assert {"trace", "essentials"} <= set(seen.hits)
    who = profile()
    said = model("customer").answer(customer_messages(who, [*LATER, Turn(speaker="agent", text=free)]), 1)
    assert said
    better = json.loads(ask("teacher", compare_prompt(LATER, free, "I hear you. One moment."), 1))
    assert better["better"] == "first"


def test_a_question_in_free_words_is_answered_by_the_customer() -> None:
    who = profile()
    value = who.known.split("airport desk: ")[1].split(";")[0]
    asked = (LATER[0], Turn(speaker="agent", text="Did they hand you a PIR, and what report number is on it?"))
    assert any(value in model("customer").answer(customer_messages(who, asked), s) for s in range(5))


def test_a_customer_in_free_words_is_understood_by_the_student() -> None:
    said = (
        Turn(
            speaker="customer",
            text="hi, so my bag isn't here?? flight landed an hour ago and the belt is empty, im really worried",
        ),
    )
    state = mind().state(said)
    assert (state.issue, state.emotion, state.phase) == ("luggage", "concerned", "open")
    assert share("ask_pir", said, seat="student-medium", n=60) > 0.5


def test_worlds_do_not_mix_up() -> None:
    turns = solving("late", "retailer")
    reply = model("teacher").answer(agent_messages(turns, name="retailer"), 1)
    assert set(Mind(world("retailer")).made(reply)) & set(world("retailer").issues["late"].solve)
