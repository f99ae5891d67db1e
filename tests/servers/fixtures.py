"""Fixtures around the loopback servers. Import what you use: ``from tests.servers.fixtures import chat_server``."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest_asyncio
from tests.servers.chat_server import ChatServer


@pytest_asyncio.fixture
async def chat_server() -> AsyncGenerator[ChatServer]:
    """A server that answers "All right." until told otherwise."""
    async with ChatServer() as server:
        yield server
