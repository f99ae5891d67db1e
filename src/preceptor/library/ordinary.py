"""How common a word is in ordinary service talk, whatever the trade: what a small library cannot tell by itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

ORDINARY = 100.0
"""Documents of ordinary talk that count beside a library's own. Chosen on STAR (docs/star.md)."""
_SPOKEN = ("a:", "c:")
_NO_ACTION = "x:-"
_HALF = 0.5
"""Share of states in which no action ran since the customer spoke: neither common nor rare."""
_SHARES = (
    "0 71 i 57 thank 42 to 37 you 36 my 34 hi 29 is 25 no 25 ok 24 a 23 the 21 and 20 yes 20 for 19 need 15 me 14 "
    "please 13 want 13 have 12 name 12 help 11 okay 11 your 11 of 10 can 9 good 9 it 9 nothing 9 sure 9 that 9 "
    "else 8 hai 8 hello 8 like 8 morning 8 order 8 know 7 with 7 day 6 would 6 are 5 bye 5 check 5 much 5 number "
    "5 one 5 so 5 thi 5 will 5 all 4 great 4 in 4 on 4 sorry 4 am 3"
)
"""Words, folded as :func:`~preceptor.library.conversation_state.words` does, with their shares in percent: the
median over eight trades of how many pieces of 20 words hold it, from 3 up. From MultiDoGO (Peskov et al. 2019: six
trades), Taskmaster-4 and ABCD (Chen et al. 2021), by ``python -m bench.star.ordinary``."""


def share(term: str) -> float:
    """The share, 0 to 1, of documents of ordinary talk that hold a term: a word, or a term of a state. 0 for what
    belongs to a trade, and in languages other than English."""
    if term == _NO_ACTION:
        return _HALF
    return _shares().get(term[2:] if term.startswith(_SPOKEN) else term, 0.0)


@cache
def terms() -> frozenset[str]:
    """All terms whose share is not 0, but actions' names."""
    return frozenset(start + word for word in _shares() for start in ("", *_SPOKEN)) | {_NO_ACTION}


@cache
def _shares() -> Mapping[str, float]:
    parts = _SHARES.split()
    return MappingProxyType({w: int(n) / 100 for w, n in zip(parts[::2], parts[1::2], strict=True)})
