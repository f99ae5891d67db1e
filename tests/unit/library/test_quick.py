from __future__ import annotations

import sys
from importlib import reload
from types import ModuleType

import pytest

from preceptor.library import quick


def test_what_was_compiled_is_of_this_version() -> None:
    if quick.compiled is None:
        pytest.skip("search was not compiled: there was no C compiler at the set-up")
    assert quick.compiled.VERSION == quick.VERSION


@pytest.mark.parametrize("version", [None, quick.VERSION - 1, quick.VERSION + 1])
def test_what_was_compiled_from_another_version_is_left_aside(
    monkeypatch: pytest.MonkeyPatch, version: int | None
) -> None:
    built = ModuleType("preceptor.library.compiled")
    if version is not None:
        vars(built)["VERSION"] = version
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, built.__name__, built)
        patch.setattr("preceptor.library.compiled", built, raising=False)
        assert reload(quick).compiled is None
    reload(quick)
