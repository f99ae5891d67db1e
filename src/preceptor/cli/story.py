"""A strategy in full, for the screen."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from preceptor.cli.out import line, text
from preceptor.cli.strategies import standing
from preceptor.core.records import Attempt, Lesson, Strategy
from preceptor.library.changes import Provenance
from preceptor.library.entry import Entry
from preceptor.library.paging import Terms
from preceptor.project.story import Story

_VERDICT = {
    "worse": ("not as good as the teacher", "yellow"),
    "as_good": ("as good as the teacher", "green"),
    "better": ("better than the teacher", "green"),
}
_OUTCOME = {
    "already_good": "already good: nothing to teach",
    "taught": "taught: as good as the teacher",
    "improved": "improved, not yet as good as the teacher",
    "not_taught": "not taught: no try was better",
    "failed": "failed",
}


def render_story(story: Story, terms: Terms) -> RenderableType:
    """The strategy, where it came from, every lesson behind it, its history."""
    entry = story.entry
    parts: list[RenderableType] = [_head(entry, terms), "", strategy_grid(entry.strategy), *_remarks(entry)]
    parts += ["", Rule("where it came from", align="left", style="dim"), *_origins(entry.provenance)]
    for number, lesson in enumerate(story.lessons, 1):
        of = f" {number} of {len(story.lessons) + story.further}" if len(story.lessons) + story.further > 1 else ""
        parts += ["", Rule(f"lesson{of}", align="left", style="dim"), *_lesson(lesson)]
    if story.further:
        parts.append(Text(f"and {story.further} more lessons", style="dim"))
    parts += ["", Rule("history", align="left", style="dim")]
    parts += [line(f"{r.at[:16].replace('T', ' ')}  {r.kind:<14} {r.author}: {r.reason}") for r in story.history]
    return Group(*parts)


def strategy_grid(strategy: Strategy) -> Table:
    """When, do, avoid, why: one row each."""
    grid = _grid()
    for label, value in (
        ("when", strategy.when),
        ("do", strategy.do),
        ("avoid", strategy.avoid),
        ("why", strategy.why),
    ):
        if value:
            grid.add_row(Text(label, style="bold cyan"), line(value))
    return grid


def _head(entry: Entry, terms: Terms) -> Text:
    scope = "holds for the whole domain" if entry.strategy.scope == "domain" else "bound to its situations"
    evidence = entry.verdict
    if entry.evidence:
        low, high = entry.evidence.interval
        evidence += f" ({entry.evidence.lift:+.2f}, 95% {low:+.2f} to {high:+.2f}, {entry.evidence.n} pairs)"
        evidence += ", held back" if entry.held_back else ""
    status = ", ".join(standing(entry, terms))
    end = entry.ends_at(terms.law)
    status += f" {'on' if terms.expired(entry) else 'until'} {end[:16].replace('T', ' ')}" if end else ""
    tail = f"  {status} · {evidence} · {scope} · version {entry.version}"
    return Text.assemble(line(entry.strategy.id, style="bold"), Text(tail))


def _remarks(entry: Entry) -> Iterable[RenderableType]:
    for finding in entry.findings:
        style = "red" if finding.severity == "blocking" else "yellow"
        where = f" in {finding.field}: “{finding.quote}”" if finding.field else ""
        yield line(f"{finding.severity}: {finding.check}{where}: {finding.reason}", style=style)
    for approval in entry.approvals:
        yield line(f"approved by {approval.by}, {approval.at[:16].replace('T', ' ')}", style="green")
    for flag in entry.flags:
        yield line(f"contradicts {', '.join(flag.others)}: {flag.note}", style="yellow")
    if entry.merged_into:
        yield line(f"merged into {entry.merged_into}", style="dim")
    if entry.tainted:
        yield line("derived from customers' own text; look at it with care before you approve", style="yellow")


def _origins(provenance: Iterable[Provenance]) -> Iterable[RenderableType]:
    """One block per run: its lessons share models and prompts."""
    runs: dict[tuple[object, ...], list[Provenance]] = {}
    for one in provenance:
        runs.setdefault((one.run, one.models, one.prompts), []).append(one)
    for same in runs.values():
        first = same[0]
        grid = _grid()
        grid.add_row(Text("run", style="dim"), line(_run(first.run, same)))
        for label, pairs in (("models", first.models), ("prompts", tuple((n, h[:8]) for n, h in first.prompts))):
            if pairs:
                mark = ": " if label == "models" else " "
                grid.add_row(Text(label, style="dim"), line(", ".join(f"{name}{mark}{it}" for name, it in pairs)))
        yield grid


def _run(run: str, provenance: Iterable[Provenance]) -> str:
    if not run:
        return "written by a person"
    known = list(provenance)
    stages = sorted({p.stage + 1 for p in known if not p.from_domain})
    parts = ["from the domain alone"] if any(p.from_domain for p in known) else []
    parts += [f"stage{'s' * (len(stages) > 1)} {', '.join(map(str, stages))}"] if stages else []
    return ", ".join([run, *parts])


def _lesson(lesson: Lesson) -> Iterable[RenderableType]:
    scenario = lesson.scenario
    yield line(f"{lesson.id}: {_OUTCOME[lesson.outcome]}", style="bold")
    yield line(f"scenario {scenario.id}, customer {scenario.profile}", style="dim")
    grid = _grid()
    for turn in scenario.turns:
        grid.add_row(line(turn.by if turn.speaker == "action" else turn.speaker, 24, style="dim"), text(turn.text))
    yield grid
    before = next((a for a in lesson.attempts if a.number == 0), None)
    after = next((a for a in lesson.attempts if a.number == lesson.kept and a.number), None)
    replies = _grid()
    if before:
        replies.add_row(Text("student before", style="bold yellow"), text(before.reply))
    replies.add_row(
        Text("human agent" if scenario.reference else "teacher", style="bold magenta"), text(lesson.teacher_reply)
    )
    if after:
        replies.add_row(Text("student after", style="bold green"), text(after.reply))
    yield Padding(replies, (1, 0, 0, 0))
    for attempt in lesson.attempts:
        yield Padding(_attempt(attempt, kept=attempt.number == lesson.kept and attempt.number > 0), (1, 0, 0, 0))


def _attempt(attempt: Attempt, *, kept: bool) -> RenderableType:
    words, style = _VERDICT[attempt.comparison.verdict]
    axes = ", ".join(f"{axis.replace('_', ' ')} {score:+.1f}" for axis, score in attempt.comparison.axes)
    name = f"attempt {attempt.number}" if attempt.number else "first reply"
    head = Text.assemble(
        (name, "bold"), ": ", (words, style), (f"  ({axes})", "dim"), ("  kept" if kept else "", "bold green")
    )
    grid = _grid()
    for strategy in attempt.strategies:
        grid.add_row(Text("given", style="dim"), line(strategy.text()))
    if attempt.number:
        grid.add_row(Text("said", style="dim"), text(attempt.reply))
    if attempt.comparison.reason:
        label = "lacks" if attempt.comparison.verdict == "worse" else "because"
        grid.add_row(Text(label, style="dim"), line(attempt.comparison.reason))
    return Group(head, grid)


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(justify="right", min_width=9, no_wrap=True)
    grid.add_column(overflow="fold")
    return grid
