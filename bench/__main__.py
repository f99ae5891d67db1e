"""``python -m bench [NAME ...]``: the benchmarks, one after the other, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time

ALL = {
    "library": "lists of a large library",
    "screening": "what the checks of strategies find and miss",
    "startup": "how long preceptor --help takes",
    "llm_rate": "calls a second by provider path",
    "loop_http": "the whole loop against its ideal call rate",
    "economy": "calls per scenario taught, and what they bring",
    "primer": "learning with and without strategies from the domain, at the same cap (needs some minutes)",
    "estimate": "what --dry-run expects, over what a run takes",
    "money": "the cap and the count over random schedules of faults and crashes",
    "workers": "calls a second against workers on Ray, and what the driver can feed",
    "memory": "memory over 10,000 dialogues in one run (some minutes)",
    "kills": "kill -9 at random moments, then --resume (some minutes)",
    "calibrate": "the practice students beside published figures",
    "paraphrase": "guidance in words that nobody chose for the practice models",
    "coverage": "how often intervals cover and A/A passes",
    "noise": "the same on the practice world, 200 experiments (needs some minutes)",
    "review": "each page of the review app over 20,000 strategies, on both databases (needs some minutes)",
    "reading": "what a reviewer has to read and press for one decision; nobody is timed",
    "peers": "Preceptor beside gepa, a static guide and best-of-random (needs some minutes)",
    "prove": "verdicts on strategies beside the truth of the practice world",
    "choosing": "how much of the advice fits, and what a perfect choice would bring (needs some minutes)",
    "retrieval": "finding strategies, by their number",
    "serve": "the proxy beside others (needs some minutes)",
    "prefix": "what a server's prefix cache saves, by where advice stands",
    "judge_tm3": "a judge beside human labels (needs a real judge and ../shared/data/taskmaster)",
    "star": "real human dialogues (needs ../shared/data/star)",
}


def main() -> int:
    names = sys.argv[1:] or list(ALL)
    unknown = [n for n in names if n not in ALL]
    if unknown:
        print(f"no benchmark '{unknown[0]}'; there are: {', '.join(ALL)}", file=sys.stderr)
        return 2
    failed: list[str] = []
    for name in names:
        print(f"\n== {name}: {ALL[name]}  (python -m bench.{name})", flush=True)
        started = time.perf_counter()
        if subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode:
            failed.append(name)
        print(f"-- {name}: {time.perf_counter() - started:.0f} s", flush=True)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
