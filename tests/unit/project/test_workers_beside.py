"""What workers share beside their items: spans, what works with a model, vectors."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from preceptor.core.errors import ModelDownError
from preceptor.core.events import PhaseStarted, RunEnded, RunStarted
from preceptor.library.remembered import Remembering
from preceptor.llm import ChatMessage, ChatReply, ChatRequest, Usage
from preceptor.llm.calls import Tag
from preceptor.llm.modes import ModeMemory
from preceptor.llm.seats import Beside
from preceptor.llm.trace import RunTrace, Trace
from preceptor.project.workers.beside import Found, Known, Notes, Shared

SPEC = "http://127.0.0.1:9/v1#m"


class Lengths:
    """A vector tells the length of its text; notes what it is asked."""

    name = "lengths"
    dimension = 2

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        return np.array([[len(t), 1.0] for t in texts], dtype=np.float32).reshape(-1, 2)


def sent(found: Found | Known):
    """As it comes out of another process."""
    return pickle.loads(pickle.dumps(found))


def call(trace: Trace, item: str, *, error: bool = False) -> None:
    request = ChatRequest(messages=(ChatMessage("user", "Hello."),), seed=7, max_tokens=9)
    reply = ChatReply(text="Hi.", finish="stop", usage=Usage(input=5, output=2, cached=1), model="m-1")
    with trace.call(SPEC, request, f"key-{item}", Tag(seat="student", phase="generate", item=item)) as span:
        if error:
            raise ModelDownError("nobody there", kind="unreachable")
        span.answered(reply, 0.5)


def test_calls_of_workers_are_spans_of_the_run_with_the_workers_own_times() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace = RunTrace(provider)
    driver = Shared(beside=Beside(trace=trace), embedder=None)
    worker = Notes(traces=True)
    call(worker.beside.trace, "a")
    with pytest.raises(ModelDownError):
        call(worker.beside.trace, "b", error=True)
    found = sent(worker.found())
    assert worker.found() == Found(), "told once"
    trace.listen(RunStarted(run="learn-001", job="learn", resumed=False))
    trace.listen(PhaseStarted(name="generate", stage=0, total=2))
    driver.hear(found)
    call(trace, "own")
    trace.listen(RunEnded(run="learn-001", status="done"))
    told = {str((s.attributes or {}).get("preceptor.item")): s for s in exporter.get_finished_spans()}
    (phase,) = (s for s in exporter.get_finished_spans() if s.name == "generate")
    good, bad, own = told["a"], told["b"], told["own"]
    assert {s.parent.span_id if s.parent else 0 for s in (good, bad, own)} == {phase.get_span_context().span_id}
    assert (good.start_time, good.end_time) == (found.calls[0].began, found.calls[0].ended)
    assert good.start_time is not None
    assert phase.start_time is not None
    assert good.start_time < phase.start_time, "it was made before it was told"
    attributes = dict(good.attributes or {})
    assert attributes.pop("preceptor.call") == "key-a"
    assert {**attributes, "preceptor.call": "key-own", "preceptor.item": "own"} == dict(own.attributes or {})
    assert attributes["gen_ai.usage.input_tokens"] == 5
    assert attributes["preceptor.usd"] == 0.5
    assert (bad.attributes or {})["error.type"] == "unreachable"
    assert not bad.status.is_ok
    assert good.status.is_unset


def test_without_traces_a_worker_notes_no_call() -> None:
    worker = Notes(traces=False)
    call(worker.beside.trace, "a")
    assert worker.found().calls == ()


def test_what_worked_with_a_model_is_known_at_the_start_and_comes_back(tmp_path: Path) -> None:
    memory = ModeMemory(tmp_path / "models.json")
    memory.worked("http://other/v1#m", "prompt", ["native", "tool", "object"])
    driver = Shared(beside=Beside(modes=memory), embedder=None)
    one, two = Notes(traces=False), Notes(traces=False)
    for worker in (one, two):
        worker.begin_with(sent(driver.known()))
        assert worker.beside.modes.of("http://other/v1#m") == "prompt", "nobody finds it anew"
    by_itself = ModeMemory()
    for known in (one.beside.modes, by_itself):
        known.worked(SPEC, "tool", ["native"])
        known.told(SPEC, "tool", usable=True)
        known.told(SPEC, "tool", usable=False)
        known.told(SPEC, "tool", usable=False)
    driver.hear(sent(one.found()))
    driver.hear(sent(one.found()))
    assert memory.tell(SPEC) == by_itself.tell(SPEC), "each answer counts once"
    assert memory.of(SPEC) == by_itself.of(SPEC) == "object"
    assert ModeMemory(tmp_path / "models.json").of(SPEC) == "object", "written"
    two.begin_with(sent(driver.known()))
    assert two.beside.modes.of(SPEC) == "object", "the others know at the next phase"
    assert two.found().modes == (), "what it was told is not news"


def test_what_workers_ask_of_an_embedder_is_counted_kept_and_known_to_the_next(tmp_path: Path) -> None:
    own = Remembering(Lengths())
    own.keep(tmp_path / "vectors.jsonl")
    own.embed(["known"])
    driver = Shared(beside=Beside(), embedder=own)
    behind = Lengths()
    worker = Notes(traces=False)
    embedder = worker.remembering(behind)
    assert embedder is not None
    worker.begin_with(sent(driver.known()))
    rows = embedder.embed(["known", "new one", "other"])
    assert behind.asked == ["new one", "other"]
    driver.hear(sent(worker.found()))
    driver.hear(sent(worker.found()))
    assert (own.taken.calls, own.taken.texts, own.taken.letters) == (2, 3, len("knownnew oneother"))
    assert own.embed(["other", "new one"])[0].tolist() == rows[2].tolist()
    assert own.taken.calls == 2, "not asked again here"
    later = Remembering(Lengths())
    later.keep(tmp_path / "vectors.jsonl")
    assert (later.taken.calls, later.taken.texts, later.taken.replayed) == (2, 3, 3), "nor when the run goes on"
    assert Notes(traces=False).remembering(None) is None
