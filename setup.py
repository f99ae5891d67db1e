"""What ``pyproject.toml`` cannot say: the compiled search, left out where there is no C compiler."""

import os
from pathlib import Path

from setuptools import Extension, setup

search = Extension(
    "preceptor.library.compiled",
    ["src/preceptor/library/compiled.pyx"],
    extra_compile_args=[] if os.name == "nt" else ["-O3", "-g0", "-fno-trapping-math"],
    depends=[path.as_posix() for path in Path("src/preceptor/library").glob("*.pxi")],
    optional=True,
)

setup(ext_modules=[search])
