"""The report in Markdown: all of the evaluation's own, and what a report adds to it."""

from __future__ import annotations

from preceptor.core.untrusted import one_line
from preceptor.evaluate import latency
from preceptor.evaluate.markdown import markdown
from preceptor.evaluate.report.content import Report
from preceptor.evaluate.result import Item
from preceptor.evaluate.summary import Table, spelled


def text(report: Report) -> str:
    """The whole file."""
    found, beside = report.evaluation, report.beside
    whole = markdown(found)
    main, mark, settings = whole.partition("## Settings")
    parts = [main.rstrip()]
    tables = [_groups(report), _stages(report), _proved(report)]
    for table in tables:
        if table.rows:
            parts += [f"## {table.title}", table.markdown()]
    if beside.judge:
        parts += ["## The judge", "\n".join(f"- {one_line(line)}" for line in beside.judge)]
    if beside.latency:
        shown = latency.table(beside.latency)
        parts += [f"## {shown.title}", shown.markdown(), *latency.notes(simulated=found.simulated)]
    if report.examples:
        parts.append("## Dialogues side by side")
        for example in report.examples:
            parts.append(f"### {one_line(example.why)}: {_plain(example.unit)}")
            parts += [_talk(example.baseline), _talk(example.arm)]
    return "\n\n".join(parts) + f"\n\n{mark}{settings}"


def _groups(report: Report) -> Table:
    rows = tuple(
        (g.by, g.value, "too few" if g.difference is None else spelled(g.difference, sign=True), str(g.customers))
        for g in report.groups
    )
    title = f"Where it helps and where it hurts: {report.arm} (a description, not corrected for looking at many)"
    return Table(title=title, columns=("by", "customers", "difference (95%)", "n"), rows=rows)


def _stages(report: Report) -> Table:
    rows = tuple(
        (
            str(s.number + 1),
            *(str(n) for n in (s.good, s.taught, s.improved, s.not_taught, s.strategies, s.calls, s.tokens)),
            "unknown" if s.usd is None else f"{s.usd:.2f}",
        )
        for s in report.beside.stages
    )
    columns = (
        "stage",
        "as good at once",
        "taught",
        "improved",
        "not taught",
        "strategies",
        "calls",
        "tokens",
        "USD",
    )
    return Table(title=f"What was learned: {report.beside.learned}", columns=columns, rows=rows)


def _proved(report: Report) -> Table:
    rows = tuple(
        (p.id, p.text, p.verdict, f"{p.lift:+.2f} ({p.low:+.2f} to {p.high:+.2f})", str(p.n))
        for p in report.beside.proved
    )
    columns = ("id", "strategy", "verdict", "lift (95%)", "n")
    return Table(title="Most helpful and most harmful strategies", columns=columns, rows=rows)


def _talk(item: Item) -> str:
    score = "not rated" if item.rating is None else f"{item.rating.satisfaction:g} of 5"
    lines = [f"**{_plain(item.arm)}: {score}**", ""]
    lines += [f"> {turn.speaker}: {_plain(turn.text)}\n>" for turn in item.dialogue.turns]
    if item.rating is not None:
        lines += ["", f"Judge: {_plain(item.rating.reason)}"]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Untrusted text that makes no markup: neither tags, links nor images."""
    line = one_line(text)
    for mark in "\\`*_[]<>|#!":
        line = line.replace(mark, f"\\{mark}")
    return line
