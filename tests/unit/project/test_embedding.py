from __future__ import annotations

import pytest

from preceptor.core.errors import ConfigError
from preceptor.core.settings import EmbedderConfig
from preceptor.llm.embeddings import HttpEmbedder
from preceptor.project.embedding import open_embedder


def test_none_is_the_default() -> None:
    assert open_embedder(EmbedderConfig(), {}) is None


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("minilm", "is no embedder"),
        ("onnx:", "is no embedder"),
        ("onnx:nowhere", "has no model.onnx"),
        ("openai:text-embedding-3-small", "OPENAI_API_KEY is not set"),
        ("http://127.0.0.1:1/v1", "lacks a host or a model"),
    ],
)
def test_what_cannot_be_opened_is_named(model: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        open_embedder(EmbedderConfig(model=model), {})


def test_a_server_by_url_or_by_name() -> None:
    by_url = open_embedder(EmbedderConfig(model="http://127.0.0.1:9/v1#m"), {}, serving=True)
    by_name = open_embedder(EmbedderConfig(model="openai:small"), {"OPENAI_API_KEY": "k"})
    assert isinstance(by_url, HttpEmbedder)
    assert isinstance(by_name, HttpEmbedder)
    assert repr(by_url) == "HttpEmbedder('http://127.0.0.1:9/v1#m')"
    assert by_name.name == "http:small"
    assert "api.openai.com" in repr(by_name)
