"""Hands on the tables, past the library: what somebody does with a database tool."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, LargeBinary, Table, and_, create_engine, delete, insert, select, text, update
from tests.unit.library.made import place

from preceptor.library.schema import METADATA

Row = dict[str, Any]


class Raw:
    """Reads and writes any row of any table."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def takes(self, name: str, column: str, value: object) -> bool:
        """Whether the database leaves a value of this type as it is: PostgreSQL makes text of bytes."""
        if isinstance(METADATA.tables[name].columns[column].type, LargeBinary):
            return isinstance(value, bytes)
        return self._engine.dialect.name == "sqlite" or not isinstance(value, bytes)

    def rows(self, name: str) -> list[Row]:
        """All rows, in the order of the primary key."""
        table = METADATA.tables[name]
        with self._engine.begin() as connection:
            found = connection.execute(select(table)).mappings()
            return sorted((dict(row) for row in found), key=lambda r: [r[c.name] for c in table.primary_key])

    def update(self, name: str, row: Row, **values: Any) -> None:
        """Other values in the row that was ``row``."""
        table = METADATA.tables[name]
        with self._engine.begin() as connection:
            connection.execute(update(table).where(_is(table, row)).values(**values))

    def delete(self, name: str, row: Row) -> None:
        """Takes the row away."""
        table = METADATA.tables[name]
        with self._engine.begin() as connection:
            connection.execute(delete(table).where(_is(table, row)))

    def insert(self, name: str, row: Row) -> None:
        """Puts a row in."""
        with self._engine.begin() as connection:
            connection.execute(insert(METADATA.tables[name]).values(**row))

    def sql(self, statement: str, **values: Any) -> None:
        """Runs a statement; parameters as ``:name``."""
        with self._engine.begin() as connection:
            connection.execute(text(statement), values)

    def content(self) -> dict[str, list[Row]]:
        """Every row of every table."""
        return {name: self.rows(name) for name in METADATA.tables}


def _is(table: Table, row: Row) -> Any:
    return and_(*(column == row[column.name] for column in table.primary_key))


@contextmanager
def raw_hands(folder: Path) -> Generator[Raw]:
    """On the library in ``folder``."""
    told = place(folder)
    engine = create_engine(f"sqlite:///{told}" if isinstance(told, Path) else told)
    try:
        yield Raw(engine)
    finally:
        engine.dispose()
