"""A project's releases: where they lie, and what goes into one."""

from __future__ import annotations

from collections.abc import Sequence
from getpass import getuser
from pathlib import Path

from preceptor.core.errors import ConfigError, InputError
from preceptor.core.ids import plain
from preceptor.library.changes import Override
from preceptor.library.publishing import Recipe, Releases
from preceptor.project.embedding import open_embedder
from preceptor.project.jobs import coach_settings
from preceptor.project.project import Project

FOLDER = "releases"
"""Folder of a project that holds release files and ``current.json``."""


def releases_folder(project: Project) -> Path:
    """Where the project's release files lie."""
    return project.folder / FOLDER


def open_releases(project: Project) -> Releases:
    """The project's releases; close them, or use them in a ``with``. LibraryError where there is no library."""
    return Releases.open(library_place(project), releases_folder(project), clock=project.clock)


def library_place(project: Project) -> str | Path:
    """Path or URL of the project's library."""
    path = project.config.library.path
    return path if "://" in path else project.folder / path


def recipe(project: Project, *, trial: bool) -> Recipe:
    """A release with the project's limits on advice, advice prompt and embedder. ConfigError as that opens."""
    return Recipe(
        coach=plain(coach_settings(project)),
        template=project.prompts["advice"].body,
        trial=trial,
        evidence=project.config.release.evidence,
        embedder=open_embedder(project.config.embedder, project.environ),
    )


def override(project: Project, ids: Sequence[str], *, author: str, reason: str) -> tuple[str, ...]:
    """Lets strategies be released that proving holds back; their full ids. The reason stays in the log.

    Raises:
        InputError: no reason is given.
        LibraryError: there is no such strategy, or it is not held back.
    """
    if not reason.strip():
        raise InputError("to override evidence of harm needs a reason", hint="tell with: --reason TEXT")
    with project.library() as library:
        found = tuple(library.entry(i).strategy.id for i in ids)
        library.apply([Override(strategy_id=i) for i in found], author=author, reason=reason)
    return found


def author(project: Project, given: str | None) -> str:
    """Who acts: as given, or the account that runs this. ConfigError where neither is known."""
    name = given or project.environ.get("USER") or _account()
    if not name:
        raise ConfigError("it is not known who does this", hint="tell with: --by NAME")
    return name


def _account() -> str:
    try:
        return getuser()  # containers and services often have no USER, but an account
    except (ImportError, KeyError, OSError):
        return ""
