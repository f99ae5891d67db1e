from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import DBAPIError
from tests.unit.library.made import apply, evidence, finding, library, place, propose, record, ticking
from tests.unit.library.raw import raw_hands

from preceptor.core.errors import InputError, LibraryError
from preceptor.library import migrations, publishing, schema
from preceptor.library.changes import Approve, Edit, Override, Reject, Screen
from preceptor.library.publishing import DatabasePointer, Recipe, Releases
from preceptor.library.release import read_release
from preceptor.library.release_pointer import FilePointer, read_pointer, write_pointer
from preceptor.library.store import Library

pytestmark = pytest.mark.usefixtures("both")
RECIPE = Recipe(coach={"strategies": 4}, template="{{ strategies }}")
BY: dict[str, str] = {"author": "ann", "reason": "tested"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Library]:
    """Three strategies: 1 and 2 approved, 3 proposed; scenarios 1 and 2."""
    changes = [record(1), record(2), propose(1), propose(2), propose(3)]
    with library(tmp_path, *changes) as made:
        apply(made, approve(1), approve(2), author="ann")
        yield made


@pytest.fixture
def releases(tmp_path: Path, store: Library) -> Iterator[Releases]:
    with Releases.open(place(tmp_path), tmp_path / "releases", clock=ticking()) as made:
        yield made


def approve(n: int) -> Approve:
    return Approve(strategy_id=f"strategy-{n:04}")


def test_a_release_freezes_what_is_approved(releases: Releases) -> None:
    made = releases.create(RECIPE, **BY)
    assert made.new
    assert (made.release.strategies, made.release.scenarios, made.release.trial) == (2, 2, False)
    assert (made.release.created_by, made.release.reason) == ("ann", "tested")
    found = read_release(made.path)
    assert [s.id for s in found.strategies()] == ["strategy-0001", "strategy-0002"]
    assert found.states() == {f"scenario-{n}": f"customer: Where is bag {n}?" for n in (1, 2)}
    again = releases.create(RECIPE, **BY)
    assert not again.new
    assert again.release == made.release
    assert [a.act for a in releases.log()] == ["create"]


def test_a_trial_holds_proposed_ones_and_is_never_published(releases: Releases) -> None:
    trial = releases.create(Recipe(coach={}, template="{{ strategies }}", trial=True), **BY).release
    assert trial.trial
    assert trial.strategies == 3
    with pytest.raises(LibraryError, match="trial release and can never be published"):
        releases.publish(trial.id, **BY)
    assert releases.current() is None


def test_approval_of_all_does_not_make_a_trial_publishable(releases: Releases, store: Library) -> None:
    trial = releases.create(Recipe(coach={}, template="{{ strategies }}", trial=True), **BY).release
    apply(store, approve(3))
    with pytest.raises(LibraryError, match="trial"):
        releases.publish(trial.id, **BY)


def test_what_harms_or_is_blocked_is_left_out(releases: Releases, store: Library) -> None:
    apply(store, evidence(1, "harmful"))
    made = releases.create(RECIPE, **BY)
    assert made.left_out == ("strategy-0001",)
    assert [s.id for s in releases.read(made.release.id).strategies()] == ["strategy-0002"]


def test_nothing_approved_is_nothing_to_release(releases: Releases, store: Library) -> None:
    apply(store, *(Reject(strategy_id=f"strategy-000{n}") for n in (1, 2)))
    with pytest.raises(InputError, match="nothing to release"):
        releases.create(RECIPE, **BY)
    assert releases.list() == ()


def test_publish_and_roll_back(releases: Releases, store: Library) -> None:
    first = releases.create(RECIPE, **BY).release
    apply(store, approve(3))
    second = releases.create(RECIPE, **BY).release
    for release in (first, second):
        done = releases.publish(release.id, **BY)
        assert done.current is not None
        assert done.current.digest == release.digest == read_pointer(releases.folder).digest
    assert releases.publish(second.id, **BY).current == releases.current()
    back = releases.rollback(author="bob", reason="worse")
    assert back.current is not None
    assert (back.current.id, back.withdrawn) == (first.id, ())
    assert read_pointer(releases.folder).digest == first.digest
    assert releases.rollback(**BY).current is None
    assert read_pointer(releases.folder).digest == ""
    with pytest.raises(LibraryError, match="no release is published"):
        releases.rollback(**BY)
    acts = [(a.act, a.release, a.author, a.reason) for a in releases.log()]
    assert acts == [
        ("create", first.id, "ann", "tested"),
        ("create", second.id, "ann", "tested"),
        ("publish", first.id, "ann", "tested"),
        ("publish", second.id, "ann", "tested"),
        ("rollback", first.id, "bob", "worse"),
        ("rollback", "", "ann", "tested"),
    ]
    assert releases.verify() == ""


@pytest.mark.parametrize(
    "change",
    [
        Reject(strategy_id="strategy-0001"),
        Edit(strategy_id="strategy-0001", do="something else"),
        evidence(1, "harmful"),
        Screen(strategy_id="strategy-0001", findings=(finding(),)),
    ],
)
def test_what_was_withdrawn_since_is_not_published_but_can_be_rolled_back_to(
    releases: Releases, store: Library, change: Any
) -> None:
    first = releases.create(RECIPE, **BY).release
    releases.publish(first.id, **BY)
    apply(store, approve(3))
    second = releases.create(RECIPE, **BY).release
    apply(store, change)
    with pytest.raises(LibraryError, match="no longer approved: strategy-0001"):
        releases.publish(second.id, **BY)
    assert releases.current() is not None
    apply(store, Reject(strategy_id="strategy-0003"))
    third = releases.create(RECIPE, **BY).release
    releases.publish(third.id, **BY)
    back = releases.rollback(**BY)
    assert back.current is not None
    assert back.current.id == first.id
    assert back.withdrawn == ("strategy-0001",)


def test_an_edit_approved_again_is_another_version(releases: Releases, store: Library) -> None:
    first = releases.create(RECIPE, **BY).release
    apply(store, Edit(strategy_id="strategy-0001", do="something else"))
    apply(store, approve(1))
    with pytest.raises(LibraryError, match="no longer approved"):
        releases.publish(first.id, **BY)
    assert releases.create(RECIPE, **BY).release.digest != first.digest


def test_a_missing_or_damaged_file_is_written_again_from_the_database(releases: Releases) -> None:
    made = releases.create(RECIPE, **BY)
    good = made.path.read_bytes()
    made.path.write_bytes(good[:-1])
    assert releases.read(made.release.id).digest == made.release.digest
    assert made.path.read_bytes() == good
    made.path.unlink()
    releases.publish(made.release.id, **BY)
    assert made.path.read_bytes() == good


def test_ids_can_be_shortened(releases: Releases) -> None:
    made = releases.create(RECIPE, **BY).release
    for name in (made.id, made.digest, made.digest[:6], made.id[:12]):
        assert releases.find(name) == made
    for name in ("", "release-", "release-zz"):
        with pytest.raises(LibraryError, match="there is no release"):
            releases.find(name)


def altered(folder: Path, statement: str, **values: Any) -> None:
    with raw_hands(folder) as raw:
        raw.sql(statement, **values)


def other_values(value: Any) -> list[Any]:
    if isinstance(value, int):
        return [value + 1, -value - 1, "x"]
    if isinstance(value, bytes):
        middle = len(value) // 2
        return [value[:-1], value + b"x", value[:middle] + bytes([value[middle] ^ 1]) + value[middle + 1 :], ""]
    return [value + " ", value.encode(), value[:-1], "x"]


@pytest.mark.parametrize("table", [t for t in schema.METADATA.tables if t.startswith("release")])
def test_any_altered_or_missing_row_is_found(
    tmp_path: Path, releases: Releases, store: Library, table: str
) -> None:
    releases.publish(releases.create(RECIPE, **BY).release.id, **BY)
    releases.create(Recipe(coach={}, template="{{ strategies }}", trial=True), **BY)
    assert store.verify().ok
    seen = 0
    with raw_hands(tmp_path) as raw:
        for row in raw.rows(table):
            changes = [(column, other) for column, value in row.items() for other in other_values(value)]
            for column, other in changes:
                if other == row[column] or not raw.takes(table, column, other):
                    continue
                try:
                    raw.update(table, row, **{column: other})
                except DBAPIError:  # the database itself refuses it
                    continue
                assert store.verify().problem.startswith("table release"), (row, column, other)
                raw.update(table, {**row, column: other}, **{column: row[column]})
                seen += 1
            raw.delete(table, row)
            assert store.verify().problem.startswith("table release"), row
            raw.insert(table, row)
    assert store.verify().ok
    assert seen >= len(schema.METADATA.tables[table].columns)


def test_a_trial_whose_row_was_altered_is_still_a_trial(tmp_path: Path, releases: Releases) -> None:
    trial = releases.create(Recipe(coach={}, template="{{ strategies }}", trial=True), **BY).release
    altered(tmp_path, "UPDATE releases SET trial = 0")
    with pytest.raises(LibraryError, match="trial"):
        releases.publish(trial.id, **BY)


def test_a_library_that_changes_meanwhile_is_read_again(
    releases: Releases, store: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = publishing.make_release
    pending: list[Callable[[], Any]] = [lambda: apply(store, approve(3))]

    def slow(contents: Any) -> bytes:
        made = real(contents)
        if pending:
            pending.pop()()
        return made

    monkeypatch.setattr(publishing, "make_release", slow)
    assert releases.create(RECIPE, **BY).release.strategies == 3
    turn = iter(range(1000))

    def outrun(contents: Any) -> bytes:
        made = real(contents)
        apply(store, Edit(strategy_id="strategy-0001", do=f"other {next(turn)}"))
        apply(store, approve(1))
        return made

    monkeypatch.setattr(publishing, "make_release", outrun)
    with pytest.raises(LibraryError, match="kept changing"):
        releases.create(RECIPE, **BY)


def test_an_author_is_needed(releases: Releases) -> None:
    with pytest.raises(LibraryError, match="needs an author"):
        releases.create(RECIPE, author=" ", reason="x")
    assert releases.list() == ()


@pytest.mark.parametrize("kind", ["file", "row"])
def test_pointers_follow(releases: Releases, kind: str) -> None:
    pointer = FilePointer(releases.folder) if kind == "file" else DatabasePointer(releases)
    assert pointer.current().digest == ""
    first = releases.create(RECIPE, **BY).release
    releases.publish(first.id, **BY)
    assert pointer.changed()
    found = pointer.current()
    assert pointer.read(found).digest == first.digest
    if kind == "file":
        assert not pointer.changed()
    releases.rollback(**BY)
    assert pointer.changed()
    assert pointer.current().digest == ""


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"digest":1,"seq":2}', b'{"digest":"x"}', b"\xff"])
def test_a_damaged_pointer_is_said(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "current.json").write_bytes(data)
    with pytest.raises(InputError, match="cannot be used"):
        read_pointer(tmp_path)


def test_the_pointer_cannot_be_written_where_a_file_stands(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_pointer(tmp_path / "taken", read_pointer(tmp_path))


def test_the_migration_leads_to_the_schema(tmp_path: Path) -> None:
    made, migrated = (create_engine(f"sqlite:///{tmp_path / name}") for name in ("made.db", "migrated.db"))
    with made.begin() as connection:
        schema.make(connection)
        rows = connection.execute(text("SELECT * FROM release_pointer")).all()
    with migrated.begin() as connection:
        migrations.upgrade(connection)
        assert connection.execute(text("SELECT * FROM release_pointer")).all() == rows
    tables = [t for t in schema.METADATA.tables if t.startswith("release")]
    assert len(tables) == 5
    for table in tables:
        one, two = inspect(made), inspect(migrated)
        assert [str(c["name"]) + str(c["type"]) for c in one.get_columns(table)] == [
            str(c["name"]) + str(c["type"]) for c in two.get_columns(table)
        ]
        assert one.get_indexes(table) == two.get_indexes(table)
        assert one.get_pk_constraint(table) == two.get_pk_constraint(table)
    made.dispose()
    migrated.dispose()


@pytest.mark.parametrize(
    ("demand", "taken"),
    [("any", {"strategy-0001", "strategy-0002"}), ("measured", {"strategy-0001"}), ("helpful", {"strategy-0001"})],
)
def test_a_recipe_can_demand_evidence(releases: Releases, store: Library, demand: Any, taken: set[str]) -> None:
    apply(store, evidence(1))
    made = releases.create(Recipe(coach={}, template="{{ strategies }}", evidence=demand), **BY)
    assert {s.id for s in read_release(made.path).strategies()} == taken
    assert {*made.left_out, *taken} == {"strategy-0001", "strategy-0002"}


def test_harm_is_released_by_override_only(releases: Releases, store: Library) -> None:
    apply(store, replace(evidence(1, "unproven"), held=True))
    assert releases.create(Recipe(coach={}, template="{{ strategies }}"), **BY).left_out == ("strategy-0001",)
    apply(store, evidence(1, "harmful"), evidence(2))
    recipe = Recipe(coach={}, template="{{ strategies }}", evidence="helpful")
    assert releases.create(recipe, **BY).left_out == ("strategy-0001",)
    apply(store, Override(strategy_id="strategy-0001"), author="ann", reason="the judge is wrong here")
    made = releases.create(recipe, **BY)
    assert made.left_out == ()
    assert releases.publish(made.release.id, **BY).current == releases.find(made.release.id)
    assert store.history("strategy-0001")[-1].reason == "the judge is wrong here"
