"""The proxy with an embedder behind it that falls silent."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.flow.serving import Got, Upstream, proxy, put_release, response, upstream

from preceptor.core.settings import EmbedderConfig
from preceptor.library.embedder import Embedder
from preceptor.project.embedding import open_embedder


async def vectors(writer: asyncio.StreamWriter, got: Got) -> None:
    """Counts of letters."""
    rows = [[text.count(letter) + 0.1 for letter in "aeinorst"] for text in got.json["input"]]
    data = [{"index": n, "embedding": row} for n, row in enumerate(rows)]
    writer.write(response(json.dumps({"data": data}).encode()))


async def silent(writer: asyncio.StreamWriter, got: Got) -> None:
    await asyncio.Event().wait()


def serving(meaning: Upstream) -> Embedder:
    """As ``preceptor serve`` opens it."""
    found = open_embedder(EmbedderConfig(model=f"{meaning.url}#e"), {}, serving=True)
    assert found is not None
    return found


async def test_an_embedder_that_falls_silent_leaves_advice_by_words_and_refuses_nobody(tmp_path: Path) -> None:
    async with upstream(vectors) as meaning, upstream() as behind:
        embedder = serving(meaning)
        await asyncio.to_thread(put_release, tmp_path, embedder=embedder)
        async with proxy(tmp_path, behind.url, embedder=embedder, refuse=True) as front:
            found, _ = await front.ask()
            assert (found.status, found.headers["x-preceptor-coaching"]) == (200, "applied")
            assert "x-preceptor-reason" not in found.headers
            meaning.reply = silent
            for _ in range(2):  # the first one waits for it, the second one does not
                found, _ = await front.ask()
                assert found.status == 200
                assert found.headers["x-preceptor-coaching"] == "applied"
                assert found.headers["x-preceptor-reason"] == "by-words"
