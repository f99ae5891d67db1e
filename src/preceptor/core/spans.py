"""Where OpenTelemetry spans go, of runs and of the proxy. The packages are an extra, loaded when asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from preceptor.core.errors import ConfigError, install

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider


def exporter() -> TracerProvider:
    """Sends spans to an OpenTelemetry collector (OTLP over HTTP), as the standard ``OTEL_*`` variables say; the
    provider that the process has already, where it runs under an agent such as ``opentelemetry-instrument``.

    Raises:
        ConfigError: the extra is not installed.
    """
    try:
        from opentelemetry import trace  # noqa: PLC0415 - an extra
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError("OpenTelemetry is not installed", hint=install("otel")) from error
    known = trace.get_tracer_provider()
    if isinstance(known, TracerProvider):
        return known
    made = TracerProvider(resource=Resource.create({SERVICE_NAME: "preceptor"}))
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return made
