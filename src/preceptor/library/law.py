"""The rules by which strategies become releasable: how many people approve, and how long that holds.

A library carries its law in its own log (:class:`~preceptor.library.changes.SetLaw`), so it has author, time and
reason, and no settings file gets around it.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from preceptor.core.errors import InputError, LibraryError

RUN = "run:"
"""How the authors of changes that no person made begin."""
MOST_DAYS = 36500
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """What holds for every approval in a library."""

    people: int = 1
    """How many different people have to approve a version: 1 or 2."""
    valid_days: int = 0
    """Days for which an approval holds; 0: for ever."""

    def check(self) -> None:
        """LibraryError where a value is out of its bounds."""
        if self.people not in (1, 2):
            raise LibraryError(f"{self.people} people cannot be asked for", hint="1 or 2")
        if not 0 <= self.valid_days <= MOST_DAYS:
            raise LibraryError(f"{self.valid_days} days cannot be asked for", hint=f"0 (for ever) to {MOST_DAYS}")

    def looser(self, than: Law) -> bool:
        """Whether anything is allowed that ``than`` does not allow."""
        longer = bool(than.valid_days) and (not self.valid_days or self.valid_days > than.valid_days)
        return self.people < than.people or longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A looser law that one person has asked for; it holds once another person asks for the same."""

    law: Law
    by: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One person's word for the current version."""

    by: str
    at: str
    """ISO 8601, UTC."""


def same_person(one: str, other: str) -> bool:
    """Whether two authors are one person: case and spaces make no other one."""
    return "".join(one.split()).casefold() == "".join(other.split()).casefold()


def moment(when: datetime) -> str:
    """A time as the library writes it: ISO 8601, UTC, microseconds. Such texts compare as the times do."""
    return when.astimezone(UTC).isoformat(timespec="microseconds")


def read_time(text: str) -> datetime:
    """A time as people write it: ``2026-03-01`` is the end of that day, ``2026-03-01T12:30`` that minute; UTC where
    no offset is told. InputError where it is none."""
    try:
        found = datetime.fromisoformat(text)
        if _DAY.fullmatch(text):
            found += timedelta(days=1)
        # In UTC here and now: with an offset, the first and the last day there are lie outside it.
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputError(f"'{text[:40]}' is no time", hint="for instance 2026-03-01, or 2026-03-01T12:30") from None


def check_moment(text: str) -> None:
    """LibraryError where ``text`` is neither empty nor written as :func:`moment` does."""
    try:
        good = not text or moment(datetime.fromisoformat(text)) == text
    except (ValueError, OverflowError):
        good = False
    if not good:
        raise LibraryError(f"'{text[:40]}' is no time in UTC", hint="for instance 2027-01-31T00:00:00.000000+00:00")


def oldest_valid(law: Law, now: str) -> str:
    """Approvals given at this time or before have expired by ``now``; empty where none does by age."""
    if not law.valid_days:
        return ""
    try:
        return moment(datetime.fromisoformat(now) - timedelta(days=law.valid_days))
    except (OverflowError, ValueError):
        return ""


def ends_at(law: Law, *, approved_at: str, until: str) -> str:
    """When an approval ends; empty: never.

    Args:
        law: what holds now.
        approved_at: when the last of the people approved; empty: nothing is approved, so nothing ends.
        until: the end that was given with the approval; empty: none.
    """
    if not approved_at:
        return ""
    ends = [until] if until else []
    if law.valid_days:
        with suppress(OverflowError):
            ends.append(moment(datetime.fromisoformat(approved_at) + timedelta(days=law.valid_days)))
    return min(ends, default="")
