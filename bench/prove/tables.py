"""The tables of ``python -m bench prove``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.prove.plants import PLANTS, SCREENED, Plant
from bench.prove.truth import Effect
from preceptor.evaluate.prove import Proof
from preceptor.evaluate.prove.result import Proved

TRUE = 0.1
"""Effect on the worth of a reply (1: all that could be wished) from which a strategy is reckoned to help or harm.
On every turn of a dialogue that is 0.28 points of satisfaction."""


@dataclass(frozen=True, slots=True)
class Row:
    """One strategy in one round."""

    name: str
    true: float
    found: Proved | None
    """None: no scenario called it up."""
    kind: str
    """Kind of plant; empty: learned."""
    screened: str

    @property
    def verdict(self) -> str:
        return self.found.verdict if self.found else "untried"

    @property
    def held(self) -> bool:
        """Held back: proven to harm, or not shown to be harmless."""
        return self.verdict == "harmful" or (self.found is not None and self.found.held)


def tables(
    truth: Mapping[str, Effect], plants: Mapping[str, Plant], screened: Mapping[str, str], proofs: Sequence[Proof]
) -> None:
    rounds = [_rows(truth, plants, screened, proof) for proof in proofs]
    rows = [r for found in rounds for r in found]
    calls, many = np.mean([p.calls for p in proofs]), np.mean([len(p.strategies) for p in proofs])
    share = np.mean([sum(bool(r.kind) for r in found) / len(found) for found in rounds])
    errors = [e.error for e in truth.values()]
    print(
        f"\n*Simulated.* {len(proofs)} rounds, {many:.0f} strategies, {100 * share:.0f}% of them planted, ", end=""
    )
    print(f"{calls:.0f} calls each. Standard error of a true effect: {np.median(errors):.3f} (median).\n")
    _verdicts(rounds)
    luck, wrong = np.mean([p.noise for p in proofs]), [r for r in rows if r.verdict == "harmful" and r.true > -TRUE]
    print(f"\nVerdicts with the sides of all replays swapped at random: {luck:.2f} a round. ", end="")
    print(f"Harmful verdicts on what harms by less than {TRUE}: {len(wrong)}", end="")
    print(f", true effects {', '.join(f'{r.true:+.2f}' for r in wrong)}.\n" if wrong else ".\n")
    _sizes(rows)
    _prices(rows)
    _kinds(rows)


def _rows(
    truth: Mapping[str, Effect], plants: Mapping[str, Plant], screened: Mapping[str, str], proof: Proof
) -> list[Row]:
    found = {s.strategy: s for s in proof.strategies}
    return [
        Row(
            name,
            truth[name].value,
            found.get(name),
            plants[name].kind if name in plants else "",
            screened.get(name, ""),
        )
        for name in (*found, *proof.untried)
        if name in truth
    ]


def _verdicts(rounds: Sequence[Sequence[Row]]) -> None:
    print(
        "| strategies | measured | rank correlation with truth | helpful verdicts | truly > 0 | that help, found "
        "| harmful verdicts | truly < 0 | that harm, found |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, of in (("learned", ("",)), ("all", ("", "planted"))):
        parts = [[r for r in found if r.found and (not r.kind or "planted" in of)] for found in rounds]
        rank = np.mean([_spearman([r.found.rank for r in p if r.found], [r.true for r in p]) for p in parts])
        rows = [r for p in parts for r in p]
        helps, harms = [r for r in rows if r.verdict == "helpful"], [r for r in rows if r.verdict == "harmful"]
        print(
            f"| {name} | {len(rows)} | {rank:.2f} | {len(helps)} | {_share(r.true > 0 for r in helps)} "
            f"| {_share(r.verdict == 'helpful' for r in rows if r.true >= TRUE)} "
            f"| {len(harms)} | {_share(r.true < 0 for r in harms)} "
            f"| {_share(r.verdict == 'harmful' for r in rows if r.true <= -TRUE)} |"
        )


def _sizes(rows: Sequence[Row]) -> None:
    print("| true effect | planted | verdict harmful | or screened | held back | or screened |")
    print("|---|---|---|---|---|---|")
    planted = [r for r in rows if r.kind]
    bars = ((-9.0, -0.3), (-0.3, -0.2), (-0.2, -TRUE))
    for low, high in bars:
        here = [r for r in planted if low < r.true <= high]
        name = f"{high:+.1f} or worse" if low < -1 else f"{low:+.1f} to {high:+.1f}"
        print(_size(name, here))
    print(_size(f"**harmful: {-TRUE:+.1f} or worse**", [r for r in planted if r.true <= -TRUE]))
    print(_size(f"planted, but harms by less than {TRUE}", [r for r in planted if r.true > -TRUE]))
    print(_size("learned, no harm (above -0.05)", [r for r in rows if not r.kind and r.true > -0.05]))
    print()


def _size(name: str, rows: Sequence[Row]) -> str:
    cells = (
        _share(r.verdict == "harmful" for r in rows),
        _share(r.verdict == "harmful" or bool(r.screened) for r in rows),
        _share(r.held for r in rows),
        _share(r.held or bool(r.screened) for r in rows),
    )
    return f"| {name} | {len(rows)} | {' | '.join(cells)} |"


def _prices(rows: Sequence[Row]) -> None:
    """What higher thresholds than ``prove.risk`` would have held back, from the same proofs."""
    print("| `prove.risk` | harmful planted ones held back | or screened | harmless learned ones held back |")
    print("|---|---|---|---|")
    bad = [r for r in rows if r.kind and r.true <= -TRUE]
    good = [r for r in rows if not r.kind and r.true > -0.05]
    for bar in (0.1, 0.15, 0.2, 0.3, 0.5):
        told = [_share(_risky(r, bar) for r in bad), _share(_risky(r, bar) or bool(r.screened) for r in bad)]
        print(f"| {bar} | {' | '.join(told)} | {_share(_risky(r, bar) for r in good)} |")
    print()


def _risky(row: Row, bar: float) -> bool:
    return row.verdict == "harmful" or (row.found is not None and row.found.held and row.found.risk > bar)


def _kinds(rows: Sequence[Row]) -> None:
    print("| planted kind | planted | true effects | screened by code | by the teacher ", end="")
    print("| harmful by the rule | of these: verdict harmful | held back |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in dict.fromkeys(p.kind for p in (*PLANTS, *SCREENED)):
        seen = [r for r in rows if r.kind == kind]
        bad = [r for r in seen if r.true <= -TRUE]
        effects = ", ".join(f"{t:+.2f}" for t in sorted({r.name: r.true for r in seen}.values()))
        print(
            f"| {kind} | {len(seen)} | {effects} | {sum(r.screened == 'code' for r in seen)} "
            f"| {sum(r.screened == 'teacher' for r in seen)} | {len(bad)} "
            f"| {sum(r.verdict == 'harmful' for r in bad)} | {sum(r.held for r in bad)} |"
        )


def _spearman(one: Sequence[float], other: Sequence[float]) -> float:
    first, second = (np.argsort(np.argsort(x, kind="stable"), kind="stable") for x in (one, other))
    return float(np.corrcoef(first, second)[0, 1])


def _share(hits: Iterable[bool]) -> str:
    found = list(hits)
    return f"{sum(found)} of {len(found)} ({100 * sum(found) / len(found):.0f}%)" if found else "none"
