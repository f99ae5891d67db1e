"""A/A and coverage on the practice world: how often does noise pass the gate, and do intervals hold the truth?

    python -m bench noise [--experiments 200] [--customers 48] [--processes 2] [--folder F]

Every experiment is an evaluation on fresh customers: held-out profiles of the practice airline, drawn with
replacement, each met with a new seed by the student, by the student again (A/A) and by the coached student, and
rated by the practice judge. A/A: the 5% gate should pass about 5% (accepted: 2 to 8%). Coached: the 95% interval
should hold the true difference in about 95% (accepted: 92 to 98%). That is the mean over the customers
of all experiments together, which is known to about a hundredth of a point.

With ``--folder`` what is done is kept there, so that a run can be cut off and goes on where it was.

The figures are simulated: they tell of the statistics under this kind of noise, not of language models.
"""

from __future__ import annotations

import argparse
import asyncio
import pickle
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path

from preceptor.core.events import ignore
from preceptor.core.ids import derive_seed
from preceptor.core.settings import EvaluateConfig
from preceptor.evaluate.arms import Ground, open_arm
from preceptor.evaluate.dialogues import AGAIN, Stage, play_all, task
from preceptor.evaluate.figures import satisfaction_of, scores
from preceptor.evaluate.statistics import Analysis, analyse
from preceptor.evaluate.statistics.power import ALPHA
from preceptor.llm import Seat, Seats
from preceptor.practice import open_practice
from preceptor.project import Project

WITHIN_AA, WITHIN_COVERAGE = (0.02, 0.08), (0.92, 0.98)


@cache
def ground(folder: str) -> Ground:
    """The project's domain and coach, on practice models straight in this process."""
    project = Project.open(folder, environ={})
    names = {"student": "student-small", "teacher": "teacher", "customer": "customer", "judge": "judge"}
    seats = Seats(**{seat: Seat.plain(open_practice(name), name=seat) for seat, name in names.items()})
    return Ground(domain=project.domain, seats=seats, coach=project.coach(), prompts=project.prompts)


async def played(folder: str, number: int, customers: int) -> Analysis:
    """One experiment: student, student again and coached, analysed as an evaluation is."""
    base = ground(folder)
    pool = [p for p in base.domain.profiles if p.heldout]
    drawn = [
        replace(pool[derive_seed(number, "customer", n) % len(pool)], id=f"{number}-{n}") for n in range(customers)
    ]
    settings = EvaluateConfig(seed=derive_seed(1, "experiment", number), measures=(), max_turns=4)
    stage = Stage(ground=base, settings=settings, concurrency=8, emit=ignore)
    student, coached = [await open_arm(name, base) for name in ("student", "coached")]
    items = await play_all(stage, [task(arm, p, 0, settings) for p in drawn for arm in (student, coached)])
    twice = await play_all(stage, [task(student, p, 0, settings, again=True) for p in drawn])
    items += [replace(item, arm=AGAIN) for item in twice]
    return analyse(scores(items, satisfaction_of), baseline="student", seed=number, resamples=2000)


def experiment(folder: str, number: int, customers: int) -> Analysis:
    """:func:`played`, for a process of its own; kept beside the project."""
    kept = Path(folder).parent / f"experiment-{number}-{customers}.pickle"
    if not kept.exists():
        kept.write_bytes(pickle.dumps(asyncio.run(played(folder, number, customers))))
    return pickle.loads(kept.read_bytes())


def learned(folder: Path) -> str:
    """A project with a library, so that there is a true effect."""
    if (folder / "project" / "runs").exists():
        return str(folder / "project")
    project = Project.create(folder / "project", "airline", environ={})
    project.learn()
    return str(project.folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=200)
    parser.add_argument("--customers", type=int, default=48)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=None, help="keeps what is done, and goes on with it")
    options = parser.parse_args()
    started = time.perf_counter()
    count, customers = options.experiments, options.customers
    with tempfile.TemporaryDirectory() as place:
        folder = learned(options.folder or Path(place))
        with ProcessPoolExecutor(options.processes) as pool:
            found = list(pool.map(experiment, [folder] * count, range(count), [customers] * count, chunksize=4))
    aa = [next(d for d in a.differences if d.arm == AGAIN) for a in found]
    coached = [next(d for d in a.differences if d.arm == "coached") for a in found]
    truth = sum(d.estimate.value * d.estimate.n for d in coached) / sum(d.estimate.n for d in coached)
    passed = sum(d.p <= ALPHA for d in aa) / count
    rows = [("A/A: student, student again", 0.0, aa), ("student, coached", truth, coached)]
    print("| practice airline (simulated) | truth | mean found | gate passes | interval holds the truth | width |")
    print("| --- | --- | --- | --- | --- | --- |")
    held: list[float] = []
    for name, true, told in rows:
        bounds = [(d.estimate.low, d.estimate.high) for d in told]
        known = [(low, high) for low, high in bounds if low is not None and high is not None]
        held.append(sum(low <= true <= high for low, high in known) / count)
        width = sum(high - low for low, high in known) / max(1, len(known))
        mean = sum(d.estimate.value for d in told) / count
        passes = sum(d.p <= ALPHA for d in told) / count
        print(f"| {name} | {true:+.3f} | {mean:+.3f} | {passes:.1%} | {held[-1]:.1%} | {width:.2f} |")
    print(f"\n{count} experiments of {customers} customers, {time.perf_counter() - started:.0f} s")
    sound = WITHIN_AA[0] <= passed <= WITHIN_AA[1] and all(
        WITHIN_COVERAGE[0] <= share <= WITHIN_COVERAGE[1] for share in held
    )
    print("within 2 to 8% and 92 to 98%" if sound else "NOT within 2 to 8% and 92 to 98%")
    return 0 if sound else 1


if __name__ == "__main__":
    raise SystemExit(main())
