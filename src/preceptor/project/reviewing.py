"""A project as the review app opens it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from preceptor.llm import ChatModel
from preceptor.llm.opening import open_model
from preceptor.project.project import Project
from preceptor.project.releasing import open_releases, recipe
from preceptor.project.seating import EMBEDDED
from preceptor.review.desk import House
from preceptor.review.pace import Pace
from preceptor.review.people import People
from preceptor.review.ratings import Ratings
from preceptor.review.tryout import Student

ACCOUNTS = "accounts.db"
"""File of a project that holds the accounts of its reviewers."""
RATINGS = "ratings.db"
"""File of a project that holds what people think of its dialogues."""
PACE = "pace.db"
"""File of a project that holds how long decisions took, without whose they were."""


@contextmanager
def open_house(project: Project, *, serve_logs: tuple[Path, ...] = ()) -> Generator[House]:
    """The project's library, releases and runs, and logs of its proxy. LibraryError: there is no library yet."""
    with (
        project.library() as library,
        open_releases(project) as releases,
        closing(Ratings(project.folder / RATINGS, clock=project.clock)) as ratings,
        closing(Pace(project.folder / PACE)) as pace,
    ):
        yield House(
            ratings=ratings,
            pace=pace,
            serve_logs=serve_logs,
            library=library,
            releases=releases,
            runs=project.runs(),
            clock=project.clock,
            recipe=lambda: recipe(project, trial=False),
            domain=project.domain,
            student=_student(project),
            typed=project.typed,
        )


def _student(project: Project) -> Student:
    config, domain = project.config.seats.student, project.domain

    def opened() -> ChatModel:
        return open_model("student", config, environ=project.environ, factories=EMBEDDED).model

    system = project.prompts["agent"].render(brief=domain.brief.strip(), policy=domain.policy.strip())
    return Student(open=opened, config=config, system=system)


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
