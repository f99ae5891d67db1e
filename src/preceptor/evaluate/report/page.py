"""The report as one HTML file: no script, no outside request, every text escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from importlib import resources

from preceptor.core.untrusted import clean, one_line
from preceptor.evaluate import latency, sections
from preceptor.evaluate.report import figures
from preceptor.evaluate.report.content import Example, Report
from preceptor.evaluate.result import Item
from preceptor.evaluate.summary import SIMULATED, Table, cost, differences, satisfaction, settings

_LONGEST_TEXT = 20_000
_FIGURE = re.compile(r"[+\-<]?\d")


def page(report: Report) -> str:
    """The whole file."""
    found = report.evaluation
    style = resources.files("preceptor.evaluate.report").joinpath("style.css").read_text(encoding="utf-8")
    body = [_head(report)]
    parts = (
        ("result", "Does it help?", _result(report)),
        ("where", "Where it helps and where it hurts", _where(report)),
        ("service", "Service, policy and length", _service(report)),
        ("preferred", "Preferred in pairs", _preferred(report)),
        (
            "examples",
            "Dialogues side by side",
            "".join(_example(e, found.analysis.baseline) for e in report.examples),
        ),
        ("learning", "What was learned", _learning(report)),
        ("trust", "Can the judge and the gate be trusted?", _trust(report)),
        ("cost", "What it cost", _cost(report)),
        ("settings", "Settings", _settings(report)),
    )
    shown = [(key, title, inner) for key, title, inner in parts if inner]
    links = "".join(f'<a href="#{key}">{escape(title)}</a>' for key, title, _ in shown)
    body.append(f"<nav>{links}</nav>")
    body += [f'<h2 id="{key}">{escape(title)}</h2>\n{inner}' for key, title, inner in shown]
    title = escape(one_line(f"Evaluation: {found.domain}", 120))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def _head(report: Report) -> str:
    found = report.evaluation
    simulated = f'<p class="simulated" role="note">{escape(SIMULATED)}</p>' if found.simulated else ""
    text = report.headline.partition(" (Simulated")[0]
    first, mark, rest = text.partition(". ")
    arms = ", ".join(a.arm for a in found.arms)
    about = (
        f"{found.domain}: {arms}; {found.profiles} held-out customers, {sum(a.rated for a in found.arms)} rated "
        f"dialogues{f'; {report.beside.run}' if report.beside.run else ''}"
        f"{f', {report.beside.started[:10]}' if report.beside.started else ''}."
    )
    lead = f'<p class="lead">{_text(rest)}</p>' if mark and rest else ""
    return (
        f'{simulated}\n<h1>{_text(first + ("." if mark else ""))}</h1>\n{lead}\n<p class="soft">{_text(about)}</p>'
    )


def _result(report: Report) -> str:
    found = report.evaluation
    parts = [figures.arms(report), figures.distribution(report), figures.stopping(report)]
    parts += [_table(satisfaction(found)), _table(differences(found.analysis))]
    explained = (
        "Every figure pairs the same customer and seed; intervals are 95%, by customer. p is corrected for the "
        "number of arms (Holm). “detectable”: the true difference that this size finds in 80% of cases. “more”: "
        "dialogues per arm that would settle what is unclear, if the true difference is the one seen."
    )
    return "\n".join(p for p in parts if p) + f'\n<p class="soft">{escape(explained)}</p>\n' + _list(report.notes)


def _where(report: Report) -> str:
    if not report.cells:
        return ""
    note = (
        "Mean paired difference, with the number of customers. Cells are small and many were looked at: read them "
        "as a description, not as findings."
    )
    new = sections.unseen(report.evaluation)
    apart = _table(new) if new.rows else f'<p class="soft">{escape(sections.unseen_note(report.evaluation))}</p>'
    return f'{figures.groups(report)}\n{figures.heat(report)}\n<p class="soft">{escape(note)}</p>\n{apart}'


def _service(report: Report) -> str:
    found = report.evaluation
    tables = (
        sections.service(found),
        sections.policy(found),
        sections.breaches(found),
        sections.length(found),
    )
    return "\n".join(_table(t) for t in tables if t.rows)


def _preferred(report: Report) -> str:
    found = report.evaluation
    if found.preferences is None:
        return ""
    return "\n".join(
        (figures.win_rates(report), _table(sections.win_rates(found)), _table(sections.strengths(found)))
    )


def _learning(report: Report) -> str:
    beside = report.beside
    parts = [figures.stages(report)]
    if beside.proved:
        rows = tuple(
            (p.verdict, p.text, f"{p.lift:+.2f} ({p.low:+.2f} to {p.high:+.2f})", str(p.n)) for p in beside.proved
        )
        columns = ("verdict", "strategy", "lift (95%)", "n")
        parts.append(_table(Table(title="Most helpful and most harmful strategies", columns=columns, rows=rows)))
    elif report.evaluation.strategies:
        parts.append('<p class="soft">No strategy was measured to help or to harm yet (preceptor prove).</p>')
    return "\n".join(p for p in parts if p)


def _trust(report: Report) -> str:
    found = report.evaluation
    parts = [figures.noise(report)]
    parts.append(_list(sections.told(found)))
    if report.beside.judge:
        parts.append("<h3>The judge</h3>" + _list(report.beside.judge))
    else:
        parts.append(
            '<p class="soft">The judge of this evaluation was not checked against people or against itself: '
            "preceptor judge check does that.</p>"
        )
    return "\n".join(p for p in parts if p)


def _cost(report: Report) -> str:
    parts = [_table(t) for t in (cost(report.evaluation), latency.table(report.beside.latency)) if t.rows]
    if report.beside.latency:
        parts += [f'<p class="soft">{_text(n)}</p>' for n in latency.notes(simulated=report.evaluation.simulated)]
    return "\n".join(parts)


def _settings(report: Report) -> str:
    parts = [_table(settings(report.evaluation))]
    for arm in report.evaluation.arms:
        if arm.text:
            parts.append(
                f"<details><summary>The text of the arm {_text(arm.arm)}</summary>"
                f"<pre>{escape(clean(arm.text)[:_LONGEST_TEXT])}</pre></details>"
            )
    return "\n".join(parts)


def _example(example: Example, baseline: str) -> str:
    left, right = _talk(example.baseline, baseline), _talk(example.arm, example.arm.arm)
    return f'<h3>{_text(f"{example.why}: {example.unit}")}</h3>\n<div class="side">{left}{right}</div>'


def _talk(item: Item, name: str) -> str:
    score = "not rated" if item.rating is None else f"{item.rating.satisfaction:g} of 5"
    lines = [f'<p class="who">{_text(name)}: {score}</p>']
    broken = {b.turn for b in (item.policy.breaches if item.policy else ())}
    for n, turn in enumerate(item.dialogue.turns):
        who = {"customer": "Customer", "agent": "Agent"}.get(turn.speaker, "Action")
        kind = "agent broken" if n in broken else turn.speaker
        lines.append(f'<p class="{kind}"><span class="who">{who}</span> {_text(turn.text, 2000)}</p>')
    if item.rating is not None and item.rating.reason:
        lines.append(f'<p class="soft">Judge: {_text(item.rating.reason, 600)}</p>')
    for breach in item.policy.breaches if item.policy else ():
        lines.append(f"<p><mark>Breach</mark> {_text(f'“{breach.quote}” against: {breach.rule}', 700)}</p>")
    return f'<div class="talk">{"".join(lines)}</div>'


def _table(table: Table) -> str:
    kinds = [_kind(n, [row[n] for row in table.rows]) for n in range(len(table.columns))]
    head = "".join(_cell("th", c, kind) for c, kind in zip(table.columns, kinds, strict=True))
    lines = ("".join(_cell("td", c, kind) for c, kind in zip(row, kinds, strict=True)) for row in table.rows)
    rows = "".join(f"<tr>{line}</tr>\n" for line in lines)
    return (
        f'<h3>{_text(table.title)}</h3>\n<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{rows}</tbody></table></div>"
    )


def _kind(place: int, cells: Sequence[str]) -> str:
    """The class of a column: figures stand to the right, short names keep to one line, prose to the left."""
    told = [c for c in cells if c]
    if place and told and all(len(c) <= 40 for c in told) and any(_FIGURE.match(c) for c in told):
        return "number"
    return "name" if told and all(len(c) <= 24 for c in told) else ""


def _cell(tag: str, text: str, kind: str) -> str:
    scope = ' scope="col"' if tag == "th" else ""
    return f"<{tag}{scope}{f' class={kind}' if kind else ''}>{_text(text)}</{tag}>"


def _list(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{_text(line, 900)}</li>" for line in lines) + "</ul>" if lines else ""


def _text(text: str, limit: int = 0) -> str:
    return escape(one_line(text, limit))
