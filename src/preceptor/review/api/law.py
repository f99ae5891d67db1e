"""The library's law over the API, and how long decisions take."""

from __future__ import annotations

from preceptor.library.changes import SetLaw
from preceptor.library.law import Law
from preceptor.review.api.endpoint import Call, Endpoint, reads, writes
from preceptor.review.api.shapes import LawGiven, LawTold, PaceTold


def endpoints() -> tuple[Endpoint, ...]:
    """Those of this module."""
    return (
        reads("/api/law", "How many people approve, and for how long that holds", _law, LawTold),
        writes("/api/law", "Set it; a looser one may need two people", _set, LawTold, LawGiven, role="admin"),
        reads(
            "/api/pace", "How long people took for a decision in the queue; of whom is not kept", _pace, PaceTold
        ),
    )


def _pace(call: Call) -> object:
    told = call.desk.pace.told()
    return PaceTold(seconds=told.seconds if told else None, decisions=told.decisions if told else 0)


def _law(call: Call) -> object:
    library = call.desk.library
    return LawTold(law=library.law(), asked=library.law_asked())


def _set(call: Call) -> object:
    given: LawGiven = call.body
    change = SetLaw(law=Law(people=given.people, valid_days=given.valid_days))
    call.desk.library.apply([change], author=call.account.name, reason=given.reason or "set the law")
    return _law(call)
