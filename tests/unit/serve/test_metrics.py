from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from preceptor.serve.metrics import SECONDS, Metrics


def read(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(metrics.text())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}


@given(value=st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.just("\n")))
def test_any_label_comes_back(value: str) -> None:
    metrics = Metrics()
    metrics.declare("x_total", "counter", "Some.")
    metrics.add("x_total", (("name", value),), by=2)
    assert read(metrics) == {("x_total", (("name", value),)): 2}


@given(times=st.lists(st.floats(0, 100), min_size=1, max_size=30))
def test_histograms_count_up_to_each_bound(times: list[float]) -> None:
    metrics = Metrics()
    metrics.declare("x_seconds", "histogram", "Some.")
    for seconds in times:
        metrics.observe("x_seconds", seconds)
    found = read(metrics)
    for bound in SECONDS:
        assert found["x_seconds_bucket", (("le", str(bound)),)] == sum(t <= bound for t in times)
    assert found["x_seconds_bucket", (("le", "+Inf"),)] == found["x_seconds_count", ()] == len(times)
    assert abs(found["x_seconds_sum", ()] - sum(times)) < 1e-6


def test_a_gauge_of_one_value() -> None:
    metrics = Metrics()
    metrics.declare("x", "gauge", "Some.")
    metrics.only("x", (("release", "a"),))
    metrics.only("x", (("release", "b"),))
    assert read(metrics) == {("x", (("release", "b"),)): 1}


@given(value=st.integers(0, 2**50))
def test_a_count_keeps_all_its_digits(value: int) -> None:
    metrics = Metrics()
    metrics.declare("x_total", "counter", "Some.")
    metrics.add("x_total", by=value)
    assert metrics.text().splitlines()[-1] == f"x_total {value}"


@given(counts=st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_several_processes_stand_side_by_side(counts: list[int]) -> None:
    told = None
    for number, count in enumerate(counts):
        own = Metrics()
        own.declare("x_total", "counter", "Some.")
        own.declare("x_seconds", "histogram", "Some.")
        for _ in range(count):
            own.add("x_total", (("name", "a"),))
            own.observe("x_seconds", 0.2)
        told = told or own.blank()
        told.take(json.loads(json.dumps(own.snapshot())), (("process", str(number)),))
    assert told is not None
    found = read(told)
    for number, count in enumerate(counts):
        assert found["x_total", (("name", "a"), ("process", str(number)))] == count
        assert found["x_seconds_count", (("process", str(number)),)] == count
    assert sum(value for (name, _), value in found.items() if name == "x_total") == sum(counts)
