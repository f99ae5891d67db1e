"""How often practice models understand guidance in words that nobody chose for them.

``python -m bench.paraphrase``: the lines of ``guidance.jsonl`` are by somebody who had read the worlds' files, but
neither the code that reads guidance nor its tests. Counts those in which the meant move is recognised. That file is
for measuring: do not tune on it without writing another. ``tuning.jsonl`` (other words, by another hand, with the
conditions and faults that each line names) is the one on which the reader's thresholds were chosen.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from preceptor.practice import shipped_world
from preceptor.practice.guidance import understand
from preceptor.practice.mind import Mind
from preceptor.practice.state import Guide

HERE = Path(__file__).parent


def lines(name: str) -> list[dict[str, Any]]:
    """The labelled lines of one file."""
    return [json.loads(line) for line in (HERE / name).read_text(encoding="utf-8").splitlines()]


def tally(rows: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Counts of ``kind found``, ``kind meant`` and ``kind wrong`` over labelled lines."""
    minds = {name: Mind(shipped_world(name)) for name in ("airline", "retailer")}
    count: Counter[str] = Counter()
    for row in rows:
        guides = understand(minds[row["world"]], row["text"])
        _count(count, "move", {row["move"]} - {""}, {m for g in guides for m in g.do})
        if "avoid" in row:
            _count(count, "fault to avoid", {row["avoid"]} - {""}, {m for g in guides for m in g.avoid})
            _count(count, "issue", {row["issue"]} - {""}, {g.issue for g in guides} - {""})
            for kind in ("styles", "emotions", "phases"):
                _count(count, kind, set(row[kind]), _traits(guides, kind))
    return count


def _traits(guides: Iterable[Guide], kind: str) -> set[str]:
    return {key for guide in guides for key in getattr(guide, kind)}


def _count(count: Counter[str], kind: str, meant: set[str], heard: set[str]) -> None:
    count[f"{kind} meant"] += len(meant)
    count[f"{kind} found"] += len(meant & heard)
    # Something else instead of what was meant; what comes on top of it is told apart.
    count[f"{kind} mistaken"] += bool(meant) and bool(heard) and not meant & heard
    count[f"{kind} added"] += len(heard - meant)


def main() -> int:
    for name, what in (("guidance.jsonl", "for measuring"), ("tuning.jsonl", "for tuning")):
        rows = lines(name)
        print(f"{name} ({what}), {len(rows)} lines")
        count = tally(rows)
        for kind in ("move", "fault to avoid", "issue", "styles", "emotions", "phases"):
            if meant := count[f"{kind} meant"]:
                found, mistaken, added = (count[f"{kind} {n}"] for n in ("found", "mistaken", "added"))
                print(f"  {kind}: {found} of {meant} understood; {mistaken} lines mistaken, {added} heard beside")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
