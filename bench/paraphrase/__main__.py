"""How often practice models understand guidance in words that nobody chose for them.

``python -m bench.paraphrase``: the lines of ``guidance.jsonl`` are by somebody who had read the worlds' files, but
neither the code that reads guidance nor its tests. Counts those in which the meant move is recognised. The file
is for measuring: do not tune on it without writing another.
"""

from __future__ import annotations

import json
from pathlib import Path

from preceptor.practice import shipped_world
from preceptor.practice.guidance import understand
from preceptor.practice.mind import Mind


def main() -> int:
    lines = (Path(__file__).parent / "guidance.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    minds = {name: Mind(shipped_world(name)) for name in sorted({row["world"] for row in rows})}
    for name, mind in minds.items():
        own = [row for row in rows if row["world"] == name]
        heard = [{move for guide in understand(mind, row["text"]) for move in guide.do} for row in own]
        found = sum(row["move"] in moves for row, moves in zip(own, heard, strict=True))
        other = sum(bool(moves) and row["move"] not in moves for row, moves in zip(own, heard, strict=True))
        print(f"{name}: {found} of {len(own)} understood, {other} taken for something else")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
