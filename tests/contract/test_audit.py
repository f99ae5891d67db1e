"""What ``make check`` makes of pip-audit's answers: known faults fail it, a registry that is away does not."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FINE = {"name": "good", "version": "1", "vulns": []}
BAD = {"name": "bad", "version": "2", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["3"]}]}
UNKNOWN = {"name": "far", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "faults", "words"),
    [
        ([FINE], 0, "no known fault in 1 packages"),
        ([FINE, UNKNOWN], 0, "no known fault in 1 packages; nothing is known of 1 others"),
        ([FINE, BAD], 1, "1 known faults\nbad 2: PYSEC-2026-1"),
    ],
)
def test_known_faults_fail(packages: list[object], faults: int, words: str):
    verdict = runpy.run_path(str(ROOT / ".ci" / "audit.py"))["verdict"]
    assert verdict(json.dumps({"dependencies": packages}), "") == (faults, words)


@pytest.mark.parametrize("answer", ["", "{}", "[]", "no JSON"])
def test_a_registry_that_is_away_is_told(answer: str):
    verdict = runpy.run_path(str(ROOT / ".ci" / "audit.py"))["verdict"]
    told = verdict(answer, "ERROR: a\nERROR: it timed out\n")
    assert told == (0, "the registry does not answer, nothing was checked (ERROR: it timed out)")


def test_make_check_asks_both_tools():
    text = (ROOT / "Makefile").read_text()
    check = text[text.index("\ncheck:") : text.index("\nformat:")]
    assert "bandit" in check
    assert ".ci/audit.py locks/run.txt" in check
