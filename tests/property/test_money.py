"""The cap is never passed and the account is the server's, whatever fails, is tried again, or crashes."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.money_schedules import check, random_schedule, run


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_random_schedules(seed: int) -> None:
    schedule = random_schedule(random.Random(seed))
    with tempfile.TemporaryDirectory() as folder:
        check(schedule, run(schedule, Path(folder)))
