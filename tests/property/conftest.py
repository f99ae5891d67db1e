"""Property tests of workers need a database."""

from __future__ import annotations

from tests.servers.postgres import postgres

__all__ = ["postgres"]
