"""An embedder in learn, evaluate, prove and transfer: counted, kept for a resume, and away from the event loop."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from preceptor import Project
from preceptor.core.settings import EmbedderConfig
from preceptor.library.remembered import Remembering
from preceptor.project.embedding import embedder_row

SMALL = {
    "learn.teacher_share": [1.0, 0.3],
    "learn.dialogues": 3,
    "learn.scenarios": 4,
    "learn.max_turns": 2,
    "evaluate.arms": ["student", "coached"],
    "evaluate.profiles": 2,
    "prove.dialogues": 2,
    "prove.calls": 80,
    "prove.max_turns": 2,
    "embedder.model": "http://127.0.0.1:9/v1#fake",
}


class Hashed:
    """Vectors by words; tells from which threads it was asked."""

    name = "hashed"
    dimension = 16

    def __init__(self) -> None:
        self.threads: set[int] = set()
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.threads.add(threading.get_ident())
        self.asked += texts
        rows = np.full((len(texts), 16), 0.01, dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split():
                row[sum(word.encode()) % 16] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("job", ["learn", "evaluate", "prove", "transfer"])
async def test_what_an_embedder_took_stands_in_the_spend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, job: str
) -> None:
    behind = Hashed()
    for room in ("jobs", "proving", "transferring"):
        monkeypatch.setattr(f"preceptor.project.{room}.open_embedder", lambda *_, **__: behind)
    project = Project.create(tmp_path / "p", environ={})
    project = Project.open(project.folder, settings=SMALL, environ={})
    learned = await project.learn_async()
    if job == "learn":
        found = learned
        assert threading.get_ident() not in behind.threads
    else:
        behind.asked.clear()
        behind.threads.clear()
        jobs = {
            "evaluate": project.evaluate_async,
            "prove": project.prove_async,
            "transfer": project.transfer_async,
        }
        found = await jobs[job]()
        assert job == "evaluate" or threading.get_ident() not in behind.threads
    (row,) = (r for r in found.spend if r.seat == "embedder")
    assert row.calls > 0
    assert row.input >= sum(map(len, behind.asked)) // 4
    assert (row.usd, row.estimated) == (0.0, True)  # on this machine
    assert len(behind.asked) == len(set(behind.asked))
    assert (found.folder / "vectors.jsonl").stat().st_size > 0


@pytest.mark.parametrize(
    ("model", "usd"),
    [
        ("onnx:folder", 0.0),
        ("http://127.0.0.1:9/v1#m", 0.0),
        ("openai:small", None),
        ("https://x.example/v1#m", None),
    ],
)
def test_what_a_server_elsewhere_costs_is_not_known(model: str, usd: float | None) -> None:
    embedder = Remembering(Hashed())
    embedder.embed(["four words are here"])
    row = embedder_row(embedder, EmbedderConfig(model=model))
    assert (row.calls, row.input, row.usd) == (1, 5, usd)
