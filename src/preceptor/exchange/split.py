"""A list of guidelines, as people and models write them, into atomic rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from preceptor.core.untrusted import clean, one_line

_CJK = "一二三四五六七八九十"
_ROUND = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
_MARK = re.compile(
    rf"""(?P<bullet>[-*–+](?:\s+\[[ xX]\])?(?=\s)|[•·◦▪●‣])\s*
    | (?:step|rule|guideline)?\s*(?P<many>\d{{1,3}}(?:\.\d{{1,3}})+)(?:[.):：])?\s+
    | (?:step|rule|guideline)?\s*(?P<number>\d{{1,3}})(?:[.):：]\s+|\s[-–—]\s+|[、．：]|[.)](?=[^\x00-\x7f]))
    | [(（\[](?P<inner>\d{{1,3}}|[a-z]|[ivx]{{1,4}}|[{_CJK}]{{1,3}})[)）\]]\s*
    | (?P<round>[{_ROUND}])\s*
    | (?:第(?P<nth>[{_CJK}]{{1,3}})[，、：:]|(?P<cjk>[{_CJK}]{{1,3}})(?:[、．]|[.)）]\s*))\s*
    | (?P<letter>[a-z]|[ivx]{{2,4}})[.)]\s+""",
    re.VERBOSE | re.IGNORECASE,
)
"""What a point of a list begins with."""
_INSIDE = (
    re.compile(
        r"(?:(?<=\s)|^)(?:\*\*|__)?(?:step |rule |guideline )?\(?(\d{1,3})[.):](?:\*\*|__)?\s+", re.IGNORECASE
    ),
    re.compile(r"(?<![\d.,])[（(]?(\d{1,3})(?:[、．）]|[.)](?=[^\x00-\x7f]))\s*"),
    re.compile(rf"([{_ROUND}])\s*"),
    re.compile(rf"第([{_CJK}]{{1,3}})[，、：:]\s*"),
)
"""Numbers inside a line, in one way of writing each."""
_TITLE = re.compile(r"#{1,6}\s+(.+?)[\s#]*|(?:\*\*|__)([^*_]+)(?:\*\*|__)[:：]?")
_BOLD = re.compile(r"[^*_]{0,12}(\*\*|__)[^*_]+\1\s*[:：]?|.*[:：](\*\*|__)?")
_BULLET = re.compile(r"^[ \t]{0,3}[-*•–+][ \t]+", re.MULTILINE)
_MARKS = re.compile(r"(\*\*|__)(.+?)\1")
_CONDITION = re.compile(r"(?:when|whenever|if|once)\s+(.{3,300}?),\s+(?:then\s+)?(.{3,})", re.IGNORECASE)
_WIDE_CONDITION = re.compile(r"(?:如果|若|当)(.{2,100}?)(?:时|的话)?，\s*(?:就|则|请)?(.{2,})")


@dataclass(frozen=True, slots=True)
class Guideline:
    """One rule; ``when`` is empty where it does not say."""

    when: str
    do: str


@dataclass(frozen=True, slots=True)
class Guidelines:
    """The rules of a text, and the words above them that are no rule."""

    rules: tuple[Guideline, ...]
    headings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Point:
    """A point of a list with those below it, or a paragraph beside the list."""

    text: str
    indent: int = 0
    marked: bool = True
    topic: bool = False
    """Its words name what the points below it are about."""
    own: bool = False
    """As a point below another: certainly a rule of its own, as 1.1 is."""
    below: list[_Point] = field(default_factory=list["_Point"])


def split(text: str) -> Guidelines:
    """The rules of a numbered or bulleted list, or of a text with neither: then the whole is one rule.

    Numbers (``1.``, ``1)``, ``(1)``, ``1、``, ``①``, ``一、``, ``a)``, ``iv.``) count at the beginning of a line,
    and only in order (from 1, or ``1.`` again and again), so that a number inside a rule divides nothing; where
    lines do not begin with them, those inside count. Points below a point are rules of their own where it only
    names what they are about, and are part of it otherwise. Words between points are a heading where they end in a
    colon, are bold or marked as one, and a rule of their own otherwise.
    """
    text = clean(text)
    points, headings = _Reader(text).read()
    inside = _inside(text)
    if len(inside) > sum(1 + len(p.below) for p in points if p.marked):
        starts = [0, *(start for start, _ in inside)]
        ends = [*starts[1:], len(text)]
        begins = [0, *(end for _, end in inside)]
        points = [_Point(text[b:e]) for b, e in zip(begins, ends, strict=True)]
        points[0].marked, headings = False, []
    elif not any(p.marked for p in points):
        points, headings = [_Point(text)], []
    rules: list[Guideline] = []
    for point in points:
        line = plain_line(point.text)
        if not point.marked and line.endswith((":", "：")):
            headings.append(line)
        else:
            rules += (guideline(one) for one in _said(point) if one)
    return Guidelines(tuple(rules), tuple(headings))


class _Reader:
    """Reads a list line by line."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._points: list[_Point] = []
        self._headings: list[str] = []
        self._open: _Point | None = None
        self._last = [0, 0]
        """The number before, of points and of points below them."""
        matches = [m for m in (_MARK.match(line.strip()) for line in self._lines) if m]
        self._lettered = sum(1 for m in matches if m["letter"]) > 1
        """One line alone that begins with a letter and a dot begins with a name."""

    def read(self) -> tuple[list[_Point], list[str]]:
        """Points and headings."""
        gap = False
        for raw in self._lines:
            line = raw.strip()
            if line:
                self._take(line, len(raw.expandtabs(4)) - len(raw.expandtabs(4).lstrip()), gap)
            gap = not line
        return self._points, self._headings

    def _take(self, line: str, indent: int, gap: bool) -> None:
        title = _TITLE.fullmatch(line)
        if title:
            self._headings.append(one_line(title[1] or title[2]))
            self._open, self._last = None, [0, 0]
            return
        top = self._points[-1] if self._open is not None and self._points[-1].marked else None
        bare = _MARKS.sub(r"\2", line)
        mark = _MARK.match(bare)
        many = mark["many"].count(".") * 2 if mark and mark["many"] else 0
        inner = top is not None and (indent > top.indent or many > 0)
        if mark and self._in_order(mark, inner=inner):
            point = _Point(bare[mark.end() :], indent, topic=bool(_BOLD.fullmatch(line)), own=many > 0)
            (top.below if top is not None and inner else self._points).append(point)
            self._open = point
        elif self._open is not None and (not gap or indent > self._open.indent):
            self._open.text += f"\n{line}"
        else:
            self._open = _Point(line, indent, marked=False)
            self._points.append(self._open)

    def _in_order(self, mark: re.Match[str], *, inner: bool) -> bool:
        if mark["bullet"] or mark["many"]:
            return True
        if mark["letter"] and not self._lettered:
            return False
        last, values = self._last[inner], _values_of(next(g for g in mark.groups() if g).lower())
        value = next((v for v in values if v in (0, 1) or last < v <= last + 2), None)
        if value is None:
            return False
        self._last[inner] = value
        if not inner:
            self._last[1] = 0
        return True


def _values_of(said: str) -> list[int]:
    """The numbers that a mark can stand for: ``i`` is the first of one kind and the ninth of another."""
    if said.isdecimal():
        return [int(said)]
    found = [_ROMAN.index(said) + 1] if said in _ROMAN else []
    if said in _ROUND:
        return [_ROUND.index(said) + 1]
    if said[0] in _CJK:
        tens, ten, ones = said.rpartition("十")
        worth = (_CJK.index(tens) + 1 if tens else 1) * 10 if ten else 0
        return [worth + (_CJK.index(ones) + 1 if ones else 0)] if len(tens) < 2 and len(ones) < 2 else []
    return [*found, ord(said) - ord("a") + 1] if len(said) == 1 else found


def _inside(text: str) -> list[tuple[int, int]]:
    """Where each number and its rule begins: 1, 2, 3, ... in order; a lone 1 only at the start."""
    best: list[tuple[int, int]] = []
    for form in _INSIDE:
        found: list[tuple[int, int]] = []
        for match in form.finditer(text):
            if len(found) + 1 in _values_of(match[1]):
                found.append(match.span())
        if len(found) > max(1, len(best)) or (found and not best and found[0][0] == 0):
            best = found
    return best


def _said(point: _Point) -> Iterator[str]:
    """The rules of a point: itself, or those below it."""
    line = plain_line(point.text)
    below = [plain_line(p.text) for p in point.below]
    if not below:
        yield line
        return
    about = line.rstrip(" :：")
    if any(p.own for p in point.below) or (point.topic and all(_whole(b) for b in below if b)):
        yield from (f"{about}: {b}" for b in below if b)
    else:
        yield f"{about}: {'; '.join(b for b in below if b)}"


def _whole(line: str) -> bool:
    """Whether a line reads as a sentence of its own: what goes on with another begins small."""
    return not line[0].islower()


def plain_line(text: str) -> str:
    """One line without the marks of bold, without bullets inside, and without the semicolon before the next."""
    return one_line(_MARKS.sub(r"\2", _BULLET.sub("", clean(text)))).rstrip(" ;；")


def guideline(line: str) -> Guideline:
    """A rule with its condition apart, where it begins with one: "If the fare is restricted, say so first"."""
    match = _CONDITION.fullmatch(line) or _WIDE_CONDITION.fullmatch(line)
    return Guideline(match[1], match[2]) if match else Guideline("", line)
