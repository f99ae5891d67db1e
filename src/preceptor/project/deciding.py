"""Decisions on a project's strategies, from the command line or Python."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime

from preceptor.library.decide import Decider
from preceptor.library.law import read_time
from preceptor.library.store import Library
from preceptor.project.project import Project


@contextmanager
def open_decider(project: Project, author: str) -> Generator[tuple[Decider, Library]]:
    """Takes decisions in the name of ``author``. LibraryError where there is no library."""
    with project.library() as library:
        yield Decider(library, project.domain, author=author), library


def read_as_of(text: str) -> int | datetime:
    """The number of a change, or a time. InputError where it is neither."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else read_time(text)
