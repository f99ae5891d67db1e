"""Seats as every job opens them: models by URL, by provider, and the embedded practice models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from types import MappingProxyType

from preceptor.core.events import Emit
from preceptor.core.records import Domain
from preceptor.core.settings import SeatsConfig
from preceptor.llm import ChatModel, Ledger, Seats, open_seats
from preceptor.llm.journal import AnyJournal
from preceptor.llm.seats import Beside
from preceptor.practice import load_world, open_practice, shipped_world, shipped_worlds

EMBEDDED: Mapping[str, Callable[[str], ChatModel]] = MappingProxyType({"practice": open_practice})
"""Models that come with the package, by the scheme of their seat string."""
Opener = Callable[[SeatsConfig], AbstractAsyncContextManager[Seats]]


def unknown_to_practice(seats: SeatsConfig, domain: Domain) -> str:
    """What to know where practice models sit in a domain that is none of their worlds'; else empty."""
    firms: set[str] = set()
    for _, seat in seats:
        scheme, _, name = seat.model.partition(":")
        if scheme in EMBEDDED:
            path = name.partition("@")[2]
            worlds = [load_world(Path(path))] if path else [shipped_world(w) for w in shipped_worlds()]
            own = {world.firm or world.name for world in worlds}
            firms |= own if domain.name not in own else set()
    if not firms:
        return ""
    return (
        f"practice models know {' and '.join(sorted(firms))}, not {domain.name}, and speak of what they know. Put "
        "models of your own into preceptor.toml, or write a practice world (docs/worlds.md)"
    )


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
