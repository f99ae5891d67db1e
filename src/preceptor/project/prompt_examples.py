"""Every prompt filled in with one made-up conversation: for the docs and for those who write their own."""

from __future__ import annotations

from preceptor.core.records import Strategy, Turn
from preceptor.core.untrusted import fence
from preceptor.prompts import Prompt
from preceptor.prompts.transcript import conversation, numbered, transcript

_TURNS = (
    Turn(speaker="customer", text="My suitcase did not come off the belt and nobody at the airport could help me."),
    Turn(speaker="agent", text="I am sorry. Please give me your booking code."),
    Turn(speaker="customer", text="It is on my phone, which is dead. I have a meeting tomorrow and no clothes!"),
)
_STRATEGIES = (
    Strategy(
        id="strategy-1",
        when="the customer's bag is missing and the customer is upset",
        do="first say in one sentence that you see what this means for the trip, then ask for one detail",
        avoid="asking for several details at once",
        why="an upset customer answers questions better once heard",
    ),
    Strategy(
        id="strategy-2",
        when="the customer cannot give the booking code",
        do="offer another way to find the booking, such as name and flight number",
        why="the talk goes on instead of standing still",
    ),
)
_POLICY = """\
- Necessary clothes are refunded up to the limit in the conditions of carriage, with receipts.
- Never promise a time of delivery."""
_WEAK = "Please give me your booking code so that I can look for your bag."
_GOOD = (
    "That is a bad start before a meeting, and I am sorry. Your name and flight number are enough: may I have them?"
)

_VALUES = {
    "advice": "",
    "assessment": fence("assessment", "The first reply repeats the question and does not say what happens next."),
    "brief": "You are a customer-service agent of SkyLine. You answer customers by chat.",
    "conversation": conversation(_TURNS),
    "demanding": "yes",
    "emotion": "frustrated",
    "examples": "1. Customer: My bag is not here, I am furious!\n   Agent: That is a bad end to a journey, and I "
    "am sorry. May I have your flight number?",
    "existing": fence("existing", numbered(_STRATEGIES[:1])),
    "firm": "SkyLine",
    "first": fence("first", _WEAK),
    "goal": "To get the bag, and to know what can be bought until then.",
    "issue": "My suitcase did not arrive.",
    "issues": "- My suitcase did not arrive. Goal: To get the bag, and to know what can be bought until then.",
    "known": "Flight SL 204, yesterday evening. A black suitcase.",
    "least": "3",
    "most": "3",
    "policy": _POLICY,
    "profile": "driver, frustrated, demanding",
    "second": fence("second", _GOOD),
    "strategies": fence("strategies", numbered(_STRATEGIES)),
    "strategy": fence("strategy", numbered(_STRATEGIES[:1])),
    "reply_now": fence("reply_now", _WEAK),
    "reply_wanted": fence("reply_wanted", _GOOD),
    "style": "driver",
    "text": "- When a customer is upset: say in one sentence that you see why, then ask for one detail.",
    "trail": "",
    "unknown": "The booking code: the phone is dead.",
    "words": "300",
}


def rendered(prompt: Prompt) -> str:
    """``prompt`` with the example in its places.

    Raises:
        PromptError: it has a placeholder that the example does not know.
    """
    values = dict(_VALUES)
    if prompt.name == "advice":
        values["strategies"] = numbered(_STRATEGIES)
    if prompt.name == "prefer":  # whole dialogues with the same customer
        for place, text in (("first", _WEAK), ("second", _GOOD)):
            values[place] = fence(place, transcript((*_TURNS, Turn(speaker="agent", text=text))))
    if prompt.name == "primer":  # as for one issue
        values |= {"issue": fence("issue", f"{values['issue']} Goal: {values['goal']}"), "issues": ""}
    return prompt.render(**values)
