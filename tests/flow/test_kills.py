"""``kill -9`` at random moments: the same library byte for byte, and no answered call made again."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.kills import EPOCH, approved, dump, kill_command, learn_with_kills, older, unkilled, watched

from preceptor import Project


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


def test_a_release_that_was_killed_is_there_or_not_and_can_be_made(tmp_path: Path) -> None:
    made = approved(tmp_path / "made")
    for number, delay in enumerate((0.5, 0.9)):
        folder = tmp_path / str(number)
        kill_command(made.folder, folder, ("release", "create", "--by", "ana"), delay)
        assert_releasable(folder)


def assert_releasable(folder: Path) -> None:
    """The library is whole, and a release can be made and published, whatever a kill left."""
    dump(folder)
    for words in (("release", "create", "--by", "ana"), ("release", "list")):
        done = subprocess.run(
            [sys.executable, "-m", "preceptor.cli", *words, "-C", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_a_migration_that_was_killed_left_the_old_library_or_the_new(tmp_path: Path) -> None:
    made = approved(tmp_path / "made")
    expected = dump(made.folder)
    old = older(made)
    old.replace(made.folder / "library.db")
    for suffix in ("-wal", "-shm"):
        (made.folder / f"library.db{suffix}").unlink(missing_ok=True)
    for number, delay in enumerate((0.5, 0.8, 1.1)):
        folder = tmp_path / str(number)
        kill_command(made.folder, folder, ("library", "digest"), delay)
        with closing(sqlite3.connect(folder / "library.db")) as raw:
            assert raw.execute("PRAGMA quick_check").fetchone() == ("ok",)
        assert dump(folder) == expected
    assert Project.open(tmp_path / "0", environ=EPOCH).strategies()
