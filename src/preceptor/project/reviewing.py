"""A project as the review app opens it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from preceptor.project.project import Project
from preceptor.project.releasing import open_releases, recipe
from preceptor.review.desk import House
from preceptor.review.people import People

ACCOUNTS = "accounts.db"
"""File of a project that holds the accounts of its reviewers."""


@contextmanager
def open_house(project: Project) -> Generator[House]:
    """The project's library, releases and runs. LibraryError where there is no library yet."""
    with project.library() as library, open_releases(project) as releases:
        yield House(
            library=library,
            releases=releases,
            runs=project.runs(),
            clock=project.clock,
            recipe=lambda: recipe(project, trial=False),
            domain=project.domain,
        )


def accounts_file(project: Project) -> Path:
    """Where the accounts of the project's reviewers lie."""
    return project.folder / ACCOUNTS


@contextmanager
def open_people(project: Project, *, create: bool) -> Generator[People]:
    """The accounts; none, that do not stay, where there is no file and not ``create``."""
    path = accounts_file(project)
    people = People(path if create or path.exists() else ":memory:", clock=project.clock)
    try:
        yield people
    finally:
        people.close()
