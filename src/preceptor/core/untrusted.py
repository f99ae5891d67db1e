"""What models, customers and logs write is data: cleaned for terminals, fenced in prompts."""

from __future__ import annotations

import re
import unicodedata

# C0/C1 controls but tab and newline; also the bidi overrides that can disguise text on a screen.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
# Whole terminal sequences go as one, so that "\x1b[31mred" leaves "red" and not "[31mred".
_ESCAPE = re.compile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|[@-Z\\\\-_])")
_TAG = re.compile(r"<(/?\s*[A-Za-z][\w-]*)")


def clean(text: str) -> str:
    """Text without terminal escapes, control or bidi-override characters and lone surrogates, NFC, stripped."""
    if text.isascii() and text.isprintable():
        return text.strip()
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROL.sub("", _ESCAPE.sub("", text))
    text = text.encode("utf-8", "replace").decode("utf-8")
    return unicodedata.normalize("NFC", text).strip()


def one_line(text: str, limit: int = 0) -> str:
    """:func:`clean` folded to one line; cut to ``limit`` characters with an ellipsis when ``limit`` is set."""
    line = " ".join(clean(text).split())
    return line if not limit or len(line) <= limit else line[: limit - 1].rstrip() + "…"


def fence(tag: str, text: str, **attributes: str) -> str:
    """``text`` as data between ``<tag>`` and ``</tag>``.

    Anything inside that looks like a tag has its ``<`` replaced by ``‹``, so that the text can neither
    close its own fence nor open another.
    """
    inner = _TAG.sub(r"‹\1", clean(text))
    extra = "".join(f' {k}="{one_line(v).replace(chr(34), chr(39))}"' for k, v in attributes.items())
    return f"<{tag}{extra}>\n{inner}\n</{tag}>"
