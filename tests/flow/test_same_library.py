"""The same seed gives the same library, whatever the concurrency; for kills see test_kills.py."""

from __future__ import annotations

from pathlib import Path

from tests.flow.loop import run_loop

from preceptor.core.settings import LearnConfig


async def test_concurrency_does_not_change_a_byte(tmp_path: Path):
    settings = LearnConfig(teacher_share=(1.0, 0.3), dialogues=6, scenarios=8, max_turns=4, primer=True)
    dumps: set[str] = set()
    for concurrency in (1, 64):
        folder = tmp_path / str(concurrency)
        folder.mkdir()
        ran = await run_loop(folder, settings=settings, concurrency=concurrency)
        assert ran.rules
        assert ran.learned.primer is not None
        assert ran.learned.primer.proposed > 6
        dumps.add(ran.dump)
    assert len(dumps) == 1


async def test_another_seed_gives_another_library(tmp_path: Path):
    digests: set[str] = set()
    for seed in (1, 2):
        (tmp_path / str(seed)).mkdir()
        digests.add((await run_loop(tmp_path / str(seed), changes={"seed": seed})).digest)
    assert len(digests) == 2
