"""What reading a log found: every oddity has a kind, a count and the first lines where it stood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal[
    "blank-line",
    "bad-encoding",
    "line-too-long",
    "bad-json",
    "not-a-conversation",
    "duplicate-id",
    "cut-file",
    "no-id",
    "not-a-message",
    "unknown-role",
    "empty-message",
    "system-message",
    "no-usable-message",
    "only-customer",
    "only-agent",
    "merged-lines",
    "opening",
    "unanswered",
]

MEANING: dict[Kind, str] = {
    "blank-line": "line left out: nothing on it",
    "bad-encoding": "line left out: not UTF-8",
    "line-too-long": "line left out: longer than the limit",
    "bad-json": "line left out: not JSON",
    "not-a-conversation": "line left out: no object with a list of messages",
    "duplicate-id": "conversation left out: its id came before",
    "cut-file": "the compressed file ends in the middle; what came before is used",
    "no-id": "conversation without an id: one is made from its content",
    "not-a-message": "message left out: no object with a role and text",
    "unknown-role": "message left out: its role is none of user, assistant, action, tool, system",
    "empty-message": "message left out: no text in it",
    "system-message": "message left out: instructions are no conversation",
    "no-usable-message": "conversation left out: no message could be used",
    "only-customer": "one-sided conversation: no agent, so there is nothing to learn from",
    "only-agent": "one-sided conversation: no customer, so there is nothing to learn from",
    "merged-lines": "line joined to the one before: same speaker",
    "opening": "agent turn before the customer said anything: kept as context, no scenario",
    "unanswered": "conversation ends with a turn that no agent answered: no scenario for it",
}
"""What each kind means, for people."""

_EXAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How often a kind was met, and the numbers (from 1) of the first lines where."""

    count: int
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of a log. ``lines`` = blank and bad lines + ``conversations`` + duplicates; every conversation
    gives scenarios or is counted under a kind that says why not."""

    lines: int
    conversations: int
    messages: int
    """Messages of the conversations, as they stood in the file."""
    scenarios: int
    counts: dict[Kind, Count]
    """Kinds that were met, in a fixed order."""

    def count(self, kind: Kind) -> int:
        """How often ``kind`` was met."""
        return self.counts[kind].count if kind in self.counts else 0

    def text(self) -> str:
        """One line of sums and one line a kind."""
        head = (
            f"{self.lines} lines, {self.conversations} conversations, {self.messages} messages, "
            f"{self.scenarios} scenarios"
        )
        return "\n".join(
            [head, *(f"{c.count:>7} {kind}: {MEANING[kind]} ({_at(c)})" for kind, c in self.counts.items())]
        )


class Tally:
    """Counts while a log is read."""

    def __init__(self) -> None:
        self.lines = self.conversations = self.messages = self.scenarios = 0
        self._counts: dict[Kind, int] = {}
        self._lines: dict[Kind, list[int]] = {}

    def note(self, kind: Kind, line: int) -> None:
        """One more of ``kind`` at ``line``."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        lines = self._lines.setdefault(kind, [])
        if len(lines) < _EXAMPLES and line not in lines:
            lines.append(line)

    def report(self) -> Report:
        """What was counted so far."""
        kinds: tuple[Kind, ...] = get_args(Kind)
        return Report(
            lines=self.lines,
            conversations=self.conversations,
            messages=self.messages,
            scenarios=self.scenarios,
            counts={
                k: Count(count=self._counts[k], lines=tuple(self._lines[k])) for k in kinds if k in self._counts
            },
        )


def _at(count: Count) -> str:
    more = ", ..." if count.count > len(count.lines) >= _EXAMPLES else ""
    return f"line {', '.join(str(n) for n in count.lines)}{more}"
