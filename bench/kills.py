"""``kill -9`` at random moments, then ``--resume``: the same library byte for byte, no answered call made again.

``python -m bench.kills``: learning runs against the loopback server, each killed several times (after a random
number of calls, around the commit of a stage, at the start); then the same for making and publishing a release and
for bringing an older library up to date. Practice models: simulated.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from tests.kills import approved, dump, kill_command, learn_with_kills, older, unkilled, watched

from preceptor.project.releasing import open_releases


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="of learning runs")
    parser.add_argument("--others", type=int, default=20, help="of each other kind")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as place:
        ok = learning(Path(place), rng, options.kills)
        ok &= commands(Path(place), rng, options.others)
    return 0 if ok else 1


def learning(place: Path, rng: random.Random, kills: int) -> bool:
    """Runs until so many kills have struck."""
    began = time.perf_counter()
    with watched() as server:
        whole = unkilled(place / "whole", server)
        struck = runs = again = different = 0
        while struck < kills:
            found = learn_with_kills(place / f"run-{runs}", server, whole, rng, min(8, kills - struck))
            runs += 1
            struck += found.kills
            again += found.asked_again
            different += not found.same
    took = time.perf_counter() - began
    print(
        f"learn: {struck} kills over {runs} runs: {different} libraries differ, {again} answered calls made again "
        f"({took:.0f} s)",
        flush=True,
    )
    return not again and not different


def commands(place: Path, rng: random.Random, kills: int) -> bool:
    """Release, publish, and the migration of an older library."""
    made = approved(place / "made")
    expected = dump(made.folder)
    ok = killed("release create", place, made.folder, ("release", "create", "--by", "ana"), (rng, kills, expected))
    run(made.folder, "release", "create", "--by", "ana")
    with open_releases(made) as releases:
        release = releases.list()[-1].id
    state = dump(made.folder)
    ok &= killed(
        "release publish", place, made.folder, ("release", "publish", release, "--by", "ana"), (rng, kills, state)
    )
    old = older(made)
    old.replace(made.folder / "library.db")
    for suffix in ("-wal", "-shm"):
        (made.folder / f"library.db{suffix}").unlink(missing_ok=True)
    return ok & killed("migration", place, made.folder, ("library", "digest"), (rng, kills, state))


def killed(name: str, place: Path, made: Path, words: Sequence[str], how: tuple[random.Random, int, str]) -> bool:
    """Kills one command again and again, each time on a fresh copy; then it must work."""
    rng, kills, expected = how
    began = time.perf_counter()
    kill_command(made, place / f"{name}-timing", words, 120)
    whole = time.perf_counter() - began
    struck = broken = 0
    for number in range(kills):
        folder = place / f"{name}-{number}"
        struck += kill_command(made, folder, words, rng.uniform(0.2, 1.0) * whole)
        with closing(sqlite3.connect(folder / "library.db")) as raw:
            sound = raw.execute("PRAGMA quick_check").fetchone() == ("ok",)
        found = dump(folder)
        again = run(folder, *words)
        broken += not (sound and again and (expected in found))
    print(f"{name}: {struck} of {kills} kills struck while it ran: {broken} left something broken", flush=True)
    return not broken


def run(folder: Path, *words: str) -> bool:
    """Whether a command works."""
    done = subprocess.run(
        [sys.executable, "-m", "preceptor.cli", *words, "-C", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        print(done.stderr.decode())
    return done.returncode == 0


if __name__ == "__main__":
    raise SystemExit(main())
