"""``kill -9`` at random moments: the same library byte for byte, and no answered call made again."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.kill_commands import Kind, kill, kinds
from tests.kills import learn_with_kills, unkilled, watched

NAMES = (
    "release create",
    "release publish",
    "library migration",
    "library backup",
    "library restore",
    "journal upgrade",
    "journal encrypt",
)


def test_killed_ten_times_it_ends_in_the_same_bytes_and_pays_nothing_twice(tmp_path: Path) -> None:
    with watched() as server:
        whole = unkilled(tmp_path / "whole", server)
        rng, kills = random.Random(6), 0
        for number in range(5):
            found = learn_with_kills(tmp_path / str(number), server, whole, rng, 10 - kills)
            assert found.same
            assert found.asked_again == 0
            kills += found.kills
            if kills >= 10:
                break
    assert kills >= 10


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Kind]:
    return {kind.name: kind for kind in kinds(tmp_path_factory.mktemp("kills"))}


@pytest.mark.parametrize("name", NAMES)
def test_a_command_that_was_killed_lost_nothing_and_works_when_given_again(
    name: str, made: dict[str, Kind], tmp_path: Path
) -> None:
    found = kill(made[name], tmp_path / "kills", random.Random(name), 3)
    assert (found.kills, found.broken) == (3, 0)


def test_no_command_is_left_out(made: dict[str, Kind]) -> None:
    assert tuple(made) == NAMES
