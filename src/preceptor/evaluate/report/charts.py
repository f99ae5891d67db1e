"""Plots as inline SVG: titles that say the finding, direct labels, safe colours, words for screen readers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from preceptor.core.untrusted import one_line

_WIDTH = 740
_LABEL = 150
_VALUE = 210
_ROW = 34


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One row of :func:`spans`: a value with its interval."""

    label: str
    value: float
    low: float | None
    high: float | None
    text: str
    clear: bool = True
    """False: drawn hollow, since the interval holds the line of no difference."""


def spans(rows: Sequence[Span], *, title: str, line: float, ends: tuple[float, float] | None = None) -> str:
    """Values with intervals on one scale, and a line at ``line`` (no difference)."""
    reach = [x for r in rows for x in (r.value, r.low, r.high) if x is not None and math.isfinite(x)]
    low, high = ends or (min([line, *reach]), max([line, *reach]))
    pad = 0.0 if ends else 0.06 * max(high - low, 0.1)
    low, high = low - pad, high + pad
    left, right = _LABEL, _WIDTH - _VALUE

    def x(value: float) -> float:
        return left + (min(max(value, low), high) - low) / (high - low) * (right - left)

    height = _ROW * len(rows) + 34
    parts = [f'<line class="zero" x1="{x(line):.1f}" x2="{x(line):.1f}" y1="6" y2="{height - 26}"/>']
    for at in _ticks(low, high):
        parts.append(f'<line class="grid" x1="{x(at):.1f}" x2="{x(at):.1f}" y1="6" y2="{height - 26}"/>')
        parts.append(f'<text class="tick" x="{x(at):.1f}" y="{height - 10}" text-anchor="middle">{at:g}</text>')
    for n, r in enumerate(rows):
        y = 6 + _ROW * n + _ROW / 2
        parts.append(
            f'<text class="label" x="{left - 12}" y="{y + 4:.1f}" text-anchor="end">{_safe(r.label)}</text>'
        )
        if r.low is not None and r.high is not None:
            parts.append(
                f'<line class="reach" x1="{x(r.low):.1f}" x2="{x(r.high):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
            )
        kind = "dot" if r.clear else "dot hollow"
        parts.append(f'<circle class="{kind}" cx="{x(r.value):.1f}" cy="{y:.1f}" r="5.5"/>')
        parts.append(f'<text class="value" x="{right + 14}" y="{y + 4:.1f}">{_safe(r.text, 40)}</text>')
    words = "; ".join(f"{r.label}: {r.text}" for r in rows)
    return _svg(parts, height, title=title, words=words)


def histogram(rows: Sequence[tuple[str, Sequence[int]]], marks: Sequence[str], *, title: str) -> str:
    """How many dialogues got each mark, a small row of bars per arm, all on one scale."""
    most = max((share for _, counts in rows for share in _shares(counts)), default=1.0) or 1.0
    left, right, tall = _LABEL, _WIDTH - 20, 46
    step = (right - left) / max(1, len(marks))
    height = (tall + 18) * len(rows) + 28
    parts: list[str] = []
    for n, (label, counts) in enumerate(rows):
        base = (tall + 18) * (n + 1)
        parts.append(f'<text class="label" x="{left - 12}" y="{base - 4}" text-anchor="end">{_safe(label)}</text>')
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{base}" y2="{base}"/>')
        for m, (count, share) in enumerate(zip(counts, _shares(counts), strict=True)):
            if not count:
                continue
            size, at = tall * share / most, left + step * m
            parts.append(
                f'<rect class="bar" x="{at + 3:.1f}" y="{base - size:.1f}" width="{step - 6:.1f}" '
                f'height="{size:.1f}"/>'
            )
            parts.append(
                f'<text class="count" x="{at + step / 2:.1f}" y="{base - size - 4:.1f}" text-anchor="middle">'
                f"{count}</text>"
            )
    for m, mark in enumerate(marks):
        at = left + step * m + step / 2
        parts.append(f'<text class="tick" x="{at:.1f}" y="{height - 8}" text-anchor="middle">{_safe(mark)}</text>')
    words = "; ".join(
        f"{label}: " + ", ".join(f"{c} at {m}" for m, c in zip(marks, counts, strict=True) if c)
        for label, counts in rows
    )
    return _svg(parts, height, title=title, words=words)


def band(points: Sequence[tuple[float, float, float, float]], *, title: str, line: float, label: str) -> str:
    """``(at, value, low, high)`` as a line with a band around it, from left to right."""
    left, right, top, bottom = 60, _WIDTH - 130, 12, 220
    least, most = points[0][0], points[-1][0]
    values = [v for _, value, low, high in points for v in (value, low, high)] + [line]
    low, high = min(values), max(values)
    pad = 0.06 * max(high - low, 0.1)
    low, high = low - pad, high + pad

    def x(at: float) -> float:
        return left + (at - least) / max(most - least, 1e-9) * (right - left)

    def y(value: float) -> float:
        return bottom - (value - low) / (high - low) * (bottom - top)

    above = " ".join(f"{x(p[0]):.1f},{y(p[3]):.1f}" for p in points)
    below = " ".join(f"{x(p[0]):.1f},{y(p[2]):.1f}" for p in reversed(points))
    middle = " ".join(f"{x(p[0]):.1f},{y(p[1]):.1f}" for p in points)
    parts = [f'<line class="zero" x1="{left}" x2="{right}" y1="{y(line):.1f}" y2="{y(line):.1f}"/>']
    for at in _ticks(low, high):
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y(at):.1f}" y2="{y(at):.1f}"/>')
        parts.append(f'<text class="tick" x="{left - 8}" y="{y(at) + 4:.1f}" text-anchor="end">{at:g}</text>')
    for at in sorted({least, most}):
        parts.append(f'<text class="tick" x="{x(at):.1f}" y="{bottom + 20}" text-anchor="middle">{at:g}</text>')
    parts.append(f'<polygon class="band" points="{above} {below}"/><polyline class="path" points="{middle}"/>')
    last, middle_at = points[-1], (left + right) / 2
    parts.append(f'<text class="value" x="{right + 10}" y="{y(last[1]) + 4:.1f}">{last[1]:+.2f}</text>')
    parts.append(
        f'<text class="tick" x="{middle_at}" y="{bottom + 20}" text-anchor="middle">{_safe(label, 60)}</text>'
    )
    words = f"from {least:g} to {most:g}; at the end {last[1]:+.2f}, between {last[2]:+.2f} and {last[3]:+.2f}"
    return _svg(parts, bottom + 32, title=title, words=words)


def stacked(rows: Sequence[tuple[str, Sequence[int], str]], names: Sequence[str], *, title: str) -> str:
    """Parts of a whole per row, each labelled with its count; the text at the right end is told as it is."""
    left, right = _LABEL, _WIDTH - _VALUE
    height = _ROW * len(rows) + 40
    parts: list[str] = []
    for n, (label, counts, text) in enumerate(rows):
        y = 8 + _ROW * n
        total, at = max(1, sum(counts)), float(left)
        parts.append(f'<text class="label" x="{left - 12}" y="{y + 19}" text-anchor="end">{_safe(label)}</text>')
        for kind, count in enumerate(counts):
            wide = (right - left) * count / total
            parts.append(f'<rect class="part{kind}" x="{at:.1f}" y="{y}" width="{wide:.1f}" height="26"/>')
            if wide > 22:
                place = f'x="{at + wide / 2:.1f}" y="{y + 18}" text-anchor="middle"'
                parts.append(f'<text class="inside{kind}" {place}>{count}</text>')
            at += wide
        parts.append(f'<text class="value" x="{right + 14}" y="{y + 19}">{_safe(text, 40)}</text>')
    at = float(left)
    for kind, name in enumerate(names):
        parts.append(f'<rect class="part{kind}" x="{at:.1f}" y="{height - 22}" width="12" height="12"/>')
        parts.append(f'<text class="tick" x="{at + 17:.1f}" y="{height - 12}">{_safe(name)}</text>')
        at += 34 + 7.5 * len(name)
    words = "; ".join(
        f"{label}: " + ", ".join(f"{c} {m}" for c, m in zip(counts, names, strict=True))
        for label, counts, _ in rows
    )
    return _svg(parts, height, title=title, words=words)


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts)
    return [c / total if total else 0.0 for c in counts]


def _ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers within."""
    raw = (high - low) / 5
    scale = 10.0 ** math.floor(math.log10(raw))
    step = next(s * scale for s in (1, 2, 2.5, 5, 10) if s * scale >= raw)
    first = math.ceil(low / step)
    return [round(n * step, 10) + 0.0 for n in range(first, math.floor(high / step) + 1)]


def _svg(parts: Sequence[str], height: float, *, title: str, words: str) -> str:
    inner = "\n".join(parts)
    told = escape(one_line(f"{title} {words}", 1500), quote=True)
    return (
        f"<figure><figcaption>{_safe(title, 300)}</figcaption>\n"
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" '
        f'aria-label="{told}">\n{inner}\n</svg></figure>'
    )


def _safe(text: str, limit: int = 22) -> str:
    return escape(one_line(text, limit))
