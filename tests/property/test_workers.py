"""The cap over all workers is never passed and the account is the server's, whoever dies and whenever."""

from __future__ import annotations

import asyncio
import random
import secrets

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import URL
from tests.servers.postgres import own_schema
from tests.worker_schedules import check, random_schedule, run


@pytest.fixture(scope="module")
def place(postgres: URL):
    with own_schema(postgres) as url:
        yield url


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.integers(0, 2**32 - 1))
def test_random_schedules_of_dying_workers(place: str, seed: int) -> None:
    schedule = random_schedule(random.Random(seed))
    check(schedule, asyncio.run(run(schedule, place, f"run-{secrets.token_hex(8)}")))
