"""The size of a run follows what may be spent: never more, stages kept as long as they are worth it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from preceptor.core.settings import LearnConfig
from preceptor.learn.fit import FEWEST, Size, fitted, size_of


def cost(learn: LearnConfig) -> int:
    return len(learn.teacher_share) * (10 * learn.dialogues + 10 * learn.scenarios)


@given(st.integers(1, 3000), st.integers(1, 60), st.integers(1, 90))
def test_a_fitted_run_fits_and_is_never_larger_than_asked_for(budget: int, dialogues: int, scenarios: int):
    settings = LearnConfig(dialogues=dialogues, scenarios=scenarios)
    size = fitted(settings, lambda learn: cost(learn) <= budget)
    if size is None:
        assert budget < 20, "one dialogue and one scenario always fit"
        return
    assert cost(size.of(settings)) <= budget
    assert size.dialogues <= dialogues
    assert size.scenarios <= scenarios
    assert set(size.teacher_share) <= set(settings.teacher_share)
    if len(size.teacher_share) > 1:
        assert size.dialogues >= min(FEWEST, dialogues)


def test_what_fits_as_it_is_stays_as_it_is():
    settings = LearnConfig()
    assert fitted(settings, lambda _: True) == size_of(settings)


def test_small_stages_become_fewer_and_the_first_and_last_stay_longest():
    settings = LearnConfig()
    at = {b: fitted(settings, lambda learn, b=b: cost(learn) <= b) for b in (2000, 700, 500, 100)}
    assert [s.teacher_share if s else () for s in at.values()] == [
        (1.0, 0.6, 0.3, 0.0),
        (1.0, 0.6, 0.0),
        (1.0, 0.0),
        (0.0,),
    ]


def test_a_primer_shrinks_where_the_smallest_run_has_no_room_beside_it():
    settings = LearnConfig(primer=True, primer_issues=6)

    def least(learn: LearnConfig) -> int:
        return cost(learn) + learn.primer * (10 + 10 * learn.primer_issues)

    at = {b: fitted(settings, lambda learn, b=b: least(learn) <= b) for b in (3000, 89, 31, 29)}
    assert [(s.primer, s.primer_issues) if s else None for s in at.values()] == [
        (True, 6),
        (True, 0),
        (True, 0),
        (False, 6),
    ]
    assert fitted(settings, lambda learn: least(learn) <= 19) is None


def test_a_size_in_words():
    small = size_of(LearnConfig(primer=True, primer_issues=0))
    assert small.text().endswith("a primer for the whole domain alone")
    assert Size(teacher_share=(1.0, 0.0), dialogues=8, scenarios=12).text().startswith("2 stages of 8 dialogues")
