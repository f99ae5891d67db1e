"""A PostgreSQL for benchmarks: the one that ``PRECEPTOR_TEST_POSTGRES`` names, or one of its own."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from tests.postgres import postgres_schema, postgres_server


@contextmanager
def database() -> Generator[str]:
    """URL of an empty schema. Commits are flushed to the disk, as in earnest."""
    with postgres_server() as url, postgres_schema(url, sync=True) as place:
        yield place
