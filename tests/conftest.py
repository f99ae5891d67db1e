"""What holds for every test: no network but loopback, no keys or settings of the one who runs them, and in CI no
silent skips."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"
# Hundreds of processes are started: what they import is compiled once, whatever the one who runs the tests has set.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

_OPT_IN = {
    "PRECEPTOR_TEST_LLAMA": ("flow/test_real_engine.py", "flow/test_serve_llama.py"),
    "PRECEPTOR_TEST_PRESIDIO": ("flow/test_real_presidio.py",),
}
"""Need packages that are too large for every check; each variable names the Python that has them (CONTRIBUTING)."""
collect_ignore = [path for name, paths in _OPT_IN.items() if not os.environ.get(name) for path in paths]

_LEAKS = re.compile(
    r"PRECEPTOR_.*|.*(?:_API_KEY|_TOKEN|_SECRET|_PASSWORD)|SOURCE_DATE_EPOCH|NO_COLOR|FORCE_COLOR|COLUMNS|LINES"
    r"|.*_PROXY|.*_proxy|OPENAI_.*|ANTHROPIC_.*|OLLAMA_.*"
)

hypothesis_settings.register_profile("dev", max_examples=50, deadline=None)
hypothesis_settings.register_profile(
    "ci", max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("ci" if CI else "dev")


class NetworkBlockedError(AssertionError):
    """A test tried to leave this machine."""


def _check(address: Any) -> None:
    host: Any = cast("tuple[Any, ...]", address)[0] if isinstance(address, tuple) else address
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host in (None, "", "localhost"):
        return
    try:
        ip = ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        raise NetworkBlockedError(f"tests may not look up {host!r}: only loopback is allowed") from None
    if not ip.is_loopback and not ip.is_unspecified:
        raise NetworkBlockedError(f"tests may not reach {host}: only loopback is allowed")


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Generator[None]:
    """Blocks connections and name look-ups at the socket, below every library."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            _guard_method(patch, name)
        _guard_sendto(patch)
        for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr"):
            _guard_lookup(patch, name)
        yield


def _guard_method(patch: pytest.MonkeyPatch, name: str) -> None:
    real = getattr(socket.socket, name)

    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family != getattr(socket, "AF_UNIX", None):
            _check(address)
        return real(self, address)

    patch.setattr(socket.socket, name, guarded)


def _guard_sendto(patch: pytest.MonkeyPatch) -> None:
    real = socket.socket.sendto

    def guarded(self: socket.socket, data: Any, *rest: Any) -> Any:
        if self.family != getattr(socket, "AF_UNIX", None):
            _check(rest[-1])
        return real(self, data, *rest)

    patch.setattr(socket.socket, "sendto", guarded)


def _guard_lookup(patch: pytest.MonkeyPatch, name: str) -> None:
    real = getattr(socket, name)

    def guarded(host: Any, *rest: Any, **named: Any) -> Any:
        _check(host)
        return real(host, *rest, **named)

    patch.setattr(socket, name, guarded)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, setting or screen size of the one who runs the tests reaches them."""
    for name in list(os.environ):
        if _LEAKS.fullmatch(name):
            monkeypatch.delenv(name)


@pytest.fixture
def shared_data() -> Path:
    """The folder of shared data sets; the test skips where it is absent. Use with ``needs_shared_data``."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs ../shared/data, which is not here")
    return SHARED_DATA


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root."""
    return ROOT


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share what their module makes once are run by one worker: else each worker makes it."""
    for item in items:
        info = cast("Any", getattr(item, "_fixtureinfo", None))
        made = [] if info is None else [d[-1] for d in info.name2fixturedefs.values()]
        if item.get_closest_marker("xdist_group") is None and any(
            d.scope == "module" and d.baseid.startswith("tests/") for d in made
        ):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skip is a failure: only ``needs_shared_data`` tests may skip, where that folder is absent."""
    report = yield
    allowed = item.get_closest_marker("needs_shared_data") is not None and not SHARED_DATA.is_dir()
    if CI and report.skipped and not hasattr(report, "wasxfail") and not allowed:
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for modules that skip themselves."""
    report = yield
    if CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report
