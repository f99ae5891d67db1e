"""Events go to disk as they come, and can be followed."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.any_value import any_value, joined

from preceptor.core.errors import RunError
from preceptor.core.events import Event, ItemDone, Spent
from preceptor.runs.eventlog import EventLog


def item(n: int) -> ItemDone:
    return ItemDone(kind="lesson", id=f"lesson-{n}", detail="taught")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


@pytest.mark.parametrize("kind", get_args(Event))
@given(data=st.data())
def test_any_event_comes_back(tmp_path_factory: pytest.TempPathFactory, kind: Any, data: st.DataObject) -> None:
    log = EventLog(tmp_path_factory.mktemp("log") / "events.jsonl")
    event = data.draw(any_value(kind))
    log.append(event, "t1")
    log.close()
    (told,) = log.read()
    assert told.at == "t1"
    assert told.event == joined(event)


def test_following_sees_each_event_once(path: Path) -> None:
    log, reader = EventLog(path), EventLog(path)
    assert reader.read() == ()
    cursor, seen = 0, []
    for n in range(5):
        log.append(item(n), f"t{n}")
        for told in reader.read(cursor):
            seen.append((told.at, told.event))
            cursor = told.cursor
    log.close()
    assert seen == [(f"t{n}", item(n)) for n in range(5)]
    assert reader.read(cursor) == ()
    assert reader.read(path.stat().st_size + 99) == ()


def test_a_line_that_is_being_written_is_left_for_next_time(path: Path) -> None:
    log = EventLog(path)
    log.append(item(1), "t1")
    log.close()
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:20])
    (told,) = log.read()
    assert log.read(told.cursor) == ()


@pytest.mark.parametrize("kept", [0, 1, 50])
def test_half_a_line_of_a_killed_process_is_cut_off(path: Path, kept: int) -> None:
    log = EventLog(path)
    log.append(item(1), "t1")
    log.append(item(2), "t2")
    log.close()
    first = path.read_bytes().splitlines(keepends=True)[0]
    path.write_bytes(first + first[:kept])
    log.append(item(3), "t3")
    log.close()
    assert [told.event for told in log.read()] == [item(1), item(3)]


@pytest.mark.parametrize(
    "line",
    [
        b"x",
        b"{}",
        b"[]",
        b"\xff",
        b'{"at":"t","event":"Nothing","data":{}}',
        b'{"at":"t","event":"ItemDone","data":{}}',
    ],
)
def test_a_damaged_line_is_named(path: Path, line: bytes) -> None:
    path.write_bytes(line + b"\n")
    with pytest.raises(RunError, match=r"events\.jsonl: the line that ends at byte \d+ is damaged"):
        EventLog(path).read()


def test_threads_do_not_mix_their_lines(path: Path) -> None:
    log = EventLog(path)
    workers = [
        threading.Thread(target=lambda k=k: [log.append(item(k * 100 + n), "t") for n in range(50)])
        for k in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    log.close()
    ids = sorted(told.event.id for told in log.read() if isinstance(told.event, ItemDone))
    assert ids == sorted(f"lesson-{k * 100 + n}" for k in range(4) for n in range(50))


def test_numbers_that_are_none_are_refused(path: Path) -> None:
    endless = Spent(
        seat="student",
        phase="p",
        input_tokens=1,
        output_tokens=1,
        usd=float("inf"),
        replayed=False,
        estimated=False,
    )
    with pytest.raises(RunError, match="cannot be written"):
        EventLog(path).append(endless, "t")
    assert not path.exists()


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be written"):
        EventLog(tmp_path / "no" / "events.jsonl").append(item(1), "t")
    (tmp_path / "events.jsonl").mkdir()
    with pytest.raises(RunError, match="cannot be read"):
        EventLog(tmp_path / "events.jsonl").read()
