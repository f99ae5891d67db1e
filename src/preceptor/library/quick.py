"""What of search was compiled, where it was: without it all is found the same, slower.

The walk over an index (``compiled.pyx``) is built when the package is installed, where there is a C compiler.
"""

from __future__ import annotations

try:
    from preceptor.library import compiled as _built
except ImportError:
    compiled = None
else:
    compiled = _built
