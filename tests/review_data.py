# ruff: noqa: E501 (prose)
"""A library as a run would leave it, for the review app's tests, development and screenshots: made through
``Library.apply`` from themes of an airline's customer service, varied by seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from preceptor.core.clock import Clock
from preceptor.core.events import Event, ItemDone, ItemFailed, PhaseStarted, RunEnded, RunStarted, Spent
from preceptor.core.ids import short_id
from preceptor.core.records import AXES, Attempt, Comparison, Domain, Issue, Lesson, Scenario, Strategy, Turn
from preceptor.library.changes import Change, Evidence, Flag, Propose, Provenance, RecordLesson
from preceptor.library.screening import screen
from preceptor.library.store import Library
from preceptor.runs.run import Run
from preceptor.runs.store import RunStore

RUN = "learn-001"


@dataclass(frozen=True, kw_only=True)
class Theme:
    """One situation with what was said and what was learned from it."""

    talk: tuple[str, ...]
    """Customer and agent in turn, customer first and last."""
    before: str
    teacher: str
    after: str
    when: str
    do: str
    avoid: str
    why: str


DOMAIN = Domain(
    name="Meridian Air",
    brief="You answer customers of Meridian Air in chat.",
    policy="Restricted tickets are not refundable after 24 hours. A bag counts as lost after 21 days. "
    "Never promise compensation before a claim is decided.",
    issues=(
        Issue(key="refund", title="Refund of a restricted ticket", story="I cannot fly.", goal="my money back"),
        Issue(key="luggage", title="Lost luggage", story="My bag did not arrive.", goal="my bag"),
    ),
    profiles=(),
)

THEMES = (
    Theme(
        talk=(
            "I booked the cheapest fare to {city} and my mother was taken to hospital last night. "
            "I can't fly. I need my money back.",
            "I am sorry to hear that. Could you give me your booking reference?",
            "{ref}. Please, I really can't deal with forms right now. Just tell me I'll get it back.",
        ),
        before="Thank you. Your ticket is restricted and not refundable. Is there anything else I can help you with?",
        teacher="I'm so sorry about your mother; please don't worry about forms tonight. Your fare itself can't be "
        "refunded, and I'd rather say that plainly than leave you hoping. What I can do right now is cancel the trip "
        "without a fee so its value stays yours as credit for 12 months, and the taxes go back to your card. "
        "Shall I do that, or would moving the date help more?",
        after="I'm so sorry about your mother. I'll be plain with you: this fare can't be refunded. What I can do right "
        "now is keep its value as credit for 12 months and send the taxes back to your card. Shall I do that, or would "
        "you rather move the date?",
        when="a customer with a restricted ticket asks for a refund because of an emergency in the family",
        do="acknowledge the emergency in one sentence, say plainly that the fare is not refundable, then offer at once "
        "what is possible: credit, a new date, or the taxes back",
        avoid="ending with the refusal alone, or asking for proof before anything was offered",
        why="A rule alone ends nothing. Customers forgave a no that came with a choice and a next step, and left "
        "angry when it came alone.",
    ),
    Theme(
        talk=(
            "My suitcase didn't come out in {city}. Belt's been empty for an hour.",
            "I'm sorry to hear that. Did you file a report at the airport?",
            "There was nobody at the desk!! My insulin is in that bag.",
        ),
        before="Please file a property irregularity report at the baggage desk. It will take 3 to 5 days to locate "
        "your bag.",
        teacher="Insulin first: if you need a dose soon, the airport's medical desk is open around the clock and will "
        "help you tonight. Do you have enough for the next hours? Meanwhile I'm opening the report for you myself; "
        "I only need the tag number on your boarding card.",
        after="Insulin first: do you have enough for tonight? If not, the airport's medical desk is open around the "
        "clock. I'll open the report for you from here, so no need to queue; I only need the tag number on your "
        "boarding card.",
        when="a missing bag holds medicine or something else that is needed the same day",
        do="ask about the urgent need before the paperwork, name where it can be met today, then open the report for "
        "the customer",
        avoid="sending the customer back to a desk that they said was closed",
        why="Safety outranks process, and a report that the agent opens takes one question instead of a queue.",
    ),
    Theme(
        talk=(
            "Third time I write. You charged me twice for seat 14C, {amount}. I have screenshots.",
            "Could you please describe the issue with the payment?",
            "I JUST DID. Read what I wrote.",
        ),
        before="I understand your frustration. Could you please send me the screenshots and describe the issue?",
        teacher="You did, and I should have read it: two charges for the same seat, and this is your third message "
        "about it. I can see both charges. The second one is a duplicate; I've sent it back just now, and it will "
        "show on your card within a few working days. Your reference for this is on its way by e-mail.",
        after="You're right, you told us already: two charges for one seat, and this is your third message. I see both. "
        "I'm sending the second one back now; it will show on your card in a few working days, and I'll mail you a "
        "reference so that you never have to explain this again.",
        when="a customer says that they have explained the same problem before",
        do="repeat their facts back in one sentence to show that they were read, then act on them without a new question",
        avoid="asking for anything that stands in the conversation already",
        why="Being asked again was what turned annoyed customers into lost ones.",
    ),
    Theme(
        talk=(
            "Hi! Quick question, can I bring my cello on board? It's for an audition in {city} :)",
            "Hello! Instruments can be carried as cabin or checked baggage.",
            "Great, so I can just carry it on?",
        ),
        before="Yes, you can carry it on, subject to the cabin baggage policy.",
        teacher="Not quite: a cello is larger than cabin baggage, so it needs a seat of its own or goes in the hold in "
        "a hard case. For an audition I'd take the seat: it's booked like a second passenger, and you can add it "
        "online up to 48 hours before. Would you like me to check whether the place beside you is free?",
        after="Not quite: a cello is larger than cabin baggage, so it needs its own seat or a hard case in the hold. "
        "Before an audition the seat is safer. Shall I see whether the one beside you is free?",
        when="a customer draws a wrong conclusion from an answer that was true but vague",
        do="correct it in the first words, give the rule in one sentence, and recommend one option with its reason",
        avoid="agreeing and adding conditions at the end",
        why="A yes with small print was remembered as a yes, and became a complaint at the gate.",
    ),
    Theme(
        talk=(
            "You delayed my flight by five hours. What compensation do I get?",
            "I apologise for the delay. May I have your flight number?",
            "{flight}, yesterday, to {city}. And don't tell me it was the weather.",
        ),
        before="You will receive compensation of 400 EUR for this delay.",
        teacher="Thank you. I won't guess at the cause: the claims team decides on the flight record, not on my word. "
        "I can file your claim now with what you've told me, and you'll have a written decision with the reason. "
        "Meals during the wait are yours either way: send the receipts with it. Shall I file it?",
        after="I can't promise an amount: the claims team decides from the flight record and will write to you with the "
        "reason. I can file it for you now. Keep your meal receipts, those are paid either way. Shall I go ahead?",
        when="a customer asks how much compensation a delay brings",
        do="say who decides and on what, offer to file the claim now, and name what is due in any case",
        avoid="naming an amount, or arguing about the cause of the delay",
        why="A promised amount binds the firm, and an argument about the cause cannot be won in a chat.",
    ),
    Theme(
        talk=(
            "My name on the ticket is misspelled. One letter. Flight's tomorrow morning.",
            "Name changes can be made for a fee.",
            "A fee for a typo? Your site autofilled it.",
        ),
        before="Yes, the fee for a name change applies to all changes of the name.",
        teacher="A typo isn't a name change: corrections of up to three letters are free, and I'm making it now. "
        "Please check this spelling against your passport. Your boarding card will be sent again in a minute.",
        after="A one-letter typo is a correction, not a name change, so there's no fee. I'm making it now; please check "
        "the spelling against your passport, and look for the new boarding card in your mail.",
        when="what the customer asks for sounds like a paid change but is a small correction",
        do="call it a correction, make it without a fee, and ask the customer to check the result against the document",
        avoid="quoting a fee before it is clear which of the two it is",
        why="The policy knows the difference, and its headline does not tell it.",
    ),
    Theme(
        talk=(
            "can u move me to the earlier flight on sunday",
            "Certainly. The fare difference is {amount}. Shall I proceed?",
            "hmm idk. is there a cheaper one",
        ),
        before="The fare difference is calculated by the system and cannot be changed.",
        teacher="There is: the 06:40 has the smallest difference, and on Saturday evening it's almost nothing. If "
        "Sunday matters most, take 06:40; if price does, take Saturday. Which is it?",
        after="Yes: the first flight on Sunday costs the least extra, and Saturday evening even less. If the day matters "
        "more, take Sunday's first; if the price does, Saturday. Which would you like?",
        when="a customer hesitates over the price of a change",
        do="lay out two options that differ in price and say for whom each is right, then ask which it is",
        avoid="defending how the price is made",
        why="Two clear options end the hesitation in one message; one option and a rule start a discussion.",
    ),
    Theme(
        talk=(
            "I want to talk to a human. NOW.",
            "I am here to help you. What is your issue?",
            "A H U M A N. You people broke my wheelchair.",
        ),
        before="I am sorry for the inconvenience. Please describe the damage to your wheelchair so I can assist you.",
        teacher="I'm connecting you to a colleague on the mobility desk right now; they can lend you a chair today. "
        "While it rings: are you somewhere you can wait safely?",
        after="I'm connecting you to a person on the mobility desk now; they can lend you a chair today. Until they pick "
        "up: are you somewhere safe and comfortable to wait?",
        when="a customer asks for a person twice, or once after harm to a mobility aid",
        do="hand over at once, say to whom and what they can do, and use the wait for one question about safety",
        avoid="asking what it is about first",
        why="Holding on to such a customer is what the policy forbids and what cost most in satisfaction.",
    ),
)

GENERAL = (
    ("any customer tells of a loss, an illness or fear", "name it in one plain sentence before anything else", ""),
    (
        "a rule stands against what the customer wants",
        "give the no in the first sentence and the best yes in the second",
        "softening the no until it sounds like a maybe",
    ),
    (
        "the conversation comes to an end",
        "say what happens next, who does it and by when",
        "asking whether there is anything else when the problem is still open",
    ),
)

CITIES = ("Lisbon", "Oslo", "Denver", "Nairobi", "Osaka", "Porto", "Tallinn", "Quito", "Leeds", "Hanoi")
SETTINGS = (
    "on the evening before departure", "by e-mail", "at the gate", "for a group booking", "on a partner's flight",
    "with a child on the booking", "after a missed connection", "on a corporate account", "in a second language",
    "with loyalty points", "while abroad", "after a change of schedule", "with an infant", "during a strike",
    "with a visa still pending", "after check-in has closed", "with an assistance dog", "on a gift voucher",
)  # fmt: skip


def fill(library: Library, count: int, *, seed: int = 7, run: str = RUN) -> tuple[str, ...]:
    """Proposes ``count`` strategies with lessons, findings and some evidence; their ids in order."""
    rng = random.Random(seed)
    ids: list[str] = []
    scenarios: list[str] = []
    changes: list[Change] = []
    for number in range(count):
        lesson = make_lesson(number, rng)
        strategy = lesson.strategies[0]
        ids.append(strategy.id)
        scenarios += strategy.scenarios
        tainted = number % 9 == 4
        changes.append(RecordLesson(lesson=lesson, run=run, stage=lesson.scenario.stage))
        changes.append(
            Propose(
                strategy=strategy,
                provenance=Provenance(
                    run=run,
                    stage=lesson.scenario.stage,
                    scenarios=strategy.scenarios,
                    lessons=(lesson.id,),
                    attempt=lesson.kept,
                    prompts=(("teach", "3f1c9a62d0b7"), ("compare", "a91e44c07d18")),
                    models=(("student", "practice:student-small"), ("teacher", "practice:teacher")),
                    tainted=tainted,
                ),
                findings=screen(strategy, turns=lesson.scenario.turns, domain=DOMAIN),
                lesson_id=lesson.id,
            )
        )
        if rng.random() < 0.4:
            changes.append(evidence(strategy.id, rng))
    for when, do, avoid in GENERAL[: 3 if count >= 20 else 0]:
        strategy = Strategy(
            id=short_id("strategy", [when, do]),
            when=when,
            do=do,
            avoid=avoid,
            why="It recurred in lessons of several issues.",
            scope="domain",
            scenarios=tuple(scenarios[::5][:8]),
        )
        ids.append(strategy.id)
        changes.append(Propose(strategy=strategy, provenance=Provenance(run=run, stage=1)))
        changes.append(evidence(strategy.id, rng))
    if count >= 20:
        changes.append(Flag(strategy_ids=(ids[0], ids[8]), note="One asks for proof later, the other at once."))
    for start in range(0, len(changes), 2000):
        library.apply(
            changes[start : start + 2000], author=f"run:{run}", reason="learned", token=f"{run}:{seed}:{start}"
        )
    return tuple(ids)


def evidence(strategy_id: str, rng: random.Random) -> Evidence:
    """A measured difference; helpful, harmful or unproven by its interval."""
    lift, half = round(rng.gauss(0.28, 0.3), 2), round(rng.uniform(0.12, 0.34), 2)
    low, high = round(lift - half, 2), round(lift + half, 2)
    verdict = "helpful" if low > 0 else "harmful" if high < 0 else "unproven"
    return Evidence(
        strategy_id=strategy_id, verdict=verdict, lift=lift, interval=(low, high), n=48, run="evaluate-001"
    )


def make_lesson(number: int, rng: random.Random) -> Lesson:
    """Lesson ``number``: a theme in a setting of its own; every few have something that screening finds."""
    theme = THEMES[number % len(THEMES)]
    setting = _setting(number // len(THEMES))
    facts = {
        "city": rng.choice(CITIES),
        "ref": "".join(rng.choices("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=5)) + "7",
        "amount": f"EUR {rng.randint(19, 240)}",
        "flight": f"MA{rng.randint(200, 999)}",
    }
    turns = tuple(
        Turn(
            speaker="agent" if n % 2 else "customer",
            text=text.format(**facts),
            by="student" if n % 2 else "customer",
        )
        for n, text in enumerate(theme.talk)
    )
    scenario_id = short_id("scenario", [number, [t.text for t in turns]])
    when = f"{theme.when}{setting}"
    do, avoid = theme.do, theme.avoid
    match number % 11:
        case 3:
            do = f"{do}, as the good agent did"
        case 5:
            when = f"{when} to {facts['city']}"
        case 9:
            do = "be polite and helpful"
    strategy = Strategy(
        id=short_id("strategy", [when, do, avoid]),
        when=when,
        do=do,
        avoid=avoid,
        why=theme.why,
        scenarios=(scenario_id,),
    )
    draft = Strategy(
        id=short_id("strategy", ["draft", number]), when=theme.when, do="say it more kindly", why="Tone."
    )
    attempts: Sequence[Attempt] = (
        Attempt(number=0, strategies=(), reply=theme.before, comparison=_comparison("worse", -0.6)),
        Attempt(number=1, strategies=(draft,), reply=f"{theme.before} I am truly sorry.", comparison=_comparison("worse", -0.3)),
        Attempt(number=2, strategies=(strategy,), reply=theme.after, comparison=_comparison("as_good", 0.1)),
    )  # fmt: skip
    return Lesson(
        id=short_id("lesson", [scenario_id, number]),
        scenario=Scenario(id=scenario_id, turns=turns, profile=f"profile-{number % 24:02}", stage=number % 3),
        teacher_reply=theme.teacher,
        attempts=tuple(attempts),
        kept=2,
        outcome="taught" if number % 5 else "improved",
    )


def _setting(number: int) -> str:
    """Nothing for the first, then one, two or three settings: thousands of cases without a number in their words."""
    found: list[str] = []
    while number:
        number, digit = divmod(number - 1, len(SETTINGS))
        found.append(SETTINGS[digit])
    return "".join(f" {text}" for text in found)


def _comparison(verdict: str, margin: float) -> Comparison:
    reason = (
        "It stops at the rule and leaves the customer with no next step." if verdict == "worse" else "On a par."
    )
    return Comparison(verdict=verdict, axes=tuple((a, margin) for a in AXES), reason=reason, orders=2)  # type: ignore[arg-type]


def make_library(path: Path, count: int, *, clock: Clock, seed: int = 7) -> Library:
    """A new library of ``count`` strategies at ``path``."""
    library = Library.open(path, clock=clock, create=True)
    fill(library, count, seed=seed)
    return library


def make_run(store: RunStore, *, lessons: int = 40, done: bool = True) -> Run:
    """A run of ``learn`` with its events; ``done`` False leaves it as one that is under way."""
    run = store.create(
        "learn",
        config={"learn": {"teacher_share": [1.0, 0.6, 0.3, 0.0], "attempts": 5}},
        seed=1,
        prompts={"teach": "3f1c9a62d0b7"},
        models={
            "student": "practice:student-small",
            "teacher": "practice:teacher",
            "customer": "practice:customer",
        },
    )
    for event in run_events(run.id, lessons, done=done):
        run.record(event)
    if done:
        run.finish(
            "done",
            results={"strategies": lessons, "lessons": lessons},
            spend=({"seat": "student", "phase": "teach", "calls": lessons * 4, "input_tokens": 42000, "output_tokens": 9000, "usd": None},),
        )  # fmt: skip
    return run


def run_events(run: str, lessons: int, *, done: bool) -> list[Event]:
    """What a run tells: dialogues, then lessons with attempts, one failure in twelve."""
    events: list[Event] = [RunStarted(run=run, job="learn", resumed=False)]
    outcomes = ("taught", "taught", "improved", "already_good", "not_taught", "taught")
    for stage in range(2):
        events.append(PhaseStarted(name="generate", stage=stage, total=lessons // 2))
        events += [
            ItemDone(kind="dialogue", id=f"dialogue-{stage}-{n}", detail="closed") for n in range(lessons // 2)
        ]
        events.append(PhaseStarted(name="teach", stage=stage, total=lessons // 2))
        for n in range(lessons // 2 if done or not stage else lessons // 4):
            seat = "teacher" if n % 3 == 0 else "student"
            events.append(Spent(seat=seat, phase="teach", input_tokens=420, output_tokens=90, usd=0.0004, replayed=False, estimated=False))  # fmt: skip
            if n % 12 == 11:
                events.append(ItemFailed(kind="lesson", id=f"lesson-{stage}-{n}", failure="truncated-json", reason="the teacher's answer was cut off"))  # fmt: skip
            else:
                events.append(ItemDone(kind="lesson", id=f"lesson-{stage}-{n}", detail=outcomes[n % 6]))
    if done:
        events.append(RunEnded(run=run, status="done"))
    return events
