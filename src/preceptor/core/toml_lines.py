"""On which line of a TOML text each key stands: ``tomllib`` does not tell, and an error should."""

from __future__ import annotations

import re

_TABLE = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(
    r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_INLINE = re.compile(r"[{,]\s*([A-Za-z0-9_-]+)\s*=")


def key_lines(text: str) -> dict[str, int]:
    """Dotted key (tables too) to its line, counted from 1. Meant for text that ``tomllib`` has accepted."""
    lines: dict[str, int] = {}
    table = ""
    closing = ""
    for number, line in enumerate(text.splitlines(), 1):
        if closing:
            closing = "" if closing in line else closing
            continue
        if match := _TABLE.match(line):
            table = _dotted(match.group(1))
            lines.setdefault(table, number)
        elif match := _KEY.match(line):
            key = ".".join(p for p in (table, _dotted(match.group(1))) if p)
            lines.setdefault(key, number)
            value = line[match.end() :].lstrip()
            if value.startswith("{"):
                for inner in _INLINE.findall(value):
                    lines.setdefault(f"{key}.{inner}", number)
            for quotes in ('"""', "'''"):
                if value.startswith(quotes) and quotes not in value[3:]:
                    closing = quotes
    return lines


def _dotted(raw: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in raw.split("."))
