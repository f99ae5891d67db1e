"""The address of a Ray cluster, before Ray is asked."""

from __future__ import annotations

import socket

import pytest

from preceptor.core.errors import RunError
from preceptor.project.workers.on_ray import _answers  # pyright: ignore[reportPrivateUsage]


def test_where_nobody_listens_is_told_at_once() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}", "127.0.0.1:99999"):
            with pytest.raises(RunError, match="cannot be reached") as told:
                _answers(address)
            assert "ray status" in str(told.value.hint)


def test_where_somebody_listens_and_names_that_ray_knows_pass() -> None:
    with socket.create_server(("127.0.0.1", 0)) as open_one:
        _answers(f"127.0.0.1:{open_one.getsockname()[1]}")
    _answers("")
    _answers("auto")
