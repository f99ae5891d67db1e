"""A whole evaluation in Markdown."""

from __future__ import annotations

from preceptor.core.untrusted import one_line
from preceptor.evaluate import sections
from preceptor.evaluate.result import Evaluation
from preceptor.evaluate.summary import (
    SIMULATED,
    cost,
    differences,
    failures,
    headline,
    remarks,
    satisfaction,
    settings,
)


def markdown(evaluation: Evaluation) -> str:
    """Headline, tables, remarks, settings."""
    parts = ["# Evaluation", headline(evaluation)]
    if evaluation.simulated:
        parts.append(f"**{SIMULATED}**")
    tables = (
        satisfaction(evaluation),
        differences(evaluation.analysis),
        sections.unseen(evaluation),
        sections.service(evaluation),
        sections.policy(evaluation),
        sections.breaches(evaluation),
        sections.length(evaluation),
        sections.win_rates(evaluation),
        sections.strengths(evaluation),
        cost(evaluation),
    )
    for table in tables:
        if table.rows:
            parts += [f"## {table.title}", table.markdown()]
    told = sections.told(evaluation)
    if told:
        parts += ["## Noise", "\n".join(f"- {one_line(text)}" for text in told)]
    notes = [*remarks(evaluation.analysis), *failures(evaluation.arms)]
    notes += [note] if (note := sections.unseen_note(evaluation)) else []
    if notes:
        parts += ["## Remarks", "\n".join(f"- {one_line(n)}" for n in notes)]
    parts += ["## Settings", settings(evaluation).markdown()]
    return "\n\n".join(parts) + "\n"
