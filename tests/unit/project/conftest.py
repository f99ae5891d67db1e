"""A small project that has learned once, shared by the tests that only look at it."""

from __future__ import annotations

from pathlib import Path

import pytest

from preceptor.project import Project

SMALL = {
    "learn.teacher_share": (1.0, 0.0),
    "learn.dialogues": 3,
    "learn.scenarios": 4,
    "learn.attempts": 2,
    "learn.max_turns": 3,
    "evaluate.profiles": 4,
    "evaluate.max_turns": 3,
}


@pytest.fixture(scope="session")
def small() -> dict[str, object]:
    """Settings of a run that takes a second."""
    return dict(SMALL)


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Do not write to it."""
    folder: Path = tmp_path_factory.mktemp("projects") / "learned"
    project = Project.create(folder, settings=SMALL, environ={})
    project.learn()
    return project
