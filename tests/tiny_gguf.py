"""A language model of random weights, small enough to be made in a test: a real engine loads it and says nonsense.

The format is GGUF version 3 (github.com/ggml-org/ggml, docs/gguf.md), the architecture llama, the tokenizer one of
bytes.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

_EMBEDDING, _FEED, _HEADS, _BLOCKS, _CONTEXT = 64, 128, 4, 2, 4096
_UINT32, _FLOAT32, _STRING, _ARRAY, _INT32 = 4, 6, 8, 9, 5
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6
_ALIGNMENT = 32


def write_tiny_gguf(path: Path, seed: int = 1) -> Path:
    """Writes the model to ``path`` (about 700 kB)."""
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{n:02X}>" for n in range(256)), *"▁abcdefghijklmnopqrstuvwxyz"]
    kinds = [_UNKNOWN, _CONTROL, _CONTROL, *[_BYTE] * 256, *[_NORMAL] * 27]
    fields = [
        _field("general.architecture", _STRING, "llama"),
        _field("general.name", _STRING, "random"),
        _field("llama.context_length", _UINT32, _CONTEXT),
        _field("llama.embedding_length", _UINT32, _EMBEDDING),
        _field("llama.block_count", _UINT32, _BLOCKS),
        _field("llama.feed_forward_length", _UINT32, _FEED),
        _field("llama.attention.head_count", _UINT32, _HEADS),
        _field("llama.attention.head_count_kv", _UINT32, _HEADS),
        _field("llama.attention.layer_norm_rms_epsilon", _FLOAT32, 1e-5),
        _field("llama.rope.dimension_count", _UINT32, _EMBEDDING // _HEADS),
        _field("tokenizer.ggml.model", _STRING, "llama"),
        _list("tokenizer.ggml.tokens", _STRING, tokens),
        _list("tokenizer.ggml.scores", _FLOAT32, [-float(n) for n in range(len(tokens))]),
        _list("tokenizer.ggml.token_type", _INT32, kinds),
        _field("tokenizer.ggml.bos_token_id", _UINT32, 1),
        _field("tokenizer.ggml.eos_token_id", _UINT32, 2),
        _field("tokenizer.ggml.unknown_token_id", _UINT32, 0),
    ]
    random = np.random.default_rng(seed)
    infos: list[bytes] = []
    data = b""
    for name, shape in _shapes(len(tokens)):
        values = np.ones(shape) if name.endswith("norm.weight") else random.normal(0, 0.05, shape)
        # GGUF names the fastest dimension first.
        infos.append(_text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *reversed(shape), 0, len(data)))
        data += _padded(values.astype("<f4").tobytes())
    head = b"GGUF" + struct.pack("<IQQ", 3, len(infos), len(fields)) + b"".join(fields) + b"".join(infos)
    path.write_bytes(_padded(head) + data)
    return path


def _shapes(words: int) -> list[tuple[str, tuple[int, ...]]]:
    square, wide, narrow = (_EMBEDDING, _EMBEDDING), (_FEED, _EMBEDDING), (_EMBEDDING, _FEED)
    found: list[tuple[str, tuple[int, ...]]] = [("token_embd.weight", (words, _EMBEDDING))]
    for n in range(_BLOCKS):
        found += [
            (f"blk.{n}.attn_norm.weight", (_EMBEDDING,)),
            *((f"blk.{n}.attn_{part}.weight", square) for part in ("q", "k", "v", "output")),
            (f"blk.{n}.ffn_norm.weight", (_EMBEDDING,)),
            (f"blk.{n}.ffn_gate.weight", wide),
            (f"blk.{n}.ffn_up.weight", wide),
            (f"blk.{n}.ffn_down.weight", narrow),
        ]
    return [*found, ("output_norm.weight", (_EMBEDDING,)), ("output.weight", (words, _EMBEDDING))]


def _text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def _value(kind: int, value: str | float) -> bytes:
    if isinstance(value, str):
        return _text(value)
    return struct.pack({_UINT32: "<I", _INT32: "<i", _FLOAT32: "<f"}[kind], value)


def _field(name: str, kind: int, value: str | float) -> bytes:
    return _text(name) + struct.pack("<I", kind) + _value(kind, value)


def _list(name: str, kind: int, values: list[str] | list[float] | list[int]) -> bytes:
    items = b"".join(_value(kind, v) for v in values)
    return _text(name) + struct.pack("<IIQ", _ARRAY, kind, len(values)) + items


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % _ALIGNMENT)
