"""Seats as every job opens them: models by URL, by provider, and the embedded practice models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import MappingProxyType

from preceptor.core.events import Emit
from preceptor.core.settings import SeatsConfig
from preceptor.llm import ChatModel, Ledger, Seats, open_seats
from preceptor.llm.journal import AnyJournal
from preceptor.llm.seats import Beside
from preceptor.practice import open_practice

EMBEDDED: Mapping[str, Callable[[str], ChatModel]] = MappingProxyType({"practice": open_practice})
"""Models that come with the package, by the scheme of their seat string."""
Opener = Callable[[SeatsConfig], AbstractAsyncContextManager[Seats]]


def opener(
    environ: Mapping[str, str], *, journal: AnyJournal, ledger: Ledger, emit: Emit, beside: Beside | None = None
) -> Opener:
    """Opens seats on this journal and ledger; see :func:`preceptor.llm.open_seats`."""
    return partial(
        open_seats,
        environ=environ,
        factories=EMBEDDED,
        journal=journal,
        ledger=ledger,
        emit=emit,
        beside=beside,
    )
