"""What a run needs beside its seats: embedder, library, journal, workers, a folder that can be written."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING

from preceptor.core.errors import PreceptorError
from preceptor.llm.embeddings import HttpEmbedder
from preceptor.project.checks import Check, failed, good
from preceptor.project.embedding import open_embedder
from preceptor.project.journal_places import passphrase
from preceptor.project.workers import require_workers

if TYPE_CHECKING:
    from preceptor.project.project import Project

_TEXT = "A customer asks for the refund of a restricted ticket."


def run_checks(project: Project) -> tuple[Check, ...]:
    """One finding for each thing that this project's settings make a run need."""
    config = project.config
    checks = [_check("folder", lambda: _folder(project))]
    if project.has_library():
        checks.append(_check("library", lambda: _library(project)))
    if config.embedder.model:
        checks.append(_check("embedder", lambda: _embedder(project)))
    if config.journal.path or config.journal.key_env:
        checks.append(_check("journal", lambda: _journal(project)))
    if config.run.executor != "local":
        checks.append(_check("workers", lambda: _workers(project)))
    return tuple(checks)


def _check(name: str, look: Callable[[], str]) -> Check:
    try:
        return good(name, look())
    except PreceptorError as error:
        return failed(name, error.message, error.hint or "see docs/errors.md")
    except OSError as error:
        return failed(name, _words(error), "see to its rights and to free space")


def _words(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)


def _folder(project: Project) -> str:
    with tempfile.TemporaryFile(dir=project.folder) as file:
        file.write(b"x" * 65536)
        file.flush()
    return "can be written"


def _library(project: Project) -> str:
    with project.library() as library:
        library.require_whole()
        return f"opens, {len(library.entries())} strategies"


def _embedder(project: Project) -> str:
    embedder = open_embedder(project.config.embedder, project.environ)
    assert embedder is not None
    try:
        return f"vectors of {embedder.embed([_TEXT]).shape[1]} numbers"
    finally:
        if isinstance(embedder, HttpEmbedder):
            embedder.close()


def _journal(project: Project) -> str:
    secret = passphrase(project)
    if project.config.journal.path:
        from preceptor.llm.journal.pg_schema import connect  # noqa: PLC0415 - an ORM, only where it is used

        connect(project.config.journal.path).dispose()
    where = "in the database" if project.config.journal.path else "in the run's folder"
    return f"{where}, {'encrypted' if secret else 'plain'}"


def _workers(project: Project) -> str:
    require_workers(project)
    return project.config.run.ray_address or "a Ray on this machine, for the run"
