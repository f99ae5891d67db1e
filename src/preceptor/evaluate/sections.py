"""What stands beside the main comparison, in words and tables: service, policy, length, preferences, A/A."""

from __future__ import annotations

from preceptor.core.untrusted import one_line
from preceptor.evaluate.found import Again, Stopping
from preceptor.evaluate.result import Evaluation
from preceptor.evaluate.statistics import Estimate
from preceptor.evaluate.statistics.preference import preferred
from preceptor.evaluate.summary import Table, spelled
from preceptor.judge import DIMENSIONS

_MOST_QUOTES = 12


def service(evaluation: Evaluation) -> Table:
    """Mean of every dimension per arm, with its paired difference from the baseline where there is one."""
    rows: list[tuple[str, ...]] = []
    for arm in evaluation.arms:
        cells: list[str] = []
        for name in DIMENSIONS:
            found = evaluation.measure(name)
            mean = next((m for m in found.arms if m.arm == arm.arm), None) if found else None
            difference = next((d for d in found.differences if d.arm == arm.arm), None) if found else None
            text = f"{mean.estimate.value:.2f}" if mean else ""
            if difference is not None:
                star = "*" if difference.finding != "unclear" else ""
                text += f" ({difference.estimate.value:+.2f}{star})"
            cells.append(text)
        if any(cells):
            rows.append((arm.arm, *cells))
    title = f"Service, 1 to 5 (minus {evaluation.analysis.baseline}; * clear at 5%, Holm over arms)"
    return Table(title=title, columns=("arm", *DIMENSIONS), rows=tuple(rows))


def policy(evaluation: Evaluation) -> Table:
    """How often the policy was kept per arm, and how many breaches were quoted."""
    rows = tuple(
        (a.arm, spelled(a.kept, percent=True), str(a.breaches), str(a.unfounded))
        for a in evaluation.arms
        if a.kept is not None
    )
    columns = ("arm", "dialogues without a breach (95%)", "breaches quoted", "dropped, quote not found")
    return Table(title="Policy kept", columns=columns, rows=rows)


def breaches(evaluation: Evaluation, most: int = _MOST_QUOTES) -> Table:
    """Breaches in the agent's own words, at most ``most`` of them, a few of every arm."""
    by_arm: dict[str, list[tuple[str, ...]]] = {}
    for item in evaluation.items:
        for breach in item.policy.breaches if item.policy else ():
            by_arm.setdefault(item.arm, []).append((item.arm, item.unit, breach.quote, breach.rule))
    each = max(1, most // max(1, len(by_arm)))
    rows = tuple(row for told in by_arm.values() for row in told[:each])
    return Table(title="Breaches, quoted", columns=("arm", "dialogue", "the agent said", "against"), rows=rows)


def unseen(evaluation: Evaluation) -> Table:
    """Unseen issues apart from unseen profiles."""
    rows = tuple(
        (
            u.arm,
            spelled(u.profiles, sign=True) if u.profiles else "none met",
            _customers(u.profiles),
            spelled(u.issues, sign=True) if u.issues else "none met",
            _customers(u.issues),
        )
        for u in evaluation.unseen
    )
    columns = ("arm", "issues that learning met (95%)", "customers", "issues that it never met (95%)", "customers")
    title = f"New customers with known and with new issues, minus {evaluation.analysis.baseline}"
    return Table(title=title, columns=columns, rows=rows)


def unseen_note(evaluation: Evaluation) -> str:
    """What to know where no new issue was met; empty where one was."""
    if evaluation.unseen or not evaluation.strategies:
        return ""
    return (
        "Every customer is new, but each of their issues has training profiles: of issues that learning never met "
        "nothing is known here. To learn it, hold out all profiles of an issue."
    )


def _customers(estimate: Estimate | None) -> str:
    return "0" if estimate is None else str(estimate.clusters)


def length(evaluation: Evaluation) -> Table:
    """Words beside scores, and differences between replies of equal length."""
    rows: list[tuple[str, ...]] = []
    for found in evaluation.lengths:
        a, compared = found.adjusted, evaluation.difference(found.arm)
        # The same pairs have one interval throughout a report, not one for each place where they stand.
        raw = compared.estimate if compared is not None and compared.estimate.n == a.raw.n else a.raw
        rows.append(
            (
                found.arm,
                f"{a.ratio:.2f}",
                spelled(raw, sign=True),
                spelled(a.adjusted, sign=True) if a.adjusted else "cannot be told",
                spelled(a.per_doubling, sign=True) if a.per_doubling else "",
            )
        )
    columns = (
        "arm",
        f"words of {evaluation.analysis.baseline}",
        "difference (95%)",
        "at equal length (95%)",
        "with twice the words (95%)",
    )
    return Table(title="Length beside the score", columns=columns, rows=tuple(rows))


def win_rates(evaluation: Evaluation) -> Table:
    """Preferences by pair of arms."""
    found = evaluation.preferences
    rows = tuple(
        (f"{r.arm} against {r.other}", spelled(r.rate, percent=True), f"{r.wins}/{r.ties}/{r.losses}")
        for r in (found.rates if found else ())
    )
    return Table(title="Preferred, both orders", columns=("arms", "win rate (95%)", "won/tied/lost"), rows=rows)


def strengths(evaluation: Evaluation) -> Table:
    """Bradley-Terry scores, best first."""
    found = evaluation.preferences
    rows: list[tuple[str, ...]] = []
    for s in found.strengths if found else ():
        reach = "" if s.low is None or s.high is None else f" ({s.low:+.2f} to {s.high:+.2f})"
        score = "0, the baseline" if s.arm == evaluation.analysis.baseline else f"{s.score:+.2f}{reach}"
        rows.append((s.arm, score, f"{preferred(s.score, 0.0) * 100:.0f}%"))
    columns = ("arm", "score (95%)", f"preferred to {evaluation.analysis.baseline}")
    return Table(title="Bradley-Terry", columns=columns, rows=tuple(rows))


def told(evaluation: Evaluation) -> tuple[str, ...]:
    """Sentences on A/A, stopping and position bias: what to know before believing the rest."""
    found: list[str] = []
    if evaluation.stopping is not None:
        found.append(stopping_sentence(evaluation.stopping))
    if evaluation.again is not None:
        found.append(again_sentence(evaluation.again))
    if evaluation.preferences is not None:
        p = evaluation.preferences
        first = "" if p.first_shown is None else f"the dialogue shown first was named in {p.first_shown * 100:.0f}%"
        text = f"pairwise: {first or 'no dialogue was ever named'}, and {p.contradicted * 100:.0f}% of the pairs"
        found.append(f"{text} changed sides with the order (these count as ties)")
        if p.failed:
            found.append(f"pairwise: {p.failed} pairs could not be judged and are in no figure")
    return tuple(found)


def again_sentence(again: Again) -> str:
    """What the A/A says."""
    d = again.difference
    name = one_line(again.arm, 60)
    passed = "passes" if d.p <= 0.05 else "does not pass"
    text = (
        f"A/A: {name} against itself with {d.estimate.clusters} customers differs by "
        f"{spelled(d.estimate, sign=True)}, p {d.p:.2f}: it {passed} the 5% gate. Of {again.experiments} A/A "
        f"experiments drawn from these at this evaluation's size the gate passes {again.passed * 100:.1f}%, "
        f"and noise alone stays below {again.noise:.2f} in 95%"
    )
    large = [f"as large as {one_line(arm, 60)}'s in {_share(s)}" for arm, s in again.as_large.items()]
    return text + (f"; differences come up {', '.join(large)}" if large else "") + "."


def _share(value: float) -> str:
    return "none" if value == 0 else f"{value * 100:.1f}%"


def stopping_sentence(s: Stopping) -> str:
    """How it ended, and what is known then."""
    why = {
        "precise": f"it is known to within {s.target:.2f}",
        "budget": "the budget ended",
        "most": "the largest number of customers was met (evaluate.most)",
    }[s.ended]
    if not s.looks:
        return f"customers were added until {why}; no pair was rated"
    last = s.looks[-1]
    side = "clear" if last.low > 0 or last.high < 0 else "not clear"
    lost = f"; {s.lost} more lost their pair to failures" if s.lost else ""
    return (
        f"customers were added until {why}: {one_line(s.arm, 60)} minus {one_line(s.baseline, 60)} is "
        f"{last.mean:+.2f}, between {last.low:+.2f} and {last.high:+.2f} after {last.n} customers{lost} ({side}; "
        f"{s.method}, valid whenever one looks). The other intervals and p-values know nothing of the stopping: "
        "read them as a description"
    )
