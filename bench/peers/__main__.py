"""Preceptor beside other ways to a better prompt, at the same budget: ``make bench-peers``.

Same student, teacher, customers and cap on calls for all, over HTTP with a meter in front
(:mod:`bench.peers.meter`): Preceptor; gepa (``gepa.optimize`` with an adapter that feeds dialogues); a static guide
that the teacher writes once; the best of several such guides, by trial. What each makes is then scored on fresh
held-out customers by the same evaluator. *Simulated.*
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.peers.by_gepa import CALLS_A_DIALOGUE, post
from bench.peers.meter import MODELS, World
from preceptor.core.errors import PreceptorError
from preceptor.core.ids import derive_seed
from preceptor.core.records import Domain
from preceptor.evaluate.statistics.distributions import t_quantile
from preceptor.practice import shipped_world
from preceptor.project import Project
from preceptor.prompts import load_prompts

Method = Callable[[World, Path, int], None]
HERE = Path(__file__).parent
GUIDES = 6
"""Guides among which best-of-random chooses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One method with one seed."""

    gain: float
    calls: int
    tokens: int


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=2700, help="the cap that each method has")
    parser.add_argument("--profiles", type=int, default=48, help="held-out customers of the scoring")
    parser.add_argument("--gepa", default=str(HERE / ".venv" / "bin" / "python"), help="a Python that has gepa")
    asked = parser.parse_args()
    methods: dict[str, Method] = {
        "preceptor": lambda world, folder, seed: _preceptor(world, folder, seed, asked.calls),
        "static-guide": _guide,
        "best-of-random": _random,
    }
    if _has_gepa(asked.gepa):
        methods["gepa"] = lambda world, folder, seed: _gepa(world, folder, seed, asked.gepa)
    else:
        print(f"gepa is skipped: {asked.gepa} has no gepa (make bench-peers makes that venv)", file=sys.stderr)
    trials: dict[str, list[Trial]] = {name: [] for name in methods}
    for seed in range(1, asked.seeds + 1):
        with tempfile.TemporaryDirectory() as place, World(shipped_world("airline").domain()) as world:
            _one_seed(world, Path(place), seed, methods, trials, asked.calls, asked.profiles)
    _table(trials, asked.calls)
    return 0


def _one_seed(
    world: World,
    folder: Path,
    seed: int,
    methods: dict[str, Method],
    trials: dict[str, list[Trial]],
    cap: int,
    profiles: int,
) -> None:
    Project.create(folder / "p", settings={"learn.seed": seed}, environ={})
    spent: dict[str, tuple[int, int]] = {}
    for name, method in methods.items():
        world.meter.reset(cap)
        method(world, folder, seed)
        spent[name] = (world.meter.calls.total(), world.meter.tokens.total())
    texts = [f"{name}={folder / name}.txt" for name in methods if name != "preceptor"]
    settings = {
        "evaluate.arms": ("student", "coached"),
        "evaluate.arm_files": tuple(texts),
        "evaluate.seed": derive_seed(seed, "score"),
        "evaluate.profiles": profiles,
        "evaluate.measures": (),
        "evaluate.aa": 0,
    }
    found = Project.open(folder / "p", settings=settings, environ={}).evaluate().evaluation
    arms = {"preceptor": "coached"}
    for name in methods:
        difference = found.difference(arms.get(name, name))
        gain = difference.estimate.value if difference else float("nan")
        trials[name].append(Trial(gain=gain, calls=spent[name][0], tokens=spent[name][1]))
        print(f"seed {seed}: {name} {gain:+.2f}, {spent[name][0]} calls", file=sys.stderr, flush=True)


def _preceptor(world: World, folder: Path, seed: int, cap: int) -> None:
    """The default loop; its sizes go with the cap, so that it ends by itself."""
    share = 0.95 * cap / 2700
    settings: dict[str, object] = {f"seats.{name}": world.seat(name) for name in MODELS}
    settings |= {
        "learn.seed": seed,
        "learn.dialogues": max(2, int(24 * share)),
        "learn.scenarios": max(2, int(40 * share)),
        "budget.calls": cap,
        "run.concurrency": 8,
    }
    try:
        Project.open(folder / "p", settings=settings, environ={}).learn()
    except PreceptorError as error:
        print(f"preceptor, seed {seed}: {error.message}; what is in the library counts", file=sys.stderr)


def _written(world: World, seed: int) -> str:
    domain: Domain = shipped_world("airline").domain()
    prompt = load_prompts()["guide"].render(
        brief=domain.brief.strip(),
        policy=domain.policy.strip(),
        issues="\n".join(f"- {i.story} Goal: {i.goal}" for i in domain.issues),
        words="300",
    )
    body = {"model": "teacher", "messages": [{"role": "user", "content": prompt}], "seed": seed}
    return str(post(f"{world.url}/teacher/v1/chat/completions", body)["choices"][0]["message"]["content"])


def _guide(world: World, folder: Path, seed: int) -> None:
    (folder / "static-guide.txt").write_text(_written(world, derive_seed(seed, "guide")), encoding="utf-8")


def _random(world: World, folder: Path, seed: int) -> None:
    """Several guides, each tried on the same customers as far as the cap goes; the best one."""
    profiles = [p.id for p in shipped_world("airline").domain().profiles if not p.heldout]
    guides = [_written(world, derive_seed(seed, "random", n)) for n in range(GUIDES)]
    each = max(1, world.meter.left // (GUIDES * CALLS_A_DIALOGUE))
    chosen = sorted(profiles, key=lambda p: derive_seed(seed, "profile", p))[:each]
    scores = [
        sum(post(f"{world.url}/play", {"profile": p, "text": g, "seed": seed})["satisfaction"] for p in chosen)
        for g in guides
    ]
    (folder / "best-of-random.txt").write_text(guides[int(np.argmax(scores))], encoding="utf-8")


def _gepa(world: World, folder: Path, seed: int, python: str) -> None:
    profiles = [p.id for p in shipped_world("airline").domain().profiles if not p.heldout]
    out = folder / "gepa.txt"
    command = [python, str(HERE / "by_gepa.py"), world.url, str(seed), str(out), *profiles]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=1800)


def _has_gepa(python: str) -> bool:
    try:
        done = subprocess.run([python, "-c", "import gepa"], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def _table(trials: dict[str, list[Trial]], cap: int) -> None:
    print(f"\n*Simulated.* Cap {cap} calls; {len(next(iter(trials.values())))} seeds; 95% intervals over seeds.\n")
    print("| method | gain in satisfaction | calls used | gain per 100 calls | gain per 1,000 tokens |")
    print("|---|---|---|---|---|")
    for name, found in sorted(trials.items(), key=lambda x: -float(np.mean([t.gain for t in x[1]]))):
        calls = np.mean([t.calls for t in found])
        print(
            f"| {name} | {_interval([t.gain for t in found])} | {calls:.0f} "
            f"| {_interval([100 * t.gain / max(1, t.calls) for t in found], 3)} "
            f"| {_interval([1000 * t.gain / max(1, t.tokens) for t in found], 4)} |"
        )
    print(json.dumps({name: [t.gain for t in found] for name, found in trials.items()}), file=sys.stderr)


def _interval(values: list[float], digits: int = 2) -> str:
    mean, n = float(np.mean(values)), len(values)
    if n < 2:
        return f"{mean:+.{digits}f}"
    reach = t_quantile(0.975, n - 1) * float(np.std(values, ddof=1)) / n**0.5
    return f"{mean:+.{digits}f} ({mean - reach:+.{digits}f} to {mean + reach:+.{digits}f})"


if __name__ == "__main__":
    raise SystemExit(main())
