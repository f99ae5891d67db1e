"""Which keys a journal may hold: most calls are new, and the file need not be asked about them."""

from __future__ import annotations

from collections.abc import Iterable

_BITS = 24


class Known:
    """A set that now and then takes a key for one of its own, and never one of its own for another's (Bloom 1970).

    2 MB, however many keys: of a million, one new key in 80 is taken for known.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._bits = bytearray(2**_BITS // 8)
        for key in keys:
            self.add(key)

    def add(self, key: str) -> None:
        """``key`` is known from now on."""
        for place in _places(key):
            self._bits[place >> 3] |= 1 << (place & 7)

    def __contains__(self, key: str) -> bool:
        return all(self._bits[place >> 3] >> (place & 7) & 1 for place in _places(key))


def _places(key: str) -> tuple[int, int]:
    number = hash(key)
    return number % 2**_BITS, (number >> _BITS) % 2**_BITS
