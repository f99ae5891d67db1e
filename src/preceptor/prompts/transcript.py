"""One way to show a conversation, for every prompt that quotes one, and for every model that continues one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from preceptor.core.records import Strategy, Turn
from preceptor.core.untrusted import fence, one_line

_LABEL = {"customer": "Customer", "agent": "Agent"}


def transcript(turns: Sequence[Turn]) -> str:
    """One line a turn, so that no text can pose as another speaker's.

    ``Customer: ...``, ``Agent: ...``, ``[action NAME] ...``.
    """
    return "\n".join(f"{_label(t)} {one_line(t.text)}" for t in turns)


def conversation(turns: Sequence[Turn]) -> str:
    """:func:`transcript` as fenced data."""
    return fence("conversation", transcript(turns))


def numbered(strategies: Iterable[Strategy]) -> str:
    """Strategies as a numbered list, one line each; empty text for none."""
    return "\n".join(f"{i}. {one_line(s.text())}" for i, s in enumerate(strategies, 1))


def _label(turn: Turn) -> str:
    if turn.speaker == "action":
        return f"[action {one_line(turn.by, 60) or 'system'}]"
    return f"{_LABEL[turn.speaker]}:"
