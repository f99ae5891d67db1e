"""The seam for dense retrieval: text to vectors. Local embedders are here, one by HTTP is in the llm room."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from preceptor.core.errors import ConfigError, ModelError, install
from preceptor.core.untrusted import one_line

Floats = NDArray[np.float32]

_LONGEST = 128
"""Tokens of a text that a local model reads, its last ones: a state's end says most, and small models were trained
on texts of about this length."""
_BATCH = 32


class Embedder(Protocol):
    """Text to vectors. Must be deterministic, may be called from several threads, raises PreceptorError."""

    @property
    def name(self) -> str:
        """Model and version: vectors of different names must never be compared."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector. May ask the model once."""
        ...

    def embed(self, texts: Sequence[str]) -> Floats:
        """One row of float32 per text, each of length 1."""
        ...


class OnnxEmbedder:
    """A sentence-transformers model in a folder: ``model.onnx`` (or ``onnx/model.onnx``) and ``tokenizer.json``.

    A text's vector is the mean over its tokens' last hidden states (Reimers and Gurevych 2019), scaled to length 1.

    Raises:
        ConfigError: the folder lacks a file, a file cannot be used, or the extra ``onnx`` is not installed.
    """

    def __init__(self, folder: str | Path, *, threads: int = 1) -> None:
        self._folder = Path(folder)
        model = next(
            (p for p in (self._folder / "model.onnx", self._folder / "onnx" / "model.onnx") if p.is_file()), None
        )
        words = self._folder / "tokenizer.json"
        if model is None or not words.is_file():
            raise ConfigError(
                f"embedder folder {self._folder} has no {'model.onnx' if model is None else 'tokenizer.json'}",
                hint="put there model.onnx and tokenizer.json of a sentence-transformers model",
            )
        tokenizers, runtime = _extra("tokenizers", "onnx"), _extra("onnxruntime", "onnx")
        try:
            # Of a buffer it says ValueError, of a file a plain Exception.
            self._words = tokenizers.Tokenizer.from_buffer(words.read_bytes())
            options = runtime.SessionOptions()
            options.intra_op_num_threads, options.log_severity_level = threads, 3
            self._session = runtime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
            self._words.enable_truncation(_LONGEST, direction="left")
            self._words.enable_padding()
            self._inputs = frozenset(one.name for one in self._session.get_inputs())
            self.name = f"onnx:{_digest(model, words)}"
            self.dimension = len(self.embed(["."])[0])
        except (ValueError, OSError, *_runtime_errors()) as error:
            raise ConfigError(
                f"embedder folder {self._folder} cannot be used: {one_line(str(error), 160)}",
                hint="take model.onnx and tokenizer.json of the same model",
            ) from error

    def embed(self, texts: Sequence[str]) -> Floats:
        """See :class:`Embedder`. Texts of like length share a batch; the vectors do not depend on it."""
        order = sorted(range(len(texts)), key=lambda n: len(texts[n]))
        found: list[Floats] = [np.zeros(0, dtype=np.float32)] * len(texts)
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            for n, row in zip(batch, self._batch([texts[n] for n in batch]), strict=True):
                found[n] = row
        return np.stack(found) if found else np.zeros((0, self.dimension), dtype=np.float32)

    def _batch(self, texts: Sequence[str]) -> Floats:
        encoded = self._words.encode_batch(list(texts))
        ids = np.array([e.ids for e in encoded], dtype=np.int64)
        mask = np.array([e.attention_mask for e in encoded], dtype=np.int64)
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden: Any = self._session.run(None, {k: v for k, v in given.items() if k in self._inputs})[0]
        weight = mask[:, :, None].astype(np.float32)
        return unit_rows((np.asarray(hidden, dtype=np.float32) * weight).sum(axis=1))


class FastEmbedder:
    """A model by its name in fastembed (extra ``fastembed``), fetched once into its cache.

    Args:
        model: as fastembed lists it, for instance ``BAAI/bge-small-en-v1.5``.
        folder: where the model's files lie already; None: fastembed fetches them.

    Raises:
        ConfigError: fastembed is not installed, or knows no such model, or cannot fetch it.
    """

    def __init__(self, model: str, *, folder: str | Path | None = None) -> None:
        extra = _extra("fastembed", "fastembed")
        try:
            self._model = extra.TextEmbedding(model, specific_model_path=None if folder is None else str(folder))
            self.dimension = len(next(iter(self._model.embed(["."]))))
        except (ValueError, OSError, RuntimeError, *_runtime_errors()) as error:
            raise ConfigError(
                f"fastembed cannot load {one_line(model, 80)!r}: {one_line(str(error), 160)}",
                hint="see the names in fastembed.TextEmbedding.list_supported_models()",
            ) from error
        self.name = f"fastembed:{model}"

    def embed(self, texts: Sequence[str]) -> Floats:
        """See :class:`Embedder`."""
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return unit_rows(np.array(list(self._model.embed(list(texts))), dtype=np.float32))


def unit_rows(rows: Floats) -> Floats:
    """``rows`` scaled to length 1; a row of zeros stays. ModelError where a number is not finite."""
    if not np.isfinite(rows).all():
        raise ModelError(
            "the embedder gave numbers that are not finite", hint="check the model's files", kind="vector"
        )
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-12), dtype=np.float32)


def _extra(module: str, extra: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigError(f"{module} is not installed", hint=install(extra)) from error


def _runtime_errors() -> tuple[type[Exception], ...]:
    """What onnxruntime raises: classes without a base of their own."""
    told = cast("dict[str, object]", vars(_extra("onnxruntime.capi.onnxruntime_pybind11_state", "onnx")))
    return tuple(kind for kind in told.values() if isinstance(kind, type) and issubclass(kind, Exception))


def _digest(*files: Path) -> str:
    """Names the model by its bytes: the same folder under another name is the same embedder."""
    found = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            found.update(cast("Any", hashlib).file_digest(stream, "sha256").digest())
    return found.hexdigest()[:16]
