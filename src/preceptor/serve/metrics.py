"""Counts and times in the text format that Prometheus reads (version 0.0.4).

The official client costs 14 MB and ten times as long per request; what is needed of it is one page.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

Labels = tuple[tuple[str, str], ...]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """All series of one process. One event loop writes; a reader sees whole values."""

    def __init__(self) -> None:
        self._help: dict[str, tuple[str, str]] = {}
        self._values: dict[str, dict[Labels, float]] = {}
        self._buckets: dict[str, dict[Labels, list[float]]] = {}

    def declare(self, name: str, kind: str, text: str) -> None:
        """A series: ``kind`` is ``counter``, ``gauge`` or ``histogram``."""
        self._help[name] = (kind, text)
        (self._buckets if kind == "histogram" else self._values)[name] = {}

    def add(self, name: str, labels: Labels = (), by: float = 1) -> None:
        """Raises a counter or gauge."""
        series = self._values[name]
        series[labels] = series.get(labels, 0) + by

    def set(self, name: str, value: float, labels: Labels = ()) -> None:
        """Sets a gauge, or a counter that is kept elsewhere."""
        self._values[name][labels] = value

    def only(self, name: str, labels: Labels) -> None:
        """A gauge that is 1 for ``labels`` and gone for all others."""
        self._values[name] = {labels: 1}

    def observe(self, name: str, seconds: float, labels: Labels = ()) -> None:
        """Counts a time into its histogram."""
        series = self._buckets[name]
        counts = series.get(labels)
        if counts is None:
            counts = series[labels] = [0.0] * (len(SECONDS) + 2)
        counts[bisect_left(SECONDS, seconds)] += 1
        counts[-1] += seconds

    def blank(self) -> Metrics:
        """The same series, with nothing in them."""
        made = Metrics()
        for name, (kind, text) in self._help.items():
            made.declare(name, kind, text)
        return made

    def snapshot(self) -> dict[str, Any]:
        """Everything, in values that JSON knows; :meth:`take` reads it."""
        values = {name: list(series.items()) for name, series in self._values.items()}
        return {"values": values, "buckets": {name: list(series.items()) for name, series in self._buckets.items()}}

    def take(self, snapshot: Mapping[str, Any], labels: Labels) -> None:
        """Another process' :meth:`snapshot`, each series with ``labels`` as well."""
        for kind, own in (("values", self._values), ("buckets", self._buckets)):
            for name, series in snapshot[kind].items():
                for told, value in series:
                    own[name][*labels, *((label, text) for label, text in told)] = value

    def text(self) -> str:
        """Everything, as Prometheus reads it."""
        lines: list[str] = []
        for name, (kind, text) in self._help.items():
            lines += (f"# HELP {name} {text}", f"# TYPE {name} {kind}")
            if kind == "histogram":
                for labels, counts in self._buckets[name].items():
                    lines += _histogram(name, labels, counts)
            else:
                lines += [f"{name}{_labels(labels)} {_number(v)}" for labels, v in self._values[name].items()]
        return "\n".join(lines) + "\n"


def _histogram(name: str, labels: Labels, counts: Sequence[float]) -> list[str]:
    lines: list[str] = []
    total = 0.0
    for bound, count in zip((*map(str, SECONDS), "+Inf"), counts, strict=False):
        total += count
        lines.append(f"{name}_bucket{_labels((*labels, ('le', bound)))} {_number(total)}")
    told = _labels(labels)
    return [*lines, f"{name}_sum{told} {counts[-1]!r}", f"{name}_count{told} {_number(total)}"]


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _number(value: float) -> str:
    """All its digits: what is rounded, as ``g`` does beyond a million, seems to stand still and then to jump."""
    return str(int(value)) if float(value).is_integer() else repr(value)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def proxy_metrics() -> Metrics:
    """The series of the proxy."""
    metrics = Metrics()
    for name, kind, text in (
        ("preceptor_requests_total", "counter", "Requests by route, status and what became of coaching."),
        ("preceptor_cut_total", "counter", "Requests whose answer did not come to its end, by why."),
        ("preceptor_request_seconds", "histogram", "From the request's head to the response's last byte."),
        ("preceptor_first_byte_seconds", "histogram", "From the request's head to the response's head."),
        ("preceptor_coach_seconds", "histogram", "Time to choose and insert advice."),
        ("preceptor_strategies_total", "counter", "Strategies given as advice."),
        ("preceptor_recorded_total", "counter", "Calls to be recorded, by what became of that."),
        ("preceptor_in_flight", "gauge", "Requests under way."),
        ("preceptor_release_info", "gauge", "The release in use, and what searches it by words."),
        ("preceptor_release_changes_total", "counter", "Changes of the release in use."),
        ("preceptor_release_errors_total", "counter", "Releases or pointers that could not be used."),
    ):
        metrics.declare(name, kind, text)
    metrics.set("preceptor_in_flight", 0)
    metrics.add("preceptor_release_changes_total", by=0)
    metrics.add("preceptor_release_errors_total", by=0)
    return metrics
