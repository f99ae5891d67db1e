"""The library as its users see it."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from tests.unit.library.made import (
    NOON,
    apply,
    evidence,
    finding,
    lesson,
    library,
    one_of_each,
    place,
    propose,
    provenance,
    record,
    strategy,
)

from preceptor.core.clock import fixed_clock
from preceptor.core.errors import LibraryError, PreceptorError
from preceptor.core.ids import canonical_json
from preceptor.library.batch import Batch
from preceptor.library.changes import Approve, Edit, Merge, Propose, Reject
from preceptor.library.store import Library

pytestmark = pytest.mark.usefixtures("both")


def test_what_was_written_is_read_after_reopening(tmp_path: Path) -> None:
    with library(tmp_path, *one_of_each()) as made:
        entries, digest, snapshot = made.entries(), made.digest(), made.snapshot()
    with Library.open(place(tmp_path), clock=fixed_clock(NOON)) as again:
        assert again.entries() == entries
        assert again.digest() == digest
        assert again.snapshot() == snapshot
        assert again.verify().ok
    assert [e.strategy.id for e in entries] == ["strategy-0001", "strategy-0002", "strategy-0003", "strategy-0009"]
    assert [s.id for s in snapshot] == ["strategy-0001", "strategy-0009"]


def test_seqs_are_those_that_changed_something(tmp_path: Path) -> None:
    with library(tmp_path) as made:
        assert apply(made, propose(1), propose(1), propose(2)) == (1, 2)
        assert apply(made, propose(1)) == ()
        assert apply(made) == ()
        assert apply(made, propose(3)) == (3,)


def test_filters(tmp_path: Path) -> None:
    other = provenance(4, run="learn-002")
    with library(tmp_path, *one_of_each(), propose(4, scope="domain", provenance=other)) as made:
        assert [e.strategy.id for e in made.entries(status="approved")] == ["strategy-0009"]
        assert [e.strategy.id for e in made.entries(scope="domain")] == ["strategy-0004"]
        assert [e.strategy.id for e in made.entries(run="learn-002")] == ["strategy-0004"]
        assert len(made.entries(run="learn-001")) == 4
        assert made.entries(status="rejected") == ()


def test_entry_by_id_and_by_what_it_begins_with(tmp_path: Path) -> None:
    with library(tmp_path, propose(1), propose(12, id="strategy-00012"), propose(2)) as made:
        assert made.entry("strategy-0001").strategy == strategy(1)
        assert made.entry("strategy-0002").strategy.id == "strategy-0002"
        assert made.entry("00012").strategy.id == "strategy-00012"
        with pytest.raises(LibraryError, match="more than one strategy begins with 'strategy-000'"):
            made.entry("strategy-000")
        for unknown in ("strategy-9", "", "%", "_", "\x1b[31m"):
            with pytest.raises(LibraryError, match="there is no strategy") as caught:
                made.entry(unknown)
            assert "\x1b" not in str(caught.value)


def test_lessons_and_scenarios(tmp_path: Path) -> None:
    with library(tmp_path, record(1), record(2, run="learn-002"), propose(1, lesson_id="lesson-1")) as made:
        assert made.lesson("lesson-1") == lesson(1)
        assert made.lesson("2") == lesson(2)
        assert [row.id for row in made.lessons()] == ["lesson-1", "lesson-2"]
        assert [row.id for row in made.lessons(run="learn-002")] == ["lesson-2"]
        assert made.scenarios() == (lesson(1).scenario, lesson(2).scenario)
        assert made.scenarios(["scenario-2", "unknown"]) == (lesson(2).scenario,)
        with pytest.raises(LibraryError, match="there is no lesson 'lesson-3'"):
            made.lesson("lesson-3")


def test_history_tells_who_when_and_why(tmp_path: Path) -> None:
    with library(tmp_path, *one_of_each()) as made:
        apply(made, Reject(strategy_id="strategy-0009"), author="ann", reason="not our tone")
        told = made.history("strategy-0009")
        assert [r.kind for r in told] == ["merge", "approve", "evidence", "reject"]
        assert told[-1].change == Reject(strategy_id="strategy-0009")
        assert (told[-1].author, told[-1].reason, told[-1].at) == (
            "ann",
            "not our tone",
            "2026-03-01T12:00:01.000000+00:00",
        )
        assert [r.kind for r in made.history("strategy-0002")] == ["propose", "merge"]
        assert made.history("strategy-0404") == ()


def test_a_token_applies_once(tmp_path: Path) -> None:
    with library(tmp_path) as made:
        first = apply(made, propose(1), propose(2), token="learn-001:1")
        log = list(made.dump())
        assert apply(made, propose(1), propose(2), propose(3), token="learn-001:1") == first == (1, 2)
        assert list(made.dump()) == log
        assert apply(made, propose(3), token="learn-001:2") == (3,)


def test_a_token_is_known_even_when_nothing_changed(tmp_path: Path) -> None:
    reject = Reject(strategy_id="strategy-0001")
    with library(tmp_path, propose(1), reject) as made:
        seqs = apply(made, reject, token="learn-001:2")
        assert seqs == (3,)
        assert made.history("strategy-0001")[-1].seq == 2
        assert apply(made, Edit(strategy_id="strategy-0001", do="x"), token="learn-001:2") == seqs
        assert made.entry("strategy-0001").status == "rejected"
        assert made.verify().ok


def test_the_second_of_two_conflicting_decisions_is_told(tmp_path: Path) -> None:
    with library(tmp_path, propose(1)) as made:
        seen = {"strategy-0001": made.entry("strategy-0001").changed_seq}
        apply(made, Approve(strategy_id="strategy-0001"), author="ann", expect=seen)
        with pytest.raises(LibraryError, match=r"changed by ann at 2026-03-01T12:00:01.*now approved, version 1"):
            apply(made, Reject(strategy_id="strategy-0001"), author="bob", expect=seen)
        assert made.entry("strategy-0001").status == "approved"
        with pytest.raises(LibraryError, match="no strategy strategy-0404"):
            apply(made, expect={"strategy-0404": 1})


@pytest.mark.parametrize(
    ("change", "named", "words"),
    [
        (propose(1), {"author": " \n"}, "needs an author"),
        (propose(1, id=""), {}, "cannot be an id"),
        (propose(1, id="a\nb"), {}, "cannot be an id"),
        (propose(1, id="a" * 201), {}, "cannot be an id"),
        (propose(1, id="\ud800"), {}, "cannot be an id"),
        (record(1, id="\x00"), {}, "cannot be an id"),
        (propose(1, when=None), {}, "strategy.when: expected text, got null"),
        (Propose(strategy=strategy(1), provenance=provenance(), findings=(1,)), {}, "findings.0"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_stored_is_refused(
    tmp_path: Path, change: Propose, named: dict[str, str], words: str
) -> None:
    with library(tmp_path) as made:
        with pytest.raises(LibraryError, match=words):
            apply(made, propose(7), change, **named)
        assert made.entries() == ()


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    with library(tmp_path, propose(1)) as made:
        odd = evidence(1)
        object.__setattr__(odd, "lift", float("nan"))
        with pytest.raises(LibraryError, match="cannot be stored"):
            apply(made, odd)


def test_any_text_is_kept_and_found(tmp_path: Path) -> None:
    hostile = 'It\'s "50%"_off\x00\x1b[31m \ud800 <script>; DROP TABLE changes;-- Straße 東京'
    with library(tmp_path, propose(1, do=hostile)) as made:
        assert made.entry("strategy-0001").strategy.do == hostile
        assert [e.strategy.do for e in made.search("STRASSE 東京 50%")] == [hostile]
        assert made.search("50%x") == ()
        assert made.verify().ok
        for line in made.dump():
            assert json.loads(line.encode("utf-8"))["change"]["strategy"]["do"] == hostile


def test_search(tmp_path: Path) -> None:
    with library(tmp_path, *(propose(n) for n in range(1, 6)), propose(6, why="Calms the customer")) as made:
        assert len(made.search("refund")) == 6
        assert [e.strategy.id for e in made.search("refund", limit=2)] == ["strategy-0001", "strategy-0002"]
        assert made.search("CALMS refund")[0].strategy.id == "strategy-0006"
        assert [e.strategy.id for e in made.search("calms luggage")] == ["strategy-0006"]
        assert made.search("luggage") == made.search("  ") == ()


def test_dump_is_the_same_for_the_same_changes_at_the_same_times(tmp_path: Path) -> None:
    dumps: list[list[str]] = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        with library(tmp_path / name, *one_of_each()) as made:
            dumps.append(list(made.dump()))
    assert dumps[0] == dumps[1]
    assert len(dumps[0]) == len(one_of_each())
    for line in dumps[0]:
        assert canonical_json(json.loads(line)) == line


def test_digest_is_of_content_alone(tmp_path: Path) -> None:
    digests: list[str] = []
    for name, run in (("a", "learn-001"), ("b", "learn-007")):
        (tmp_path / name).mkdir()
        with library(tmp_path / name) as made:
            for n in (1, 2) if run == "learn-001" else (2, 1):
                apply(made, record(n, run=run), propose(n, provenance=provenance(run=run)), author=f"run:{run}")
            digests.append(made.digest())
            apply(made, Approve(strategy_id="strategy-0001"))
            digests.append(made.digest())
    assert digests[0] == digests[2] != digests[1] == digests[3]


def test_as_of_number_and_time(tmp_path: Path) -> None:
    with library(tmp_path, propose(1)) as made:
        then = made.entries()
        apply(made, Merge(into=strategy(2), of=("strategy-0001",), reason="wider"))
        apply(made, Approve(strategy_id="strategy-0002"))
        assert tuple(made.as_of(1).entries.values()) == then
        assert tuple(made.as_of(NOON).entries.values()) == then
        assert made.as_of(NOON + timedelta(seconds=1.5)).entries["strategy-0002"].status == "proposed"
        assert tuple(made.as_of(10**6).entries.values()) == made.entries()
        assert made.as_of(0).entries == made.as_of(NOON - timedelta(days=1)).entries == {}
        assert made.as_of(3).snapshot() == made.snapshot()


def test_a_clock_that_goes_backwards_breaks_nothing(tmp_path: Path) -> None:
    times = iter([NOON, NOON - timedelta(hours=2), NOON + timedelta(hours=1)])
    with Library.open(tmp_path / "l.db", clock=lambda: next(times), create=True) as made:
        for n in (1, 2, 3):
            apply(made, propose(n))
        assert made.verify().ok
        assert len(made.as_of(NOON).entries) == 2


class Killed(BaseException):
    """Stands for whatever ends a process."""


@pytest.mark.parametrize("written", range(8))
def test_a_kill_within_a_batch_leaves_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    with library(tmp_path, propose(1)) as made:
        before = (made.entries(), list(made.dump()))
        real, count = Batch._insert, iter(range(99))  # pyright: ignore[reportPrivateUsage]

        def insert(self: Batch, *rest: object) -> None:
            if next(count) == written:
                raise Killed
            real(self, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr(Batch, "_insert", insert)
        changes = (record(5), propose(5, findings=(finding(),)), Approve(strategy_id="strategy-0001"))
        if written < 7:
            with pytest.raises(Killed):
                apply(made, *changes, token="t")
            monkeypatch.undo()
            assert (made.entries(), list(made.dump())) == before
            assert made.verify().ok
        assert apply(made, *changes, token="t") == (2, 3, 4)
        assert made.verify().ok


def test_writers_from_many_threads_take_turns(tmp_path: Path) -> None:
    threads, each = 6, 8
    errors: list[Exception] = []
    with library(tmp_path) as made, Library.open(place(tmp_path), clock=fixed_clock(NOON)) as other:

        def work(number: int) -> None:
            try:
                for n in range(each):
                    apply((made, other)[n % 2], propose(number * 100 + n), token=f"{number}:{n}")
                    assert len(made.entries()) >= n
            except (PreceptorError, AssertionError) as error:
                errors.append(error)

        workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert errors == []
        assert len(made.entries()) == threads * each
        assert made.verify().changes == threads * each
        assert made.verify().ok


def test_what_is_read_in_one_view_is_of_one_moment(tmp_path: Path) -> None:
    with library(tmp_path, propose(1)) as made:
        with made.one_view():
            assert made.head() == 1
            apply(made, propose(2))
            assert made.head() == 1
            assert [e.strategy.id for e in made.entries()] == ["strategy-0001"]
            with made.one_view():
                assert made.head() == 1
            with ThreadPoolExecutor(1) as other:
                assert other.submit(made.head).result() == 2
        assert made.head() == 2
        with pytest.raises(LibraryError), made.one_view():
            made.entry("nothing")
        assert made.head() == 2
