"""Files that people take home."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.responses import Response, StreamingResponse


def download(lines: Iterator[str], kind: str, name: str) -> Response:
    """Lines as a file, sent as they are made."""
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse((_bytes(line) for line in lines), media_type=kind, headers=headers)


def _bytes(line: str) -> bytes:
    return line.encode("utf-8", "backslashreplace")
