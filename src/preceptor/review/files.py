"""Files that people take home."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from starlette.responses import Response, StreamingResponse


def csv_line(cells: Sequence[str]) -> str:
    """A line of CSV, no cell of which a spreadsheet takes for a formula (OWASP: CSV injection)."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow([safe_cell(cell) for cell in cells])
    return out.getvalue()


def safe_cell(text: str) -> str:
    """The text, with ``'`` in front where it could begin a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "|")) else text


def download(lines: Iterator[str], kind: str, name: str) -> Response:
    """Lines as a file, sent as they are made."""
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse((_bytes(line) for line in lines), media_type=kind, headers=headers)


def _bytes(line: str) -> bytes:
    return line.encode("utf-8", "backslashreplace")
