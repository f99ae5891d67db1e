"""The methods: each may ask the metered world until its cap, and leaves a text or a library behind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.peers.asking import CALLS_A_DIALOGUE, post
from bench.peers.meter import MODELS, World
from preceptor.core.errors import PreceptorError
from preceptor.core.ids import derive_seed
from preceptor.core.records import Domain
from preceptor.practice import shipped_world
from preceptor.project import Project
from preceptor.prompts import load_prompts

Method = Callable[[World, Path, int], None]
"""Given the world, a project folder and a seed: learns into the folder's library, or writes ``made.txt`` in it."""
HERE = Path(__file__).parent
GUIDES = 6
"""Guides among which best-of-random chooses."""
MADE = "made.txt"


def methods(python: str, chosen: Sequence[str] = ()) -> Mapping[str, Method]:
    """By name, those of ``chosen`` alone unless it is empty.

    Those of other tools only where ``python`` has the tool; a word on those that are left out.
    """
    found: dict[str, Method] = {"preceptor": preceptor, "static-guide": guide, "best-of-random": best_of_random}
    tools = {
        "gepa": ("gepa", "by_gepa.py"),
        "dspy-gepa": ("dspy", "by_dspy.py", "gepa"),
        "dspy-mipro": ("dspy", "by_dspy.py", "mipro"),
    }
    found = {name: method for name, method in found.items() if not chosen or name in chosen}
    for name, (module, script, *words) in tools.items():
        if chosen and name not in chosen:
            continue
        if _has(python, module):
            found[name] = _tool(python, script, *words)
        else:
            print(f"{name} is skipped: {python} has no {module}: make bench-peers", file=sys.stderr)
    return found


def preceptor(world: World, folder: Path, seed: int) -> None:
    """``preceptor learn --fit --max-calls CAP``, everything else as it comes."""
    settings: dict[str, object] = {f"seats.{name}": world.seat(name) for name in MODELS}
    settings |= {"learn.seed": seed, "learn.fit": True, "budget.calls": world.meter.cap, "run.concurrency": 8}
    try:
        Project.open(folder, settings=settings, environ={}).learn()
    except PreceptorError as error:
        print(f"preceptor, seed {seed}: {error.message}; what is in the library counts", file=sys.stderr)


def written(world: World, seed: int) -> str:
    """One guide by the teacher."""
    domain: Domain = shipped_world("airline").domain()
    prompt = load_prompts()["guide"].render(
        brief=domain.brief.strip(),
        policy=domain.policy.strip(),
        issues="\n".join(f"- {i.story} Goal: {i.goal}" for i in domain.issues),
        words="300",
    )
    body = {"model": "teacher", "messages": [{"role": "user", "content": prompt}], "seed": seed}
    return str(post(f"{world.url}/teacher/v1/chat/completions", body)["choices"][0]["message"]["content"])


def guide(world: World, folder: Path, seed: int) -> None:
    """The one static guide."""
    (folder / MADE).write_text(written(world, derive_seed(seed, "guide")), encoding="utf-8")


def best_of_random(world: World, folder: Path, seed: int) -> None:
    """Several guides, each tried on the same customers as far as the cap goes; the best one."""
    guides = [written(world, derive_seed(seed, "random", n)) for n in range(GUIDES)]
    each = max(1, world.meter.left // (GUIDES * CALLS_A_DIALOGUE))
    chosen = sorted(_training(), key=lambda p: derive_seed(seed, "profile", p))[:each]
    scores = [
        sum(post(f"{world.url}/play", {"profile": p, "text": g, "seed": seed})["satisfaction"] for p in chosen)
        for g in guides
    ]
    (folder / MADE).write_text(guides[int(np.argmax(scores))], encoding="utf-8")


def _tool(python: str, script: str, *words: str) -> Method:
    def method(world: World, folder: Path, seed: int) -> None:
        command = [python, str(HERE / script), *words, world.url, str(seed), str(folder / MADE)]
        with (folder / "tool.log").open("wb") as log:
            subprocess.run(command, check=True, stdout=log, stderr=log, timeout=1800)

    return method


def _training() -> list[str]:
    return [p.id for p in shipped_world("airline").domain().profiles if not p.heldout]


def _has(python: str, module: str) -> bool:
    try:
        done = subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0
