"""What is said when the process that drives a run is ended from outside."""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import AsyncMock, Mock

import pytest

from preceptor.core.config import load_config
from preceptor.llm.journal.pg import PostgresJournal
from preceptor.project import Project
from preceptor.project.workers import on_ray

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


async def test_the_last_word_of_a_run_on_ray_can_be_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def noted(text: str) -> nullcontext[None]:
        said.append(text)
        return nullcontext()

    monkeypatch.setattr(on_ray, "last_word", noted)
    monkeypatch.setattr(on_ray, "_connected", lambda _: (Mock(cluster_resources=lambda: {"CPU": 2}), False))
    monkeypatch.setattr(on_ray, "Crew", lambda **_: Mock(hire=AsyncMock(), dismiss=AsyncMock()))
    project = Project(Path(), load_config(None, environ={}), {})
    project.typed = lambda hint: hint.replace("preceptor learn", "preceptor learn -C 'my shop' --seed 9")
    run = Mock(id="learn-007", info=Mock(job="learn"))
    now = Mock(run=run, journal=Mock(spec=PostgresJournal))
    async with on_ray.on_ray(project, now, Mock(), Mock(), None):
        assert len(said) == 1
    assert said[0].startswith("error: the process of learn-007 ")
    assert said[0].endswith("go on with: preceptor learn -C 'my shop' --seed 9 --resume\n")
