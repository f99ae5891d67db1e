"""An evaluation in plain words and tables. Nothing is printed here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from preceptor.core.untrusted import one_line
from preceptor.evaluate.found import Look
from preceptor.evaluate.result import ArmSummary, Evaluation
from preceptor.evaluate.statistics import Analysis, Difference, Estimate, GapShare
from preceptor.evaluate.statistics.paired import Finding

SIMULATED = "Simulated models: practice figures from a flight simulator, not from language models."


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Cells as text, ready for any renderer."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """The table in Markdown; the first column to the left, the others to the right."""
        rule = ("---", *("---:" for _ in self.columns[1:]))
        lines = (self.columns, rule, *self.rows)
        return "\n".join("| " + " | ".join(_cell(c) for c in line) + " |" for line in lines)


def headline(evaluation: Evaluation, arm: str = "") -> str:
    """One or two sentences: by how much the arm differs from the baseline, how sure that is, and the gap closed.

    ``arm`` empty: ``coached`` where it was compared, else the last arm that was.
    """
    compared = [d.arm for d in evaluation.analysis.differences]
    arm = arm or ("coached" if "coached" in compared or not compared else compared[-1])
    difference = evaluation.difference(arm)
    if difference is None:
        return f"There is no comparison of {arm} with {evaluation.analysis.baseline}."
    stopping = evaluation.stopping
    if stopping is not None and stopping.arm == arm and stopping.looks:
        difference = _at_last(difference, stopping.looks[-1])
    text = f"{_sentence(difference)}{_closing(evaluation.share(arm))}."
    if difference.finding == "unclear":
        text += f" {_unsettled(difference)}"
    return f"{text} ({SIMULATED.rstrip('.')})" if evaluation.simulated else text


def satisfaction(evaluation: Evaluation) -> Table:
    """Per arm: satisfaction with interval, difference from the baseline, issues resolved, length."""
    rows: list[tuple[str, ...]] = []
    for arm in evaluation.arms:
        mean = evaluation.mean(arm.arm)
        difference = evaluation.difference(arm.arm)
        rows.append(
            (
                arm.arm,
                spelled(mean.estimate) if mean else "nothing rated",
                spelled(difference.estimate, sign=True) if difference else "",
                chance(difference.p_holm) if difference else "",
                spelled(arm.resolved, percent=True) if arm.resolved else "",
                "" if arm.replies is None else f"{arm.replies:.1f}",
                "" if arm.words is None else f"{arm.words:.0f}",
                f"{arm.rated}/{arm.planned}",
            )
        )
    columns = (
        "arm",
        "satisfaction (95%)",
        f"minus {evaluation.analysis.baseline} (95%)",
        "p (Holm)",
        "resolved (95%)",
        "replies",
        "words a reply",
        "rated",
    )
    return Table(title="Satisfaction, 1 to 5", columns=columns, rows=tuple(rows))


def cost(evaluation: Evaluation) -> Table:
    """Per arm and seat: calls, tokens and US dollars."""
    shown = [(a.arm, a.spend) for a in evaluation.arms]
    beside = {"again": "A/A", "pairs": "pairwise"}
    shown += [(beside.get(name, name), spent) for name, spent in evaluation.spend.items()]
    rows = tuple(
        (
            name,
            seat,
            f"{spent.calls:,}",
            f"{spent.input_tokens:,}",
            f"{spent.output_tokens:,}",
            "unknown" if spent.usd is None else f"{spent.usd:.4f}",
        )
        for name, spend in shown
        for seat, spent in spend.items()
    )
    return Table(title="Spend", columns=("arm", "seat", "calls", "tokens in", "tokens out", "USD"), rows=rows)


def differences(analysis: Analysis) -> Table:
    """Every arm against the baseline, for an evaluation or a table from outside.

    ``detectable``: the true difference that would be found in 80% of cases; ``more``: dialogues per arm that would
    settle it, where it is not.
    """
    rows = tuple(
        (
            d.arm,
            spelled(d.estimate, sign=True),
            chance(d.p_holm),
            f"{d.estimate.n}/{d.estimate.clusters}",
            "" if d.smallest_detectable is None else f"{d.smallest_detectable:.{_digits(d.estimate)}f}",
            "?" if d.further is None else str(d.further),
            d.finding,
        )
        for d in analysis.differences
    )
    columns = (
        "arm",
        f"minus {analysis.baseline} (95%)",
        "p (Holm)",
        "n/clusters",
        "detectable",
        "more",
        "finding",
    )
    return Table(title=f"Paired with {analysis.baseline}", columns=columns, rows=rows)


def means(analysis: Analysis) -> Table:
    """Every arm by itself."""
    rows = tuple(
        (m.arm, spelled(m.estimate), str(m.estimate.n), str(m.estimate.clusters), m.estimate.note)
        for m in analysis.arms
    )
    return Table(title="Means", columns=("arm", "mean (95%)", "units", "clusters", "note"), rows=rows)


def remarks(analysis: Analysis) -> tuple[str, ...]:
    """What to know before believing the figures: dropped pairs, rough intervals, shares that mean nothing."""
    notes = list(analysis.notes)
    for d in analysis.differences:
        if d.estimate.note:
            notes.append(f"{d.arm} minus {d.baseline}: {d.estimate.note}")
        if d.dropped:
            notes.append(f"{d.arm} and {d.baseline}: {d.dropped} units have one score only and are in no pair")
    notes += [f"{s.arm}: {s.reason}" for s in analysis.shares if s.share is None]
    return tuple(dict.fromkeys(notes))


def sentences(analysis: Analysis) -> tuple[str, ...]:
    """One line in plain words per comparison."""
    lines: list[str] = []
    for d in analysis.differences:
        share = next((s for s in analysis.shares if s.arm == d.arm), None)
        line = f"{_sentence(d, 'the score')}{_closing(share)}."
        lines.append(f"{line} {_unsettled(d)}" if d.finding == "unclear" else line)
    return tuple(lines)


def settings(evaluation: Evaluation) -> Table:
    """What it takes to run the same again."""
    rows = [
        ("domain", evaluation.domain),
        *((f"{seat} model", spec) for seat, spec in evaluation.models.items()),
        ("strategies", str(evaluation.strategies)),
        ("seed", str(evaluation.seed)),
        ("held-out profiles", str(evaluation.profiles)),
        ("repeats", str(evaluation.repeats)),
        ("agent turns at most", str(evaluation.max_turns)),
        *([("release", evaluation.release)] if evaluation.release else []),
        *((f"prompt {name}", hashed) for name, hashed in evaluation.prompts.items()),
    ]
    return Table(title="Settings", columns=("setting", "value"), rows=tuple(rows))


def failures(arms: Sequence[ArmSummary]) -> tuple[str, ...]:
    """One line per arm that lost dialogues, or that needs a word."""
    lost = (f"{a.arm}: {a.failed} of {a.planned} dialogues failed and are in no figure" for a in arms if a.failed)
    return (*lost, *(a.note for a in arms if a.note))


def spelled(estimate: Estimate, *, sign: bool = False, percent: bool = False) -> str:
    """``3.44 (3.21 to 3.66)``; with ``sign`` ``+0.60 (+0.41 to +0.78)``; with ``percent`` ``28% (15% to 42%)``."""
    digits = _digits(estimate)

    def number(x: float) -> str:
        if percent:
            return f"{x * 100:.0f}%"
        return f"{x:{'+' if sign else ''}.{digits}f}"

    if estimate.low is None or estimate.high is None:
        return f"{number(estimate.value)} (no interval)"
    if estimate.low == estimate.high:
        return f"{number(estimate.value)} (no spread)"
    return f"{number(estimate.value)} ({number(estimate.low)} to {number(estimate.high)})"


def _digits(estimate: Estimate) -> int:
    """Places after the point: two, and more where the interval is narrow, as with scores from 0 to 1."""
    half = estimate.half_width or 0.0
    return 2 if half >= 0.05 or half <= 0 else min(6, 1 - math.floor(math.log10(half)))


def chance(p: float) -> str:
    """A p-value to three places, and no zero: "<0.001"."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _at_last(difference: Difference, look: Look) -> Difference:
    """The difference with the bounds that hold whenever one stops."""
    finding: Finding = "higher" if look.low > 0 else "lower" if look.high < 0 else "unclear"
    return replace(difference, estimate=replace(difference.estimate, low=look.low, high=look.high), finding=finding)


def _sentence(d: Difference, measure: str = "") -> str:
    measure = measure or f"the {d.baseline}'s satisfaction"
    found, places = d.estimate, _digits(d.estimate)
    reach = "no interval" if found.low is None else f"95% {found.low:+.{places}f} to {found.high:+.{places}f}"
    if found.low is not None and found.low == found.high:
        reach = "no spread"
    change = f"from {d.baseline_mean:.{places}f} to {d.arm_mean:.{places}f} ({found.value:+.{places}f}, {reach})"
    name = one_line(d.arm, 60)
    if d.finding == "unclear":
        return f"{_upper(name)}: no clear difference from {one_line(d.baseline, 60)}; the mean went {change}"
    verb = "rose" if d.finding == "higher" else "fell"
    if measure == "the score":
        return f"{_upper(name)}: {measure} {verb} against {one_line(d.baseline, 60)} {change}"
    if d.arm == "coached":
        return f"With coaching, {measure} {verb} {change}"
    return f"With {name} in its place, {measure} {verb} {change}"


def _upper(name: str) -> str:
    """With a capital in front and no other letter changed: an arm may be called GPT-4."""
    return name[:1].upper() + name[1:]


def _closing(share: GapShare | None) -> str:
    if share is None or share.share is None:
        return ""
    return f", closing {spelled(share.share, percent=True)} of the gap to the {one_line(share.high_arm, 60)}"


def _unsettled(d: Difference) -> str:
    parts: list[str] = []
    if d.smallest_detectable is not None:
        least = f"{d.smallest_detectable:.{_digits(d.estimate)}f}"
        parts.append(f"{d.estimate.n} pairs would find a difference of {least} in 80% of cases")
    if d.further is not None:
        parts.append(f"if the true one is as seen, about {d.further} more dialogues per arm would settle it")
    return "; ".join(parts)[:1].upper() + "; ".join(parts)[1:] + "." if parts else ""


def _cell(text: str) -> str:
    return one_line(text).replace("|", "\\|")
