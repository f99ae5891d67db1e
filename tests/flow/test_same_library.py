"""The same seed gives the same library, whatever the concurrency and however often the run was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.flow.loop import run_loop

from preceptor import Project
from preceptor.core.settings import LearnConfig

SIZE = {"learn.dialogues": 4, "learn.scenarios": 6, "learn.max_turns": 3, "learn.teacher_share": (1.0, 0.5)}
EPOCH = {"SOURCE_DATE_EPOCH": "1767225600"}


async def test_concurrency_does_not_change_a_byte(tmp_path: Path):
    settings = LearnConfig(teacher_share=(1.0, 0.3), dialogues=6, scenarios=8, max_turns=4)
    dumps: set[str] = set()
    for concurrency in (1, 64):
        folder = tmp_path / str(concurrency)
        folder.mkdir()
        ran = await run_loop(folder, settings=settings, concurrency=concurrency)
        assert ran.rules
        dumps.add(ran.dump)
    assert len(dumps) == 1


async def test_another_seed_gives_another_library(tmp_path: Path):
    digests: set[str] = set()
    for seed in (1, 2):
        (tmp_path / str(seed)).mkdir()
        digests.add((await run_loop(tmp_path / str(seed), changes={"seed": seed})).digest)
    assert len(digests) == 2


def dump(folder: Path) -> str:
    with Project.open(folder, environ=EPOCH).library() as library:
        return "\n".join(library.dump())


def test_killed_and_resumed_three_times_it_ends_in_the_same_bytes(tmp_path: Path):
    whole = Project.create(tmp_path / "whole", settings=SIZE, environ=EPOCH)
    whole.learn()
    Project.create(tmp_path / "killed", settings=SIZE, environ=EPOCH)
    for number, answers in enumerate((20, 90, 160)):
        _killed_after(tmp_path / "killed", answers, resume=number > 0)
    Project.open(tmp_path / "killed", environ=EPOCH).learn(resume="")
    assert dump(tmp_path / "killed") == dump(tmp_path / "whole")


def _killed_after(folder: Path, answers: int, *, resume: bool) -> None:
    """Runs ``preceptor learn`` and kills it, without warning, once its log shows so many answered calls."""
    log = folder / "runs" / "learn-001" / "events.jsonl"
    command = [sys.executable, "-m", "preceptor.cli", "learn", "-C", str(folder), *(["--resume"] if resume else [])]
    process = subprocess.Popen(
        command, env={**os.environ, **EPOCH}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not (log.exists() and log.read_text(encoding="utf-8").count('"replayed":false') >= answers):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline, "no progress"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
