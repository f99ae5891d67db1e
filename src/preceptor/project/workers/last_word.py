"""A word for the user when this process is ended from outside, with no chance to say anything.

Ray ends the process that drives a run when the node it is connected to dies, at once and below Python, and when the
cluster's head is gone for a minute: no handler is run. A child that waits for the end of this process tells what
happened and how to go on.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

_WAITS = "import sys; sys.stdin.buffer.read() or sys.stderr.write(sys.argv[1])"
"""Told nothing until its input ends: who should have told it has died."""
_PATIENCE = 10.0


@contextmanager
def last_word(text: str) -> Generator[None]:
    """``text`` goes to stderr when this process dies within; at any other end, an error included, nothing does."""
    with subprocess.Popen(  # noqa: S603 - our own interpreter and words
        [sys.executable, "-I", "-S", "-c", _WAITS, text],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C is not for it
    ) as waits:
        try:
            yield
        finally:
            try:
                waits.communicate(b".", timeout=_PATIENCE)
            except subprocess.TimeoutExpired:
                waits.kill()
