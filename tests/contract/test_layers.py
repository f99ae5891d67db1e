"""The house of design.md: import-linter's contracts hold."""

from __future__ import annotations

import os
from pathlib import Path

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports


def test_layers_hold(root: Path, tmp_path: Path):
    before = Path.cwd()
    os.chdir(root)
    try:
        assert lint_imports(cache_dir=str(tmp_path)) == EXIT_STATUS_SUCCESS
    finally:
        os.chdir(before)
