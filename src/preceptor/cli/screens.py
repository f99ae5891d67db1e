"""How runs end on the screen: what was learned, what it brought, where it is, what to try next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from preceptor.cli.next_step import where
from preceptor.cli.out import counted, line, program, unbroken
from preceptor.cli.spend import spend_table
from preceptor.core.records import Strategy
from preceptor.evaluate.latency import spell
from preceptor.evaluate.result import Evaluation
from preceptor.evaluate.sections import told
from preceptor.evaluate.statistics import Estimate
from preceptor.evaluate.summary import SIMULATED, failures, headline, remarks
from preceptor.learn.log_report import Report
from preceptor.project.results import EvaluateResult, LearnResult

_LOWEST, _HIGHEST, _WIDTH = 1.0, 5.0, 41
_STYLE = {"student": "yellow", "coached": "green", "teacher": "magenta"}


def learned_screen(result: LearnResult, folder: Path) -> RenderableType:
    """The end of ``preceptor learn``."""
    parts: list[RenderableType] = [*learned(result, folder)]
    if result.log is not None:
        parts += ["", *log_lines(result.log)]
    parts += ["", spend_table(result.spend)]
    if result.simulated:
        parts += ["", simulated()]
    next_step = "evaluate" if result.strategies else "runs show"
    parts += ["", *closing(result.folder, f"{program()} {next_step}{where(folder)}")]
    return Group(*parts)


def log_lines(report: Report) -> list[RenderableType]:
    """What reading a log found: its sums, and a line for each oddity."""
    first, *rest = report.text().splitlines()
    return [line(f"the log: {first}", style="dim"), *(line(text, style="dim") for text in rest)]


def learned(result: LearnResult, folder: Path) -> list[RenderableType]:
    """What was learned: counts, and the strategies that rest on most."""
    general = [s for s in result.strategies if s.scope == "domain"]
    bound = [s for s in result.strategies if s.scope != "domain"]
    outcomes: dict[str, int] = {}
    for stage in result.stages:
        for name, count in stage.outcomes.items():
            outcomes[name] = outcomes.get(name, 0) + count
    told = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in sorted(outcomes.items()))
    parts: list[RenderableType] = [
        Text.assemble(
            (counted(len(result.strategies), "strategy"), "bold green"),
            f" from {counted(result.lessons, 'lesson')}; {len(general)} of them for the whole domain.",
        ),
        line(f"lessons: {told}" + (f"; {result.failed} lost to failures" if result.failed else ""), style="dim"),
    ]
    if (primer := result.primer) is not None:
        lost = f"; {primer.failed} of {primer.asked} answers lost to failures" if primer.failed else ""
        parts.append(line(f"before any dialogue: {primer.proposed} strategies from the domain{lost}", style="dim"))
    if not result.learned:
        why = f"nothing was learned; why: {program()} runs show{where(folder)}"
        parts.append(unbroken(line(why, style="bold yellow")))
    parts += ["", *map(strategy_line, chosen(general, bound))]
    return parts


def chosen(general: Sequence[Strategy], bound: Sequence[Strategy], most: int = 4) -> list[Strategy]:
    """A few worth showing: those that rest on most scenarios, of both kinds."""
    widest = sorted(bound, key=lambda s: (-len(s.scenarios), s.id))
    first = sorted(general, key=lambda s: (-len(s.scenarios), s.id))[: most // 2]
    return [*first, *widest[: most - len(first)]]


def strategy_line(strategy: Strategy) -> RenderableType:
    """One strategy in two or three lines, its id last."""
    when = line(strategy.when.rstrip("."))
    text = Text.assemble(("When ", "cyan"), when, ("\nDo   ", "cyan"), line(strategy.do.rstrip(".")))
    if strategy.avoid:
        text.append_text(Text.assemble(("\nNot  ", "cyan"), line(strategy.avoid.rstrip("."))))
    text.append_text(Text.assemble(("\n     ", ""), line(strategy.id, style="dim")))
    return Padding(text, (0, 0, 1, 2))


def evaluated_screen(result: EvaluateResult, folder: Path) -> RenderableType:
    """The end of ``preceptor evaluate``."""
    next_step = f"{program()} library list" if result.evaluation.strategies else f"{program()} learn"
    return Group(
        *evaluated(result.evaluation),
        *_waits(result),
        "",
        spend_table(result.spend),
        *closing(result.folder, next_step + where(folder)),
    )


def _waits(result: EvaluateResult) -> list[RenderableType]:
    """Seconds a reply, and what they mean."""
    if not result.latency:
        return []
    told = ", ".join(f"{x.arm} {spell(x.median)}" for x in result.latency)
    meaning = (
        " (practice models: of this machine only)" if result.simulated else " (live calls; more in the report)"
    )
    return [line(f"a reply took, median: {told}{meaning}", style="dim")]


def evaluated(found: Evaluation) -> list[RenderableType]:
    """Before and after: a row an arm, the sentence that sums it up, what to know before believing it."""
    parts: list[RenderableType] = [
        Text(f"satisfaction, 1 to 5, {found.profiles} held-out customers, 95% intervals", style="dim"),
        chart(found),
        "",
        line(_without_note(headline(found))),
    ]
    parts += [line(note, style="dim") for note in remarks(found.analysis)]
    parts += [line(note, style="dim") for note in told(found)]
    parts += [line(note, style="yellow") for note in failures(found.arms)]
    if found.simulated:
        parts += ["", simulated()]
    return parts


def chart(found: Evaluation) -> Table:
    """Mean and interval of every arm on one scale."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(min_width=9, no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column()  # the only one that gives way where the screen is narrow
    grid.add_column(style="dim", no_wrap=True)
    for arm in found.arms:
        mean = found.mean(arm.arm)
        style = _STYLE.get(arm.arm, "cyan")
        if mean is None:
            grid.add_row(line(arm.arm, style="bold"), "-", "", "nothing rated")
            continue
        e = mean.estimate
        reach = "" if e.low is None or e.high is None else f"{e.low:.2f} to {e.high:.2f}"
        grid.add_row(
            line(arm.arm, style="bold"), Text(f"{e.value:.2f}", style=f"bold {style}"), _Bar(e, style), reach
        )
    return grid


@dataclass(frozen=True, slots=True)
class _Bar:
    """A :func:`bar` as wide as there is room for."""

    estimate: Estimate
    style: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield bar(self.estimate, self.style, min(_WIDTH, options.max_width))

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(min(9, options.max_width), min(_WIDTH, options.max_width))


def bar(estimate: Estimate, style: str, width: int = _WIDTH) -> Text:
    """``·····├──●──┤·····`` from 1 to 5, in ``width`` cells."""
    cells = ["·"] * width
    low = estimate.low if estimate.low is not None else estimate.value
    high = estimate.high if estimate.high is not None else estimate.value
    left, right = _cell(low, width), _cell(high, width)
    for at in range(left, right + 1):
        cells[at] = "─"
    cells[left], cells[right], cells[_cell(estimate.value, width)] = "├", "┤", "●"
    text = Text("".join(cells), style="dim")
    text.stylize(f"not dim {style}", left, right + 1)
    return text


def _cell(value: float, width: int) -> int:
    share = (min(max(value, _LOWEST), _HIGHEST) - _LOWEST) / (_HIGHEST - _LOWEST)
    return round(share * (width - 1))


def simulated() -> Text:
    """The word that stands beside every figure of a practice model."""
    return Text(SIMULATED, style="bold yellow")


def closing(folder: Path, next_step: str) -> list[RenderableType]:
    """Where the files are, and what to do next."""
    return [unbroken(line(f"files: {folder}", style="dim")), unbroken(("next: ", "bold"), next_step)]


def heading(text: str) -> RenderableType:
    """A line between parts."""
    return Padding(Rule(Text(text, style="bold"), align="left", style="dim"), (1, 0, 0, 0))


def _without_note(text: str) -> str:
    return text.removesuffix(f" ({SIMULATED.rstrip('.')})")
