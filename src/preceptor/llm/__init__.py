"""Chat models behind one seam: seats, the journal, the ledger, limits and retries.

Names load on first use, so that ``import preceptor.llm`` costs nothing and loads no HTTP, provider, price or
database package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from preceptor.llm.amounts import LedgerRow
    from preceptor.llm.journal import Journal, NullJournal
    from preceptor.llm.ledger import Ledger
    from preceptor.llm.model import ChatMessage, ChatModel, ChatReply, ChatRequest, Usage
    from preceptor.llm.scripted import ScriptedModel
    from preceptor.llm.seat import Seat
    from preceptor.llm.seats import Seats, Timing, open_seats
    from preceptor.llm.tokens import estimate_tokens

__all__ = [
    "ChatMessage",
    "ChatModel",
    "ChatReply",
    "ChatRequest",
    "Journal",
    "Ledger",
    "LedgerRow",
    "NullJournal",
    "ScriptedModel",
    "Seat",
    "Seats",
    "Timing",
    "Usage",
    "estimate_tokens",
    "open_seats",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_home(name)}"), name)


def _home(name: str) -> str:
    homes = {
        "Journal": "journal",
        "NullJournal": "journal",
        "Ledger": "ledger",
        "LedgerRow": "amounts",
        "ScriptedModel": "scripted",
        "Seat": "seat",
        "Seats": "seats",
        "Timing": "seats",
        "open_seats": "seats",
        "estimate_tokens": "tokens",
    }
    return homes.get(name, "model")
