"""What is said when the process that drives a run is ended from outside."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import os, signal
from preceptor.project.workers.last_word import last_word
with last_word("it was ended; resume"):
    {ends}
"""


@pytest.mark.parametrize("ends", ["os._exit(1)", "os.abort()", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_process_that_dies_has_a_last_word(ends: str) -> None:
    assert "it was ended; resume" in said(ends)


@pytest.mark.parametrize("ends", ["pass", "raise SystemExit(3)", "raise KeyboardInterrupt", "1 / 0"])
def test_one_that_ends_by_itself_has_none(ends: str) -> None:
    assert "it was ended" not in said(ends)


def said(ends: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(ends=ends)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode == 0) == (ends == "pass")
    return done.stderr
