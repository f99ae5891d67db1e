"""Untrusted text inside Markdown, and in names of files."""

from __future__ import annotations

import re
import unicodedata

from preceptor.core.untrusted import one_line

_SPECIAL = re.compile(r"([\\`*_{}\[\]#~|!^$])")
_LIST = re.compile(r"^([-+=>]|\d+[.)])")
_LINKS = re.compile(r"(?i)\b(www)\.|(?<=[a-z0-9])(:)(?=//)")
_NOT_NAME = re.compile(r"[^a-z0-9]+")
_RESERVED = frozenset(("con", "prn", "aux", "nul", *(f"{n}{d}" for n in ("com", "lpt") for d in range(1, 10))))


def markdown(text: str) -> str:
    """``text`` as one line of Markdown that shows as it is: no heading, list, table, fence, link, image or HTML can
    come of it, nor an address that readers turn into a link by themselves."""
    line = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = _SPECIAL.sub(r"\\\1", line).replace("@", "&#64;")
    line = _LINKS.sub(lambda m: f"{m[1]}&#46;" if m[1] else "&#58;", line)
    return _LIST.sub(_not_a_list, line)


def _not_a_list(match: re.Match[str]) -> str:
    mark = match[1]
    return f"\\{mark}" if len(mark) == 1 else f"{mark[:-1]}\\{mark[-1]}"


def slug(text: str, *, limit: int, otherwise: str) -> str:
    """A name for a file or folder: small letters, digits and single hyphens, at most ``limit``; never one that some
    system keeps for itself. ``otherwise`` where nothing of ``text`` can be spelled so."""
    plain = unicodedata.normalize("NFKD", one_line(text)).encode("ascii", "ignore").decode().lower()
    name = _NOT_NAME.sub("-", plain).strip("-")[:limit].strip("-")
    return name if name and name not in _RESERVED else otherwise
