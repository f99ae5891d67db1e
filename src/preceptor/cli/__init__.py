"""The command line: one thin file per command over :mod:`preceptor.project`."""

from __future__ import annotations

import sys


def main() -> None:
    """The ``preceptor`` command."""
    from preceptor.cli.boundary import run  # noqa: PLC0415 - keeps `import preceptor.cli` free of work

    sys.exit(run(sys.argv[1:]))
