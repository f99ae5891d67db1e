import pickle
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from preceptor.core.executor import InProcess
from preceptor.learn.context import Snapshot
from preceptor.learn.generate import Generating
from preceptor.learn.stage import Probing, Teaching


@dataclass(frozen=True)
class Adding:
    """Adds what the surroundings say."""

    more: int

    def at(self, around: int) -> Callable[[int], Awaitable[int]]:
        async def one(item: int) -> int:
            return around + self.more + item

        return one


async def test_in_process_does_the_work_in_the_given_surroundings():
    assert await InProcess().run(Adding(more=10), 100, [3, 1, 2], concurrency=2) == [113, 111, 112]


def test_the_work_of_every_phase_can_be_sent_to_another_process():
    for work in (kind(stage=1, snapshot=Snapshot()) for kind in (Generating, Probing, Teaching)):
        assert pickle.loads(pickle.dumps(work)) == work
