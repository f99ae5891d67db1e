"""Whatever is asked of a library, in whatever order: what is stored is what the log says."""

# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.unit.library.made import evidence, finding, propose, provenance, record, scenario, strategy, ticking

from preceptor.core.errors import LibraryError
from preceptor.library.changes import (
    Approve,
    Change,
    Edit,
    Flag,
    Merge,
    RecordScenario,
    Reject,
    Reopen,
    Retire,
    Screen,
)
from preceptor.library.entry import Entry
from preceptor.library.store import Library

NUMBER = st.integers(0, 5)
ID = NUMBER.map(lambda n: f"strategy-{n:04}")
WORD = st.sampled_from(["ask", "say", "wait"])
FINDINGS = st.lists(st.sampled_from([finding("info"), finding("warning"), finding()]), max_size=2).map(tuple)

CHANGE: st.SearchStrategy[Change] = st.one_of(
    st.builds(record, NUMBER),
    st.builds(lambda n, stage: RecordScenario(scenario=scenario(n, stage=stage)), NUMBER, st.integers(1, 2)),
    st.builds(
        lambda n, run, found, linked: propose(
            n, provenance=provenance(n, run=run), findings=found, lesson_id=f"lesson-{n}" if linked else None
        ),
        NUMBER,
        st.sampled_from(["learn-001", "learn-002"]),
        FINDINGS,
        st.booleans(),
    ),
    st.builds(
        lambda n, do, of: Merge(into=strategy(n, do=do), of=tuple(of), reason="same"),
        NUMBER,
        WORD,
        st.lists(ID, max_size=3),
    ),
    st.builds(lambda ids: Flag(strategy_ids=tuple(ids), note="opposite"), st.lists(ID, max_size=3)),
    st.builds(Screen, strategy_id=ID, findings=FINDINGS),
    st.builds(Edit, strategy_id=ID, do=WORD),
    *(st.builds(kind, strategy_id=ID) for kind in (Approve, Reject, Retire, Reopen)),
    st.builds(evidence, NUMBER, st.sampled_from(["unproven", "helpful", "harmful"])),
)


class AnyOrder(RuleBasedStateMachine):
    """Batches, legal or not, with tokens or not, on a real file."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "library.db"
        self.clock = ticking()
        self.library = Library.open(self.path, clock=self.clock, create=True)
        self.after: list[tuple[int, tuple[Entry, ...]]] = [(0, ())]
        self.tokens: dict[str, tuple[int, ...]] = {}

    def teardown(self) -> None:
        self.library.close()
        shutil.rmtree(self.folder)

    @rule(changes=st.lists(CHANGE, max_size=4), token=st.sampled_from(["", "", "a", "b", "c"]))
    def batch(self, changes: list[Change], token: str) -> None:
        last, entries = self.after[-1]
        try:
            seqs = self.library.apply(changes, author="ann", reason="why", token=token)
        except LibraryError:
            assert self.library.entries() == entries
            return
        if token in self.tokens:
            assert seqs == self.tokens[token]
            assert self.library.entries() == entries
            return
        assert seqs == tuple(range(last + 1, last + 1 + len(seqs)))
        assert len(seqs) <= len(changes) + 1
        if token:
            assert seqs
            self.tokens[token] = seqs
        if seqs:
            self.after.append((seqs[-1], self.library.entries()))
        assert self.library.entries() == self.after[-1][1]

    @precondition(lambda self: len(self.after) > 1)
    @rule(data=st.data())
    def earlier(self, data: Any) -> None:
        seq, entries = data.draw(st.sampled_from(self.after))
        assert tuple(sorted(self.library.as_of(seq).entries.values(), key=lambda e: e.first_seq)) == entries

    @rule()
    def reopen(self) -> None:
        digest = self.library.digest()
        self.library.close()
        self.library = Library.open(self.path, clock=self.clock)
        assert self.library.digest() == digest

    @invariant()
    def holds(self) -> None:
        found = self.library.verify()
        assert (found.problem, found.changes) == ("", self.after[-1][0])

    @invariant()
    def snapshot_is_what_may_be_used(self) -> None:
        entries = self.library.entries()
        assert self.library.snapshot() == tuple(e.strategy for e in entries if e.usable)
        for entry in entries:
            told = self.library.history(entry.strategy.id)
            assert (told[0].seq, told[-1].seq) == (entry.first_seq, entry.changed_seq)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
