"""Live progress of a run: a few lines that keep up on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from preceptor.cli.out import console
from preceptor.cli.tally import Tally, minutes, short
from preceptor.core.events import Event
from preceptor.core.untrusted import one_line

_EVERY = 5.0
"""Seconds between plain lines."""


class Progress:
    """Listens to a run and shows it on stderr, so that stdout stays for results. Use as a context.

    Args:
        title: what is being done, in a word or two.
        stages: how many stages the run has; 0 for none.
        quiet: show nothing (results as JSON for programs on a terminal still want silence).
    """

    def __init__(
        self,
        title: str,
        *,
        stages: int = 0,
        quiet: bool = False,
        screen: Console | None = None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tally = Tally(stages=stages)
        self._title = title
        self._screen = screen or console(err=True)
        self._timer = timer
        self._began = self._last = timer()
        self._quiet = quiet
        self._note = ""
        self._live: Live | None = None
        if not quiet and self._screen.is_terminal:
            self._live = Live(get_renderable=self._view, console=self._screen, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        self._began = self._last = self._timer()
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()
        if not self._quiet and self.tally.run:
            self._screen.print(Text(self.summary(), style="dim"), soft_wrap=True)

    def __call__(self, event: Event) -> None:
        """Takes one event of the run."""
        self.tally.add(event)
        if self._live is None and not self._quiet and self._timer() - self._last >= _EVERY:
            self._last = self._timer()
            self._screen.print(Text(self.plain()), soft_wrap=True)

    def stopping(self) -> None:
        """Tells that the run was asked to stop."""
        self._note = "stopping: waiting for the calls under way (Ctrl-C again: at once)"
        if self._live is None and not self._quiet:
            self._screen.print(Text(self._note), soft_wrap=True)

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return self._timer() - self._began

    def plain(self) -> str:
        """The state on one line."""
        t = self.tally
        where = f"stage {t.stage + 1} of {t.stages}, " if t.stages else ""
        position = f" {t.done}/{t.total}" if t.total else ""
        left = t.left(self.elapsed)
        clock = minutes(self.elapsed) + (f", about {minutes(left)} left" if left is not None else "")
        return f"{self._title}: {where}{t.label or 'starting'}{position}; {'; '.join(self._counts())}; {clock}"

    def summary(self) -> str:
        """The whole on one line, for the end."""
        return f"{self._title}: {'; '.join(self._counts())}; {minutes(self.elapsed)}"

    def _counts(self) -> list[str]:
        t = self.tally
        parts = [f"{n} {word}" for word, n in self._items() if n]
        calls = f"{short(t.calls)} calls" + (f" and {short(t.replayed)} replayed" if t.replayed else "")
        parts += [calls, f"{short(t.input_tokens + t.output_tokens)} tokens", t.money(), f"{t.failures} failures"]
        if t.failed_tries:
            parts.insert(-1, f"{t.failed_tries} tries failed")
        return parts

    def _items(self) -> list[tuple[str, int]]:
        kinds = ("dialogue", "scenario", "lesson", "attempt", "strategy", "rating", "replay")
        plural = {"strategy": "strategies"}
        return [(plural.get(kind, f"{kind}s"), self.tally.items[kind]) for kind in kinds]

    def _view(self) -> RenderableType:
        t = self.tally
        left = t.left(self.elapsed)
        head = Table.grid(expand=True)
        head.add_column()
        head.add_column(justify="right")
        stage = f"  stage {t.stage + 1} of {t.stages}" if t.stages else ""
        clock = minutes(self.elapsed) + (f"   about {minutes(left)} left" if left is not None else "")
        head.add_row(Text.assemble((self._title, "bold"), (stage, "cyan")), Text(clock, style="dim"))
        bar = Table.grid(padding=(0, 1))
        bar.add_column(width=26)
        bar.add_column(width=34)
        bar.add_column()
        position = f"{t.done}/{t.total}" if t.total else ""
        bar.add_row(
            Text(f"  {t.label or 'starting'}"),
            ProgressBar(total=1, completed=t.fraction(), width=34, pulse=not t.phase),
            Text(position, style="dim"),
        )
        lines: list[RenderableType] = [head, bar, self._numbers(), self._spend()]
        if t.last_failure:
            lines.append(Text(f"  last failure: {one_line(t.last_failure, 100)}", style="yellow"))
        if self._note:
            lines.append(Text(f"  {self._note}", style="bold yellow"))
        return Group(*lines)

    def _numbers(self) -> Text:
        found = [f"{n} {word}" for word, n in self._items() if n]
        taught = [f"{n} {name.replace('_', ' ')}" for name, n in sorted(self.tally.outcomes.items()) if name]
        return Text("  " + "   ".join(found) + (f"   ({', '.join(taught)})" if taught else ""))

    def _spend(self) -> Text:
        t = self.tally
        text = Text("  ")
        text.append(f"{short(t.calls)} calls")
        text.append(f" + {short(t.replayed)} replayed" if t.replayed else "")
        text.append(f"   {short(t.input_tokens)} tokens in, {short(t.output_tokens)} out   {t.money()}   ")
        text.append(f"{t.failures} failures", style="yellow" if t.failures else "")
        text.append(f"   {t.failed_tries} tries failed" if t.failed_tries else "")
        text.stylize("dim", 0)
        return text
