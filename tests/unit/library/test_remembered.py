from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from preceptor.core.errors import RunError
from preceptor.library.remembered import Remembering, remembering


class Lengths:
    """A vector tells the length of its text; counts what it is asked."""

    name = "lengths"
    dimension = 2

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        return np.array([[len(t), 1 / 3] for t in texts], dtype=np.float32).reshape(-1, 2)


def test_each_text_is_asked_once_and_order_is_kept() -> None:
    behind = Lengths()
    embedder = Remembering(behind)
    first = embedder.embed(["a", "bb", "a"])
    assert first[:, 0].tolist() == [1, 2, 1]
    assert embedder.embed(["bb", "ccc"])[:, 0].tolist() == [2, 3]
    assert behind.asked == ["a", "bb", "ccc"]
    assert embedder.embed([]).shape == (0, 2)
    assert (embedder.name, embedder.dimension) == ("lengths", 2)
    assert (embedder.taken.calls, embedder.taken.texts, embedder.taken.letters) == (2, 3, 6)


def test_a_run_that_goes_on_asks_for_nothing_again(tmp_path: Path) -> None:
    file = tmp_path / "vectors.jsonl"
    before = Remembering(Lengths())
    before.embed(["known before the run had a folder"])
    before.keep(file)
    made = before.embed(["a", "bb"])
    behind = Lengths()
    after = Remembering(behind)
    after.keep(file)
    assert after.embed(["bb", "a", "known before the run had a folder"])[1].tolist() == made[0].tolist()
    assert behind.asked == []
    assert (after.taken.calls, after.taken.texts, after.taken.replayed) == (2, 3, 3)
    assert after.taken.letters == before.taken.letters


@pytest.mark.parametrize("torn", ['{"letters": 3, "rows": {"x": "AAA', '{"rows": 3}', "\x00", '{"letters": 1}'])
def test_what_a_crash_cut_off_is_asked_again_and_spoils_nothing(tmp_path: Path, torn: str) -> None:
    file = tmp_path / "vectors.jsonl"
    first = Remembering(Lengths())
    first.keep(file)
    first.embed(["a"])
    with file.open("a") as stream:
        stream.write(f"\n{torn}")
    second = Remembering(Lengths())
    second.keep(file)
    second.embed(["a", "bb"])
    behind = Lengths()
    third = Remembering(behind)
    third.keep(file)
    third.embed(["a", "bb"])
    assert behind.asked == []


def test_vectors_of_another_embedder_do_not_count(tmp_path: Path) -> None:
    first = Remembering(Lengths())
    first.keep(tmp_path / "v")
    first.embed(["a"])
    behind = Lengths()
    behind.name = "other"
    other = Remembering(behind)
    other.keep(tmp_path / "v")
    other.embed(["a"])
    assert behind.asked == ["a"]


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    embedder = Remembering(Lengths())
    embedder.embed(["a"])
    with pytest.raises(RunError, match="cannot be written"):
        embedder.keep(tmp_path / "no" / "folder")


def test_threads_share_it() -> None:
    embedder = Remembering(Lengths())
    texts = ["x" * n for n in range(1, 40)]
    with ThreadPoolExecutor(8) as pool:
        rows = list(pool.map(lambda n: embedder.embed(texts[n % 3 :]), range(60)))
    assert all(r[:, 0].tolist() == [len(t) for t in texts[n % 3 :]] for n, r in enumerate(rows))
    assert remembering(None) is None
