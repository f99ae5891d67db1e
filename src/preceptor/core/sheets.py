"""Lines of CSV that a spreadsheet opens without running anything."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "＝", "＋", "－", "＠")
"""What a spreadsheet may take for the beginning of a formula; the wide ones where a Japanese keyboard is set."""


def csv_line(cells: Sequence[str]) -> str:
    """A line of CSV, no cell of which a spreadsheet takes for a formula (OWASP: CSV injection)."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow([safe_cell(cell) for cell in cells])
    return out.getvalue()


def safe_cell(text: str) -> str:
    """The text, with ``'`` in front where it could begin a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
