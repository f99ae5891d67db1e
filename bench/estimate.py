"""How close ``learn --dry-run`` comes to what a run then takes, on the practice worlds.

``python -m bench.estimate``: for several sizes and both worlds, calls, input and output tokens that were expected,
over those that the run took. Practice models: simulated.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from preceptor import Project

SIZES: dict[str, dict[str, object]] = {
    "default": {},
    "small": {"learn.dialogues": 8, "learn.scenarios": 12},
    "two stages": {"learn.teacher_share": [1.0, 0.3], "learn.dialogues": 12, "learn.scenarios": 20},
    "long talks": {"learn.max_turns": 10, "learn.dialogues": 8, "learn.scenarios": 16},
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.estimate", description=__doc__)
    parser.add_argument("--phases", action="store_true", help="also by seat and phase")
    options = parser.parse_args()
    print("expected over taken; simulated models")
    print(f"{'world':<10} {'size':<12} {'calls':>7} {'input':>7} {'output':>7}")
    for world in ("airline", "retailer"):
        for name, settings in SIZES.items():
            one(world, name, settings, phases=options.phases)
    return 0


def one(world: str, name: str, settings: dict[str, object], *, phases: bool) -> None:
    """One size of one world, as a line; with ``phases`` a line each more."""
    with tempfile.TemporaryDirectory() as folder:
        project = Project.create(Path(folder) / "project", world, settings=settings)
        expected = project.estimate()
        taken = project.learn().spend
    calls = expected.calls / sum(r.calls for r in taken)
    sent = sum(p.input_tokens for p in expected.phases) / sum(r.input for r in taken)
    got = sum(p.output_tokens for p in expected.phases) / sum(r.output for r in taken)
    print(f"{world:<10} {name:<12} {calls:>7.2f} {sent:>7.2f} {got:>7.2f}", flush=True)
    if not phases:
        return
    rows = {(r.seat, r.phase): r for r in taken}
    for p in expected.phases:
        r = rows.get((p.seat, p.phase))
        told = (0, 0, 0) if r is None else (r.calls, r.input, r.output)
        print(f"  {p.seat:<9} {p.phase:<12} {p.calls:>6} {p.input_tokens:>8} {p.output_tokens:>7}  took {told}")


if __name__ == "__main__":
    raise SystemExit(main())
