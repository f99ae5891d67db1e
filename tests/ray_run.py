"""Learns and evaluates by a project's settings: ``python -m tests.ray_run FOLDER``; a process for a test to watch.

Its spans, one a line as JSON, are in ``FOLDER/spans.jsonl``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from preceptor import Project


def main() -> None:
    """Both jobs, on the settings of the project."""
    project = Project.open(sys.argv[1])
    with (Path(sys.argv[1]) / "spans.jsonl").open("w") as file:
        provider = TracerProvider()
        to_file = ConsoleSpanExporter(out=file, formatter=lambda span: f"{span.to_json(indent=None)}\n")
        provider.add_span_processor(SimpleSpanProcessor(to_file))
        trace.set_tracer_provider(provider)
        project.learn()
        project.evaluate()


if __name__ == "__main__":
    main()
