"""``python -m bench.star``: learn from STAR's human agents, and measure on dialogues kept out."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.star.coached import SETTINGS, STUDENT, answers, learn_from_logs, star_world
from bench.star.copies import Search, dense, lexical, plain_bm25, vote
from bench.star.copies import fused as fused_search
from bench.star.data import Example, Star, folds, load
from bench.star.measure import Figure, abstention, figure
from bench.star.moves import Moves, load_moves
from bench.star.supervised import predict
from bench.star.vectors import Kept
from preceptor.coach import Coach
from preceptor.library.embedder import OnnxEmbedder
from preceptor.practice import PracticeModel

ROOT = Path(__file__).parents[2]
NEIGHBOURS = 10


@dataclass(slots=True)
class Tally:
    """Right or wrong, example by example, for every method."""

    right: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    dialogues: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    fused: list[float] = field(default_factory=list)
    strategies: list[int] = field(default_factory=list)

    def add(self, name: str, labels: Sequence[str], test: Sequence[Example]) -> None:
        """Predictions of one method on one fold."""
        self.right[name] += [label == e.label for label, e in zip(labels, test, strict=True)]

    def figures(self) -> list[Figure]:
        """One figure a method."""
        return [figure(name, right, self.dialogues) for name, right in self.right.items()]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; 0 also where there is no data to run it on."""
    options = _options(arguments)
    file = options.data / "conversations.jsonl.gz"
    if not file.exists():
        print(f"bench-star: skipped, there is no {file}")
        return 0
    started = time.perf_counter()
    star = load(file, most=150 if options.quick else 0)
    moves = load_moves(options.data / "tasks.json")
    if options.heldout:
        if not options.heldout.is_file():
            print(f"bench-star: there is no {options.heldout}", file=sys.stderr)
            return 1
        other = load(options.heldout)
        splits = [(list(star.without({e.dialogue for e in other.examples})), list(other.examples))]
        known = {e.dialogue for e in star.examples} & {e.dialogue for e in other.examples}
        _say(
            star, f"training on {file.name}, testing on {options.heldout.name} ({other.dialogues} dialogues)", other
        )
        if known:
            print(f"  {len(known)} dialogues stand in both files; they were left out of training")
    else:
        splits = list(folds(star.examples, 2 if options.quick else options.folds))
        _say(star, f"{len(splits)}-fold cross-validation by dialogue", star)
    if not all(_labels(part) for split in splits for part in split):
        print("bench-star: nothing to measure: there is no labelled agent turn on one side", file=sys.stderr)
        return 1
    tally = Tally()
    embedder = _minilm() if options.minilm or options.only_minilm else None
    for number, (training, test) in enumerate(splits, 1):
        labelled = [e for e in test if e.label]
        _measure(training, labelled, moves, tally, embedder, only_minilm=options.only_minilm)
        print(f"  split {number} of {len(splits)} after {time.perf_counter() - started:.0f} s", file=sys.stderr)
    if embedder is not None:
        embedder.save()
    _report(tally, options.out, other if options.heldout else star)
    return 0


def _labels(examples: Sequence[Example]) -> set[str]:
    return {e.label for e in examples if e.label}


def _minilm() -> Kept:
    """MiniLM's vectors; fetched and built where it is not there."""
    from bench.minilm import FOLDER, fetch  # noqa: PLC0415 - needs onnx

    return Kept(OnnxEmbedder(fetch(), threads=2), FOLDER / "star.npz")


def _measure(
    training: Sequence[Example],
    test: Sequence[Example],
    moves: Moves,
    tally: Tally,
    embedder: Kept | None,
    *,
    only_minilm: bool,
) -> None:
    labelled = [e for e in training if e.label]
    moves.learn(labelled)
    tally.dialogues += [e.dialogue for e in test]
    student = PracticeModel(STUDENT, [star_world(moves)])
    scenarios = [e.scenario for e in training]
    strategies = learn_from_logs(scenarios)
    tally.strategies.append(len(strategies))
    known = {s.id: s for s in scenarios}
    if not only_minilm:
        tally.add("student", [o.label for o in answers(student, None, test, moves)], test)
        coached = answers(student, Coach(strategies, known, SETTINGS), test, moves)
        tally.scores += [o.score for o in coached]
        tally.add("coached student", [o.label for o in coached], test)
        tally.add("first strategy, read without fault", [o.advised for o in coached], test)
    if embedder is not None:
        both = answers(student, Coach(strategies, known, SETTINGS, embedder=embedder), test, moves)
        tally.fused += [o.score for o in both]
        tally.add("coached student, fused", [o.label for o in both], test)
        tally.add("first strategy, fused", [o.advised for o in both], test)
    _copies(labelled, test, tally, embedder, only_minilm=only_minilm)
    if not only_minilm:
        tally.add("linear SVM, last words (sees labels)", predict(labelled, test, state=False), test)
        tally.add("linear SVM, our state (sees labels)", predict(labelled, test, state=True), test)


def _copies(
    labelled: Sequence[Example], test: Sequence[Example], tally: Tally, embedder: Kept | None, *, only_minilm: bool
) -> None:
    """What the nearest situations say, without a student."""
    state = lexical(labelled)
    searches: dict[str, Search] = (
        {} if only_minilm else {"plain BM25": plain_bm25(labelled), "lexical state": state}
    )
    if embedder is not None:
        searches["MiniLM"] = dense(labelled, embedder)
        searches["fused state"] = fused_search(state, searches["MiniLM"])
    labels = [e.label for e in labelled]
    for name, search in searches.items():
        found = [search(e.turns) for e in test]
        tally.add(f"copy of the nearest, {name}", [vote(s, labels, 1)[0] for s in found], test)
        tally.add(f"vote of {NEIGHBOURS}, {name}", [vote(s, labels, NEIGHBOURS)[0] for s in found], test)


def _say(star: Star, how: str, measured: Star) -> None:
    print("STAR: real human dialogues; the student is a practice model, not a language model.")
    print(f"{star.dialogues} dialogues, {len(star.examples)} agent turns; {how}.")
    for reason, count in measured.left_out.items():
        print(f"  not measured: {count} agent turns {reason}")
    for reason, count in measured.odd.items():
        print(f"  passed over: {count} {reason}")


def _report(tally: Tally, out: Path | None, star: Star) -> None:
    figures = tally.figures()
    print(f"\n{figures[0].turns} turns: how often the next move is the human's (95% interval over dialogues)")
    for f in figures:
        print(f"  {f.name:<38} {f.value:.3f}  [{f.low:.3f}, {f.high:.3f}]")
    curves: dict[str, list[tuple[float, float, float]]] = {}
    if tally.scores:
        curves["words alone"] = abstention(tally.scores, tally.right["first strategy, read without fault"])
    if tally.fused:
        curves["fused with MiniLM"] = abstention(tally.fused, tally.right["first strategy, fused"])
    for name, curve in curves.items():
        print(f"\nabstention, {name}:\nfloor  coverage  first strategy right where there is one")
        for floor, coverage, accuracy in curve:
            print(f"  {floor:.2f}     {coverage:5.2f}     {accuracy:.3f}")
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        value = {
            "note": "real human dialogues; practice student, a simulator",
            "left_out": star.left_out,
            "odd": star.odd,
            "strategies": tally.strategies,
            "figures": [asdict(f) for f in figures],
            "abstention": curves,
        }
        out.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
        print(f"\nwritten: {out}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.star", description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=ROOT.parent / "shared" / "data" / "star", help="the data folder"
    )
    parser.add_argument("--heldout", type=Path, help="train on the folder, test on this file of the same format")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--minilm", action="store_true", help="also with sentence vectors (first time: minutes)")
    parser.add_argument("--only-minilm", action="store_true", help="only the rows with sentence vectors")
    parser.add_argument("--quick", action="store_true", help="150 dialogues, two folds")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "bench" / "results" / "star.json", help="JSON of the figures"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
