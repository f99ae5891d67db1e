"""Does what one student learned help another one, and in another domain?"""

from __future__ import annotations

from preceptor.evaluate.transfer.matrix import (
    Cell,
    Transfer,
    Versatile,
    holding_back,
    matrix_cell,
    versatility,
)
from preceptor.evaluate.transfer.run import Place, nothing_to_transfer, transfer

__all__ = [
    "Cell",
    "Place",
    "Transfer",
    "Versatile",
    "holding_back",
    "matrix_cell",
    "nothing_to_transfer",
    "transfer",
    "versatility",
]
