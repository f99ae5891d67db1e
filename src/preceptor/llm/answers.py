"""Is this text an answer at all? Checks of what models write before anyone uses it.

Kinds of bad answers, free text and structured alike: ``empty``, ``refusal``, ``truncated``, ``repetition``,
``too-long``, ``garbled``, ``markup``; structured only: ``not-json``, ``wrong-shape``, ``ambiguous``; from the
way to the model: ``bad-envelope``, ``context-length``.
"""

from __future__ import annotations

import re
import unicodedata

from preceptor.core.errors import BadAnswerError
from preceptor.core.untrusted import clean
from preceptor.llm.model import ChatReply

_THOUGHT_TAG = re.compile(r"<(/?)(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_TURN_START = re.compile(
    r"\A\s*(?:<\|im_start\|>\s*assistant|<\|start_header_id\|>\s*assistant\s*<\|end_header_id\|>"
    r"|(?:<\|channel\|>analysis.*?)?(?:<\|start\|>assistant)?<\|channel\|>final<\|message\|>|<start_of_turn>model|<s>)\s*",
    re.DOTALL,
)
_TURN_END = re.compile(r"(?:<\|(?:im_end|eot_id|end|endoftext|return|im_start)\|>|</s>|<end_of_turn>)")
_HTML = re.compile(r"\A\s*(?:<!DOCTYPE\s+html|<html[\s>]|<\?xml\s)", re.IGNORECASE)
_DATA = re.compile(
    r"\A(?:`{1,4}\w*\s*)?(?:\{\s*[\"'“}/`#,{]|\{\s*\w+\s*[:=]|\[\s*[\[{\"]).*[\]}](?:\s*`{1,4})?\Z", re.DOTALL
)
_DATA_BEGINS = re.compile(r"\A(?:`{1,4}\w*\s*)?(?:\{\s*\"\w+\"\s*:|\[\s*\{\s*\")")
"""However it ends: data may be cut off, or followed by words."""
_TOOL_CALL = re.compile(r"\A(?:<tool_call>|<function[=_ ]|\[TOOL_CALLS\]|<\|python_tag\|>)")
_REFUSAL = re.compile(
    r"\b(?:i(?:'m| am) (?:sorry|afraid|unable|not able)|i (?:can(?:no|')t|won't|must decline)|as an ai\b)",
    re.IGNORECASE,
)

_NO_VALUE = ("null", "undefined")
"""What programs write where there is nothing; no agent or customer says it."""

_NUMBER = re.compile(r"\d+")
_TAIL = 2400
"""Characters at the end of an answer in which a loop is looked for."""


def bare(text: str) -> str:
    """Cleaned text without what chat templates leave around an answer: thoughts, turn markers, what follows them.

    An unfinished thought leaves nothing: it is not an answer.
    """
    text = clean(text)
    if "<" not in text:
        return text
    text = _after_turn_start(_without_thoughts(_after_turn_start(text)))
    end = _TURN_END.search(text)
    return (text[: end.start()] if end else text).strip()


def _after_turn_start(text: str) -> str:
    start = _TURN_START.match(text)
    return text[start.end() :] if start else text


def _without_thoughts(text: str) -> str:
    """The text outside of thoughts. A thought that is closed but not opened reaches back to the start."""
    kept: list[str] = []
    at, inside = 0, False
    for tag in _THOUGHT_TAG.finditer(text):
        closes = tag.group(1) == "/"
        if closes and not inside:
            kept.clear()
        elif not closes and not inside:
            kept.append(text[at : tag.start()])
        inside = not closes
        at = tag.end()
    return "".join(kept if inside else [*kept, text[at:]])


def free_text(reply: ChatReply, limit: int) -> str:
    """The answer of a free-text seat: cleaned, not empty, at most ``limit`` characters.

    Raises:
        BadAnswerError: it cannot be used; ``kind`` says why.
    """
    text = usable(reply, limit)
    if text.lower() in _NO_VALUE:
        raise BadAnswerError("the answer is no message but a word for nothing", kind="empty")
    if _TOOL_CALL.match(text) or (text[0] in "[{`" and (_DATA.match(text) or _DATA_BEGINS.match(text))):
        raise BadAnswerError("the model answered with data or a tool call instead of a message", kind="wrong-shape")
    return text


def usable(reply: ChatReply, limit: int) -> str:
    """The bare text of an answer of any form, after the checks that do not depend on the form.

    Raises:
        BadAnswerError: as :func:`free_text`.
    """
    if len(reply.text) > 4 * limit:
        raise BadAnswerError(f"the model answered {len(reply.text)} characters", kind="too-long")
    text = bare(reply.text)
    if reply.finish == "refusal":
        raise BadAnswerError("the provider refused to answer", kind="refusal")
    if not _says_something(text):
        cut = reply.finish == "length"
        words = "the answer was cut off before it began" if cut else "the answer is empty"
        hint = "raise max_tokens of this seat: the model spends them on its thoughts" if cut else ""
        raise BadAnswerError(words, hint=hint, kind="truncated" if cut else "empty")
    if repeats(text):
        raise BadAnswerError("the answer repeats itself without end", kind="repetition")
    if _HTML.match(text):
        raise BadAnswerError("the answer is a web page", kind="markup")
    if len(text) > limit:
        raise BadAnswerError(f"the answer has {len(text)} characters, {limit} are allowed", kind="too-long")
    if text.count("\ufffd") * 5 > len(text):
        raise BadAnswerError("the answer is not readable text", kind="garbled")
    return text


def refuses(text: str) -> bool:
    """Whether a text without the wanted form reads like a refusal."""
    return _REFUSAL.search(text[:300]) is not None


def repeats(text: str) -> bool:
    """Whether a text ends in a loop: the same piece six times or more over at least 120 characters, or hardly
    any different words among many."""
    if len(text) < 120:
        return False
    words = text.split()
    different = len(set(words))
    if len(words) >= 200 and different * 10 < len(words):
        return True
    sparse = different * 5 < len(words) * 2 or len(text) > 40 * len(words)
    tail = text[-_TAIL:]
    return sparse and (_loops(tail) or _loops(_NUMBER.sub("0", tail)))


def _loops(tail: str) -> bool:
    """The prefix function (Knuth, Morris, Pratt) on the reversed tail tells the period of each of its endings."""
    turned = tail[::-1]
    borders = [0] * len(turned)
    for end in range(1, len(turned)):
        border = borders[end - 1]
        while border and turned[end] != turned[border]:
            border = borders[border - 1]
        borders[end] = border + (turned[end] == turned[border])
    # A last piece that was cut off leaves a rest at the very end; it is part of the period.
    return any(end + 1 >= 120 and end + 1 >= 6 * (end + 1 - border) for end, border in enumerate(borders))


def _says_something(text: str) -> bool:
    return any(c.isalnum() or unicodedata.category(c) == "So" for c in text)
