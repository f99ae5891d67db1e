"""Spans of a run: the run, its phases, every paid call in the conventions for generative AI."""

from __future__ import annotations

import gzip
import shutil
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from preceptor import Project
from preceptor.core.errors import BudgetError, ConfigError
from preceptor.llm.trace import RunTrace

SMALL = {"learn.dialogues": 3, "learn.scenarios": 3, "learn.max_turns": 3, "learn.teacher_share": (1.0,)}


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Generator[InMemorySpanExporter]:
    """Where spans go, for one test."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    yield exporter
    provider.shutdown()


def ids(span: ReadableSpan) -> tuple[int, int]:
    """Trace and span."""
    context = span.get_span_context()
    assert context is not None
    return context.trace_id, context.span_id


def parent(span: ReadableSpan) -> int:
    return 0 if span.parent is None else span.parent.span_id


def attribute(span: ReadableSpan, name: str) -> object:
    return (span.attributes or {}).get(name)


def test_a_run_its_phases_and_its_calls(tmp_path: Path, spans: InMemorySpanExporter) -> None:
    project = Project.create(tmp_path / "p", settings={**SMALL, "run.traces": True}, environ={})
    result = project.learn()
    found = spans.get_finished_spans()
    (run,) = [s for s in found if s.name == "preceptor learn"]
    assert attribute(run, "preceptor.run") == "learn-001"
    assert attribute(run, "preceptor.status") == "done"
    phases = {ids(s)[1]: s for s in found if parent(s) == ids(run)[1]}
    assert {"generate", "probe", "teach"} <= {s.name for s in phases.values()}
    calls = [s for s in found if s.name.startswith("chat ")]
    assert len(calls) == sum(r.calls for r in result.spend)
    assert all(parent(s) in phases for s in calls)
    assert {ids(s)[0] for s in found} == {ids(run)[0]}
    one = calls[0]
    for name in ("gen_ai.operation.name", "gen_ai.request.model", "gen_ai.usage.input_tokens", "preceptor.seat"):
        assert attribute(one, name), name
    assert sum(int(str(attribute(s, "gen_ai.usage.input_tokens"))) for s in calls) == sum(
        r.input for r in result.spend
    )


def test_a_strategy_is_followed_back_to_its_calls(tmp_path: Path, spans: InMemorySpanExporter) -> None:
    from preceptor.project import journals  # noqa: PLC0415

    project = Project.create(tmp_path / "p", settings={**SMALL, "run.traces": True}, environ={})
    project.learn()
    strategy = next(s for s in project.strategies() if s.scenarios)
    wanted = set(strategy.scenarios)
    calls = [s for s in spans.get_finished_spans() if attribute(s, "preceptor.item") in wanted]
    kept = [c for item in wanted for c in journals.calls(project, "last", item)]
    assert {attribute(s, "preceptor.call") for s in calls} == {c.key for c in kept}
    assert any(strategy.do in c.text for c in kept), "the very answer that the strategy stands in"
    (behind,) = journals.calls_behind(project, strategy.id.removeprefix("strategy-"))
    assert (behind.run, behind.problem) == ("learn-001", "")
    assert {c.key for c in kept} < {c.key for c in behind.calls}
    phases = list(dict.fromkeys(c.phase for c in behind.calls))
    assert {"generate", "probe", "teach"} <= set(phases)
    assert {c.item for c in behind.calls if c.phase == "screen"} <= {strategy.id}
    talk = "".join(c.text for c in behind.calls if c.phase == "generate" and c.seat == "customer")
    with project.library() as library:
        said = [t.text for s in library.scenarios(strategy.scenarios) for t in s.turns if t.speaker == "customer"]
    assert all(text in talk for text in said), "the dialogues in which its scenarios were met"
    (one,) = journals.calls(project, "last", kept[0].key[:12])
    assert one == kept[0]


def test_behind_a_strategy_from_the_domain_stands_the_answer_that_it_is_in(tmp_path: Path) -> None:
    from preceptor.project import journals  # noqa: PLC0415

    project = Project.create(tmp_path / "p", settings={**SMALL, "learn.primer": True}, environ={})
    project.learn()
    for strategy in [s for s in project.strategies() if not s.scenarios]:
        (behind,) = journals.calls_behind(project, strategy.id)
        (answer,) = [c for c in behind.calls if c.phase == "primer"]
        assert strategy.do in answer.text
        assert {c.phase for c in behind.calls} <= {"primer", "screen", "consolidate"}


def test_calls_behind_a_strategy_whose_run_is_gone_are_told_as_gone(tmp_path: Path) -> None:
    from preceptor.project import journals  # noqa: PLC0415

    project = Project.create(tmp_path / "p", settings=SMALL, environ={})
    project.learn()
    shutil.rmtree(tmp_path / "p" / "runs" / "learn-001")
    (behind,) = journals.calls_behind(project, project.strategies()[0].id)
    assert behind.calls == ()
    assert "learn-001" in behind.problem


def test_without_an_agent_a_run_sends_its_spans_to_the_collector_before_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        project = Project.create(tmp_path / "p", settings={**SMALL, "run.traces": True}, environ={})
        result = project.learn()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    requests = [ExportTraceServiceRequest.FromString(body) for body in got]
    scopes = [scope for r in requests for resource in r.resource_spans for scope in resource.scope_spans]
    names = [span.name for scope in scopes for span in scope.spans]
    assert names.count("preceptor learn") == 1
    assert sum(name.startswith("chat ") for name in names) == sum(r.calls for r in result.spend)


def test_a_run_that_fails_says_so(tmp_path: Path, spans: InMemorySpanExporter) -> None:
    project = Project.create(tmp_path / "p", settings={**SMALL, "run.traces": True, "budget.calls": 5}, environ={})
    with pytest.raises(BudgetError):
        project.learn()
    (run,) = [s for s in spans.get_finished_spans() if s.name == "preceptor learn"]
    assert attribute(run, "preceptor.status") == "over_budget"
    assert not run.status.is_ok


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys  # noqa: PLC0415

    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ConfigError, match="not installed"):
        RunTrace()
