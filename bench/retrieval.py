"""Retrieval alone: how long one search takes, how much memory and how long loading, by number of strategies.

``python -m bench.retrieval [--large]``. Each size runs in a process of its own, from a release file that is made
first. Times are the thread's processor time, with one thread of linear algebra: on a busy machine the clock tells
of the others. Texts are made up, with words as unevenly used as English words are; three strategies to a scenario;
each question is the end of a conversation near a known one, none asked twice. Vectors are made up, spread along
their axes as MiniLM's of real dialogues are, and a question's is near its scenario's (cosine about 0.75). Making a
vector is not timed: it depends on the embedder.

``--large`` adds a million strategies of short texts, searched exactly by words, and approximately by words and
vectors: that takes ten minutes and 6 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np

from bench.serve.data import release as made_release
from bench.serve.data import requests
from preceptor.coach import Coach, CoachSettings
from preceptor.core.ids import plain
from preceptor.core.records import Strategy
from preceptor.library.embedder import Floats, unit_rows
from preceptor.library.index import IndexSettings
from preceptor.library.release import Released, write_release
from preceptor.library.release_make import Contents, make_release
from preceptor.prompts import load_prompts

QUESTIONS = 400
LARGE = 1_000_000
SPECTRUM = 0.6
"""Standard deviation of axis n is in proportion to (n + 1) ** -SPECTRUM; as MiniLM of STAR (64 of
384 axes hold 90% of the squared length, mean cosine of unrelated states 0.37)."""


class MadeUp:
    """Each word has a direction, a text's vector is the sum over a few of its words, the same few in near texts."""

    name = "made-up"

    def __init__(self, dimension: int = 384) -> None:
        self.dimension = dimension
        self._axes = np.asarray((np.arange(dimension) + 1.0) ** -SPECTRUM, dtype=np.float32)
        self._directions = np.random.default_rng(1).standard_normal((4096, dimension), dtype=np.float32)

    def embed(self, texts: Sequence[str]) -> Floats:
        rows = np.empty((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            few = sorted(zlib.crc32(word.encode()) for word in text.split())[:8]
            row[:] = (0.75 + self._directions[[n % 4096 for n in few]].sum(axis=0) / 8**0.5) * self._axes
        return unit_rows(rows)


def memory() -> float:
    """Resident megabytes of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def told(name: str, count: int, took: Sequence[float], load: float, used: float) -> None:
    """One row of the table."""
    rank = sorted(max(t, 0.0) for t in took)
    p50, p99 = median(rank) * 1e3, rank[int(len(rank) * 0.99)] * 1e3
    print(f"| {count:,} | {name} | {p50:.2f} ms | {p99:.2f} ms | {used:.0f} MB | {load:.2f} s |", flush=True)


KINDS = {
    "words": "words, exact",
    "dense": "words and vectors, exact",
    "large-words": "words, exact",
    "large-dense": "words and vectors of 128, approximate (extra)",
}


def one(count: int, folder: Path, kind: str) -> None:
    """Makes a release and its questions; called once more, in another process, measures them."""
    file = folder / f"made-{count}-{kind}.json"
    embedder = None if kind.endswith("words") else MadeUp(128) if kind.startswith("large") else MadeUp()
    if not file.is_file():
        if kind.startswith("large"):
            path, asked = large(folder, count, embedder)
        else:
            path, known = made_release(folder, count, embedder=embedder)
            known = known[:: max(1, len(known) // 2000)]
            asked = [(json.loads(r)["messages"], "") for r in requests(known, QUESTIONS + 40, stream=False)]
        file.write_text(json.dumps([str(path), asked]))
        return
    path, asked = json.loads(file.read_text())
    before = memory()
    started = time.thread_time()
    coach = Coach.from_release(path, embedder=embedder)
    load = time.thread_time() - started
    took: list[float] = []
    spent = 0.0
    if embedder is not None:
        embedder_time = time.thread_time()
        embedder.embed(["agent: one two three four"] * 100)
        spent = (time.thread_time() - embedder_time) / 100
    first: list[bool] = []
    for messages, scenario in asked:
        at = time.thread_time()
        advice = coach.advise(messages)
        took.append(time.thread_time() - at - spent)
        first.append(bool(advice.chosen) and scenario in advice.chosen[0].strategy.scenarios)
    told(KINDS[kind], count, took[40:], load, memory() - before)
    if kind.startswith("large"):
        print(f"  the scenario asked about came first in {sum(first) / len(first):.1%}", flush=True)


def large(folder: Path, count: int, embedder: MadeUp | None) -> tuple[Path, list[tuple[list[dict[str, str]], str]]]:
    """A release of short texts, so that building its index stays within minutes, and questions, each with the
    scenario that it is asked about."""
    rng = np.random.default_rng(3)
    words = np.array([f"w{n:x}" for n in range(30_000)])
    share = 1 / (np.arange(30_000) + 5)
    share /= share.sum()

    def texts(size: int, length: int) -> list[str]:
        drawn = rng.choice(30_000, size=(size, length), p=share)
        return [" ".join(words[row]) for row in drawn]

    said = list(zip(texts(count // 4, 8), texts(count // 4, 10), strict=True))
    pairs = zip(texts(count, 6), texts(count, 10), strict=True)
    strategies = [
        Strategy(id=f"s-{n:07}", when=when, do=do, scenarios=(f"c-{n // 4}",)) for n, (when, do) in enumerate(pairs)
    ]
    made = make_release(
        Contents(
            strategies=[Released(strategy=s, version=1, status="approved") for s in strategies],
            states={f"c-{n}": f"agent: {agent}\ncustomer: {customer}" for n, (agent, customer) in enumerate(said)},
            coach=plain(CoachSettings()),
            template=load_prompts()["advice"].body,
            embedder=embedder,
            retrieval=IndexSettings(exact=count // 2 if embedder else 2 * count),
        )
    )
    asked: list[tuple[list[dict[str, str]], str]] = []
    for n in range(QUESTIONS + 40):
        at = n * 7919 % len(said)
        agent, customer = said[at]
        words_kept = f"{' '.join(customer.split()[:7])} {texts(1, 3)[0]}"
        messages = [{"role": "assistant", "content": agent}, {"role": "user", "content": words_kept}]
        asked.append((messages, f"c-{at}"))
    return write_release(folder, made), asked


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.retrieval", description=__doc__)
    parser.add_argument("--large", action="store_true", help="also a million strategies")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--one", nargs=3, metavar=("COUNT", "FOLDER", "KIND"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        count, folder, kind = options.one
        one(int(count), Path(folder), kind)
        return 0
    print("| strategies | search | p50 | p99 | memory | load |\n|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        sizes = [(kind, count) for kind in ("words", "dense") for count in options.sizes]
        large_ones = [("large-words", LARGE), ("large-dense", LARGE)] if options.large else []
        for kind, count in sizes + large_ones:
            for _ in range(2):  # makes the release, then measures it in a fresh process
                _run(str(count), folder, kind)
    return 0


def _run(count: str, folder: str, kind: str) -> None:
    alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "bench.retrieval", "--one", count, folder, kind]
    subprocess.run(command, check=True, env=alone)


if __name__ == "__main__":
    raise SystemExit(main())
