"""Known faults in what is locked, by pip-audit: ``python .ci/audit.py LOCK``.

Fails where a fault is known. Where the registry does not answer, or knows nothing of a package, that is told, and
no more: whether others can be asked is no property of this code.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

_ASK = ("--disable-pip", "--no-deps", "--require-hashes", "--progress-spinner=off", "--timeout=5", "--format=json")


def main() -> int:
    """Asks, and tells what was found."""
    tool = Path(sys.executable).with_name("pip-audit")
    told = subprocess.run([tool, *_ASK, "-r", sys.argv[1]], capture_output=True, text=True, check=False)  # noqa: S603
    faults, words = verdict(told.stdout, told.stderr)
    sys.stdout.write(f"pip-audit: {words}\n")
    return 1 if faults else 0


def verdict(answer: str, trouble: str) -> tuple[int, str]:
    """How many faults are known, and what is to be told.

    Args:
        answer: the tool's JSON; empty where it could not ask.
        trouble: what it said beside that.
    """
    try:
        packages = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = next(iter(reversed(trouble.strip().splitlines())), "it said nothing")
        return 0, f"the registry does not answer, nothing was checked ({last[:200]})"
    found = [f"{p['name']} {p['version']}: {v['id']}" for p in packages for v in p.get("vulns", ())]
    if found:
        return len(found), f"{len(found)} known faults\n" + "\n".join(found)
    unknown = sum("skip_reason" in p for p in packages)
    more = f"; nothing is known of {unknown} others" if unknown else ""
    return 0, f"no known fault in {len(packages) - unknown} packages{more}"


if __name__ == "__main__":
    raise SystemExit(main())
