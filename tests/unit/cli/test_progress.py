"""Progress: live on a terminal, plain lines elsewhere, silence for programs."""

from __future__ import annotations

import io

from rich.console import Console

from preceptor.cli.progress import Progress
from preceptor.core.events import ItemDone, ItemFailed, PhaseStarted, RunStarted


class Timer:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def feed(progress: Progress, timer: Timer, items: int) -> None:
    progress(RunStarted(run="learn-001", job="learn", resumed=False))
    progress(PhaseStarted(name="teach", stage=0, total=items))
    for n in range(items):
        timer.now += 2
        progress(ItemDone(kind="lesson", id=str(n), detail="taught"))


def test_elsewhere_a_line_every_few_seconds_and_one_at_the_end():
    timer, out = Timer(), io.StringIO()
    with Progress("learning", stages=2, screen=Console(file=out, width=80), timer=timer) as progress:
        feed(progress, timer, 6)
    lines = out.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("learning: stage 1 of 2, teaching 3/6; 3 lessons; 0 calls; ")
    assert "left" in lines[0]
    assert lines[-1] == "learning: 6 lessons; 0 calls; 0 tokens; $0.00; 0 failures; 0:12"
    assert "\x1b" not in out.getvalue()


def test_programs_hear_nothing():
    timer, out = Timer(), io.StringIO()
    with Progress("learning", quiet=True, screen=Console(file=out), timer=timer) as progress:
        feed(progress, timer, 6)
        progress.stopping()
    assert out.getvalue() == ""
    assert progress.tally.items["lesson"] == 6


def test_a_run_that_never_began_leaves_no_line():
    out = io.StringIO()
    with Progress("learning", screen=Console(file=out)):
        pass
    assert out.getvalue() == ""


def test_on_a_terminal_the_state_is_drawn_and_cleaned():
    timer, out = Timer(), io.StringIO()
    screen = Console(
        file=out, force_terminal=True, width=100, height=30, color_system="truecolor", legacy_windows=False
    )
    with Progress("learning", stages=4, screen=screen, timer=timer) as progress:
        feed(progress, timer, 3)
        progress(ItemFailed(kind="lesson", id="x", failure="refusal", reason="[red]no\x1b]0;title\x07\nway"))
        progress.stopping()
    text = out.getvalue()
    for words in ("stage 1 of 4", "teaching", "3 taught", "last failure: refusal: [red]no way", "stopping: "):
        assert words in text
    assert "title" not in text


def test_a_stop_is_told_elsewhere_too():
    out = io.StringIO()
    with Progress("learning", screen=Console(file=out, width=200)) as progress:
        progress.stopping()
    assert out.getvalue().startswith("stopping: ")
