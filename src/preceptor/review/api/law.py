"""The library's law over the API."""

from __future__ import annotations

from preceptor.library.changes import SetLaw
from preceptor.library.law import Law
from preceptor.review.api.endpoint import Call, Endpoint, reads, writes
from preceptor.review.api.shapes import LawGiven, LawTold


def endpoints() -> tuple[Endpoint, ...]:
    """Those of this module."""
    return (
        reads("/api/law", "How many people approve, and for how long that holds", _law, LawTold),
        writes("/api/law", "Set it; a looser one may need two people", _set, LawTold, LawGiven, role="admin"),
    )


def _law(call: Call) -> object:
    library = call.desk.library
    return LawTold(law=library.law(), asked=library.law_asked())


def _set(call: Call) -> object:
    given: LawGiven = call.body
    change = SetLaw(law=Law(people=given.people, valid_days=given.valid_days))
    call.desk.library.apply([change], author=call.account.name, reason=given.reason or "set the law")
    return _law(call)
