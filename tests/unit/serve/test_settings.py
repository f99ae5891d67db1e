from __future__ import annotations

import pytest

from preceptor.cli.listening import listen
from preceptor.core.errors import ConfigError
from preceptor.serve.settings import ServeSettings, upstream_parts


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://127.0.0.1:11434/v1", ("http://127.0.0.1:11434", "/v1")),
        ("http://localhost:8000", ("http://localhost:8000", "/v1")),
        ("https://host/api/v3/", ("https://host", "/api/v3")),
        ("http://[::1]:80/v1", ("http://[::1]:80", "/v1")),
    ],
)
def test_base_urls(url: str, parts: tuple[str, str]) -> None:
    assert upstream_parts(url) == parts


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host:80",
        "ftp://host",
        "http://",
        "http://u:secret@host/v1",
        "http://h/v1?key=secret",
        "http://h:x/",
        "http://h/a b",
    ],
)
def test_what_is_no_base_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigError) as told:
        ServeSettings(upstream=url)
    assert told.value.hint
    assert "secret" not in told.value.message + told.value.hint


def test_keys_are_not_shown() -> None:
    assert "secret" not in repr(ServeSettings(upstream="http://h/v1", upstream_key="secret"))


def test_a_key_that_would_begin_a_header_of_its_own_is_refused() -> None:
    with pytest.raises(ConfigError) as told:
        ServeSettings(upstream="http://h/v1", upstream_key="secret\r\nx-admin: 1")
    assert "secret" not in told.value.message


def test_a_port_that_is_taken_is_said() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(ConfigError, match="cannot listen on 127"):
        listen("127.0.0.1", taken.getsockname()[1])
