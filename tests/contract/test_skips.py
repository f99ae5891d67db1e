"""In CI a test that skips for a missing need fails; elsewhere it skips."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SKIPS = """
import pytest

def test_skips():
    pytest.skip("no such thing here")
"""
MODULE_SKIPS = """
import pytest

pytest.importorskip("no_such_package_anywhere")

def test_never():
    pass
"""


@pytest.mark.parametrize("text", [SKIPS, MODULE_SKIPS], ids=["a test", "a module"])
@pytest.mark.parametrize(("ci", "fails"), [("true", True), ("", False)])
def test_a_skip_fails_in_ci_only(root: Path, tmp_path: Path, text: str, ci: str, fails: bool):
    (tmp_path / "test_it.py").write_text(text)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    needs_shared_data: x\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.conftest",
        "--rootdir",
        str(tmp_path),
    ]
    done = subprocess.run(
        [*command, "-c", str(tmp_path / "pytest.ini"), str(tmp_path)],
        cwd=root,
        env={**os.environ, "CI": ci, "PYTHONPATH": str(root), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    # 5: pytest's word for "no test was collected", when the only module skips itself.
    assert (done.returncode in (1, 2)) is fails, done.stdout + done.stderr
    assert ("skipped in CI" in done.stdout) is fails
