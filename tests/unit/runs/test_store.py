"""Runs are made, listed and found."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from preceptor.core.clock import Clock
from preceptor.core.errors import RunError
from preceptor.runs.run import Run
from preceptor.runs.store import RunStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def ticking() -> Clock:
    looks = iter(range(10**6))
    return lambda: NOON + timedelta(seconds=next(looks))


def make(store: RunStore, job: Any = "learn", **fields: Any) -> Run:
    values = {"config": {"learn": {"seed": 1}}, "seed": 1, "prompts": {"teach": "abc"}, "models": {"student": "x"}}
    return store.create(job, **{**values, **fields})


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "project" / "runs", clock=ticking())


def test_ids_count_up_for_each_job(store: RunStore) -> None:
    assert [make(store).id, make(store).id, make(store, "evaluate").id] == [
        "learn-001",
        "learn-002",
        "evaluate-001",
    ]


def test_numbers_are_not_given_twice_and_sort_beyond_999(store: RunStore, tmp_path: Path) -> None:
    for name in ("learn-007", "learn-999", "learn-x", "notes"):
        (tmp_path / "project" / "runs" / name).mkdir(parents=True)
    assert make(store).id == "learn-1000"
    assert make(store).id == "learn-1001"


def test_a_new_run_holds_what_it_was_given(store: RunStore) -> None:
    run = make(store, seed=7)
    again = store.open(run.id)
    assert again.info == run.info
    assert (again.info.status, again.info.seed, again.info.resumes) == ("running", 7, 0)
    assert again.info.config == {"learn": {"seed": 1}}
    assert again.info.started == "2026-03-01T12:00:00.000+00:00"
    assert again.journal == run.folder / "journal.db"
    assert sorted(path.name for path in run.folder.iterdir()) == ["results", "run.json"]


def test_runs_made_at_once_get_numbers_of_their_own(store: RunStore, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: make(store).id, range(24)))
    assert sorted(ids) == [f"learn-{n:03}" for n in range(1, 25)]
    assert sorted(path.name for path in (tmp_path / "project" / "runs").iterdir()) == sorted(ids)


def test_list_is_oldest_first_and_empty_without_a_folder(store: RunStore) -> None:
    assert store.list() == ()
    ids = [make(store, job).id for job in ("learn", "evaluate", "learn")]
    assert [run.id for run in store.list()] == ids == ["learn-001", "evaluate-001", "learn-002"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"id": "learn-001"}', '{"id": 3}', "\xff", "[" * 10**5])
def test_a_damaged_run_is_named_and_hides_no_other(store: RunStore, content: str) -> None:
    broken, good = make(store), make(store)
    (broken.folder / "run.json").write_text(content, encoding="latin-1")
    assert [run.id for run in store.list()] == [good.id]
    (error,) = store.broken()
    assert str(broken.folder / "run.json") in str(error)
    assert error.hint
    with pytest.raises(RunError, match="is damaged"):
        store.open("learn-001")


def test_a_missing_or_foreign_run_file_is_named(store: RunStore) -> None:
    one, two = make(store), make(store)
    (one.folder / "run.json").unlink()
    value = json.loads((two.folder / "run.json").read_text())
    (two.folder / "run.json").write_text(json.dumps({**value, "id": "learn-001"}))
    assert ["is missing" in str(e) or "of another run" in str(e) for e in store.broken()] == [True, True]


def test_open_by_beginning_and_last(store: RunStore) -> None:
    make(store)
    make(store)
    make(store, "evaluate")
    assert store.open("e").id == "evaluate-001"
    assert store.open("learn-002").id == "learn-002"
    assert store.open("last").id == "evaluate-001"
    with pytest.raises(RunError, match="more than one run begins with 'learn'"):
        store.open("learn")
    with pytest.raises(RunError, match="there is no run 'learn-9'"):
        store.open("learn-9")


@pytest.mark.parametrize(
    "name", ["..", "../x", "/etc", "", "learn-001/..", "LEARN-001", "a" * 65, "l\x00", "learn-001\n"]
)
def test_names_that_could_leave_the_folder_are_refused(store: RunStore, name: str) -> None:
    make(store)
    with pytest.raises(RunError, match="is not a run id"):
        store.open(name)


def test_last_of_none(store: RunStore) -> None:
    with pytest.raises(RunError, match="there is no run 'last'"):
        store.open("last")


def test_latest_to_resume(store: RunStore) -> None:
    with pytest.raises(RunError, match="no learn run to resume"):
        store.latest("learn")
    first, second = make(store), make(store)
    make(store, "evaluate")
    assert store.latest("learn").id == second.id
    second.finish("done")
    assert store.latest("learn").id == first.id
    assert store.latest("learn", resumable=False).id == second.id
    first.finish("done")
    with pytest.raises(RunError, match="no learn run to resume") as caught:
        store.latest("learn")
    assert "preceptor learn" in caught.value.hint


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    store = RunStore(tmp_path / "runs", clock=ticking())
    with pytest.raises(RunError, match="no run can be made there"):
        make(store)
    with pytest.raises(RunError, match="cannot be read"):
        store.list()
