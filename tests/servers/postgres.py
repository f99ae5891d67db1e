"""Fixtures over a real PostgreSQL. In a ``conftest.py``: ``from tests.servers.postgres import postgres``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy.engine import URL
from tests.postgres import postgres_schema as own_schema
from tests.postgres import postgres_server

__all__ = ["own_schema", "postgres"]


@pytest.fixture(scope="session")
def postgres(no_network: None) -> Iterator[URL]:
    """URL of a server's database in which tests make schemas; without one they skip, and in CI they fail."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(postgres_server())
        except ImportError as error:
            pytest.skip(f"no PostgreSQL ({error}): install the group dev, or set PRECEPTOR_TEST_POSTGRES")
        yield url
