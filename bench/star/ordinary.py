"""``python -m bench.star.ordinary``: the table of ``preceptor.library.ordinary``, counted anew.

Reads ``../shared/data``: the customers of MultiDoGO's six trades, Taskmaster-4 (coffee) and ABCD (a shop). STAR is
not among them: it is what the figures are taken on.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from pathlib import Path
from statistics import median_low

from preceptor.library.conversation_state import words

DATA = Path(__file__).parents[2].parent / "shared" / "data"
FILES = ("multidogo/customer_turns", "taskmaster/tm4_conversations", "abcd/conversations")
PIECE, LEAST_WORDS, LEAST_PIECES, LEAST_SHARE = 20, 10, 140, 0.03


def pieces(folder: Path) -> dict[str, list[set[str]]]:
    """By trade, the words of each piece of a conversation."""
    found: dict[str, list[set[str]]] = defaultdict(list)
    for name in FILES:
        with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as stream:
            for line in stream:
                told = json.loads(line)
                source = name.partition("/")[0]
                trade = "abcd" if source == "abcd" else f"{source} {told['flow']}"
                said = [m["content"] for m in told["messages"] if m["role"] in ("user", "assistant")]
                spoken = [word for text in said for word in words(text)]
                starts = range(0, len(spoken) - LEAST_WORDS + 1, PIECE)
                found[trade] += [set(spoken[at : at + PIECE]) for at in starts]
    return {trade: sets for trade, sets in found.items() if len(sets) >= LEAST_PIECES}


def main() -> int:
    if not DATA.is_dir():
        print(f"skipped, there is no {DATA}")
        return 0
    trades = pieces(DATA)
    counts = [(Counter(word for piece in sets for word in piece), len(sets)) for sets in trades.values()]
    known = {word for count, _ in counts for word in count}
    shares = {word: median_low(count[word] / size for count, size in counts) for word in known}
    common = sorted((-round(100 * s), w) for w, s in shares.items() if s >= LEAST_SHARE)
    print(" ".join(f"{word} {-percent}" for percent, word in common))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
