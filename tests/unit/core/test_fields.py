"""The flat list of settings agrees with the models."""

from __future__ import annotations

from preceptor.core.fields import sections, settings
from preceptor.core.settings import Config


def test_every_leaf_is_there_with_words():
    def leaves(tree: dict[str, object], prefix: str = "") -> set[str]:
        found: set[str] = set()
        for key, value in tree.items():
            found |= leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}"}
        return found

    assert {s.key for s in settings()} == leaves(Config().model_dump())
    assert [s.key for s in settings() if not s.description or "value" in s.allowed] == []


def test_ranges_are_told():
    allowed = {s.key: s.allowed for s in settings()}
    assert allowed["learn.attempts"] == "whole number from 1 to 20"
    assert allowed["learn.teacher_share"] == "list of: number from 0 to 1"
    assert allowed["budget.usd"] == "number at least 0, or empty"
    assert '"coached"' in allowed["evaluate.arms"]


def test_variables_and_sections():
    assert (
        next(s for s in settings() if s.key == "seats.student.model").variable == "PRECEPTOR_SEATS__STUDENT__MODEL"
    )
    assert [name for name, _ in sections()] == list(Config.model_fields)
