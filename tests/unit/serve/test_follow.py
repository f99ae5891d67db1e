"""The release in use: what was served before is freed at once."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.flow.serving import put_release

from preceptor.core.clock import system_clock
from preceptor.library.release_pointer import FilePointer, Pointed, write_pointer
from preceptor.serve.follow import Follower
from preceptor.serve.log import Log
from preceptor.serve.metrics import proxy_metrics

ASKED = [{"role": "user", "content": "I want a refund for my ticket."}]


@pytest.fixture
def uncollected() -> Iterator[None]:
    """No cycle is found and freed: only reference counts free anything."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.enable()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("then", ["another", "none"])
async def test_the_former_coach_is_freed_by_reference_counts_alone(tmp_path: Path, then: str) -> None:
    """After a change everything is frozen (``gc.freeze``), the former coach too where a cycle still held it: the
    collector would then never look at it, and each release would stay in memory."""
    follower = Follower(FilePointer(tmp_path), tmp_path, Log(lambda _: None, system_clock), proxy_metrics())
    first = put_release(tmp_path, "Explain")
    await follower.look()
    assert follower.current is not None
    assert follower.current.id == first
    former = weakref.ref(follower.current.coach)
    assert (await follower.current.coach.advise_async(ASKED)).text  # in use, with all that it keeps ready
    if then == "another":
        second = put_release(tmp_path, "Quote", seq=2)
        await follower.look()
        assert follower.current is not None
        assert follower.current.id == second
    else:
        write_pointer(tmp_path, Pointed(digest="", seq=2))
        await follower.look()
        assert follower.current is None
    assert gc.get_freeze_count()
    assert former() is None
