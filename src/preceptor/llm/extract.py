"""Finding the one JSON object in what a model wrote, repairing only what cannot change its meaning."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, cast

_FENCE = re.compile(r"```[\w-]*[ \t]*\n(.*?)(?:\n[ \t]*```|\Z)", re.DOTALL)
_WORDS = {"True": "true", "False": "false", "None": "null"}
_OPENING = {'"': '"', "'": "'", "“": '”“"', "„": '“”"', "‘": "’", "`": "`"}
_WORD = re.compile(r"[A-Za-z_]\w*")
_COMMENT = re.compile(r"//[^\n]*|#[^\n]*|/\*.*?\*/", re.DOTALL)
_LOOSE_COMMA = re.compile(r",\s*(?=[}\]])|(?<=[{\[]),|(?<=[{\[] ),")
_ESCAPE = re.compile(r"\\(?:([\"\\/bfnrt])|(u[0-9A-Fa-f]{4})|(.))", re.DOTALL)
_ESCAPED_OBJECT = re.compile(r"\{\s*\\\"")
_SPACES = str.maketrans(dict.fromkeys("\u00a0\u2007\u202f\u3000", " "))
"""Spaces that JSON does not know."""
_AFTER_STRING = re.compile(r"\s{0,40}(?:[,:}\]]|\Z)")
_MOST = 20
"""Candidates looked at in one answer."""
_MOST_IN_VAIN = 25
"""Brackets tried as a start that never close: each costs a sweep over the rest."""


class DuplicateKeyError(ValueError):
    """An object names one key twice with different values: nobody knows which was meant."""


def candidates(text: str) -> list[object]:
    """Every different JSON value that stands by itself in ``text``, objects and lists, outermost, in order.

    Prose, fences and comments around them are skipped. Raises DuplicateKeyError where a candidate contradicts
    itself and there is no other.
    """
    whole = _load(text)
    if whole is not None:
        return [_unquoted(whole)]
    found: list[object] = []
    contradiction: DuplicateKeyError | None = None
    for piece in _pieces(text):
        try:
            value = _read(piece)
        except DuplicateKeyError as error:
            contradiction = error
            continue
        if value is not None and value not in found:
            found.append(value)
    if not found and contradiction is not None:
        raise contradiction
    return found


def _read(piece: str) -> object | None:
    """The piece as it stands, else mended, else without a template's second braces or a second escaping."""
    for form in (piece, repaired(piece)):
        value = _load(form)
        if value is not None:
            return value
    if piece.startswith("{{") and piece.endswith("}}"):
        return _read(piece[1:-1])
    if _ESCAPED_OBJECT.match(piece):
        inner = _load(f'"{piece}"')
        return _load(inner) if isinstance(inner, str) else None
    return None


def _unquoted(value: object) -> object:
    """A JSON object inside a JSON string, encoded once too often."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        return _load(value) or value
    return value


def _pieces(text: str) -> Iterator[str]:
    """Balanced pieces from the first bracket on; those within a code fence only, where there is one with any."""
    fenced = [m.group(1) for m in _FENCE.finditer(text)]
    inside = [piece for part in fenced for piece in _balanced(part)]
    yield from (inside or list(_balanced(text)))[:_MOST]


def _balanced(text: str) -> Iterator[str]:
    at = 0
    in_vain = 0
    while in_vain < _MOST_IN_VAIN:
        start = min((i for i in (text.find("{", at), text.find("[", at)) if i >= 0), default=-1)
        if start < 0:
            return
        end = _closing(text, start)
        if end is None:
            in_vain += 1
            at = start + 1
            continue
        piece = text[start:end]
        # "[note]" in prose is no list: only what holds an object or a quote is worth a look.
        if piece.startswith("{") or "{" in piece or '"' in piece:
            yield piece
        at = end


def _closing(text: str, start: int) -> int | None:
    """Where the bracket at ``start`` closes; brackets in strings do not count."""
    strings = _Strings(text)
    depth = 0
    at = start
    while at < len(text):
        char = text[at]
        if char in "{[":
            depth += 1
        elif char in "}]":
            depth -= 1
            if depth == 0:
                return at + 1
        elif char in "\"'“„":
            end = strings.end(at)
            at = at if end is None else end - 1
        at += 1
    return None


class _Strings:
    """Finds where strings end, in one sweep over a text: what was looked for in vain once is not looked for again,
    so that hostile text costs no more than its length."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._unclosed: set[str] = set()

    def end(self, start: int) -> int | None:
        """The index after the string that opens at ``start``; None where none does (an apostrophe in a word)."""
        text, quote = self._text, self._text[start]
        if quote in self._unclosed or (quote != '"' and not self._may_open(start)):
            return None
        closing = _OPENING[quote]
        at = start + 1
        while at < len(text):
            char = text[at]
            if char == "\\":
                at += 1
            elif char in closing and (quote == '"' or _AFTER_STRING.match(text, at + 1)):
                return at + 1
            at += 1
        self._unclosed.add(quote)
        return None

    def _may_open(self, start: int) -> bool:
        """Quotes other than JSON's open a string only where a key or value may stand."""
        before = self._text[max(0, start - 40) : start].rstrip()
        return before.endswith(("{", "[", ",", ":"))


def _load(text: str) -> object | None:
    """The value of a JSON text; None where it is none. Line breaks within strings are let through."""
    try:
        return cast(
            "object",
            json.loads(text, strict=False, object_pairs_hook=_pairs, parse_constant=_no_constant),
        )
    except DuplicateKeyError:
        raise
    except (ValueError, RecursionError):
        return None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        for key, one in pairs:
            if value[key] != one:
                raise DuplicateKeyError(f'"{key[:60]}" is given twice with different values')
    return value


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def repaired(text: str) -> str:
    """``text`` with comments and loose commas gone, Python's True, False and None spelled as JSON does, and every
    string in straight double quotes."""
    out: list[str] = []
    strings = _Strings(text)
    at = 0
    while at < len(text):
        char = text[at]
        if char in _OPENING:
            end = strings.end(at)
            if end is not None:
                out.append(_requoted(text[at + 1 : end - 1], char))
                at = end
                continue
        if match := _COMMENT.match(text, at) or _LOOSE_COMMA.match(text, at):
            at = match.end()
            continue
        if match := _WORD.match(text, at):
            out.append(_WORDS.get(match.group(), match.group()))
            at = match.end()
            continue
        out.append(char.translate(_SPACES))
        at += 1
    return "".join(out)


def _requoted(inner: str, quote: str) -> str:
    inner = _ESCAPE.sub(_escaped, inner)
    if quote == '"':
        return f'"{inner}"'
    inner = inner.replace("\\'", "'")
    return '"' + re.sub(r'(?<!\\)"', r'\\"', inner) + '"'


def _escaped(match: re.Match[str]) -> str:
    """Escapes that JSON does not know stand for what was meant: the sign itself, or a backslash before a letter."""
    known, code, other = match.groups()
    if known or code:
        return match.group()
    return f"\\\\{other}" if other.isalnum() else other
