"""What of search was compiled, where it was: without it all is found the same, slower.

The walk over an index (``compiled.pyx``) is built when the package is installed, where there is a C compiler. A
clone may hold one that was built from an earlier version: it is left aside until the package is installed again.
"""

from __future__ import annotations

VERSION = 2
"""Of what is called of it; raise it here and in ``compiled.pyx`` when that changes."""

try:
    from preceptor.library import compiled as _built
except ImportError:
    compiled = None
else:
    compiled = _built if getattr(_built, "VERSION", 1) == VERSION else None
