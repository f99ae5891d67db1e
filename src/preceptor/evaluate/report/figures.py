"""The plots of a report, each with a title that says what it shows."""

from __future__ import annotations

from html import escape

from preceptor.core.untrusted import one_line
from preceptor.evaluate.found import Again
from preceptor.evaluate.report.charts import Span, band, histogram, spans, stacked
from preceptor.evaluate.report.content import GROUPS, Report
from preceptor.evaluate.summary import spelled

_EVEN = 0.2
"""Differences in a cell that are smaller are called even."""
_MARKS = tuple(f"{n / 2:g}" for n in range(2, 11))


def arms(report: Report) -> str:
    """Paired differences from the baseline, one row an arm."""
    analysis = report.evaluation.analysis
    if not analysis.differences:
        return ""
    rows = [
        Span(
            label=d.arm,
            value=d.estimate.value,
            low=d.estimate.low,
            high=d.estimate.high,
            text=spelled(d.estimate, sign=True),
            clear=d.finding != "unclear",
        )
        for d in analysis.differences
    ]
    up = [d.arm for d in analysis.differences if d.finding == "higher"]
    down = [d.arm for d in analysis.differences if d.finding == "lower"]
    said = [f"Above {analysis.baseline}: {', '.join(up)}"] if up else []
    said += [f"{'below' if up else 'Below'} {analysis.baseline}: {', '.join(down)}"] if down else []
    title = "; ".join(said) or f"No arm differs clearly from {analysis.baseline}"
    return spans(rows, title=f"{title} (satisfaction, paired differences with 95% intervals)", line=0.0)


def distribution(report: Report) -> str:
    """How ratings spread, half points from 1 to 5."""
    rows: list[tuple[str, list[int]]] = []
    for arm in report.evaluation.arms:
        counts = [0] * len(_MARKS)
        for item in report.evaluation.items:
            if item.arm == arm.arm and item.rating is not None:
                counts[round(item.rating.satisfaction * 2) - 2] += 1
        rows.append((arm.arm, counts))
    top = [f"{name} {sum(c[7:]) / max(1, sum(c)) * 100:.0f}%" for name, c in rows]
    return histogram(rows, _MARKS, title=f"Dialogues by satisfaction; rated 4.5 or 5: {', '.join(top)}")


def stopping(report: Report) -> str:
    """The confidence sequence as customers were added."""
    found = report.evaluation.stopping
    if found is None or not found.looks:
        return ""
    points = [(float(x.n), x.mean, x.low, x.high) for x in found.looks]
    last = found.looks[-1]
    half = (last.high - last.low) / 2
    title = f"{found.arm} minus {found.baseline}: known to within {half:.2f} after {last.n} customers"
    return band(points, title=title, line=0.0, label="customers")


def groups(report: Report) -> str:
    """Paired differences by issue and trait."""
    told = [g for g in report.groups if g.difference is not None]
    rows: list[Span] = []
    for g in told:
        d = g.difference
        if d is None:
            continue
        clear = d.low is not None and d.high is not None and (d.low > 0 or d.high < 0)
        text = f"{spelled(d, sign=True)}, n {g.customers}"
        label = g.value if g.by == "demanding" else f"{g.by}: {g.value}"
        rows.append(Span(label=label, value=d.value, low=d.low, high=d.high, text=text, clear=clear))
    if not rows:
        return ""
    best, worst = max(rows, key=lambda r: r.value), min(rows, key=lambda r: r.value)
    up, down = (
        [r.label for r in rows if r.clear and r.value > 0],
        [r.label for r in rows if r.clear and r.value < 0],
    )
    reach = f"most for {best.label} ({best.value:+.2f}), least for {worst.label} ({worst.value:+.2f})"
    shown = f"the interval is above zero for {len(up)} and below for {len(down)} of {len(rows)} groups"
    return spans(rows, title=f"{report.arm}: {shown}; {reach}", line=0.0)


def heat(report: Report) -> str:
    """Issues by traits, as a table whose cells are coloured by size: blue where it helps, orange where it hurts."""
    issues = list(dict.fromkeys(c.issue for c in report.cells))
    columns = list(dict.fromkeys((c.by, c.value) for c in report.cells))
    cells = {(c.issue, c.by, c.value): c for c in report.cells}
    head = "".join(
        f'<th scope="colgroup" colspan="{sum(b == by for b, _ in columns)}">{by}</th>' for by in GROUPS[1:]
    )
    names = "".join(f'<th scope="col">{_safe(value)}</th>' for _, value in columns)
    rows: list[str] = []
    for issue in issues:
        inner: list[str] = []
        for by, value in columns:
            cell = cells[issue, by, value]
            if cell.difference is None:
                inner.append('<td class="none">–</td>')
            else:
                told = f"{cell.difference:+.1f}<br><small>{cell.customers}</small>"
                inner.append(f'<td class="{_shade(cell.difference)}">{told}</td>')
        rows.append(f'<tr><th scope="row">{_safe(issue)}</th>{"".join(inner)}</tr>')
    told = [c.difference for c in report.cells if c.difference is not None]
    better, worse = sum(d >= _EVEN for d in told), sum(d <= -_EVEN for d in told)
    caption = (
        f"{report.arm} minus {report.evaluation.analysis.baseline} by issue and persona: higher in {better} of "
        f"{len(told)} cells, lower in {worse}, even in {len(told) - better - worse}"
    )
    return (
        f'<div class="scroll"><table class="heat"><caption>{_safe(caption, 200)}</caption>'
        f"<thead><tr><td></td>{head}</tr><tr><td></td>{names}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _shade(value: float) -> str:
    size = 3 if abs(value) >= 1.5 else 2 if abs(value) >= 0.75 else 1 if abs(value) >= _EVEN else 0
    return "even" if not size else f"{'up' if value > 0 else 'down'}{size}"


def win_rates(report: Report) -> str:
    """Win rates around one half."""
    found = report.evaluation.preferences
    if found is None or not found.rates:
        return ""
    rows = [
        Span(
            label=f"{r.arm} / {r.other}",
            value=r.rate.value,
            low=r.rate.low,
            high=r.rate.high,
            text=spelled(r.rate, percent=True),
            clear=r.rate.low is not None and r.rate.high is not None and (r.rate.low > 0.5 or r.rate.high < 0.5),
        )
        for r in found.rates
    ]
    best = max(found.strengths, key=lambda s: s.score)
    title = f"{best.arm} is preferred most; win rates in both orders, a tie counting one half"
    return spans(rows, title=title, line=0.5, ends=(0.0, 1.0))


def stages(report: Report) -> str:
    """What each stage of learning found and made, with its calls."""
    told = report.beside.stages
    if not told:
        return ""
    rows = [
        (
            f"stage {s.number + 1}",
            (s.good, s.taught, s.improved, s.not_taught),
            f"{s.strategies} strategies, {s.calls:,} calls" + ("" if not s.usd else f", ${s.usd:.2f}"),
        )
        for s in told
    ]

    def share(n: int) -> float:
        s = told[n]
        return 100 * s.good / max(1, s.good + s.taught + s.improved + s.not_taught)

    title = (
        f"{report.beside.learned}: scenarios in which the student was as good from the start went from "
        f"{share(0):.0f}% to {share(-1):.0f}%"
    )
    return stacked(rows, ("as good at once", "taught", "improved", "not taught"), title=title)


def noise(report: Report) -> str:
    """The A/A beside the differences that were found."""
    again = report.evaluation.again
    if again is None:
        return ""
    rows = [
        Span(
            label=f"{again.arm}, again",
            value=again.difference.estimate.value,
            low=again.difference.estimate.low,
            high=again.difference.estimate.high,
            text=spelled(again.difference.estimate, sign=True),
            clear=again.difference.p <= 0.05,
        ),
        Span(
            label="noise alone, 95%",
            value=0.0,
            low=-again.noise,
            high=again.noise,
            text=f"within {again.noise:.2f}",
        ),
    ]
    rows += [
        Span(
            label=d.arm,
            value=d.estimate.value,
            low=d.estimate.low,
            high=d.estimate.high,
            text=spelled(d.estimate, sign=True),
            clear=d.finding != "unclear",
        )
        for d in report.evaluation.analysis.differences
    ]
    return spans(rows, title=_noise_title(again), line=0.0)


def _noise_title(again: Again) -> str:
    return (
        f"Noise alone stays below {again.noise:.2f} in 95% of A/A experiments of this size; the 5% gate passes "
        f"{again.passed * 100:.1f}% of them"
    )


def _safe(text: str, limit: int = 40) -> str:
    return escape(one_line(text, limit))
