"""Tests of the journal on PostgreSQL have a server and a schema of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.engine import URL
from tests.servers.postgres import own_schema, postgres

__all__ = ["place", "postgres"]


@pytest.fixture
def place(postgres: URL) -> Iterator[str]:
    """URL of an empty schema."""
    with own_schema(postgres) as url:
        yield url
