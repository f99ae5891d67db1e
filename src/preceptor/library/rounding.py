"""How far sums of the same numbers differ, and what counts as none: the same for numpy and for compiled search."""

from __future__ import annotations

ROUNDING = 1e-5
"""What ceilings are raised by: sums of 32-bit numbers in another order differ by less."""
LEAST = 1e-30
"""Above 0, and below any score."""
