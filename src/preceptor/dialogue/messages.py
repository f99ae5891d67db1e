"""Turns as chat messages, seen from the agent's or from the customer's side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from preceptor.core.records import Turn
from preceptor.llm.model import ChatMessage, Role

Plain = dict[str, str]
"""A chat message as ``{"role": ..., "content": ...}``: what the coach reads and writes."""

OPENING = "(The customer has opened the chat and not written anything yet.)"


def for_agent(system: str, turns: Sequence[Turn]) -> list[Plain]:
    """The conversation as the agent's model sees it: customer and actions as user, agent as assistant."""
    said = [("assistant", t.text) if t.speaker == "agent" else ("user", _user_text(t)) for t in turns]
    return _joined(system, said or [("user", OPENING)])


def for_customer(system: str, turns: Sequence[Turn]) -> list[Plain]:
    """The conversation as the customer's model sees it: agent as user, itself as assistant, no actions."""
    said = [("assistant" if t.speaker == "customer" else "user", t.text) for t in turns if t.speaker != "action"]
    if not said or said[0][0] != "user":
        said.insert(0, ("user", "(You are connected to the agent. Write your first message.)"))
    return _joined(system, said)


def as_chat(messages: Iterable[Plain]) -> tuple[ChatMessage, ...]:
    """Plain messages as the llm room wants them."""
    return tuple(ChatMessage(_role(m["role"]), m["content"]) for m in messages)


def _user_text(turn: Turn) -> str:
    return turn.text if turn.speaker == "customer" else f"[action {turn.by or 'system'}] {turn.text}"


def _joined(system: str, said: Iterable[tuple[str, str]]) -> list[Plain]:
    # Many chat templates demand that roles alternate, so lines in a row by one side become one message.
    messages: list[Plain] = [{"role": "system", "content": system}]
    for role, text in said:
        if messages[-1]["role"] == role:
            messages[-1]["content"] += f"\n{text}"
        else:
            messages.append({"role": role, "content": text})
    return messages


def _role(name: str) -> Role:
    return "system" if name == "system" else "assistant" if name == "assistant" else "user"
