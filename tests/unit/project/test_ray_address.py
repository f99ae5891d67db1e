"""The address of a Ray cluster, before Ray is asked."""

from __future__ import annotations

import socket

import pytest

from preceptor.core.errors import RunError
from preceptor.project.workers.choose import require_listening


def test_where_nobody_listens_is_told_at_once() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}", "127.0.0.1:99999"):
            with pytest.raises(RunError, match="cannot be reached") as told:
                require_listening(address)
            assert "ray status" in str(told.value.hint)


def test_where_somebody_listens_and_names_that_ray_knows_pass() -> None:
    with socket.create_server(("127.0.0.1", 0)) as open_one:
        require_listening(f"127.0.0.1:{open_one.getsockname()[1]}")
    require_listening("")
    require_listening("auto")
