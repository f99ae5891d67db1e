from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from preceptor.library.conversation_state import Heard

_Floats = NDArray[np.float32]
_Ids = NDArray[np.int32]
_Places = NDArray[np.int64]
_Bools = NDArray[np.bool_]

VERSION: int

class Held:
    def __init__(
        self,
        row_start: _Places,
        row_terms: _Ids,
        row_values: _Floats,
        posting_start: _Places,
        posting_documents: _Ids,
        posting_values: _Floats,
        common: _Bools,
        common_length: _Floats,
        rarities: _Floats,
    ) -> None: ...
    def exact(self, terms: _Ids, weights: _Floats, documents: _Places) -> _Floats: ...
    def gathered(self, terms: _Ids, weights: _Floats, most: int) -> tuple[_Places, _Floats]: ...
    def support(self, found: _Places, voters: _Places, votes: _Floats) -> tuple[_Floats, _Floats]: ...

class Numbered:
    def __init__(
        self,
        words: Mapping[str, int],
        numbers: _Ids,
        names: Mapping[str, int],
        named: _Ids,
        fit: Mapping[str, int],
        rarities: _Floats,
    ) -> None: ...
    def query(self, heard: Heard) -> tuple[_Ids, _Floats, tuple[int, int]]: ...

class Links:
    def __init__(self, start: _Places, right: _Ids, rights: int) -> None: ...

class Fit:
    def __init__(
        self,
        idf: _Floats,
        map: _Floats,
        level: _Floats,
        seen: _Floats,
        scale: _Floats,
        offset: _Floats,
        conditions: _Ids,
        start: _Places,
        told: _Bools,
        deed: float,
        top: float,
    ) -> None: ...

class Search:
    def __init__(
        self,
        numbered: Numbered,
        held: Held,
        deeds: Held,
        learned_in: Links,
        taught: Links,
        fit: Fit | None,
        own_words: float,
        neighbours: int,
        sharpness: float,
        trust: float,
        reach: float,
    ) -> None: ...
    def find(
        self, heard: Heard, limit: int, floor: float
    ) -> tuple[list[int], list[float], list[float], _Floats]: ...
