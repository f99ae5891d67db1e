"""A library of made-up strategies whose words are as unevenly used as English words are, and requests to match."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

from preceptor.coach import CoachSettings
from preceptor.core.ids import plain
from preceptor.core.records import Strategy
from preceptor.library.embedder import Embedder
from preceptor.library.release import Released, write_release
from preceptor.library.release_make import Contents, make_release
from preceptor.prompts import load_prompts

VOCABULARY = 8000


class Words:
    """Texts by a seed; word ``n`` comes up in proportion to 1 / (n + 5)."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        letters, vowels = "bcdfgklmnprst", "aeiou"
        self._words = [
            "".join(self._random.choice(letters) + self._random.choice(vowels) for _ in range(2 + n % 2)) + f"{n:x}"
            for n in range(VOCABULARY)
        ]
        self._weights = list(itertools.accumulate(1 / (n + 5) for n in range(VOCABULARY)))

    def text(self, count: int) -> str:
        return " ".join(self._random.choices(self._words, cum_weights=self._weights, k=count))

    def near(self, text: str, share: float) -> str:
        """``text`` with some of its words replaced."""
        words = text.split()
        return " ".join(w if self._random.random() < share else self.text(1) for w in words)


def states(words: Words, count: int) -> dict[str, str]:
    return {
        f"c-{n}": "\n".join(f"{who}: {words.text(22)}" for who in ("agent", "customer", "agent", "customer"))
        for n in range(count)
    }


def release(folder: Path, count: int, seed: int = 1, *, embedder: Embedder | None = None) -> tuple[Path, list[str]]:
    """A release of ``count`` strategies, three to a scenario, and the scenarios' states."""
    words = Words(seed)
    known = states(words, count // 3 + 1)
    held = [
        Released(
            strategy=Strategy(
                id=f"strategy-{n:07}",
                when=words.text(14),
                do=words.text(22),
                avoid=words.text(8),
                why=words.text(10),
                scenarios=(f"c-{n // 3}",),
            ),
            version=1,
            status="approved",
        )
        for n in range(count)
    ]
    made = make_release(
        Contents(
            strategies=held,
            states=known,
            coach=plain(CoachSettings()),
            template=load_prompts()["advice"].body,
            embedder=embedder,
        )
    )
    return write_release(folder, made), list(known.values())


def requests(known: list[str], count: int, *, stream: bool, seed: int = 2) -> list[bytes]:
    """Chat requests, no two alike: a system prompt of 300 words, and the end of a conversation near a known one."""
    words = Words(seed)
    system = words.text(300)
    found: list[bytes] = []
    for n in range(count):
        turns = known[n * 7919 % len(known)].splitlines()
        roles = ("assistant", "user", "assistant", "user")
        said = [
            {"role": r, "content": words.near(t.partition(": ")[2], 0.7)} for r, t in zip(roles, turns, strict=True)
        ]
        body = {"model": "m", "stream": stream, "messages": [{"role": "system", "content": system}, *said]}
        found.append(json.dumps(body).encode())
    return found
