"""The command line: one thin file per command over :mod:`preceptor.project`."""

from __future__ import annotations

import sys


def main() -> None:
    """The ``preceptor`` command."""
    try:
        from preceptor.cli.boundary import run  # noqa: PLC0415 - keeps `import preceptor.cli` free of work
    except KeyboardInterrupt:  # before there is a boundary
        sys.stderr.write("stopped\n")
        sys.exit(130)
    sys.exit(run(sys.argv[1:]))
