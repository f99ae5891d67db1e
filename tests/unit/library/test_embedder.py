"""Local embedders, on a tiny model that is built here: each word is a direction, the vector is the words' mean."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from preceptor.core.errors import ConfigError, ModelError
from preceptor.library.embedder import FastEmbedder, OnnxEmbedder, unit_rows

onnx: Any = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
tokenizers: Any = pytest.importorskip("tokenizers")

WORDS = ("[PAD]", "[UNK]", "refund", "ticket", "hotel", "room")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``model.onnx``, which looks each token up in a table, and ``tokenizer.json``."""
    made = tmp_path_factory.mktemp("model")
    table = np.vstack([np.full((1, 6), 9.0), np.eye(6)[1:]]).astype(np.float32)
    helper = onnx.helper
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])],
        "table",
        [helper.make_tensor_value_info("input_ids", onnx.TensorProto.INT64, ["batch", "length"])],
        [helper.make_tensor_value_info("last_hidden_state", onnx.TensorProto.FLOAT, ["batch", "length", 6])],
        [onnx.numpy_helper.from_array(table, "table")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, made / "model.onnx")
    words = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]")
    )
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    words.save(str(made / "tokenizer.json"))
    return made


def test_a_vector_is_the_mean_of_the_tokens_and_padding_does_not_count(folder: Path) -> None:
    embedder = OnnxEmbedder(folder)
    alone = embedder.embed(["refund ticket"])[0]
    padded = embedder.embed(["refund ticket", "hotel " * 60, "room"])
    assert embedder.dimension == 6
    assert padded.dtype == np.float32
    assert alone == pytest.approx([0, 0, 0.5**0.5, 0.5**0.5, 0, 0])
    assert padded[0] == pytest.approx(alone)
    assert padded[2] == pytest.approx([0, 0, 0, 0, 0, 1])
    assert embedder.embed([]).shape == (0, 6)


def test_the_end_of_a_long_text_counts(folder: Path) -> None:
    vector = OnnxEmbedder(folder).embed(["hotel " * 500 + "refund " * 128])[0]
    assert vector[2] == pytest.approx(1.0)


def test_the_name_follows_the_files_and_not_the_place(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    (copy / "onnx").mkdir(parents=True)
    (copy / "onnx" / "model.onnx").write_bytes((folder / "model.onnx").read_bytes())
    (copy / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    assert OnnxEmbedder(copy).name == OnnxEmbedder(folder).name
    told = json.loads((copy / "tokenizer.json").read_text())
    told["model"]["vocab"]["other"] = 6
    (copy / "tokenizer.json").write_text(json.dumps(told))
    assert OnnxEmbedder(copy).name != OnnxEmbedder(folder).name


@pytest.mark.parametrize("missing", ["model.onnx", "tokenizer.json"])
def test_a_folder_without_a_file_is_refused(folder: Path, tmp_path: Path, missing: str) -> None:
    for name in {"model.onnx", "tokenizer.json"} - {missing}:
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(ConfigError, match=f"has no {missing}"):
        OnnxEmbedder(tmp_path)


def test_files_that_are_no_model_are_refused(tmp_path: Path) -> None:
    for name in ("model.onnx", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(ConfigError, match="cannot be used"):
        OnnxEmbedder(tmp_path)


def test_a_model_that_wants_other_inputs_is_refused(folder: Path, tmp_path: Path) -> None:
    model = onnx.load(folder / "model.onnx")
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    onnx.save(model, tmp_path / "model.onnx")
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    with pytest.raises(ConfigError, match="cannot be used"):
        OnnxEmbedder(tmp_path)


def test_what_is_not_installed_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr("preceptor.library.embedder.import_module", missing)
    with pytest.raises(ConfigError) as error:
        OnnxEmbedder(folder)
    assert error.value.hint == "in the clone of preceptor: pip install -e '.[onnx]'"
    with pytest.raises(ConfigError, match="fastembed is not installed"):
        FastEmbedder("BAAI/bge-small-en-v1.5")


def test_fastembed_gives_unit_rows_of_its_model(monkeypatch: pytest.MonkeyPatch) -> None:
    class Model:
        def __init__(self, name: str, specific_model_path: str | None) -> None:
            if name != "known":
                raise ValueError(f"Model {name} is not supported")

        def embed(self, texts: list[str]) -> Any:
            return (np.array([3.0, 4.0 * len(t)]) for t in texts)

    class Module:
        TextEmbedding = Model

    def module(name: str) -> Any:
        return Module if name == "fastembed" else import_module(name)

    monkeypatch.setattr("preceptor.library.embedder.import_module", module)
    embedder = FastEmbedder("known")
    assert (embedder.name, embedder.dimension) == ("fastembed:known", 2)
    assert embedder.embed(["."])[0] == pytest.approx([0.6, 0.8])
    assert embedder.embed([]).shape == (0, 2)
    with pytest.raises(ConfigError, match="fastembed cannot load 'other'"):
        FastEmbedder("other")


def test_what_is_not_finite_is_refused() -> None:
    with pytest.raises(ModelError, match="not finite"):
        unit_rows(np.array([[np.nan, 1.0]], dtype=np.float32))
    assert unit_rows(np.zeros((1, 2), dtype=np.float32)).tolist() == [[0.0, 0.0]]
