"""Asking the metered world over HTTP, with the standard library alone: other tools' venvs have nothing else."""

from __future__ import annotations

import json
import random
import urllib.request
from collections.abc import Mapping
from typing import Any

VALIDATION = 16
"""Training customers on which a tool that wants them validates."""
CALLS_A_DIALOGUE = 13
"""Calls of one dialogue with its rating, on average."""
FIRST = "Help the customer within the policy."
"""The text from which tools start that improve one."""


def post(url: str, body: Mapping[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.loads(answer.read())


def get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.loads(answer.read())


def left(url: str) -> int:
    """Calls that the cap still gives."""
    return int(get(f"{url}/left")["left"])


def points_of(url: str, seed: int) -> list[dict[str, Any]]:
    """A data point a training profile, in a seeded order: the profile, what it is about, and a seed."""
    rng = random.Random(seed)
    order = list(get(f"{url}/customers")["customers"])
    rng.shuffle(order)
    return [{**c, "seed": rng.randrange(2**31)} for c in order]
