"""Decisions on a project's strategies, from the command line or Python."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from preceptor.core.errors import InputError
from preceptor.library.decide import Decider
from preceptor.library.store import Library
from preceptor.project.project import Project

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@contextmanager
def open_decider(project: Project, author: str) -> Generator[tuple[Decider, Library]]:
    """Takes decisions in the name of ``author``. LibraryError where there is no library."""
    with project.library() as library:
        yield Decider(library, project.domain, author=author), library


def read_time(text: str) -> datetime:
    """A time as people write it: ``2026-03-01`` is the end of that day, ``2026-03-01T12:30`` that minute; UTC where
    no offset is told. InputError where it is none."""
    try:
        found = datetime.fromisoformat(text)
        if _DAY.fullmatch(text):
            found += timedelta(days=1)
    except (ValueError, OverflowError):
        raise InputError(f"'{text[:40]}' is no time", hint="for instance 2026-03-01, or 2026-03-01T12:30") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def read_as_of(text: str) -> int | datetime:
    """The number of a change, or a time. InputError where it is neither."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else read_time(text)
