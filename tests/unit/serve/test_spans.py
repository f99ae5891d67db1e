from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from preceptor.serve.coaching import Coached
from preceptor.serve.insert import read
from preceptor.serve.spans import open_spans
from preceptor.serve.story import Story

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    yield exporter
    provider.shutdown()


def test_a_span_goes_on_with_the_callers_trace(told: InMemorySpanExporter) -> None:
    spans = open_spans()
    asked = read(b'{"model":"m","messages":[{"role":"user","content":"hi"}]}', "chat")
    story = Story(route="/v1/chat/completions", started=0, status=200)
    story.coached = Coached(outcome="applied", body=b"", release="release-1", asked=asked)
    with spans.request([(b"traceparent", PARENT.encode())]) as span:
        onward = dict(spans.onward())
        span.tell(story)
    (found,) = told.get_finished_spans()
    assert found.name == "chat m"
    assert found.parent is not None
    assert f"{found.parent.trace_id:032x}" in PARENT
    assert found.context is not None
    assert f"{found.context.span_id:016x}" in onward[b"traceparent"].decode()
    attributes = dict(found.attributes or {})
    assert attributes["gen_ai.operation.name"] == "chat"
    assert attributes["gen_ai.request.model"] == "m"
    assert attributes["preceptor.release"] == "release-1"
    assert "error.type" not in attributes
