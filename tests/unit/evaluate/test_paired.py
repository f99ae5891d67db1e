"""The paired analysis: by hand, invariances, degenerate and missing data."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preceptor.core.errors import InputError
from preceptor.evaluate.statistics import Analysis, Score, analyse


def scores(table: dict[str, list[float | None]], per_cluster: int = 1) -> list[Score]:
    """One arm a key; the i-th value is unit i; None is a missing cell."""
    return [
        Score(arm=arm, unit=f"u{i:03}", cluster=f"c{i // per_cluster:03}", score=value)
        for arm, values in table.items()
        for i, value in enumerate(values)
        if value is not None
    ]


def world(n: int = 40, gain: float = 0.6, gap: float = 2.0, seed: int = 0) -> list[Score]:
    rng = np.random.default_rng(seed)
    base = rng.normal(3, 0.6, n)
    return scores(
        {
            "student": list(base + rng.normal(0, 0.4, n)),
            "coached": list(base + gain + rng.normal(0, 0.4, n)),
            "teacher": list(base + gap + rng.normal(0, 0.4, n)),
        }
    )


def run(rows: list[Score], **options: str) -> Analysis:
    return analyse(rows, baseline="student", seed=1, resamples=2000, **options)


def test_means_differences_and_share_by_hand() -> None:
    rows = scores(
        {"student": [1, 2, 3] * 4, "coached": [2, 3, 3.5] * 4, "teacher": [4, 4, 5] * 4}  # type: ignore[dict-item]
    )
    found = run(rows, ceiling="teacher")
    coached = found.differences[0]
    assert [m.estimate.value for m in found.arms] == pytest.approx([2.0, 8.5 / 3, 13 / 3])
    assert coached.estimate.value == pytest.approx(2.5 / 3)
    assert coached.arm_mean - coached.baseline_mean == pytest.approx(coached.estimate.value)
    assert coached.sd == pytest.approx(np.std([1, 1, 0.5] * 4, ddof=1))
    assert coached.finding == "higher"
    share = found.shares[0]
    assert (share.arm, share.low_arm, share.high_arm) == ("coached", "student", "teacher")
    assert share.share is not None
    assert share.share.value == pytest.approx(2.5 / 7)


def test_a_true_effect_is_found_and_covered() -> None:
    found = run(world(), ceiling="teacher")
    coached = found.differences[0]
    assert coached.p_holm < 0.01
    assert coached.estimate.low is not None
    assert coached.estimate.high is not None
    assert coached.estimate.low < 0.6 < coached.estimate.high
    assert coached.further == 0
    share = found.shares[0].share
    assert share is not None
    assert share.low is not None
    assert share.high is not None
    assert share.low < 0.3 < share.high


def test_pairing_removes_what_customers_differ_in() -> None:
    rng = np.random.default_rng(5)
    hard = rng.normal(0, 5, 40)
    found = run(scores({"student": list(hard), "coached": list(hard + 0.2 + rng.normal(0, 0.05, 40))}))
    assert found.differences[0].finding == "higher"
    assert found.arms[0].estimate.half_width > 1  # type: ignore[operator]


def test_holm_over_the_arms() -> None:
    found = run(world())
    for d in found.differences:
        assert d.p <= d.p_holm <= 2 * d.p


def test_what_holm_leaves_unclear_still_tells_how_many_more_would_settle_it() -> None:
    rng = np.random.default_rng(3)
    base = rng.normal(3, 1, 30)
    # By itself the first passes 5%, beside five idle arms it does not.
    arms = {"student": list(base), "coached": list(base + 0.4 + rng.normal(0, 0.7, 30))}
    arms |= {f"idle{n}": list(base + rng.normal(0, 1, 30)) for n in range(5)}
    first = run(scores(arms)).differences[0]
    assert first.p < 0.05 < first.p_holm
    assert first.finding == "unclear"
    assert first.further is not None
    assert first.further > 0


def test_order_of_rows_does_not_matter() -> None:
    rows = world()
    shuffled = rows[:]
    random.Random(3).shuffle(shuffled)
    ours, theirs = run(rows, ceiling="teacher"), run(shuffled, ceiling="teacher")
    assert {d.arm: d for d in ours.differences} == {d.arm: d for d in theirs.differences}
    assert {m.arm: m for m in ours.arms} == {m.arm: m for m in theirs.arms}
    assert ours.shares == theirs.shares


def test_missing_cells_drop_pairs_and_are_counted() -> None:
    found = run(scores({"student": [1, 2, None, 4], "coached": [2, None, 3, 4]}))  # type: ignore[dict-item]
    d = found.differences[0]
    assert (d.estimate.n, d.dropped) == (2, 2)
    assert d.estimate.value == pytest.approx(0.5)
    assert [m.estimate.n for m in found.arms] == [3, 3]


def test_one_pair_gives_a_value_and_no_claim() -> None:
    d = run(scores({"student": [1], "coached": [4]})).differences[0]
    assert d.estimate.value == 3
    assert (d.estimate.low, d.sd, d.smallest_detectable, d.further) == (None, None, None, None)
    assert (d.p, d.finding) == (1.0, "unclear")


def test_the_same_arm_twice_is_unclear() -> None:
    d = run(scores({"student": [3, 4, 5] * 5, "coached": [3, 4, 5] * 5})).differences[0]  # type: ignore[dict-item]
    assert (d.estimate.value, d.p, d.finding, d.further) == (0, 1.0, "unclear", None)
    assert "no spread" in d.estimate.note


def test_many_dialogues_of_few_profiles_are_not_many() -> None:
    rng = np.random.default_rng(1)
    effect = np.repeat(rng.normal(0.1, 1, 12), 10)
    table = {"student": [0.0] * 120, "coached": list(effect + rng.normal(0, 0.01, 120))}
    clustered = run(scores(table, per_cluster=10)).differences[0]
    naive = run(scores(table)).differences[0]
    assert (clustered.estimate.n, clustered.estimate.clusters) == (120, 12)
    assert clustered.estimate.half_width > 2 * naive.estimate.half_width  # type: ignore[operator]
    assert clustered.p > naive.p


@pytest.mark.parametrize("gap", [0.0, -1.0])
def test_no_share_of_a_gap_that_is_not_there(gap: float) -> None:
    share = run(world(gap=gap), ceiling="teacher").shares[0]
    assert share.share is None
    assert "not clearly above 0" in share.reason


def test_no_share_without_common_units() -> None:
    rows = [
        *(Score(arm="student", unit=f"u{i}", cluster="c", score=1) for i in range(4)),
        *(Score(arm="coached", unit=f"u{i}", cluster="c", score=2) for i in (0, 1)),
        *(Score(arm="teacher", unit=f"u{i}", cluster="c", score=3) for i in (2, 3)),
    ]
    share = run(rows, ceiling="teacher").shares[0]
    assert share.share is None
    assert "no unit" in share.reason


def test_arms_without_common_units_are_paired_by_cluster() -> None:
    rows = [
        Score(arm=arm, unit=f"{arm}{i}", cluster=f"c{i % 5}", score=i % 5 + add)
        for arm, add in (("student", 0), ("coached", 1))
        for i in range(10)
    ]
    found = run(rows)
    d = found.differences[0]
    assert (d.paired_by, d.estimate.n, d.estimate.value) == ("cluster", 5, 1)
    assert "cluster means were paired" in found.notes[0]


def test_an_arm_that_shares_nothing_is_told_and_not_compared() -> None:
    rows = [
        Score(arm="student", unit="a", cluster="a", score=1),
        Score(arm="coached", unit="b", cluster="b", score=2),
    ]
    found = run(rows)
    assert found.differences == ()
    assert "share no unit and no cluster" in found.notes[0]


def test_several_scores_of_a_cell_are_averaged_and_told() -> None:
    rows = [
        *scores({"student": [1, 2], "coached": [3, 3]}),
        Score(arm="coached", unit="u000", cluster="c000", score=5),
    ]
    found = run(rows)
    assert found.differences[0].estimate.value == pytest.approx((3 + 1) / 2)
    assert found.notes[0].startswith("1 scores repeat")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused_by_name(bad: float) -> None:
    with pytest.raises(InputError, match=r"arm 'coached', unit 'u001'.*not a finite number"):
        run(scores({"student": [1, 2], "coached": [1, bad]}))


def test_a_unit_in_two_clusters_is_refused() -> None:
    rows = [
        Score(arm="student", unit="u", cluster="a", score=1),
        Score(arm="coached", unit="u", cluster="b", score=1),
    ]
    with pytest.raises(InputError, match="cluster is 'b', but was 'a'"):
        run(rows)


def test_no_scores_and_no_baseline_are_refused() -> None:
    with pytest.raises(InputError, match="no scores to analyse"):
        run([])
    with pytest.raises(InputError, match="baseline arm 'student' has no scores"):
        run(scores({"coached": [1, 2]}))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_swapping_the_arms_turns_the_sign(data: st.DataObject) -> None:
    n = data.draw(st.integers(2, 24))
    half = st.integers(2, 10).map(lambda x: x / 2)
    a, b = (data.draw(st.lists(half, min_size=n, max_size=n)) for _ in range(2))
    one = analyse(scores({"x": a, "y": b}), baseline="x", seed=1, resamples=300).differences[0]  # type: ignore[dict-item]
    two = analyse(scores({"x": b, "y": a}), baseline="x", seed=1, resamples=300).differences[0]  # type: ignore[dict-item]
    assert one.estimate.value == pytest.approx(-two.estimate.value)
    assert one.p == two.p
    assert one.smallest_detectable == pytest.approx(two.smallest_detectable)
    assert {one.finding, two.finding} in ({"unclear"}, {"higher", "lower"})
