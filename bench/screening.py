"""Precision and recall of each check by code on a labelled set. ``python -m bench screening``.

The set (``screening_set.txt``) was written before the checks were tuned. A third of it, told by the hash of each
line, is held out: it stands in a table of its own, and its misses are never printed. ``python -m bench.screening
--misses`` prints those of the part for tuning.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from preceptor.core.records import Domain, Issue, Strategy, Turn
from preceptor.library.screening import CHECKS, screen

SET = Path(__file__).with_name("screening_set.txt")
USUAL = "the customer asks what happens next"
TURNS = (
    Turn(
        speaker="customer",
        text="Hi, I'm Maria Keller. My flight QX417 to Lisbon on 14 May got cancelled and my mother is in "
        "hospital, I can't deal with forms right now.",
    ),
    Turn(speaker="agent", text="I am sorry to hear that, Ms Keller. Could you give me your booking reference?"),
    Turn(
        speaker="customer",
        text="It's KJ7P2M. I paid 389.50 euros and I want every cent of it back, Tom from your desk already said "
        "yes.",
    ),
)
DOMAIN = Domain(
    name="Meridian Air",
    brief="You answer customers of Meridian Air in chat.",
    policy="A ticket can be cancelled in full within 24 hours. Restricted fares are not refundable after that; "
    "their value stays as credit for 12 months. A change costs 40 euros. A bag counts as lost after 21 days. Never "
    "promise compensation before a claim is decided.",
    issues=(Issue(key="refund", title="Refund of a restricted ticket", story="", goal=""),),
    profiles=(),
)
APPROVED = (
    Strategy(
        id="approved-1",
        when="a bag did not arrive",
        do="ask for the tag number and say when the next update comes",
    ),
    Strategy(
        id="approved-2",
        when="the fare is restricted and the customer asks for a refund",
        do="say plainly that the fare is not refundable, then offer credit for 12 months",
        avoid="ending with the refusal alone",
    ),
    Strategy(
        id="approved-3",
        when="the customer is angry",
        do="name the feeling in one short sentence before any question",
    ),
    Strategy(
        id="approved-4",
        when="the customer has to give documents",
        do="ask for documents only after an offer was made",
    ),
)


@dataclass(frozen=True)
class Labelled:
    """One strategy of the set."""

    strategy: Strategy
    labels: frozenset[str]
    held_out: bool


def labelled() -> Iterator[Labelled]:
    """The set, line by line."""
    for line in SET.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        labels, when, do, avoid = (part.strip() for part in line.split(" | "))
        strategy = Strategy(
            id="strategy-x", when=USUAL if when == "-" else when, do=do, avoid="" if avoid == "-" else avoid
        )
        held_out = hashlib.sha256(line.encode()).digest()[0] % 3 == 0
        yield Labelled(strategy, frozenset(labels.split(",")) - {"clean"}, held_out)


def measured(*, held_out: bool, misses: bool = False) -> dict[str, tuple[int, int, int]]:
    """Check to (right, wrong, missed)."""
    right, wrong, missed = Counter[str](), Counter[str](), Counter[str]()
    for one in labelled():
        if one.held_out is not held_out:
            continue
        found = frozenset(f.check for f in screen(one.strategy, turns=TURNS, domain=DOMAIN, others=APPROVED))
        right.update(found & one.labels)
        wrong.update(found - one.labels)
        missed.update(one.labels - found)
        if misses and found != one.labels:
            told = one.strategy
            print(
                f"wrong {sorted(found - one.labels)} missed {sorted(one.labels - found)}: {told.when} | {told.do}"
            )
    return {check: (right[check], wrong[check], missed[check]) for check in CHECKS}


def main() -> int:
    for held_out in (False, True):
        _table(held_out=held_out)
    return 0


def _table(*, held_out: bool) -> None:
    every = [one for one in labelled() if one.held_out is held_out]
    told = measured(held_out=held_out, misses="--misses" in sys.argv and not held_out)
    clean = sum(not one.labels for one in every)
    print(f"{'held-out third' if held_out else 'the part for tuning'}: {len(every)} strategies, {clean} clean")
    print("| check | labelled | precision | recall |\n|---|---|---|---|")
    for check, (right, wrong, missed) in told.items():
        precision = f"{right / (right + wrong):.2f}" if right + wrong else "-"
        recall = f"{right / (right + missed):.2f}" if right + missed else "-"
        print(f"| {check} | {right + missed} | {precision} | {recall} |")
    right, wrong, missed = (sum(values) for values in zip(*told.values(), strict=True))
    print(f"| all | {right + missed} | {right / (right + wrong):.2f} | {right / (right + missed):.2f} |")
    blocked = sum(
        any(f.severity == "blocking" for f in screen(o.strategy, turns=TURNS, domain=DOMAIN, others=APPROVED))
        for o in every
        if not o.labels
    )
    print(f"clean ones that were blocked: {blocked} of {clean}\n")


if __name__ == "__main__":
    raise SystemExit(main())
