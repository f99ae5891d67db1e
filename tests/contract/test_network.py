"""The guard of conftest.py works: a test that leaves the machine fails."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

BLOCKED = pytest.raises(AssertionError, match="only loopback")


def test_names_are_not_looked_up():
    with BLOCKED:
        socket.create_connection(("example.com", 80), timeout=1)


def test_addresses_are_not_reached():
    with BLOCKED, socket.socket() as link:
        link.connect(("192.0.2.1", 80))


def test_datagrams_are_not_sent():
    with BLOCKED, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.sendto(b"x", ("192.0.2.1", 53))


async def test_asyncio_is_guarded_too():
    with BLOCKED:
        await asyncio.open_connection("192.0.2.1", 80)


def test_loopback_is_open():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as link:
        assert link.getpeername() == server.getsockname()


def test_no_key_leaks_into_tests():
    assert not [name for name in os.environ if name.startswith("PRECEPTOR_") or name.endswith("_API_KEY")]
