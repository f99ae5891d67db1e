"""Where a strategy stands, in words for people."""

from __future__ import annotations

from preceptor.library.entry import Entry
from preceptor.library.law import Law, same_person
from preceptor.review.people import Account


def own_word(entry: Entry, account: Account) -> bool:
    """Whether this account has approved the version already."""
    return any(same_person(a.by, account.name) for a in entry.approvals)


def approved(entry: Entry) -> str:
    """What an approval came to."""
    return "Approved; waits for a second person." if entry.half_approved else "Approved."


def law_told(law: Law) -> str:
    """A law in one line."""
    people = "Two people approve" if law.people == 2 else "One person approves"
    return f"{people}; an approval holds {f'for {law.valid_days} days' if law.valid_days else 'for ever'}."
