"""``kill -9`` at random moments, then again: the same library byte for byte, no answered call made again.

``python -m bench.kills``: learning runs against the loopback server, each killed several times (after a random
number of calls, around the commit of a stage, at the start); then every other command that writes what cannot be
made anew: making and publishing a release, bringing an older library and journal up to date, backing up and
restoring, encrypting a journal. Practice models: simulated.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path

from tests.kill_commands import kill, kinds
from tests.kills import learn_with_kills, unkilled, watched


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="of learning runs")
    parser.add_argument("--others", type=int, default=100, help="of each other command")
    parser.add_argument("--only", default="", help="only commands whose name holds this; 'learn' for learning runs")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    ok = True
    with tempfile.TemporaryDirectory() as place:
        if options.only in ("", "learn"):
            ok &= learning(Path(place), rng, options.kills)
        if options.only != "learn":
            ok &= commands(Path(place), rng, options.others, options.only)
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


def commands(place: Path, rng: random.Random, kills: int, only: str) -> bool:
    """Everything else that writes."""
    ok = True
    for kind in kinds(place):
        if only not in kind.name:
            continue
        began = time.perf_counter()
        found = kill(kind, place / kind.name.replace(" ", "-"), rng, kills)
        took = time.perf_counter() - began
        print(f"{kind.name}: {found.kills} kills, {found.broken} left something broken ({took:.0f} s)", flush=True)
        ok &= not found.broken
    return ok


if __name__ == "__main__":
    raise SystemExit(main())
