from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

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
def provider() -> Iterator[TracerProvider]:
    made = TracerProvider()
    yield made
    made.shutdown()


@pytest.fixture
def told(provider: TracerProvider) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


def story(**fields: Any) -> Story:
    asked = read(b'{"model":"m","messages":[{"role":"user","content":"secret words"}]}', "chat")
    made = Story(route="/v1/chat/completions", started=0, status=200)
    made.coached = Coached(outcome="applied", body=b"", release="release-1", asked=asked)
    return replace(made, **fields)


def test_a_span_goes_on_with_the_callers_trace(provider: TracerProvider, told: InMemorySpanExporter) -> None:
    spans = open_spans(provider, "https://models.example/v1")
    with spans.request([(b"traceparent", PARENT.encode())]) as span:
        onward = dict(spans.onward())
        span.tell(story())
    (found,) = told.get_finished_spans()
    assert (found.name, found.kind) == ("chat m", trace.SpanKind.CLIENT)
    assert found.parent is not None
    assert f"{found.parent.trace_id:032x}" in PARENT
    assert found.context is not None
    assert f"{found.context.span_id:016x}" in onward[b"traceparent"].decode()
    assert dict(found.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "server.address": "models.example",
        "server.port": 443,
        "http.response.status_code": 200,
        "preceptor.coaching": "applied",
        "preceptor.release": "release-1",
        "preceptor.strategies": (),
    }
    assert "secret" not in found.to_json()


@pytest.mark.parametrize(
    ("fields", "error"),
    [({"status": 429}, "429"), ({"end": "client-left"}, "client-left"), ({"status": 502, "end": "down"}, "down")],
)
def test_errors_are_told(
    provider: TracerProvider, told: InMemorySpanExporter, fields: dict[str, Any], error: str
) -> None:
    spans = open_spans(provider, "http://127.0.0.1:8000")
    with spans.request([]) as span:
        span.tell(story(**fields))
    (found,) = told.get_finished_spans()
    assert found.status.status_code is trace.StatusCode.ERROR
    assert (found.attributes or {})["error.type"] == error


def test_a_model_of_any_name_fits_into_a_span(provider: TracerProvider, told: InMemorySpanExporter) -> None:
    asked = read(b'{"model":"a\\ud800%b","messages":[{"role":"user","content":"x"}]}' % (b"b" * 999), "chat")
    with open_spans(provider, "http://127.0.0.1:8000").request([]) as span:
        span.tell(story(coached=Coached(outcome="none", body=b"", asked=asked)))
    (found,) = told.get_finished_spans()
    assert found.name.encode()
    assert len(found.name) < 100


def test_other_paths_are_no_chat(provider: TracerProvider, told: InMemorySpanExporter) -> None:
    with open_spans(provider, "http://127.0.0.1:8000").request([]) as span:
        span.tell(Story(route="/v1", started=0, status=200))
    (found,) = told.get_finished_spans()
    assert found.name == "proxy"
    assert not {"gen_ai.request.model", "preceptor.coaching"} & set(found.attributes or {})
