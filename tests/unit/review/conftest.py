"""A desk over a small library, made once and copied for each test that writes."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from tests.review_app import Browser, Hands, browser, open_desk

from preceptor.project import Project
from preceptor.review.desk import Desk

COUNT = 44
SMALL = {"evaluate.profiles": 3, "evaluate.max_turns": 2, "evaluate.arms": ["student", "teacher"]}


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a library; do not write to it."""
    folder = tmp_path_factory.mktemp("review")
    with open_desk(folder, COUNT, clock=Hands()):
        pass
    return folder


@pytest.fixture
def clock() -> Hands:
    """Moved by hand."""
    return Hands()


@pytest.fixture
def desk(filled: Path, tmp_path: Path, clock: Hands) -> Generator[Desk]:
    """A desk over a copy of the library."""
    shutil.copytree(filled, tmp_path / "house")
    with open_desk(tmp_path / "house", 0, clock=clock) as made:
        yield made


@pytest.fixture
def mara(desk: Desk) -> Browser:
    """An admin's browser."""
    return browser(desk)


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs of a project with one small evaluation."""
    project = Project.create(tmp_path_factory.mktemp("rate") / "p")
    Project.open(project.folder, settings=SMALL).evaluate()
    return project.folder / "runs"


@pytest.fixture
def rated(desk: Desk, evaluated: Path, tmp_path: Path) -> Desk:
    shutil.copytree(evaluated, tmp_path / "house" / "runs")
    return desk
