"""How long the command line takes to say what it can do. ``python -m bench.startup``."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

TIMES = 15


def main() -> int:
    command = [str(Path(sys.executable).with_name("preceptor")), "--help"]
    took: list[float] = []
    for _ in range(TIMES + 1):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        took.append(time.perf_counter() - started)
    warm = sorted(took[1:])
    print(f"preceptor --help, {TIMES} runs: median {median(warm):.3f} s, least {warm[0]:.3f}, most {warm[-1]:.3f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
