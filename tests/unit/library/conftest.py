"""Tests of a library run on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import URL
from tests.servers.postgres import own_schema, postgres
from tests.unit.library.made import MARK

__all__ = ["both", "postgres"]


@pytest.fixture(params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """The test runs on SQLite, and again on PostgreSQL: ``made.place`` tells where its library stands."""
    if request.param == "sqlite":
        yield
        return
    url: URL = request.getfixturevalue("postgres")
    with own_schema(url) as place:
        (tmp_path / MARK).write_text(place)
        yield
