"""Our own form carries everything that it promises to, whatever the words."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.library.made import ticking

from preceptor.core.errors import InputError
from preceptor.core.records import Attempt, Comparison, Domain, Lesson, Scenario, Strategy, Turn
from preceptor.core.untrusted import one_line
from preceptor.exchange.contents import Contents, Item, Taught
from preceptor.exchange.jsonl import export_lines
from preceptor.exchange.reading import read_file
from preceptor.exchange.taking import take
from preceptor.library.changes import Provenance
from preceptor.library.store import Library

DOMAIN = Domain(name="Air", brief="", policy="", issues=(), profiles=())
TEXT = st.text(max_size=30) | st.sampled_from(['"', "\u2028", "\x85", "\ud800", "a\r\nb", "é", "\x00", "---", "{}"])
WORDS = TEXT.map(lambda t: f"x{t}")
TURN = st.builds(Turn, speaker=st.sampled_from(["customer", "agent", "action"]), text=TEXT, by=TEXT)
PROVENANCE = st.builds(
    Provenance,
    run=st.sampled_from(["", "learn-001", "learn-2"]),
    stage=st.integers(0, 3),
    attempt=st.integers(0, 5),
)


@st.composite
def contents(draw: st.DrawFn) -> Contents:
    scenarios = {
        f"scenario-{n}": Scenario(
            id=f"scenario-{n}",
            turns=tuple(draw(st.lists(TURN, max_size=3))),
            profile=draw(TEXT),
            stage=draw(st.integers(0, 4)),
            reference=draw(TEXT),
        )
        for n in range(draw(st.integers(0, 3)))
    }
    names = st.lists(st.sampled_from(sorted(scenarios) or ["none"]), max_size=2, unique=True)
    lessons: list[Taught] = []
    for n, scenario in enumerate(list(scenarios.values())[:2]):
        comparison = Comparison(verdict="as_good", axes=(("tone", 0.25),), reason=draw(TEXT), orders=2)
        inner = Strategy(id=draw(TEXT), when=draw(TEXT), do=draw(TEXT))
        attempt = Attempt(number=1, strategies=(inner,), reply=draw(TEXT), comparison=comparison)
        lesson = Lesson(
            id=f"lesson-{n}",
            scenario=scenario,
            teacher_reply=draw(TEXT),
            attempts=(attempt,),
            kept=1,
            outcome="taught",
        )
        lessons.append(Taught(lesson=lesson, run="learn-001", stage=n))
    items: list[Item] = []
    for n in range(draw(st.integers(1, 4))):
        words = {"when": draw(WORDS), "do": f"{draw(WORDS)} {n}", "avoid": draw(TEXT), "why": draw(TEXT)}
        strategy = Strategy(
            id=f"strategy-{n}",
            **{k: one_line(v) for k, v in words.items()},
            scope=draw(st.sampled_from(["scenario", "domain"])),
            scenarios=tuple(i for i in draw(names) if i in scenarios),
        )
        items.append(
            Item(
                strategy=strategy,
                version=draw(st.integers(1, 9)),
                status="approved",
                lesson_id="lesson-0" if lessons else None,
                provenance=tuple(draw(st.lists(PROVENANCE, max_size=2, unique=True))),
            )
        )
    return Contents(
        domain=draw(TEXT), source="library", items=tuple(items), scenarios=scenarios, lessons=tuple(lessons)
    )


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(contents())
def test_export_and_import_keep_words_scenarios_lessons_and_provenance(given: Contents):
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "out.jsonl"
        path.write_bytes("".join(f"{line}\n" for line in export_lines(given)).encode())
        reading = read_file(path)
        assert reading.remarks == ()
        with Library.open(Path(place) / "library.db", clock=ticking(), create=True) as library:
            taken = take(library, reading, DOMAIN, author="ann", reason="test")
            assert taken.remarks == ()
            entries = {e.strategy.id: e for e in library.entries()}
            assert [e.strategy for e in entries.values()] == [i.strategy for i in given.items]
            assert {s.id: s for s in library.scenarios()} == given.scenarios
            assert [library.lesson(t.lesson.id) for t in given.lessons] == [t.lesson for t in given.lessons]
            for item in given.items:
                entry = entries[item.strategy.id]
                assert entry.lesson_id == item.lesson_id
                assert entry.tainted
                kept = [replace(p, run=p.run.rpartition("/")[2], tainted=False) for p in entry.provenance]
                told = [replace(p, run=p.run or reading.name) for p in item.provenance]
                assert kept == (told or [Provenance(run=reading.name, scenarios=item.strategy.scenarios)])
            head = library.head()
            assert take(library, reading, DOMAIN, author="ann", reason="test").new == ()
            assert library.head() == head
            assert library.verify().ok


KEYS = st.sampled_from(
    ["scenario", "guidelines", "kind", "strategy", "lesson", "id", "when", "do", "role", "content", "turns"]
)
SAID = st.sampled_from(["strategy", "lesson", "scenario", "user", "1. a 2. b", "Customer: x", "preceptor-export"])
LEAF = st.none() | st.booleans() | st.integers() | TEXT | SAID
ENTRY = st.fixed_dictionaries({"scenario": LEAF, "guidelines": LEAF | st.lists(LEAF, max_size=3)})
VALUE = st.recursive(
    LEAF, lambda v: st.lists(v, max_size=3) | st.dictionaries(KEYS | TEXT, v, max_size=4), max_leaves=12
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(VALUE | ENTRY, max_size=4), st.sampled_from(["jsonl", "json", "yaml"]), st.binary(max_size=30))
def test_whatever_a_file_holds_it_is_taken_or_told(values: list[object], form: str, rubbish: bytes):
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / f"in.{form}"
        lines = b"".join(f"{json.dumps(v)}\n".encode() for v in values)
        path.write_bytes(lines + rubbish if form == "jsonl" else json.dumps(values).encode())
        try:
            reading = read_file(path)
        except InputError:
            return
        lost = sum(r.lost for r in reading.remarks)
        headers = sum("preceptor-export" in str(v) for v in values)
        taken_from = len({s.where for s in reading.strategies})
        silent = len(reading.scenarios) + len(reading.lessons) + headers
        assert lost + taken_from <= reading.entries <= lost + taken_from + silent
        if reading.strategies:
            with Library.open(Path(place) / "library.db", clock=ticking(), create=True) as library:
                taken = take(library, reading, DOMAIN, author="ann", reason="test")
                assert len(taken.new) + taken.known + taken.lost == len(reading.strategies) + lost
                assert library.verify().ok
